# SPDX-License-Identifier: Apache-2.0
"""Sums of a vector over processes by torch.distributed on Gloo: Sources/dist2-bench/Processes.swift's."""

import torch
import torch.distributed as dist

from . import processes


def run(worker, settings):
    processes.join(settings)
    vector, few, repeat = torch.zeros(int(settings["bytes"]) // 4), torch.ones(4), int(settings["repeat"])

    def work():
        for _ in range(repeat):
            dist.all_reduce(vector)
        few.fill_(1)
        dist.all_reduce(few)
        return few.mean().item()

    worker.serve(work)
    dist.destroy_process_group()
