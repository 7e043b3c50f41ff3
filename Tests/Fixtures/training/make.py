# SPDX-License-Identifier: Apache-2.0
"""Reference values for Tests/TrainingTests, written by PyTorch and transformers.

    python make.py

Versions: torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. Writes beside itself:
  schedules.json         factors of transformers' schedules with warm-up
  adamw.safetensors      parameters, gradients and twelve steps of torch.optim.AdamW (float32; bfloat16 by masters)
  toy.json               examples; losses, gradient norms and learning rates of ten training steps
  toy.safetensors        the toy model's weights before and after, float64
  order.json             orders of a shuffled data set, by an implementation of SplitMix64 of its own
"""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import get_scheduler

HERE = pathlib.Path(__file__).parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


# --- schedules -------------------------------------------------------------------------------------------------
def schedules():
    cases = []
    for shape in ["constant_with_warmup", "linear", "cosine"]:
        for warm_up, total in [(0, 7), (3, 10), (10, 10), (1, 1)]:
            parameter = torch.nn.Parameter(torch.zeros(1))
            optimizer = torch.optim.SGD([parameter], lr=1.0)
            schedule = get_scheduler(shape, optimizer, num_warmup_steps=warm_up, num_training_steps=total)
            factors = []
            for _ in range(total + 1):
                factors.append(schedule.get_last_lr()[0])
                optimizer.step()
                schedule.step()
            cases.append({"shape": shape.split("_")[0], "warmUp": warm_up, "total": total, "factors": factors})
    write("schedules.json", cases)


# --- AdamW -----------------------------------------------------------------------------------------------------
def adamw():
    torch.manual_seed(1)
    steps, shapes = 12, {"a": [3, 5], "b": [7], "c": [2, 2, 2]}
    out = {}
    for dtype, tag in [(torch.float32, "f32"), (torch.bfloat16, "bf16")]:
        initial = {k: torch.randn(s) for k, s in shapes.items()}
        gradients = {k: [(torch.randn(s) * 10 ** torch.randn(s)).to(dtype) for _ in range(steps)]
                     for k, s in shapes.items()}
        masters = {k: torch.nn.Parameter(v.clone()) for k, v in initial.items()}
        # b is a vector: no decay, a tenth of the learning rate.
        optimizer = torch.optim.AdamW(
            [{"params": [masters["a"], masters["c"]], "weight_decay": 0.1},
             {"params": [masters["b"]], "weight_decay": 0.0, "lr": 1e-3}],
            lr=1e-2, betas=(0.9, 0.95), eps=1e-7)
        for step in range(steps):
            for k, parameter in masters.items():
                # c gets no gradient in every third step: torch then leaves parameter and state alone.
                parameter.grad = None if k == "c" and step % 3 == 2 else gradients[k][step].float()
            optimizer.step()
        for k in shapes:
            out[f"{tag}.initial.{k}"] = initial[k]
            out[f"{tag}.gradients.{k}"] = torch.stack(gradients[k])
            out[f"{tag}.master.{k}"] = masters[k].detach()
            out[f"{tag}.final.{k}"] = masters[k].detach().to(dtype)
            out[f"{tag}.first.{k}"] = optimizer.state[masters[k]]["exp_avg"]
            out[f"{tag}.second.{k}"] = optimizer.state[masters[k]]["exp_avg_sq"]
    save_file({k: v.contiguous().clone() for k, v in out.items()}, HERE / "adamw.safetensors")


# --- ten steps of a toy ----------------------------------------------------------------------------------------
V, H, TAU, ALPHA = 16, 12, 2.0, 0.1
DIGITS = list(range(2, 12))


class Toy(torch.nn.Module):
    """Embedding, one head of causal attention with a residual, RMSNorm, a head of its own."""

    def __init__(self):
        super().__init__()
        normal = lambda *s: torch.nn.Parameter(torch.randn(*s, dtype=torch.float64) * 0.3)
        self.embedding, self.head, self.bias = normal(V, H), normal(V, H), normal(V)
        self.q, self.k, self.v, self.o = normal(H, H), normal(H, H), normal(H, H), normal(H, H)
        self.norm = torch.nn.Parameter(torch.ones(H, dtype=torch.float64))

    def forward(self, ids):
        x = self.embedding[ids]
        a = F.scaled_dot_product_attention(
            (x @ self.q.T)[:, None], (x @ self.k.T)[:, None], (x @ self.v.T)[:, None], is_causal=True)[:, 0]
        x = x + a @ self.o.T
        return F.rms_norm(x, (H,), self.norm, 1e-6) @ self.head.T + self.bias


