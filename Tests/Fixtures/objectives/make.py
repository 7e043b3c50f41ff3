# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of every objective, from the paper's formulas written out with PyTorch.

    python Tests/Fixtures/objectives/make.py        # torch 2.13.0, scipy 1.17; writes objectives.json beside itself

Deliberately naive: one loop per metric token, one softmax per loop, float64, autograd. Nothing here knows how the
Swift code computes. Inputs are exact fractions from `sequence`, which the Swift test repeats.
"""

import itertools
import json
import math
import pathlib

import torch
from scipy.optimize import brentq

torch.set_default_dtype(torch.float64)


def sequence(count, seed, scale):
    """Numbers of (-scale/2, scale/2) that look random and that any language computes alike."""
    return [(((k + 1) * 7919 + seed * 104729) % 10007) / 10007 * scale - scale / 2 for k in range(count)]


V, N, NC, H = 17, 6, 4, 3

SPACES = {
    "digits": {"unit": "digit", "ids": [12, 3, 5, 0, 9, 14, 2, 7, 16, 1], "values": list(range(10))},
    "grades": {"unit": "number", "ids": [4, 11, 15, 8], "values": [0, 1, 1.5, 4]},
    "massless": {"unit": "digitRun", "ids": [4, 6, 11, 10, 15], "values": [0, 0, 1, 2, 2], "base": [1, 0, 1, 1, 0]},
    "shared": {"unit": "digitRun", "ids": [4, 6, 11, 10, 15], "values": [0, 0, 1, 2, 2],
               "base": [0.5, 0.5, 1, 0.5, 0.5]},
    "labels": {"unit": "token", "ids": [4, 11, 15, 8]},
    "codes": {"unit": "token", "ids": [13, 6, 10, 4, 11, 15, 8]},
}
CODES = sequence(7 * 3, 5, 2.0)
TABLE = [[0, 1, 2.5, 7], [1.5, 0, 0.25, 3], [2, 1, 0, 0.5], [4, 4, 4, 0]]

# 0.123 with the neighbour 0.119 (|x - x̄| = 0.004), then a lone 7 without a neighbour; '.' is token 13.
D = SPACES["digits"]["ids"]
NUMBER = {
    "labels": [D[0], 13, D[1], D[2], D[3], D[7]],
    "metrics": [
        {"logitRow": q, "metric": 0, "candidate": c, "place": p, "contrast": x}
        for q, c, p, x in [
            (0, 0, [4, 1, 0], [D[0], 0, 0]), (2, 1, [3, 3, -1], [D[1], 0, 1]), (3, 2, [2, 2, -2], [D[1], 0, 2]),
            (4, 3, [1, 1, -3], [D[9], 4, 3]), (5, 7, [1, 1, 0], None),
        ]
    ],
}
# Two metrics: digits at 0 and 2, a second space at 1, 3 and 5 (with a neighbour at 3).
def mixed(ids):
    whole = [1, 1, 0]
    return {
        "labels": [D[4], ids[1], D[0], ids[2], 13, ids[3]],
        "metrics": [
            {"logitRow": 0, "metric": 0, "candidate": 4, "place": [2, 2, 1], "contrast": [D[3], 0, 0]},
            {"logitRow": 1, "metric": 1, "candidate": 1, "place": whole, "contrast": None},
            {"logitRow": 2, "metric": 0, "candidate": 0, "place": [1, 1, 0], "contrast": [D[9], 1, 1]},
            {"logitRow": 3, "metric": 1, "candidate": 2, "place": whole, "contrast": [ids[1], 0.5, 2]},
            {"logitRow": 5, "metric": 1, "candidate": 3, "place": whole, "contrast": None},
        ],
    }


def distance(name, space, x, y):
    values = space.get("values")
    if name == "squared":
        return (values[x] - values[y]) ** 2
    if name == "absolute":
        return abs(values[x] - values[y])
    if name == "circular":
        way = abs(values[x] - values[y])
        return min(way, 10 - way)
    if name == "discrete":
        return float(values[x] != values[y] if values else x != y)
    if name == "table":
        return TABLE[x][y]
    a, b = (torch.tensor(CODES[3 * i:3 * i + 3]).float().double() for i in (x, y))
    if name == "cosine":
        return 0.0 if x == y else (1 - (a @ b) / (a.norm() * b.norm())).item()
    if name == "euclidean":
        return (a - b).norm().item()
    if name == "meanSquared":
        return ((a - b) ** 2).mean().item()
    raise ValueError(name)


def soften(distances, base, tau):
    """Equation 4 with a base measure; tau = 0 is the limit."""
    nearest = min(d for d, q in zip(distances, base) if q > 0)
    if tau == 0:
        weights = [q if d == nearest else 0.0 for d, q in zip(distances, base)]
    else:
        weights = [q * math.exp(-(d - nearest) / tau) for d, q in zip(distances, base)]
    return [w / sum(weights) for w in weights]


def perplexity(p):
    return math.exp(-sum(x * math.log(x) for x in p if x > 0))


def temperature(spec, rows, base, x):
    kind, k = spec
    if kind == "value":
        return k
    if kind == "labelSmoothing":
        m = len(base)
        # Solve the identity for tau rather than trust its inverse.
        return brentq(lambda t: m * math.exp(-1 / t) / (1 + (m - 1) * math.exp(-1 / t)) - k, 1e-2, 1e3, xtol=1e-15)
    if kind == "perplexity":
        mean = lambda t: sum(perplexity(soften(r, base, t)) for r in rows) / len(rows)
        return brentq(lambda t: mean(t) - k, 1e-3, 1e4, xtol=1e-14, rtol=1e-14)
    if kind == "rowPerplexity":
        return brentq(lambda t: perplexity(soften(rows[x], base, t)) - k, 1e-3, 1e4, xtol=1e-14, rtol=1e-14)


def place_weight(rule, place):
    rank, run, exponent = place
    return {"none": 1, "number": rank, "run": run, "powerOfTen": 10.0 ** exponent}[rule]


def match_loss(match, case, logits, contrast):
    """Sum of w·KL over the metric tokens of one match."""
    space = SPACES[match["space"]]
    ids, m = space["ids"], len(space["ids"])
    base = space.get("base", [1.0] * m)
    rows = [[distance(match["distance"], space, x, y) for y in range(m)] for x in range(m)]
    total = torch.zeros(())
    for target in case["metrics"]:
        if target["metric"] != match["metric"]:
            continue
        x, row = target["candidate"], logits[target["logitRow"]]
        tau = temperature(match["temperature"], rows, base, x)
        distances, measure = list(rows[x]), list(base)
        chosen, everything = [row[i] for i in ids], list(row)
        if match["contrast"] != "none" and target["contrast"]:
            token, difference, query = target["contrast"]
            if space["unit"] == "digit":
                distances.append(distance(match["distance"], space, 0, difference))
            else:
                distances.append(rows[x][ids.index(token)])
            measure.append(1.0)
            extra = contrast[query][token] if match["contrast"] == "twoPass" else row[token]
            chosen.append(extra)
            everything.append(extra)
        p = soften(distances, measure, tau)
        chosen, everything = torch.stack(chosen), torch.stack(everything)
        subset = torch.log_softmax(chosen, 0)
        full = chosen - torch.logsumexp(everything, 0)
        if match["direction"] == "forward":
            q = subset if match["softmax"] == "subset" else full
            kl = sum(pi * (math.log(pi) - qi) for pi, qi in zip(p, q) if pi > 0)
        else:
            kl = sum(qi.exp() * (qi - math.log(pi)) for pi, qi in zip(p, subset))
            if match["softmax"] == "vocabulary":
                kl = kl - torch.log(full.exp().sum())
        total = total + place_weight(match["place"], target["place"]) * kl
    return total


def divisors(case):
    """Equation 6 has one L_dist: the weights of the metric tokens of all metrics, each metric once."""
    own = case["denominators"][1:]
    if case["reduction"] == "literalSums":
        return [1] * len(own)
    if case["reduction"] == "meansPerMetric":
        return own
    metrics = [m["metric"] for m in case["distanceLosses"]]
    return [w + sum(own[metrics.index(other)] for other in set(metrics) - {metric}) for w, metric in zip(own, metrics)]


def evaluate(case, logits, contrast):
    labels = torch.tensor(case["labels"])
    n, weights = 1 if case["reduction"] == "literalSums" else case["denominators"][0], divisors(case)
    epsilon = case["labelSmoothing"]
    logp = torch.log_softmax(logits, 1)
    target = torch.full_like(logp, epsilon / logp.shape[1])
    target[torch.arange(len(labels)), labels] += 1 - epsilon
    ce = -(target * logp).sum() / n
    parts = [match_loss(m, case, logits, contrast) / w for m, w in zip(case["distanceLosses"], weights)]
    return ce, parts, ce + sum(m["weight"] * part for m, part in zip(case["distanceLosses"], parts))


def match(**changes):
    return {"space": "digits", "distance": "squared", "temperature": ["value", 2.0], "softmax": "subset",
            "direction": "forward", "place": "none", "contrast": "none", "weight": 0.1, "metric": 0} | changes


def weights_of(m, supervision):
    return sum(place_weight(m["place"], t["place"]) for t in supervision["metrics"] if t["metric"] == m["metric"])


CASES = []


def add(name, matches, supervision=NUMBER, label_smoothing=0.0, reduction="means", preset=None, hidden=False,
        denominators=None):
    denominators = denominators or [N] + [weights_of(m, supervision) for m in matches]
    CASES.append({"name": name, "distanceLosses": matches, **supervision, "labelSmoothing": label_smoothing,
                  "reduction": reduction, "preset": preset, "hidden": hidden, "denominators": denominators})


for softmax, direction, place, contrast in itertools.product(
        ["subset", "vocabulary"], ["forward", "reverse"], ["none", "number", "run", "powerOfTen"],
        ["none", "shared", "twoPass"]):
    add(f"{softmax} {direction} place={place} contrast={contrast}",
        [match(softmax=softmax, direction=direction, place=place, contrast=contrast)],
        hidden=place == "number" and direction == "forward")

for name in ["absolute", "circular", "discrete"]:
    add(f"distance {name}", [match(distance=name, temperature=["value", 1.5], contrast="twoPass")])
add("distance table", [match(), match(space="labels", distance="table", metric=1)], mixed(SPACES["labels"]["ids"]))
for name, tau in [("cosine", 0.3), ("euclidean", 0.5), ("meanSquared", 0.1)]:
    add(f"distance {name}",
        [match(), match(space="codes", distance=name, temperature=["value", tau], metric=1, softmax="vocabulary")],
        mixed(SPACES["codes"]["ids"]))

for spec in [["value", 0], ["value", 1e-3], ["value", 1e4], ["perplexity", 3.0], ["rowPerplexity", 2.5],
             ["labelSmoothing", 0.1], ["labelSmoothing", 0.5]]:
    name = "discrete" if spec[0] == "labelSmoothing" else "squared"
    for contrast in ["none", "twoPass"]:
        add(f"temperature {spec[0]} {spec[1]} contrast={contrast}",
            [match(distance=name, temperature=spec, contrast=contrast)])

for space in ["massless", "shared"]:
    for softmax in ["subset", "vocabulary"]:
        for contrast in ["none", "twoPass"]:
            add(f"duplicates {space} {softmax} contrast={contrast}",
                [match(), match(space=space, metric=1, softmax=softmax, contrast=contrast)],
                mixed(SPACES[space]["ids"]))

for contrast in ["none", "shared", "twoPass"]:
    add(f"two metrics contrast={contrast}",
        [match(place="number", contrast=contrast),
         match(space="grades", distance="absolute", temperature=["value", 0.7], metric=1, weight=0.25,
               contrast=contrast)],
        mixed(SPACES["grades"]["ids"]))
add("two matches of one metric",
    [match(place="number"), match(distance="discrete", temperature=["value", 0], softmax="vocabulary", weight=0.3)])
# The same five digits as one metric, as three, and as three that are means of their own; the place weights differ.
split = NUMBER | {"metrics": [t | {"metric": i % 3} for i, t in enumerate(NUMBER["metrics"])]}
for reduction in ["means", "meansPerMetric", "literalSums"]:
    add(f"one metric of five digits {reduction}", [match(place="number")], reduction=reduction, hidden=True)
    add(f"three metrics of five digits {reduction}", [match(place="number", metric=i) for i in range(3)], split,
        reduction=reduction, hidden=True)
add("three metrics with factors", [match(place="number", metric=i, weight=0.1 * (i + 1)) for i in range(3)], split)
add("three metrics in a part of a step", [match(metric=i, softmax="vocabulary") for i in range(3)], split,
    denominators=[25, 11, 7, 3])
add("literal sums", [match(place="number", contrast="twoPass")], reduction="literalSums")
add("label smoothing of cross entropy", [match()], label_smoothing=0.2)
add("part of a step", [match(place="number")], denominators=[25, 61])

full = match(place="number", contrast="twoPass")
smooth = {"distance": "discrete", "temperature": ["labelSmoothing", 0.1]}
add("sft", [], preset="sft", hidden=True)
add("vocab", [match(distance="discrete", temperature=["value", 0])], preset="vocab", hidden=True)
add("dist", [full], preset="dist", hidden=True)
add("smooth", [full | smooth], preset="smooth")
add("smoothVocabulary", [], label_smoothing=0.1, preset="smoothVocabulary")
add("distWithoutPlace", [full | {"place": "none"}], preset="distWithoutPlace")
add("distWithoutContrast", [full | {"contrast": "none"}], preset="distWithoutContrast")


def rounded(tensor):
    """17 significant digits say a double exactly; 15 leave an error far below the tests' tolerance."""
    return [float(f"{x:.15g}") for x in tensor.flatten().tolist()]


