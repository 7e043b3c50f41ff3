# SPDX-License-Identifier: Apache-2.0
"""Reference values of objectives over whole responses, in float64.

    python Tests/Fixtures/sequences/make.py      (trl 1.16.0, torch 2.13.0)

Writes pairs.json, unpaired.json, reference_free.json, tokens.json, matches.json, distillation.json, groups.json, heads.json,
decoding.json and evaluation.json beside it. A value is either what
TRL's own function gives for made-up log-probabilities ("source": "trl ...") or a formula written out in plain torch
("source": "formula ..."). Gradients are d loss / d input. Identities between objectives are asserted on the way.
"""

import json, math, os, pathlib
from collections import defaultdict
from types import SimpleNamespace

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).resolve().parent
LOG = []


def numbers(value):
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [numbers(v) for v in value]
    return value


def save(name, content):
    (HERE / f"{name}.json").write_text(json.dumps(numbers(content), indent=1) + "\n")


def check(name, left, right, tolerance=1e-9):
    left, right = torch.as_tensor(left).double(), torch.as_tensor(right).double()
    worst = (left - right).abs().max().item()
    LOG.append((name, worst))
    assert worst <= tolerance, (name, worst)


def draw(*shape, seed, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


# ------------------------------------------------------------------ a made-up batch of three pairs
CHOSEN, REJECTED, PROMPT = [4, 3, 5], [3, 5, 2], [2, 1, 3]
WIDTH = max(p + n for p, n in zip(PROMPT * 2, CHOSEN + REJECTED))


def ragged(lengths, seed):
    return [-(draw(n, seed=seed + i).abs() + 0.05) for i, n in enumerate(lengths)]


policy = ragged(CHOSEN + REJECTED, 10)
reference = [p + draw(len(p), seed=40 + i, scale=0.4) for i, p in enumerate(policy)]
reference = [r.clamp(max=-0.01) for r in reference]


def padded(rows):
    """[2B, T-1] with zeros off the completion, and the [2B, T] completion mask of TRL."""
    mask = torch.zeros(6, WIDTH)
    table = torch.zeros(6, WIDTH - 1)
    for i, row in enumerate(rows):
        first = (PROMPT * 2)[i]
        mask[i, first : first + len(row)] = 1
        table[i, first - 1 : first - 1 + len(row)] = row
    return table, mask


def unpadded(table):
    return [table[i, (PROMPT * 2)[i] - 1 : (PROMPT * 2)[i] - 1 + n] for i, n in enumerate(CHOSEN + REJECTED)]


accelerator = SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x,
                              unwrap_model=lambda x: x)


def trl_dpo(loss_types, beta=0.1, smoothing=0.0, weights=None, divergence="reverse_kl", alpha=0.5, ld_alpha=None,
            dtype=torch.float64):
    from trl.trainer.dpo_trainer import DPOTrainer

    table, mask = padded(policy)
    table = table.to(dtype).requires_grad_()
    ref = torch.stack([r.sum() for r in reference]).to(dtype)
    if ld_alpha is not None:
        shared = [min(a, b) for a, b in zip(CHOSEN, REJECTED)] * 2
        ref = torch.stack([r[:s].sum() + ld_alpha * r[s:].sum() for r, s in zip(reference, shared)])
    outputs = SimpleNamespace(log_probs=table, entropy=torch.zeros_like(table), mean_logits=torch.zeros_like(table),
                              is_top1=torch.zeros_like(table, dtype=torch.bool), log_sum_sq_probs=torch.zeros_like(table))
    self = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=accelerator, aux_loss_enabled=False, ld_alpha=ld_alpha,
        precompute_ref_logps=True, f_divergence_type=divergence, f_alpha_divergence_coef=alpha,
        loss_types=loss_types, loss_weights=weights or [1.0] * len(loss_types), beta=beta, label_smoothing=smoothing,
        args=SimpleNamespace(discopop_tau=0.05, gradient_checkpointing_kwargs=None), use_weighting=False,
        _metrics={"train": defaultdict(list)}, _total_train_tokens=0, _tp_size=1)
    inputs = {"input_ids": torch.zeros(6, WIDTH, dtype=torch.long), "attention_mask": torch.ones(6, WIDTH),
              "completion_mask": mask, "ref_chosen_logps": ref[:3], "ref_rejected_logps": ref[3:]}
    loss = DPOTrainer._compute_loss(self, lambda **_: outputs, inputs, False)
    (grad,) = torch.autograd.grad(loss, table)
    metrics = {k: v[-1] for k, v in self._metrics["train"].items()
               if k.split("/")[0] in ("rewards", "logps")}
    return {"loss": loss, "gradient": unpadded(grad), "metrics": metrics}


def leaves(rows):
    return [r.clone().requires_grad_() for r in rows]


def sums(rows):
    return torch.stack([r.sum() for r in rows])


def formula(function, rows=policy):
    """loss and gradient by per-token log-probability for a function of (policy rows, reference rows)."""
    rows = leaves(rows)
    loss = function(rows)
    return {"loss": loss, "gradient": list(torch.autograd.grad(loss, rows))}


def log_ratios(rows, mean=False):
    ratio = torch.stack([(p - r).mean() if mean else (p - r).sum() for p, r in zip(rows, reference)])
    return ratio[:3], ratio[3:]


