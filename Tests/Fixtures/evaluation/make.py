# SPDX-License-Identifier: Apache-2.0
"""What transformers, numpy and scipy make of decoding, scoring and metrics.

    python Tests/Fixtures/evaluation/make.py

Made with torch 2.13.0, transformers 5.23.0, numpy 2.4.6, scipy 1.17.1. Uses the tiny random checkpoints of
Tests/Fixtures/llama. Writes `decoding.json` and `metrics.json` beside this file.
"""
import itertools
import json
from pathlib import Path

import numpy as np
import scipy.stats
import torch
from transformers import (AutoModelForCausalLM, LogitsProcessorList, MinPLogitsWarper, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)

HERE = Path(__file__).parent
CHECKPOINTS = ["gqa-llama3", "mha-biases", "headdim-tied"]
DIGITS, POINT, END = list(range(20, 30)), 30, 31  # token ids that play digits, point and end


def load(name):
    return AutoModelForCausalLM.from_pretrained(
        HERE.parent / "llama" / name, dtype=torch.float32, attn_implementation="eager").eval()


def log_probabilities(model, ids):
    """Of the next token, from one plain pass."""
    return torch.log_softmax(model(torch.tensor([ids])).logits[0, -1].double(), -1)


def prompts(model, generator, count):
    lengths = [1, 9, 4, 12, 4, 7][:count]
    return [torch.randint(0, model.config.vocab_size, (n,), generator=generator).tolist() for n in lengths]


def greedy(name):
    """Greedy continuations one by one; prompts where two tokens nearly tie are drawn again."""
    model, generator, cases = load(name), torch.Generator().manual_seed(5), []
    while len(cases) < 6:
        prompt = prompts(model, generator, 6)[len(cases)]
        ids = torch.tensor([prompt])
        out = model.generate(  # without a mask it would take token 0 for padding
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False, eos_token_id=None, pad_token_id=0,
            output_logits=True, return_dict_in_generate=True)
        logits = torch.stack(out.logits, 1)[0].double()
        best = logits.topk(2).values
        if (best[:, 0] - best[:, 1]).min() < 1e-2:
            continue
        ids = out.sequences[0, len(prompt):].tolist()
        logs = torch.log_softmax(logits, -1)[range(len(ids)), ids]
        cases.append(dict(prompt=prompt, ids=ids, logProbabilities=logs.tolist()))
    return dict(checkpoint=name, cases=cases)


def likelihoods(name):
    model, generator = load(name), torch.Generator().manual_seed(6)
    items, expected = [], []
    for prompt, rest in zip(prompts(model, generator, 6), reversed(prompts(model, generator, 6))):
        items.append(dict(prompt=prompt, ids=rest))
        expected.append([log_probabilities(model, prompt + rest[:i])[t].item() for i, t in enumerate(rest)])
    return dict(checkpoint=name, items=items, expected=expected)


def numbers(name):
    """Probability of every "0.xy", and of every integer 0 ... 120 (with END where it could go on), by passes of its own."""
    model, generator, cases = load(name), torch.Generator().manual_seed(7), []
    for prompt in prompts(model, generator, 3):
        memory = {}

        def next_log(ids):
            key = tuple(ids)
            if key not in memory:
                memory[key] = log_probabilities(model, ids)
            return memory[key]

        def answer(ids):
            return sum(next_log(prompt + ids[:i])[t].item() for i, t in enumerate(ids))

        decimals = [answer([DIGITS[0], POINT, DIGITS[a], DIGITS[b]])
                    for a, b in itertools.product(range(10), range(10))]
        integers = [answer([DIGITS[int(c)] for c in str(n)] + ([END] if n < 100 else [])) for n in range(121)]
        cases.append(dict(prompt=prompt, decimals=decimals, integers=integers))
    return dict(checkpoint=name, cases=cases)


def filters():
    torch.manual_seed(8)
    logits = torch.randn(3, 40) * 2
    settings = [dict(temperature=t, topK=k, topP=p, minP=m)
                for t in (1.0, 0.6, 1.7) for k in (None, 1, 7, 100) for p in (None, 0.05, 0.8, 1.0)
                for m in (None, 0.1)]
    cases = []
    for s in settings:
        chain = LogitsProcessorList()
        if s["temperature"] != 1:
            chain.append(TemperatureLogitsWarper(s["temperature"]))
        if s["topK"]:
            chain.append(TopKLogitsWarper(s["topK"]))
        if s["topP"] and s["topP"] < 1:
            chain.append(TopPLogitsWarper(s["topP"]))
        if s["minP"]:
            chain.append(MinPLogitsWarper(s["minP"]))
        p = torch.softmax(chain(torch.zeros(3, 1, dtype=torch.long), logits.clone()).double(), -1)
        cases.append({k: v for k, v in s.items() if v is not None}
                     | dict(probabilities=[[round(x, 9) for x in row] for row in p.tolist()]))
    return dict(logits=logits.tolist(), cases=cases)


def distributions(rng):
    cases = []
    for n in (1, 2, 7, 40):
        values = np.round(rng.choice(np.arange(-50, 50), n, replace=False) / 8, 3)
        weights = rng.dirichlet(np.full(n, 0.7))
        spread = np.abs(values[:, None] - values[None]) @ weights @ weights
        truths = np.concatenate([rng.uniform(-8, 8, 4), values[:1], [-20, 20]])
        shares = [0.05, 0.25, 0.5, 0.77, 0.95]
        cases.append(dict(
            values=values.tolist(), probabilities=weights.tolist(), truths=truths.tolist(),
            crps=[float(np.abs(values - y) @ weights - spread / 2) for y in truths],
            mean=float(np.average(values, weights=weights)),
            variance=float(np.cov(values, aweights=weights, ddof=0)) if n > 1 else 0.0,
            shares=shares,
            quantiles=np.quantile(values, shares, weights=weights, method="inverted_cdf").tolist()))
    return cases


def figures(rng):
    cases = []
    for n in (5, 60):
        truth = np.round(rng.normal(2, 3, n), 1)  # rounded: ties
        prediction = np.round(truth + rng.normal(0, 1.5, n), 1)
        truth[0] = 0.0
        error = prediction - truth
        nonzero = truth != 0
        cases.append(dict(
            truths=truth.tolist(), predictions=prediction.tolist(),
            mae=float(np.abs(error).mean()), rmse=float(np.sqrt((error ** 2).mean())),
            relativeError=float(np.abs(error[nonzero] / truth[nonzero]).mean()),
            r2=float(1 - (error ** 2).sum() / ((truth - truth.mean()) ** 2).sum()),
            spearman=float(scipy.stats.spearmanr(prediction, truth).statistic)))
    return cases


if __name__ == "__main__":
    with torch.no_grad():
        decoding = dict(
            digits=DIGITS, point=POINT, end=END, greedy=[greedy(n) for n in CHECKPOINTS],
            likelihoods=[likelihoods(n) for n in CHECKPOINTS[:2]], numbers=[numbers(n) for n in CHECKPOINTS[:2]],
            filters=filters())
    rng = np.random.default_rng(9)
    metrics = dict(distributions=distributions(rng), figures=figures(rng))
    for name, content in [("decoding", decoding), ("metrics", metrics)]:
        file = HERE / f"{name}.json"
        file.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(file.name, file.stat().st_size, "bytes")