def main():
    for case in CASES:
        if case["hidden"]:
            hidden = torch.tensor(sequence(N * H, 1, 4.0)).view(N, H).requires_grad_()
            other = torch.tensor(sequence(NC * H, 2, 4.0)).view(NC, H).requires_grad_()
            weight = torch.tensor(sequence(V * H, 3, 3.0)).view(V, H).requires_grad_()
            bias = torch.tensor(sequence(V, 4, 2.0)).requires_grad_()
            inputs = {"hidden": hidden, "contrastHidden": other, "weight": weight, "bias": bias}
            logits, contrast = hidden @ weight.T + bias, other @ weight.T + bias
        else:
            logits = torch.tensor(sequence(N * V, 1, 8.0)).view(N, V).requires_grad_()
            contrast = torch.tensor(sequence(NC * V, 2, 8.0)).view(NC, V).requires_grad_()
            inputs = {"logits": logits, "contrastLogits": contrast}
        ce, parts, total = evaluate(case, logits, contrast)
        gradients = torch.autograd.grad(total, list(inputs.values()), allow_unused=True)
        case["lossTerms"] = rounded(torch.stack([ce] + parts))
        case["total"] = total.item()
        case["gradients"] = {k: rounded(g) for k, g in zip(inputs, gradients) if g is not None and g.abs().max() > 0}

    out = {"V": V, "N": N, "NC": NC, "H": H, "spaces": SPACES, "codes": CODES, "table": TABLE, "cases": CASES}
    path = pathlib.Path(__file__).with_name("objectives.json")
    path.write_text(json.dumps(out, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(f"{len(CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