def pair_fixtures():
    cases, beta = [], 0.1
    for kind in ["sigmoid", "ipo", "nca_pair", "bco_pair", "apo_zero", "sigmoid_norm"]:
        cases.append({"source": f"trl DPOTrainer._compute_loss {kind}", "loss_type": kind, "beta": beta,
                      **trl_dpo([kind], beta)})
    for kind in ["exo_pair", "robust"]:
        cases.append({"source": f"trl DPOTrainer._compute_loss {kind}", "loss_type": kind, "beta": beta,
                      "label_smoothing": 0.2, **trl_dpo([kind], beta, 0.2)})
    cases.append({"source": "trl DPOTrainer._compute_loss sigmoid+sft (RPO)", "loss_type": "sigmoid,sft", "beta": beta,
                  "weights": [1.0, 0.5], **trl_dpo(["sigmoid", "sft"], beta, weights=[1.0, 0.5])})
    by = {(c["loss_type"], c.get("f_divergence"), "ld_alpha" in c, c.get("label_smoothing")): c for c in cases}

    def pairwise(link, mean=False):
        return formula(lambda rows: link(*log_ratios(rows, mean)).mean())

    eps = 0.2
    own = {
        "cdpo": pairwise(lambda w, l: -(1 - eps) * F.logsigmoid(beta * (w - l)) - eps * F.logsigmoid(beta * (l - w))),
        "ipo_sum": pairwise(lambda w, l: (w - l - 1 / (2 * beta)) ** 2),
        "ipo_mean": pairwise(lambda w, l: (w - l - 1 / (2 * beta)) ** 2, mean=True),
        "soft_dpo": pairwise(lambda w, l: -0.7 * F.logsigmoid(beta * (w - l)) - 0.3 * F.logsigmoid(beta * (l - w))),
    }
    for name, case in own.items():
        cases.append({"source": f"formula {name}", "loss_type": name, "beta": beta,
                      **({"label_smoothing": eps} if name == "cdpo" else {"target": 0.7} if name == "soft_dpo" else {}),
                      **case})
    check("trl ipo = length-mean ipo", by["ipo", None, False, None]["loss"], own["ipo_mean"]["loss"])
    # DPO is InfoNCA with two responses and a one-hot target
    def infonca2(rows):
        w, l = log_ratios(rows)
        return -F.log_softmax(beta * torch.stack([w, l], 1), 1)[:, 0].mean()
    check("InfoNCA K=2 one-hot = trl sigmoid", formula(infonca2)["loss"], by["sigmoid", None, False, None]["loss"])
    # robust DPO is the soft target ((1-e)/(1-2e), -e/(1-2e))
    def robust(rows):
        w, l = log_ratios(rows)
        s = torch.tensor([(1 - eps) / (1 - 2 * eps), -eps / (1 - 2 * eps)])
        return -(s * F.log_softmax(beta * torch.stack([w, l], 1), 1)).sum(1).mean()
    check("signed target = trl robust", formula(robust)["loss"], by["robust", None, False, eps]["loss"])
    # EXO is the reverse KL of the same two distributions
    def exo(rows):
        w, l = log_ratios(rows)
        q = F.log_softmax(beta * torch.stack([w, l], 1), 1)
        return (q.exp() * (q - torch.tensor([1 - eps, eps]).log())).sum(1).mean()
    check("reverse KL = trl exo_pair", formula(exo)["loss"], by["exo_pair", None, False, eps]["loss"], 1e-6)
    # NCA of a one-hot target is TRL's pair form
    def nca2(rows):
        w, l = log_ratios(rows)
        r = beta * torch.stack([w, l], 1)
        return (-F.logsigmoid(r[:, 0]) - F.logsigmoid(-r).mean(1)).mean()
    check("NCA K=2 one-hot = trl nca_pair", formula(nca2)["loss"], by["nca_pair", None, False, None]["loss"])
    # the pair-BCE with any shift is an upper bound of DPO, tightest at the middle
    w, l = log_ratios(policy)
    for shift in (-1.0, 0.0, 0.4):
        bce = (-F.logsigmoid(beta * w - shift) - F.logsigmoid(shift - beta * l))
        assert (bce >= -F.logsigmoid(beta * (w - l))).all()
    middle = (beta * (w + l) / 2).requires_grad_()
    bound = (-F.logsigmoid(beta * w - middle) - F.logsigmoid(middle - beta * l)).sum()
    check("pair BCE is least at the middle shift", torch.autograd.grad(bound, middle)[0], torch.zeros(3))
    gap = torch.full((1,), 1 / (2 * beta)).requires_grad_()
    check("IPO is stationary at 1/(2 beta)", torch.autograd.grad(((gap - 1 / (2 * beta)) ** 2).sum(), gap)[0], torch.zeros(1))
    save("pairs", {"chosen_lengths": CHOSEN, "rejected_lengths": REJECTED,
                   "policy_chosen": policy[:3], "policy_rejected": policy[3:],
                   "reference_chosen": reference[:3], "reference_rejected": reference[3:],
                   "note": "gradients: chosen rows first, then rejected rows", "cases": cases})


