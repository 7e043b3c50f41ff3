# SPDX-License-Identifier: Apache-2.0
"""Projection and loss from hidden states, forward and backward.

method=chunked    torch.nn.functional.linear_cross_entropy in chunks of 128, cross entropy alone
method=gathered   linear, cross_entropy, and the distance loss on the gathered logits of the candidates
"""

import torch
import torch.nn.functional as F

from . import positions


def run(worker, settings):
    n, h, v = (int(settings.get(key, value)) for key, value in (("n", 512), ("h", 512), ("v", 128256)))
    torch.manual_seed(0)
    hidden = torch.randn(n, h).requires_grad_()
    weight = (torch.randn(v, h).mul_(0.05)).requires_grad_()
    labels, rows, digits, weights = positions.mark(torch.randint(0, v, [n]), int(settings.get("every", 10)), 10)
    ids, targets = torch.arange(100, 110), positions.target_table(10)[digits]
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=128)

    def chunked():
        loss = F.linear_cross_entropy(hidden, weight, labels, options=options)
        loss.backward()
        return loss

    def gathered():
        logits = F.linear(hidden, weight)
        loss = F.cross_entropy(logits, labels)
        total = loss + positions.ALPHA * positions.distance_loss(logits[rows[:, None], ids], targets, weights)
        total.backward()
        return loss

    method = {"chunked": chunked, "gathered": gathered}[settings["method"]]

    def work():
        loss = method().item()
        hidden.grad = weight.grad = None
        return loss

    worker.serve(work)
