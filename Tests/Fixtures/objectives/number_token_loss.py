# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of the number token losses, from the package `ntloss` itself.

    python Tests/Fixtures/objectives/number_token_loss.py      # ntloss 0.3.2, torch 2.13.0; writes number_token_loss.json beside itself

The package wants a tokenizer for its vocabulary only, so a dictionary is dressed up as one. It finds number tokens by
their labels; it averages over them (sum of weighted losses / sum of weights), as dist2 does.
"""

import json
import pathlib

import torch
from ntloss import NTLoss, NTLossDotProduct

torch.set_default_dtype(torch.float64)

V, N = 17, 9
DIGITS = [12, 3, 5, 0, 9, 14, 2, 7, 16, 1]
GRADES = [(4, "0"), (11, "1"), (15, "1.5"), (8, "4"), (2, "-3.25")]


class Vocabulary(dict):
    """A tokenizer, as far as ntloss looks."""

    def get_vocab(self):
        return dict(self)

    def add_tokens(self, tokens):
        return sum(token not in self for token in tokens)


def vocabulary(numbers):
    taken = dict(numbers)
    return Vocabulary({taken.get(i, f"word{i}"): i for i in range(V)})


def sequence(count, seed, scale):
    """Numbers of (-scale/2, scale/2) that look random and that any language computes alike."""
    return [(((k + 1) * 7919 + seed * 104729) % 10007) / 10007 * scale - scale / 2 for k in range(count)]


def main():
    cases = []
    for space, numbers, labels in [
        ("digits", [(i, str(d)) for d, i in enumerate(DIGITS)], [12, 13, 3, 5, 0, 7, 16, 10, 1]),
        ("grades", GRADES, [4, 13, 11, 15, 8, 8, 2, 10, 0]),
    ]:
        for loss, reweigh, squash, weighted in [
            ("expectedDistance", False, None, False), ("expectedDistance", True, None, False),
            ("expectedDistance", False, 3.0, False), ("expectedDistance", True, 3.0, False),
            ("expectedDistance", True, None, True), ("squaredMean", False, None, False),
            ("squaredMean", True, None, False), ("squaredMean", False, None, True),
        ]:
            kind, extra = (NTLoss, {"squash_factor": squash}) if loss == "expectedDistance" else (NTLossDotProduct, {})
            function = kind(vocabulary(numbers), digit_level=space == "digits", reweigh=reweigh, **extra)
            logits = torch.tensor(sequence(N * V, 1, 8.0)).view(1, N, V).requires_grad_()
            # Powers of ten and back: what place weights look like.
            weights = torch.tensor([[10.0 ** -(i % 3) for i in range(N)]]) if weighted else None
            value = function(logits, torch.tensor([labels]), loss_weights=weights)
            value.backward()
            cases.append({
                "space": space, "divergence": loss, "reweigh": reweigh, "weighted": weighted, "labels": labels,
                "distances": function.dist_lookup.tolist() if squash else None,
                "order": function.number_token_ids.tolist(), "value": value.item(),
                "gradient": [float(f"{x:.15g}") for x in logits.grad.flatten().tolist()],
            })
    out = {
        "V": V, "N": N, "cases": cases,
        "spaces": {"digits": {"ids": DIGITS, "values": list(range(10))},
                   "grades": {"ids": [i for i, _ in GRADES], "values": [float(v) for _, v in GRADES]}},
    }
    path = pathlib.Path(__file__).with_name("number_token_loss.json")
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(f"{len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