# ------------------------------------------------------------------ KTO, BCO, implicit PRM
def unpaired_fixtures():
    from trl.trainer.kto_trainer import KTOTrainer

    labels = torch.tensor([True, False, True, False, False, True])
    beta, kls = 0.1, draw(6, seed=90, scale=1.5) + 0.8
    cases = []
    for loss_type, weights, shift in [("kto", (1.0, 1.0), 1.0), ("kto", (1.33, 1.0), 1.0), ("kto", (1.0, 1.0), -3.0),
                                      ("apo_zero_unpaired", (1.0, 1.0), 1.0)]:
        table, mask = padded(policy)
        table.requires_grad_()
        outputs = SimpleNamespace(log_probs=table, entropy=torch.zeros_like(table), mean_logits=torch.zeros_like(table))
        mismatched = kls * shift
        self = SimpleNamespace(
            model=SimpleNamespace(training=True), accelerator=accelerator, aux_loss_enabled=False, loss_type=loss_type,
            precompute_ref_logps=True, calculate_KL=loss_type == "kto", beta=beta, desirable_weight=weights[0],
            undesirable_weight=weights[1], _metrics={"train": defaultdict(list)}, _total_train_tokens=0, _tp_size=1,
            _compute_kl_logps=lambda *_: mismatched)
        inputs = {"input_ids": torch.zeros(6, WIDTH, dtype=torch.long), "attention_mask": torch.ones(6, WIDTH),
                  "completion_mask": mask, "label": labels, "ref_logps": sums(reference),
                  "ref_KL_logps": torch.zeros(6)}
        loss = KTOTrainer._compute_loss(self, lambda **_: outputs, inputs, False)
        if isinstance(loss, tuple):
            loss = loss[0]
        (grad,) = torch.autograd.grad(loss, table)
        cases.append({"source": f"trl KTOTrainer._compute_loss {loss_type}", "loss_type": loss_type, "beta": beta,
                      "desirable_weight": weights[0], "undesirable_weight": weights[1],
                      "mismatched_log_ratios": mismatched, "loss": loss, "gradient": unpadded(grad),
                      "metrics": {k: v[-1] for k, v in self._metrics["train"].items()
                                  if k == "kl" or k.split("/")[0] in ("rewards", "logps")}})

    def bce(rows, shift):
        r = beta * torch.stack([(p - q).sum() for p, q in zip(rows, reference)]) - shift
        return -torch.where(labels, F.logsigmoid(r), F.logsigmoid(-r)).mean()

    for name, shift in [("implicit_prm_ce", 0.0), ("bco", 0.07)]:
        cases.append({"source": f"formula {name}", "loss_type": name, "beta": beta, "shift": shift,
                      **formula(lambda rows, s=shift: bce(rows, s))})
    # running shift: delta of the previous updates, then a count-weighted mean over everything seen so far
    batches = [draw(n, seed=200 + n, scale=0.5) for n in (3, 5, 4)]
    seen, trace = torch.zeros(0), []
    for batch in batches:
        before = seen.mean().item() if len(seen) else 0.0
        seen = torch.cat([seen, batch])
        trace.append({"rewards": batch, "shift_before": before, "shift_after": seen.mean()})
    save("unpaired", {"labels": labels.tolist(), "policy": policy, "reference": reference, "cases": cases,
                      "bco_running_shift": trace})


# ------------------------------------------------------------------ CPO, SimPO, ORPO
def reference_free_fixtures():
    from trl.experimental.cpo.cpo_trainer import CPOTrainer
    from trl.experimental.orpo.orpo_trainer import ORPOTrainer

    cases = []
    for kind, smoothing, gamma in [("sigmoid", 0.0, 0.5), ("sigmoid", 0.1, 0.5), ("hinge", 0.0, 0.5), ("ipo", 0.0, 0.5),
                                   ("simpo", 0.0, 0.5)]:
        rows = leaves(policy)
        reduce = (lambda r: r.mean()) if kind in ("simpo", "ipo") else (lambda r: r.sum())
        logps = torch.stack([reduce(r) for r in rows])
        beta = 2.0 if kind == "simpo" else 0.1
        self = SimpleNamespace(alpha=0.0, accelerator=accelerator, loss_type=kind, beta=beta, simpo_gamma=gamma,
                               label_smoothing=smoothing)
        loss = CPOTrainer.cpo_loss(self, logps[:3], logps[3:])[0].mean()
        cases.append({"source": f"trl CPOTrainer.cpo_loss {kind}", "loss_type": kind, "beta": beta, "gamma": gamma,
                      "label_smoothing": smoothing, "length": "mean" if kind in ("simpo", "ipo") else "sum",
                      "loss": loss, "gradient": list(torch.autograd.grad(loss, rows))})
    rows = [r.float().requires_grad_() for r in policy]
    logps = torch.stack([r.mean() for r in rows])
    losses = ORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=0.1, accelerator=accelerator), logps[:3], logps[3:])[0]
    loss = -losses.mean()
    cases.append({"source": "trl ORPOTrainer.odds_ratio_loss (its sign turned; float32; NLL of chosen not included)",
                  "loss_type": "orpo", "beta": 0.1, "length": "mean", "loss": loss,
                  "gradient": list(torch.autograd.grad(loss, rows))})
    save("reference_free", {"policy_chosen": policy[:3], "policy_rejected": policy[3:], "cases": cases})


# ------------------------------------------------------------------ whole-vocabulary distillation
ROWS, VOCAB, HIDDEN = 9, 7, 4
DOCUMENTS = [[0, 2], [2, 5], [5, 7], [7, 9]]  # two pairs: chosen 0, 1; rejected 2, 3
hidden, head = draw(ROWS, HIDDEN, seed=400), draw(VOCAB, HIDDEN, seed=401)
refs = {name: (draw(ROWS, HIDDEN, seed=s), draw(VOCAB, HIDDEN, seed=s + 1)) for name, s in
        [("reference", 410), ("dpo", 420), ("reverse", 430)]}
labels = torch.randint(0, VOCAB, (ROWS,), generator=torch.Generator().manual_seed(440))


def model_logits(name):
    h, w = refs[name]
    return h @ w.T


def by_hidden(function):
    h, w = hidden.clone().requires_grad_(), head.clone().requires_grad_()
    loss = function(h @ w.T)
    gh, gw = torch.autograd.grad(loss, (h, w))
    return {"loss": loss, "gradient_hidden": gh, "gradient_head": gw}


def documents(rows):
    return torch.stack([rows[a:b].sum() for a, b in DOCUMENTS])


