# SPDX-License-Identifier: Apache-2.0
"""Random states and labels of a loss, some labels digits: the same as Sources/dist2-bench/Positions.swift."""

import torch
import torch.nn.functional as F

ALPHA, TAU = 0.1, 2.0


def mark(labels, every, candidates):
    """Replaces every so-manyth label by a digit. Returns labels, metric rows, their digits and weights."""
    rows = torch.arange(0, len(labels), every) if every else torch.arange(0)
    ordinal = torch.arange(len(rows))
    digits = ordinal % candidates
    labels = labels.clone()
    labels[rows] = 100 + digits
    return labels, rows, digits, (1 + ordinal % 4).float()


def target_table(candidates):
    """softmax(-d / tau) around every candidate, `[M, M]`; the paper's equation 4 with squared distance."""
    values = torch.arange(candidates).float()
    return F.softmax(-((values[:, None] - values) ** 2) / TAU, -1)


def distance_loss(logits, targets, weights):
    """KL(target || softmax over the candidates) with weights by place: the logits are gathered before."""
    divergence = F.kl_div(F.log_softmax(logits, -1), targets, reduction="none").sum(-1)
    return (weights * divergence).sum() / weights.sum()
