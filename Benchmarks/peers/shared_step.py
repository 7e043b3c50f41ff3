# SPDX-License-Identifier: Apache-2.0
"""A training step shared by processes: the loop of step.py's `kept` on Gloo.

With DistributedDataParallel gradients are views of the buckets that are summed, and the graph is said to be the same in every
step: what its documentation recommends. shard=parameters: with FSDP2's fully_shard of each layer and the rest. Each process has
its part of the rows. All answers are of one length, so that the mean of the processes' losses is the whole batch's.
"""

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from . import examples, processes
from .step import RATE, load


def replicated(model):
    return torch.nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)


def sharded(model, size):
    mesh = init_device_mesh("cpu", (size,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def run(worker, settings):
    rank, size = processes.join(settings)
    model, _, digit_ids = load(settings)
    batch, length, answer = int(settings["batch"]), int(settings["length"]), int(settings.get("answer", 8))
    ids, labels = examples.make(batch * 8, length, answer, digit_ids, model.config.vocab_size)
    loss_of = examples.AuthorLoss(digit_ids, model.config.vocab_size)
    model.train()
    shared = sharded(model, size) if settings.get("shard") == "parameters" else replicated(model)
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