def lengths():
    return torch.tensor([b - a for a, b in DOCUMENTS], dtype=torch.float64)


def kl(a, b):
    """KL(a || b) by row, of logits."""
    a, b = F.log_softmax(a, -1), F.log_softmax(b, -1)
    return (a.exp() * (a - b)).sum(-1)


def distillation_fixtures():
    from trl.experimental.gkd.gkd_trainer import GKDTrainer

    cases = []
    for beta, temperature in [(0.0, 1.0), (1.0, 1.0), (0.5, 1.0), (0.3, 2.0)]:
        case = by_hidden(lambda z: GKDTrainer.generalized_jsd_loss(
            z.unsqueeze(0), model_logits("dpo").unsqueeze(0), torch.zeros(1, ROWS, dtype=torch.long), beta, temperature))
        cases.append({"source": "trl GKDTrainer.generalized_jsd_loss", "objective": "gkd", "beta": beta,
                      "temperature": temperature, **case})
    z = hidden @ head.T
    check("gkd beta 0 = KL(teacher || student)", kl(model_logits("dpo"), z).mean(), cases[0]["loss"])
    check("gkd beta 1 = KL(student || teacher)", kl(z, model_logits("dpo")).mean(), cases[1]["loss"])

    ref, dpo, reverse = (F.log_softmax(model_logits(n), -1) for n in ("reference", "dpo", "reverse"))
    beta, beta2 = 0.1, 0.025
    w = beta / beta2
    target = w * dpo + (1 - w) * ref
    cases.append({"source": "formula AlignDistil, constant w (sum over tokens, mean over sequences)",
                  "objective": "alignDistil", "mixture": {"dpo": w, "reference": 1 - w}, "coefficient": beta2,
                  **by_hidden(lambda z: beta2 * documents(kl(z, target)).mean())})
    base, anti = dpo, reverse
    tv = (base.exp() - anti.exp()).abs().sum(-1)
    weight = beta2 * tv + 1e-3
    adaptive = base + weight.unsqueeze(-1) * (base - anti)
    cases.append({"source": "formula AlignDistil, contrast with adaptive weight", "objective": "alignDistilAdaptive",
                  "beta": beta, "beta2": beta2, "total_l1": tv, "weight": weight,
                  **by_hidden(lambda z: documents(beta / weight * kl(z, adaptive)).mean())})
    check("w = 1 gives the DPO model", kl(1.0 * dpo + 0.0 * ref, dpo), torch.zeros(ROWS))

    nll = lambda z: F.cross_entropy(z[:5], labels[:5])
    cases.append({"source": "formula DCKD (whole vocabulary)", "objective": "dckd", "sft": 0.1, "chosen": 1.0,
                  "rejected": 0.5,
                  **by_hidden(lambda z: 0.1 * nll(z) + kl(model_logits("dpo")[:5], z[:5]).mean()
                              + 0.5 * kl(model_logits("dpo")[5:], z[5:]).mean())})
    advantage = dpo - ref
    cases.append({"source": "formula ADPA (whole vocabulary; rows 5..9 are student samples)", "objective": "adpa",
                  "sft": 1.0, "gamma": 0.7,
                  **by_hidden(lambda z: nll(z) - 0.7 * (F.softmax(z[5:], -1) * advantage[5:]).sum(-1).mean())})
    # with a KL term it is a divergence from a mixture, up to a constant
    tau, gamma = 0.3, 0.7
    cases.append({"source": "formula ADPA with tau KL(pi || ref)", "objective": "adpaKL", "gamma": gamma,
                  "temperature": tau, "constant": -tau * torch.logsumexp(ref + gamma / tau * advantage, -1)[5:].mean(),
                  **by_hidden(lambda z: (tau * kl(z, ref) - gamma * (F.softmax(z, -1) * advantage).sum(-1))[5:].mean())})
    guided = dpo + 3.0 * (ref - dpo)
    for direction in ("forward", "reverse"):
        cases.append({"source": "formula guidance", "objective": "cfgDistil", "gamma": 3.0, "direction": direction,
                      **by_hidden(lambda z: (kl(guided, z) if direction == "forward" else kl(z, guided)).mean())})
    save("distillation", {"hidden": hidden, "head": head, "labels": labels, "documents": DOCUMENTS,
                          "models": {k: {"hidden": v[0], "head": v[1]} for k, v in refs.items()}, "cases": cases})


