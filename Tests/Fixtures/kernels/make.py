"""Values and gradients of the fused operations in float64, by PyTorch.

    python Tests/Fixtures/kernels/make.py

writes model.json beside itself. Made with torch 2.13.0 on the CPU; the same seeds give the same file.
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
