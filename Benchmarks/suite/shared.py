# SPDX-License-Identifier: Apache-2.0
"""Two processes of one machine that share a step, beside PyTorch's DistributedDataParallel and FSDP2; and the sum they
exchange."""

from .case import Case, Row
from .processes import KEEP

PROCESSES = 2
DDP = "PyTorch DistributedDataParallel on Gloo, 2 processes, logits_to_keep, fused AdamW, memory kept by malloc"

FSDP = "PyTorch FSDP2 (fully_shard) on Gloo, 2 processes, logits_to_keep, fused AdamW, memory kept by malloc"


def step(model):
    shape = {"model": model, "batch": 8, "length": 128}
    workers = {
        "ours": ("ours", "step", {"clip": "none", **shape}, None, 240, PROCESSES),
        "theirs": ("peer", "shared-step", shape, KEEP, 240, PROCESSES),
    }
    rows = [
        Row("shared_step_8x128_time_vs_torch_ddp", "theirs", 1.0, peer=DDP),
        Row("shared_step_8x128_memory_vs_torch_ddp", "theirs", None, "peak", peer=DDP + "; the larger process"),
    ]
    return Case("shared_step", workers, rows, 4, warm=2)


def sharded_step(model):
    shape = {"model": model, "batch": 8, "length": 128, "shard": "parameters"}
    workers = {
        "ours": ("ours", "step", {"clip": "none", **shape}, None, 240, PROCESSES),
        "theirs": ("peer", "shared-step", shape, KEEP, 240, PROCESSES),
    }
    rows = [
        Row("sharded_step_8x128_time_vs_torch_fsdp2", "theirs", None, peer=FSDP),
        Row("sharded_step_8x128_memory_vs_torch_fsdp2", "theirs", None, "peak", peer=FSDP + "; the larger process"),
    ]
    return Case("sharded_step", workers, rows, 4, warm=2)


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
    return [step(model), sharded_step(model), all_reduce(25, 8), all_reduce(128, 2)]