# ------------------------------------------------------------------ pairs at token level (needs hidden states)
def token_fixtures():
    cases, beta = [], 0.1
    ref = F.log_softmax(model_logits("reference"), -1)
    ref_label = ref.gather(1, labels.unsqueeze(1)).squeeze(1)

    def parts(z):
        lp = F.log_softmax(z, -1)
        return lp.gather(1, labels.unsqueeze(1)).squeeze(1) - ref_label, kl(ref, lp)

    def pair(values):
        d = documents(values)
        return d[:2], d[2:]

    def dpo(z):
        m, _ = parts(z)
        w, l = pair(m)
        return -F.logsigmoid(beta * (w - l)).mean()

    def tdpo1(z):
        m, d = parts(z)
        (mw, ml), (dw, dl) = pair(m), pair(d)
        return -F.logsigmoid(beta * ((mw - ml) - (dl - dw))).mean()

    def tdpo2(z, alpha):
        m, d = parts(z)
        (mw, ml), (dw, dl) = pair(m), pair(d)
        return -F.logsigmoid(beta * ((mw - ml) - alpha * (dl - dw.detach()))).mean()

    cases += [{"source": "formula DPO", "objective": "dpo", "beta": beta, **by_hidden(dpo)},
              {"source": "formula TDPO1", "objective": "tdpo1", "beta": beta, **by_hidden(tdpo1)},
              {"source": "formula TDPO2", "objective": "tdpo2", "beta": beta, "alpha": 0.5,
               **by_hidden(lambda z: tdpo2(z, 0.5))}]
    check("TDPO2 alpha 0 = DPO", by_hidden(lambda z: tdpo2(z, 0.0))["gradient_hidden"], by_hidden(dpo)["gradient_hidden"])

    # at the reference itself the divergence has no gradient: TDPO starts where DPO does
    def at_reference(function):
        h, w = refs["reference"][0].clone().requires_grad_(), refs["reference"][1].clone().requires_grad_()
        return torch.autograd.grad(function(h @ w.T), (h, w))[1]

    check("TDPO1 at the reference = DPO", at_reference(tdpo1), at_reference(dpo))
    check("TDPO2 at the reference = DPO", at_reference(lambda z: tdpo2(z, 0.5)), at_reference(dpo))
    # merging tokens into buckets cannot raise a divergence
    whole = kl(model_logits("dpo"), model_logits("reference"))
    t, q = F.softmax(model_logits("dpo"), -1), F.softmax(model_logits("reference"), -1)
    p3, at = t.topk(3, -1)
    q3 = q.gather(-1, at)
    p3, q3 = (torch.cat([x, 1 - x.sum(-1, keepdim=True)], -1) for x in (p3, q3))
    assert ((p3 * (p3.log() - q3.log())).sum(-1) <= whole + 1e-12).all()

    masks_u = draw(ROWS, seed=500).relu() + 0.1
    masks_d = draw(ROWS, seed=501).relu()

    def sparse(z, mu, md, l1u=0.0, l1d=0.0):
        m, d = parts(z)
        (mw, ml), (dw, dl) = pair(mu * m), pair(md * d)
        loss = -F.logsigmoid(beta * ((mw - ml) - (dl - dw)))
        return (loss + l1u * (documents(mu)[:2] + documents(mu)[2:]) + l1d * (documents(md)[:2] + documents(md)[2:])).mean()

    cases.append({"source": "formula SparsePO (given masks, L1)", "objective": "sparsePO", "beta": beta,
                  "reward_mask": masks_u, "kl_mask": masks_d, "l1": [0.001, 0.002],
                  **by_hidden(lambda z: sparse(z, masks_u, masks_d, 0.001, 0.002))})
    ones = torch.ones(ROWS)
    check("SparsePO with masks 1 = TDPO1", by_hidden(lambda z: sparse(z, ones, ones))["gradient_head"],
          by_hidden(tdpo1)["gradient_head"])

    positive, negative = model_logits("dpo"), model_logits("reverse")
    critical = F.softmax(2 * positive - negative, -1).gather(1, labels.unsqueeze(1)).squeeze(1)
    weights = torch.cat([critical[:5], 1 - critical[5:]])

    def weighted(z):
        m, _ = parts(z)
        w, l = pair(weights * m)
        return -F.logsigmoid(beta * (w - l)).mean()

    cases.append({"source": "formula critical-token DPO, sequence-sum form", "objective": "criticalDPO", "beta": beta,
                  "weights": weights, **by_hidden(weighted)})
    # the public code's per-position form on the shared positions of each pair (first 2 of each)
    def per_position(z):
        m, _ = parts(z)
        m = weights * m
        terms = [-F.logsigmoid(beta * (m[c + i] - m[r + i])) for (c, _), (r, _) in
                 zip(DOCUMENTS[:2], DOCUMENTS[2:]) for i in range(2)]
        return torch.stack(terms).mean()

    cases.append({"source": "formula critical-token DPO, per position (2 shared positions)",
                  "objective": "criticalDPOPerPosition", "beta": beta, **by_hidden(per_position)})

    better, worse = (F.log_softmax(model_logits(n), -1).gather(1, labels.unsqueeze(1)).squeeze(1) for n in ("dpo", "reverse"))
    token_reward = torch.sigmoid(better - worse) - 0.5
    alpha = 0.25

    def treg(z, alpha):
        m, _ = parts(z)
        lp = F.log_softmax(z, -1).gather(1, labels.unsqueeze(1)).squeeze(1)
        w, l = pair(m)
        base = -F.logsigmoid(beta * (w - l))
        rw, rl = pair(-beta * token_reward * lp)
        return (base + alpha * torch.sigmoid(beta * (l - w)).detach() * (rw + rl)).mean()

    cases.append({"source": "formula T-REG", "objective": "tReg", "beta": beta, "alpha": alpha,
                  "token_rewards": token_reward, **by_hidden(lambda z: treg(z, alpha))})
    check("T-REG alpha 0 = DPO", treg(hidden @ head.T, 0.0), dpo(hidden @ head.T))

    # token rewards without a loss
    m, _ = parts(hidden @ head.T)
    dpo_label = F.log_softmax(model_logits("dpo"), -1).gather(1, labels.unsqueeze(1)).squeeze(1)
    rto = (0.05 * (dpo_label - ref_label)).clamp(-0.05, 0.05) - 0.01 * m
    terminal = draw(4, seed=510)
    for (a, b), r in zip(DOCUMENTS, terminal):
        rto[b - 1] += r
    prefix = [draw(b - a + 1, seed=520 + a) for a, b in DOCUMENTS]
    red = torch.cat([p[1:] - p[:-1] for p in prefix])
    check("RED telescopes", documents(red), torch.stack([p[-1] - p[0] for p in prefix]))
    rewards = {"rto": {"beta1": 0.05, "beta2": 0.01, "clip": 0.05, "terminal": terminal, "values": rto},
               "red": {"prefix_scores": prefix, "values": red},
               "implicit_prm": {"beta": 0.05, "values": 0.05 * m,
                                "cumulative": [torch.cumsum(0.05 * m[a:b], 0) for a, b in DOCUMENTS]}}

    save("tokens", {"hidden": hidden, "head": head, "labels": labels, "documents": DOCUMENTS,
                    "note": "pairs: (document 0, document 2), (document 1, document 3); first is chosen.",
                    "reference": {"hidden": refs["reference"][0], "head": refs["reference"][1]},
                    "dpo": {"hidden": refs["dpo"][0], "head": refs["dpo"][1]},
                    "divergence": kl(ref, hidden @ head.T), "cases": cases, "token_rewards": rewards})


