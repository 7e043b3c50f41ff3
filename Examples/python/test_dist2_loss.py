# SPDX-License-Identifier: Apache-2.0
"""The fused loss against the plain formula, values and gradients: python test_dist2_loss.py"""

import itertools

import torch
import torch.nn.functional as F

from dist2_loss import Dist2Loss

DIGITS = torch.arange(20, 30)


def plain(hidden, weight, labels, bias, alpha, tau, over_vocabulary):
    """Equations 3 to 6 and 9, from the logits of all positions, in float64."""
    logits = F.linear(hidden.double(), weight.double(), None if bias is None else bias.double())[:, :-1]
    labels = labels[:, 1:]
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    terms, weights = [], []
    for b, t in itertools.product(*map(range, labels.shape)):
        if not 20 <= labels[b, t] < 30:
            continue
        rank = 1
        while t + rank < labels.shape[1] and 20 <= labels[b, t + rank] < 30:
            rank += 1
        target = F.softmax(-((torch.arange(10) - (labels[b, t] - 20)).double() ** 2) / tau, -1)
        z = logits[b, t]
        log_q = z.log_softmax(-1)[DIGITS] if over_vocabulary else z[DIGITS].log_softmax(-1)
        terms.append(rank * (target * (target.log() - log_q)).sum())
        weights.append(rank)
    return loss + alpha * sum(terms) / sum(weights) if terms else loss


def case(name, shape, dtype=torch.float32, bias=False, frozen=False, upstream=1.0, digits=0.4, over_vocabulary=False,
         scale=1.0, tolerance=1e-5):
    batch, length, width, vocabulary = shape
    torch.manual_seed(0)
    hidden = (scale * torch.randn(batch, length, width)).to(dtype).requires_grad_()
    weight = torch.randn(vocabulary, width).mul(0.3).to(dtype).requires_grad_(not frozen)
    offset = torch.randn(vocabulary).to(dtype).requires_grad_() if bias else None
    labels = torch.randint(0, vocabulary, [batch, length])
    labels = torch.where(torch.rand(labels.shape) < digits, torch.randint(20, 30, labels.shape), labels)
    labels[torch.rand(labels.shape) < 0.3] = -100
    if digits == 0:
        labels[(labels >= 20) & (labels < 30)] = 5
    leaves = [t for t in (hidden, weight, offset) if t is not None and t.requires_grad]
    loss_of = Dist2Loss(DIGITS, alpha=0.3, tau=2.0, over_vocabulary=over_vocabulary)
    ours = loss_of(hidden, weight, labels, offset)
    theirs = plain(hidden, weight, labels, offset, 0.3, 2.0, over_vocabulary)
    pairs = [(ours, theirs)]
    pairs += zip(torch.autograd.grad(ours * upstream, leaves), torch.autograd.grad(theirs * upstream, leaves))
    worst = max(((a.double() - b.double()).abs().max() / b.double().abs().max().clamp(min=1e-12)) for a, b in pairs)
    assert worst <= tolerance, f"{name}: relative difference {worst:.2e}, at most {tolerance} allowed"
    print(f"{name}: largest relative difference {worst:.1e}")


case("a small batch", (3, 9, 16, 64))
case("odd sizes", (1, 41, 37, 401))
case("bias", (2, 7, 8, 50), bias=True)
case("frozen head", (2, 7, 8, 50), frozen=True)
case("upstream gradient", (2, 7, 8, 50), upstream=-2.5)
case("no metric token", (2, 7, 8, 50), digits=0)
case("softmax over the vocabulary", (2, 7, 8, 50), over_vocabulary=True)
case("large logits", (2, 7, 8, 50), scale=300.0)
case("bfloat16", (2, 9, 16, 64), dtype=torch.bfloat16, tolerance=1e-3)
