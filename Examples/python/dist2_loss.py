# SPDX-License-Identifier: Apache-2.0
"""dist2's fused loss in PyTorch: cross entropy + alpha x distance, without the logits of all positions in memory.

    loss_of = Dist2Loss(digit_ids)                              # token ids of "0" ... "9"
    loss = loss_of(hidden, model.lm_head.weight, labels)        # hidden [B, T, H], labels [B, T], -100 = not learnt

The operator is native code on the CPU; `make native` builds it into .native/libctorch.so. It projects hidden states in
chunks and has its gradients ready after the forward pass, so it replaces the model's head, not its loss alone. On other
devices and for other types it is composed of torch's own operators.
"""

import os
import pathlib

import torch


def load(library=None):
    """Registers torch.ops.dist2. `library` or DIST2_OPS names the file if it is not in this checkout's .native.

    Returns the file's path.
    """
    standard = pathlib.Path(__file__).resolve().parents[2] / ".native/libctorch.so"
    path = str(library or os.environ.get("DIST2_OPS") or standard)
    torch.ops.load_library(path)
    return path


class Dist2Loss:
    """L_CE + alpha · Σ w·KL(p ‖ q) / Σ w over the labels that are metric tokens; equations 4 to 6 and 9 of the paper.

    token_ids: the candidates, values: their values. Target p ∝ exp(-(v - x)² / tau); q is the model's softmax over the
    candidates (`over_vocabulary`: over all tokens). With `place_weights`, w is a digit's rank from the right in its
    unbroken run of candidates; otherwise 1.
    """

    def __init__(
        self, token_ids, values=None, alpha=0.1, tau=2.0, place_weights=True, over_vocabulary=False, library=None
    ):
        load(library)
        self.token_ids = torch.as_tensor(token_ids)
        values = torch.arange(len(self.token_ids)) if values is None else torch.as_tensor(values)
        distances = (values[:, None] - values[None]).double() ** 2
        self.targets = torch.softmax(-distances / tau, -1)
        self.alpha, self.place_weights, self.over_vocabulary = alpha, place_weights, over_vocabulary

    def __call__(self, hidden, weight, labels, bias=None):
        """hidden [B, T, H] before the head, weight [V, H], labels [B, T] as in transformers (shifted here)."""
        labels = labels[:, 1:]
        supervised = labels != -100
        chosen = labels[supervised]  # [N]
        matches = chosen[:, None] == self.token_ids
        rows = matches.any(-1).nonzero()[:, 0]
        weights = self.weights(labels)[supervised][rows]
        total, self.sums = torch.ops.dist2.linear_cross_entropy_distance(
            hidden[:, :-1][supervised],
            weight,
            bias,
            chosen,
            [self.token_ids],
            [rows],
            [weights / weights.sum()],
            [matches[rows].long().argmax(-1)],
            [self.targets],
            [self.alpha],
            1 / max(1, len(chosen)),
            over_vocabulary=[self.over_vocabulary],
        )
        return total

    def weights(self, labels):
        """Rank of each metric label in its run, counted from the right, [B, T]; 0 elsewhere."""
        is_metric = torch.isin(labels, self.token_ids)
        if not self.place_weights:
            return is_metric.double()
        ranks = torch.zeros(labels.shape, dtype=torch.double)
        for place in range(labels.shape[1] - 1, -1, -1):
            after = ranks[:, place + 1] if place + 1 < labels.shape[1] else 0
            ranks[:, place] = (after + 1) * is_metric[:, place]
        return ranks
