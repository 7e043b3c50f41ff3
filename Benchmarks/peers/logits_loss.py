# SPDX-License-Identifier: Apache-2.0
"""Loss from logits that are there, forward and backward.

method=ce         cross_entropy alone
method=gathered   cross_entropy and the distance loss on the gathered logits
"""

import torch
import torch.nn.functional as F

from . import positions


def run(worker, settings):
    n, v = int(settings.get("n", 512)), int(settings.get("v", 128256))
    torch.manual_seed(0)
    logits = torch.randn(n, v).requires_grad_()
    labels, rows, digits, weights = positions.mark(torch.randint(0, v, [n]), int(settings.get("every", 10)), 10)
    ids, targets = torch.arange(100, 110), positions.target_table(10)[digits]

    def work():
        loss = total = F.cross_entropy(logits, labels)
        if settings["method"] == "gathered":
            total = loss + positions.ALPHA * positions.distance_loss(logits[rows[:, None], ids], targets, weights)
        total.backward()
        logits.grad = None
        return loss.item()

    worker.serve(work)
