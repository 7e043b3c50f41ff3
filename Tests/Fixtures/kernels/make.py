# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of the fused operations in float64, by PyTorch.

    python Tests/Fixtures/kernels/make.py

writes model.json and loss.json beside itself. Made with torch 2.13.0 on the CPU; the same seeds give the same file.
Every gradient is that of sum(output * upstream) with a random upstream.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent
torch.manual_seed(20)
torch.set_default_dtype(torch.float64)


def tensor(t):
    # Inputs are rounded to float32 first, so that Swift starts from the same numbers.
    return {"shape": list(t.shape), "values": t.detach().flatten().tolist()}


def random(*shape, scale=1.0):
    return (torch.randn(shape) * scale).float().double().requires_grad_(True)


def case(inputs, outputs, **more):
    upstream = [random(*o.shape).detach() for o in outputs]
    total = sum((o * u).sum() for o, u in zip(outputs, upstream))
    gradients = torch.autograd.grad(total, inputs)
    return {
        "inputs": [tensor(t) for t in inputs],
        "upstream": [tensor(t) for t in upstream],
        "outputs": [tensor(t) for t in outputs],
        "gradients": [tensor(t) for t in gradients],
        **more,
    }


def rms_norm():
    x, w = random(2, 3, 21, scale=3.0), random(21)
    y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * w
    assert torch.allclose(y, F.rms_norm(x, (21,), w, 1e-5))
    return case([x, w], [y], epsilon=1e-5)


def residual_rms_norm():
    x, r, w = random(3, 19), random(3, 19, scale=2.0), random(19)
    s = x + r
    return case([x, r, w], [s, F.rms_norm(s, (19,), w, 1e-6)], epsilon=1e-6)


def rotate():
    """transformers' apply_rotary_pos_emb, whose tables repeat themselves, in the layout [B, T, heads, D]."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k = random(2, 3, 2, 10), random(2, 3, 1, 10)
    angles = torch.tensor([[0, 1, 2], [7, 0, 90]]).double()[:, :, None] / 10000.0 ** (torch.arange(5) / 5)
    cosine, sine = torch.cos(angles).float().double(), torch.sin(angles).float().double()
    q1, k1 = apply_rotary_pos_emb(
        q.transpose(1, 2), k.transpose(1, 2), torch.cat([cosine, cosine], -1), torch.cat([sine, sine], -1)
    )
    made = case([q, k], [q1.transpose(1, 2), k1.transpose(1, 2)])
    return {**made, "cosine": tensor(cosine), "sine": tensor(sine)}


def swiglu():
    gate, up = random(3, 19, scale=4.0), random(3, 19)
    return case([gate, up], [F.silu(gate) * up])


cases = {f.__name__: f() for f in (rms_norm, residual_rms_norm, rotate, swiglu)}
(FOLDER / "model.json").write_text(json.dumps(cases) + "\n")


def loss_case(seed, n, h, v, smoothing, terms, bias=True, contrast_rows=0, ignored=()):
    """Cross entropy and distance terms from the formulas, in float64.

    A term is (alpha, M, domain, direction, extra, rows): its candidates, weights and targets are drawn here.
    """
    torch.manual_seed(seed)
    hidden, weight = random(n, h), random(v, h)
    b = random(v) if bias else None
    contrast = random(contrast_rows, h) if contrast_rows else None
    labels = torch.randint(0, v, (n,))
    labels[list(ignored)] = -100
    scale = 1 / (n + 3)  # other parts of the step have supervised tokens too
    logits = hidden @ weight.T + (0 if b is None else b)
    total = scale * F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    sums, tables = [total.item()], []
    for alpha, m, domain, direction, extra, rows in terms:
        candidates = torch.randperm(v)[:m]
        k, rows = m + (extra is not None), torch.tensor(rows)
        p = torch.softmax(torch.randn(3, k) * 2, -1)
        targets, weights = torch.randint(0, 3, rows.shape), torch.rand(rows.shape) + 0.1
        tokens = torch.randint(0, v, rows.shape)
        others = torch.randint(0, contrast_rows, rows.shape) if extra == "contrast" else None
        own = logits[rows]
        if extra == "shared":
            x = own.gather(1, tokens[:, None])
        elif extra == "contrast":
            x = (contrast[others] * weight[tokens]).sum(1, keepdim=True) + (0 if b is None else b[tokens][:, None])
        chosen = own[:, candidates] if extra is None else torch.cat([own[:, candidates], x], 1)
        log_q, log_p = torch.log_softmax(chosen, 1), p[targets].log()
        if direction == "forward":
            kl = (p[targets] * (log_p - log_q)).sum(1)
        else:
            kl = (log_q.exp() * (log_q - log_p)).sum(1)
        if domain == "vocabulary":  # minus the log probability of the candidates among everything
            everything = own if extra is None else torch.cat([own, x], 1)
            kl = kl + torch.logsumexp(everything, 1) - torch.logsumexp(chosen, 1)
        sums.append((weights * kl).sum().item())
        total = total + alpha * (weights * kl).sum()
        tables.append({
            "coefficient": alpha, "candidates": candidates.tolist(), "overVocabulary": domain == "vocabulary",
            "isReversed": direction == "reverse", "rows": rows.tolist(), "weights": weights.tolist(),
            "targets": targets.tolist(), "p": tensor(p), "contrastiveTokens": tokens.tolist() if extra else [],
            "contrastiveRows": others.tolist() if extra == "contrast" else [],
        })
    inputs = {"hidden": hidden, "weight": weight, "bias": b, "contrast": contrast}
    inputs = {name: t for name, t in inputs.items() if t is not None}
    gradients = torch.autograd.grad(total, list(inputs.values()), allow_unused=True)
    return {
        "inputs": {name: tensor(t) for name, t in inputs.items()},
        "gradients": {name: tensor(g) for name, g in zip(inputs, gradients) if g is not None},
        "labels": labels.tolist(), "scale": scale, "smoothing": smoothing, "terms": tables, "total": total.item(),
        "sums": sums,
    }


losses = {
    "cross entropy": loss_case(1, 5, 4, 11, 0.0, [], bias=False),
    "smoothed, some ignored": loss_case(2, 6, 3, 13, 0.1, [], ignored=(0, 4)),
    "subset": loss_case(3, 6, 4, 17, 0.0, [(0.1, 5, "subset", "forward", None, [0, 2, 5])]),
    "vocabulary": loss_case(4, 6, 4, 17, 0.0, [(0.3, 5, "vocabulary", "forward", None, [1, 2])], ignored=(2,)),
    "reverse": loss_case(5, 4, 3, 9, 0.0, [
        (0.5, 4, "subset", "reverse", None, [0, 3]), (0.2, 9, "vocabulary", "reverse", None, [1, 3])]),
    "neighbours": loss_case(6, 5, 4, 12, 0.05, [
        (0.1, 4, "subset", "forward", "shared", [0, 1]), (0.2, 4, "subset", "forward", "contrast", [1, 2, 2]),
        (0.3, 3, "vocabulary", "forward", "contrast", [4]), (0.4, 3, "vocabulary", "reverse", "shared", [3])],
        contrast_rows=3),
}
(FOLDER / "loss.json").write_text(json.dumps(losses) + "\n")
