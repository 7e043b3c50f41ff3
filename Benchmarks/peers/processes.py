# SPDX-License-Identifier: Apache-2.0
"""The processes that share a worker's work: settings rank, size and port, as the suite gives them."""

import torch.distributed as dist


def join(settings):
    """Rank and number of processes, once all are there."""
    rank, size = int(settings["rank"]), int(settings["size"])
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{settings['port']}", rank=rank, world_size=size)
    return rank, size
