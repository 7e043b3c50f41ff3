# SPDX-License-Identifier: Apache-2.0
"""Two processes of one machine that share a step, beside PyTorch's DistributedDataParallel and FSDP2; and the sum they
exchange."""

from .case import Case, Row
from .processes import KEEP

PROCESSES = 2
DDP = "ddp", "PyTorch DistributedDataParallel on Gloo, 2 processes, logits_to_keep, fused AdamW, memory kept by malloc"
FSDP = "fsdp2", "PyTorch FSDP2 (fully_shard) on Gloo, 2 processes, logits_to_keep, fused AdamW, memory kept by malloc"


def step(name, model, peer, goal=None, **more):
    """One step of 8 x 128: `name`_8x128_time_vs_torch_…, and its memory."""
    shape = {"model": model, "batch": 8, "length": 128, **more}
    workers = {
        "ours": ("ours", "step", {"clip": "none", **shape}, None, 240, PROCESSES),
        "theirs": ("peer", "shared-step", shape, KEEP, 240, PROCESSES),
    }
    short, words = peer
    rows = [
        Row(f"{name}_8x128_time_vs_torch_{short}", "theirs", goal, peer=words),
        Row(f"{name}_8x128_memory_vs_torch_{short}", "theirs", None, "peak", peer=words + "; the larger process"),
    ]
    return Case(name, workers, rows, 4, warm=2)


def all_reduce(mebibytes, repeat):
    shape = {"bytes": mebibytes << 20, "repeat": repeat}
    workers = {
        "ours": ("ours", "all-reduce", shape, None, 240, PROCESSES),
        "theirs": ("peer", "all-reduce", shape, None, 240, PROCESSES),
    }
    peer = f"torch.distributed.all_reduce on Gloo, 2 processes, {mebibytes} MiB of float32"
    row = Row(f"all_reduce_{mebibytes}MiB_bandwidth_vs_torch", "theirs", 0.95, "rate", peer=peer)
    return Case(f"all_reduce_{mebibytes}MiB", workers, [row], 11)


def cases(model):
    """A bucket of gradients is 25 MiB on both sides."""
    replicated, sharded = step("shared_step", model, DDP, 1.0), step("sharded_step", model, FSDP, shard="parameters")
    return [replicated, sharded, all_reduce(25, 8), all_reduce(128, 2)]