# ------------------------------------------------------------------ other matches: EMO, histograms of real values
def match_fixtures():
    rows = F.normalize(head, dim=-1)  # held constant
    cosine = rows @ rows.T

    def emo(z):
        """1 - sum (q_v - sg q_x [v = x]) cos(e_v, e_x), and cross entropy, by token"""
        q = F.softmax(z, -1)
        at = q.gather(1, labels.unsqueeze(1)).squeeze(1).detach()
        return 1 - (q * cosine[labels]).sum(-1) + at, F.cross_entropy(z, labels, reduction="none")

    def distance(z):
        emo_t, ce = emo(z)
        return (((ce / emo_t).detach() * emo_t + ce) / 2).mean()

    def cross_entropy(z):
        emo_t, ce = emo(z)
        return ((emo_t / ce).detach() * ce + emo_t).mean()

    cases = [{"balance": "none", **by_hidden(lambda z: emo(z)[0].mean())},
             {"balance": "distance", **by_hidden(distance)}, {"balance": "crossEntropy", **by_hidden(cross_entropy)}]
    edges, sigma = torch.linspace(-0.5, 20.5, 22), 0.75
    y = torch.tensor([3.2, 19.9, 0.0, 11.5])
    below = torch.special.erf((edges - y.unsqueeze(1)) / (sigma * math.sqrt(2)))
    bins = (below[:, 1:] - below[:, :-1]) / (below[:, -1:] - below[:, :1])
    squared = F.softmax(-(torch.arange(21.0) - y.unsqueeze(1)) ** 2 / (2 * sigma**2), -1)
    save("matches", {"hidden": hidden, "head": head, "labels": labels, "cosine": cosine, "cases": cases,
                     "histogram": {"edges": edges, "sigma": sigma, "values": y, "target": bins,
                                   "distance_target": squared, "largest_gap": (bins - squared).abs().max()}})


# ------------------------------------------------------------------ K responses of one prompt
def group_fixtures():
    groups, K, beta = 3, 4, 0.2
    ratios = draw(groups, K, seed=600, scale=2.0)
    logps = -draw(groups, K, seed=601).abs() * 5 - 1
    scores = draw(groups, K, seed=602)
    taus, cases = [1.0, 0.3], []

    def add(name, function, source=None, **keys):
        leaf = ratios.clone().requires_grad_()
        loss = function(leaf)
        cases.append({"source": source or f"formula {name}", "objective": name, **keys, "loss": loss,
                      "gradient": torch.autograd.grad(loss, leaf)[0]})
        return cases[-1]

    for tau in taus:
        s = F.softmax(scores / tau, 1)
        add("infoNCA", lambda x: -(s * F.log_softmax(beta * x, 1)).sum(1).mean(), beta=beta, temperature=tau, target=s)
        add("nca", lambda x: (-(s * F.logsigmoid(beta * x)).sum(1) - F.logsigmoid(-beta * x).mean(1)).mean(),
            beta=beta, temperature=tau, target=s)
        add("reverse", lambda x: (F.softmax(beta * x, 1) * (F.log_softmax(beta * x, 1) - s.log())).sum(1).mean(),
            beta=beta, temperature=tau)
    onehot = F.one_hot(scores.argmax(1), K).double()
    best = add("infoNCA", lambda x: -(onehot * F.log_softmax(beta * x, 1)).sum(1).mean(), beta=beta, temperature=0.0)
    cold = F.softmax(scores / 1e-4, 1)
    check("temperature to 0 = best of K", -(cold * F.log_softmax(beta * ratios, 1)).sum(1).mean(), best["loss"])

    order = scores.argsort(1, descending=True)
    def plackett(x):
        r = (beta * x).gather(1, order)
        return sum(torch.logsumexp(r[:, i:], 1) - r[:, i] for i in range(K - 1)).mean()
    add("plackettLuce", plackett, beta=beta)

    # contrastive policy gradient: sum over ordered pairs of squared regularised reward gaps
    def copg(x):
        regular = scores - beta * x
        gaps = regular.unsqueeze(2) - regular.unsqueeze(1)
        upper = torch.triu(torch.ones(K, K), 1)
        return ((gaps**2 * upper).sum((1, 2)) / (K - 1) / (2 * beta)).mean()
    case = add("copg", copg, beta=beta, note="sum_{i<j} gap^2 / (K-1) / (2 beta)")
    x = ratios.clone().requires_grad_()
    regular = (scores - beta * x).detach()
    baseline = (regular.sum(1, keepdim=True) - regular) / (K - 1)
    surrogate = -((regular - baseline) * x).sum(1).mean()
    check("CoPG gradient = leave-one-out policy gradient with the regularised reward",
          torch.autograd.grad(surrogate, x)[0], torch.as_tensor(case["gradient"]))
    # two responses with R = +-1/4: IPO up to the factor beta/2
    h = draw(5, seed=603).requires_grad_()
    left = ((0.5 - beta * h) ** 2 / (2 * beta)).mean()
    right = (beta / 2 * (h - 1 / (2 * beta)) ** 2).mean()
    check("CoPG with rewards +-1/4 = IPO * beta/2", left, right)

    # NCA optimum: r* = log(K s), mean of exp(r*) = 1
    s = F.softmax(scores, 1)
    r = (K * s).log()
    grad = -(s * torch.sigmoid(-r)) + torch.sigmoid(r) / K
    check("NCA is stationary at log(K s)", grad, torch.zeros_like(grad))
    check("its density ratio has mean one", r.exp().mean(1), torch.ones(groups))

    # RAML / RAFT on the log-probabilities themselves
    def likelihood(target):
        leaf = logps.clone().requires_grad_()
        loss = -(target * leaf).sum(1).mean()
        return loss, torch.autograd.grad(loss, leaf)[0]
    for name, target in [("raml", F.softmax(scores / 0.5, 1)), ("raft", onehot)]:
        loss, grad = likelihood(target)
        cases.append({"source": f"formula {name}", "objective": name, "target": target, "loss": loss, "gradient": grad,
                      "on": "log_probabilities"})
    check("RAML temperature to 0 = RAFT", likelihood(F.softmax(scores / 1e-4, 1))[0], likelihood(onehot)[0])
    save("groups", {"log_ratios": ratios, "log_probabilities": logps, "scores": scores, "cases": cases})


