# SPDX-License-Identifier: Apache-2.0
"""A training step shared by processes: the loop of step.py's `kept` with DistributedDataParallel on Gloo.

Gradients are views of the buckets that are summed, and the graph is said to be the same in every step: what its
documentation recommends. Each process has its part of the rows. All answers are of one length, so that the mean of the
processes' losses is the whole batch's.
"""

import torch
import torch.distributed as dist

from . import examples, processes
from .step import RATE, load


def run(worker, settings):
    rank, size = processes.join(settings)
    model, _, digit_ids = load(settings)
    batch, length, answer = int(settings["batch"]), int(settings["length"]), int(settings.get("answer", 8))
    ids, labels = examples.make(batch * 8, length, answer, digit_ids, model.config.vocab_size)
    loss_of = examples.AuthorLoss(digit_ids, model.config.vocab_size)
    model.train()
    shared = torch.nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    step = 0

    def work():
        nonlocal step
        first = step * batch % len(ids)
        rows = slice(first + rank, first + batch, size)
        step += 1
        logits = shared(input_ids=ids[rows], logits_to_keep=answer + 1).logits
        loss = loss_of(logits, labels[rows][:, -logits.shape[1] :])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        mean = loss.detach() / size
        dist.all_reduce(mean)
        return mean.item()

    worker.serve(work)
    dist.destroy_process_group()
