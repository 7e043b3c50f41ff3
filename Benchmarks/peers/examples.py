# SPDX-License-Identifier: Apache-2.0
"""Random prompts with an answer of which the last half is one number: Sources/dist2-bench/TrainingStep.swift's."""

import torch
import torch.nn.functional as F

from . import positions


def make(count, length, answer, digit_ids, vocabulary):
    """ids `[count, length]`, labels with -100 outside the answer."""
    torch.manual_seed(1)
    ids = torch.randint(0, vocabulary, [count, length])
    number = slice(length - answer // 2, length)
    ids[:, number] = digit_ids[ids[:, number] % 10]
    labels = ids.clone()
    labels[:, : length - answer] = -100
    return ids, labels


class AuthorLoss:
    """Cross entropy of the answer + 0.1 x distance loss, as the method's public code has it: logits of all positions,
    gathered at the digits, weights by the rank of a digit in its number."""

    def __init__(self, digit_ids, vocabulary):
        self.digit_ids = digit_ids
        self.table = positions.target_table(10)
        self.candidate = torch.full([vocabulary], -1)
        self.candidate[digit_ids] = torch.arange(10)

    def __call__(self, logits, labels):
        logits, labels = logits[:, :-1], labels[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        candidate = torch.where(labels < 0, -1, self.candidate[labels.clamp(min=0)])
        isDigit = candidate >= 0
        # Rank from the right inside the run of digits that ends the answer.
        ranks = isDigit.flip(-1).cumsum(-1).flip(-1)[isDigit].float()
        gathered = logits[isDigit][:, self.digit_ids]
        return loss + positions.ALPHA * positions.distance_loss(gathered, self.table[candidate[isDigit]], ranks)