# ------------------------------------------------------------------ heads of rewards
def head_fixtures():
    cases = []
    for dims in (2, 4, 6):
        v = draw(4, 2, dims, seed=700 + dims).requires_grad_()
        w, l = v[:, 0], v[:, 1]
        score = (w[:, 0::2] * l[:, 1::2] - w[:, 1::2] * l[:, 0::2]).sum(1)
        loss = -F.logsigmoid(score / 0.1).mean()
        cases.append({"source": "formula GPM", "dimension": dims, "temperature": 0.1, "embeddings": v, "scores": score,
                      "loss": loss, "gradient": torch.autograd.grad(loss, v)[0]})
        swapped = (l[:, 0::2] * w[:, 1::2] - l[:, 1::2] * w[:, 0::2]).sum(1)
        check("GPM is antisymmetric", score, -swapped)
    r = draw(4, 2, seed=710)
    v = torch.stack([r, torch.ones_like(r)], -1)
    check("GPM with (r, 1) = Bradley-Terry", v[:, 0, 0] * v[:, 1, 1] - v[:, 0, 1] * v[:, 1, 0], r[:, 0] - r[:, 1])

    # ArmoRM: the gate's own layers, and the attributes' gradients, which training does not use
    logits, attributes = draw(3, 5, seed=720).requires_grad_(), draw(3, 2, 5, seed=721).requires_grad_()

    def gated(logits):
        return (F.softmax(logits / 10, -1).unsqueeze(1) * attributes).sum(-1)

    reward = gated(logits)
    loss = -F.logsigmoid(reward[:, 0] - reward[:, 1]).mean()
    slopes = torch.autograd.grad(loss, [logits, attributes])
    layers = [(draw(6, 4, seed=722).requires_grad_(), draw(6, seed=723).requires_grad_()),
              (draw(5, 6, seed=724).requires_grad_(), draw(5, seed=725).requires_grad_())]
    prompts = draw(3, 4, seed=726)
    gate = F.linear(F.relu(F.linear(prompts, *layers[0])), *layers[1])
    own = gated(gate)
    own_loss = -F.logsigmoid(own[:, 0] - own[:, 1]).mean()
    own_slopes = torch.autograd.grad(own_loss, [p for layer in layers for p in layer])
    gating = {"gate_logits": logits, "temperature": 10.0, "attributes": attributes, "scores": reward, "loss": loss,
              "gradient_gate": slopes[0], "gradient_attributes": slopes[1], "prompts": prompts,
              "weights": [w for w, _ in layers], "biases": [b for _, b in layers], "network_gate": gate,
              "network_loss": own_loss, "gradient_weights": own_slopes[0::2], "gradient_biases": own_slopes[1::2]}

    # GRM: a reward loss and a loss of the same responses' texts
    scores, logps = draw(4, 2, seed=730).requires_grad_(), (-draw(4, 2, seed=731).abs() * 6 - 1).requires_grad_()
    texts = {"likelihood": lambda beta: -logps[:, 0], "logistic": lambda beta: -F.logsigmoid(beta * logps[:, 0]),
             "preference": lambda beta: -F.logsigmoid(beta * (logps[:, 0] - logps[:, 1]))}
    grm = []
    for term, text in texts.items():
        for weight in (0.01, 0.3):
            loss = ((1 - weight) * -F.logsigmoid(scores[:, 0] - scores[:, 1]) + weight * text(0.1)).mean()
            slopes = torch.autograd.grad(loss, [scores, logps])
            grm.append({"source": "formula GRM", "term": term, "weight": weight, "beta": 0.1, "loss": loss,
                        "gradient_scores": slopes[0], "gradient_log_probabilities": slopes[1]})

    # lists of scored responses: cross entropy of softmax(R / tau), and the likelihood of the order, ties sharing a rank
    rewards = draw(3, 4, seed=740).requires_grad_()
    given = torch.tensor([[0.0, 3.0, 1.0, 2.0], [4.0, 1.0, 1.0, 0.0], [2.0, 2.0, 2.0, 5.0]], dtype=torch.float64)
    lists = []
    for tau in (0.0, 1.0, 2.0):
        if tau == 0:
            target = (given == given.max(1, keepdim=True).values).double()
            target = target / target.sum(1, keepdim=True)
        else:
            target = F.softmax(given / tau, 1)
        loss = -(target * F.log_softmax(rewards, 1)).sum(1).mean()
        lists.append({"source": "formula listwise", "objective": "listwise", "temperature": tau, "loss": loss,
                      "gradient": torch.autograd.grad(loss, rewards)[0]})

    def order(rows):
        total = 0
        for stars, row in zip(given, rows):
            for i in range(4):
                among = torch.stack([row[j] for j in range(4) if stars[j] <= stars[i]])
                total = total + torch.logsumexp(among, 0) - row[i]
        return total / len(rows)

    loss = order(rewards)
    lists.append({"source": "formula Plackett-Luce, ties in Breslow's form", "objective": "listwiseOrder",
                  "temperature": 1.0, "loss": loss, "gradient": torch.autograd.grad(loss, rewards)[0]})
    best = given[0].argsort(descending=True)
    plain = sum(torch.logsumexp(rewards[0][best[i:]], 0) - rewards[0][best[i]] for i in range(3))
    check("without ties it is Plackett-Luce", order([rewards[0]]).detach(), plain.detach())
    save("heads", {"gpm": cases, "gating": gating, "grm_scores": scores, "grm_log_probabilities": logps, "grm": grm,
                   "list_rewards": rewards, "list_scores": given, "lists": lists})