def examples(count, generator):
    """A prompt of letters (12–14), an answer of one to four digits and an end token (1); digits are metric tokens."""
    pick = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))
    result = []
    for number in range(count):
        prompt = [pick(12, 15) for _ in range(pick(2, 7))]
        digits = [pick(0, 10) for _ in range(pick(1, 5))]
        ids = prompt + [DIGITS[d] for d in digits] + [1]
        metrics = [
            {"position": len(prompt) + i, "metric": 0, "candidate": d, "number": 0,
             "place": {"rankInNumber": len(digits) - i, "rankInRun": len(digits) - i, "exponent": len(digits) - 1 - i}}
            for i, d in enumerate(digits)]
        result.append({"ids": ids, "supervised": [False] * len(prompt) + [True] * (len(digits) + 1),
                       "metrics": metrics, "source": f"toy line {number + 1}"})
    return result


def losses(model, batch):
    """CE over all supervised tokens / N, and KL to the targets weighted by place / Σw."""
    ce, distance, n, weight = 0.0, 0.0, 0, 0.0
    values = torch.arange(10, dtype=torch.float64)
    for e in batch:
        logits = model(torch.tensor([e["ids"]]))[0]
        for t, learnt in enumerate(e["supervised"]):
            if learnt:
                ce, n = ce - logits[t - 1].log_softmax(0)[e["ids"][t]], n + 1
        for m in e["metrics"]:
            p = (-(values - m["candidate"]) ** 2 / TAU).softmax(0)
            q = logits[m["position"] - 1][DIGITS].log_softmax(0)
            w = m["place"]["rankInNumber"]
            distance, weight = distance + w * (p * (p.log() - q)).sum(), weight + w
    return ce / n, distance / weight


def toy():
    generator = torch.Generator().manual_seed(2)
    torch.manual_seed(3)
    data, model = examples(14, generator), Toy()
    initial = {k: v.detach().clone() for k, v in model.named_parameters()}
    decayed = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=0.01)
    schedule = get_scheduler("cosine", optimizer, num_warmup_steps=2, num_training_steps=10)
    log = []
    batch, per_epoch = 4, 4  # the last step of an epoch has two examples
    for step in range(10):
        start = step % per_epoch * batch
        ce, distance = losses(model, data[start:start + batch])
        loss = ce + ALPHA * distance
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.9)
        log.append({"loss": loss.item(), "ce": ce.item(), "dist": distance.item(), "norm": norm.item(),
                    "learningRate": schedule.get_last_lr()[0]})
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        ce, distance = losses(model, data)
    write("toy.json", {"examples": data, "steps": log, "validation": {"ce": ce.item(), "dist": distance.item()}})
    out = {f"initial.{k}": v for k, v in initial.items()}
    out |= {f"final.{k}": v.detach() for k, v in model.named_parameters()}
    save_file(out, HERE / "toy.safetensors")


# --- order -----------------------------------------------------------------------------------------------------
MASK = (1 << 64) - 1


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def order(count, seed, epoch):
    state = 0
    for part in (seed, epoch):
        state = mix((state + 0x9E3779B97F4A7C15 + mix(part)) & MASK)
    items = list(range(count))
    for last in range(count - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        other = mix(state) * (last + 1) >> 64
        items[last], items[other] = items[other], items[last]
    return items


def orders():
    write("order.json", [{"count": c, "seed": str(s), "epoch": e, "order": order(c, s, e)}
                         for c, s, e in [(1, 0, 0), (10, 0, 0), (10, 0, 1), (10, MASK, 0), (37, 42, 7)]])


if __name__ == "__main__":
    torch.set_num_threads(1)
    schedules()
    adamw()
    toy()
    orders()