# ------------------------------------------------------------------ several models at decoding
def decoding_fixtures():
    expert, amateur = draw(2, 7, seed=800, scale=2.0), draw(2, 7, seed=801, scale=2.0)
    le, la = F.log_softmax(expert, -1), F.log_softmax(amateur, -1)
    cases = []
    for alpha, strength in [(0.1, 1.0), (0.1, 0.5), (1.0, 1.0), (0.3, 0.0)]:
        keep = le >= math.log(alpha) + le.max(-1, keepdim=True).values
        scores = torch.where(keep, le - strength * la, torch.tensor(-1e30))
        cases.append({"alpha": alpha, "amateur_coefficient": strength, "kept": keep, "scores": scores,
                      "choice": scores.argmax(-1)})
    check("plausibility 1 is greedy on the expert", cases[2]["choice"], le.argmax(-1))
    guided = [{"alpha": a, "temperature": t,
               "log_probabilities": F.log_softmax((le + a * la) / t, -1)} for a, t in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, 2.0)]]
    check("guidance 0 is the base model", guided[0]["log_probabilities"], le)
    cfg = {"gamma": 3.0, "log_probabilities": F.log_softmax(amateur + 3.0 * (expert - amateur), -1)}
    check("CFG is a two-model mixture", cfg["log_probabilities"], F.log_softmax(3 * expert - 2 * amateur, -1))
    # O'Brien and Lewis: on logits, expert kept with coefficient 1 + beta
    keep = expert >= math.log(0.1) + expert.max(-1, keepdim=True).values
    extended = torch.where(keep, 1.5 * expert - 0.5 * amateur, torch.tensor(-1e30))
    check("both cut-offs keep the same tokens", keep.double(), cases[0]["kept"].double())
    save("decoding", {"expert_logits": expert, "amateur_logits": amateur, "contrastive": cases,
                      "contrastive_extended": {"alpha": 0.1, "beta": 0.5, "scores": extended, "choice": extended.argmax(-1)},
                      "guided": guided, "classifier_free": cfg})


# ------------------------------------------------------------------ evaluation rules
def evaluation_fixtures():
    items = []
    domains = ["chat", "chat", "code", "math", "safety-refuse", "safety-response"]
    for i, domain in enumerate(domains):
        chosen, rejected = draw(3, seed=900 + i) + 0.3, draw(3, seed=950 + i)
        items.append({"domain": domain, "chosen": chosen, "rejected": rejected})
    items[1]["rejected"] = items[1]["chosen"].clone()  # ties count as wrong

    def matrix(group):
        wins = torch.stack([(x["chosen"].unsqueeze(1) > x["rejected"].unsqueeze(0)).double() for x in group])
        m = wins.mean(0)
        upper, lower = torch.triu(torch.ones(3, 3), 1).bool(), torch.tril(torch.ones(3, 3), -1).bool()
        return {"matrix": m, "hard": m[upper].mean(), "normal": m.diagonal().mean(), "easy": m[lower].mean()}

    merged = {}
    for name in ("chat", "code", "math", "safety"):
        merged[name] = matrix([x for x in items if x["domain"].startswith(name)])
    overall = torch.stack([torch.stack([v["hard"], v["normal"], v["easy"]]).mean() for v in merged.values()]).mean()
    # pairwise judges: one game in each order; +1 for the right answer, -1 for the wrong one, correct if the sum is > 0
    votes = [("A>B", "A>B", "A>B"), ("A>B", "A>B", "B>A"), ("B>A", "B>A", "A=B"), ("A>B", "A=B", "A=B"), ("B>A", "A>B", "A>B")]
    judged = []
    for label, first, second in votes:
        total = sum(0 if v == "A=B" else 1 if v == label else -1 for v in (first, second))
        judged.append({"label": label, "games": [first, second], "correct": total > 0})
    save("evaluation", {"rm_bench": {"items": items, "domains": merged, "overall": overall},
                        "judge_bench": {"note": "second game already turned back to the order A, B", "items": judged,
                                        "accuracy": sum(j["correct"] for j in judged) / len(judged)}})


if __name__ == "__main__":
    pair_fixtures()
    unpaired_fixtures()
    reference_free_fixtures()
    token_fixtures()
    match_fixtures()
    distillation_fixtures()
    group_fixtures()
    head_fixtures()
    decoding_fixtures()
    evaluation_fixtures()
    for name, worst in LOG:
        print(f"{worst:.1e}  {name}")
