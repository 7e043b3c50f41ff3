# SPDX-License-Identifier: Apache-2.0
"""PyTorch at its best: memory kept by malloc, logits only where they are read, fused AdamW; and the same by torch.compile.

Who asks whether dist2 is worth it has tried these. The gradient norm is clipped on neither side.
"""

import shutil
import subprocess

from .case import Case, Row
from .processes import KEEP, PROGRAM

BEST = "transformers, memory kept by malloc, logits_to_keep"
# The first go of a compiled worker compiles.
COMPILING = 900


def compiled(operation, settings):
    """A worker by torch.compile, whose backend for processors needs a compiler."""
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "torch.compile needs a C++ compiler, and there is none (apt-get install g++)"
    return ("peer", operation, {**settings, "compile": 1}, KEEP, COMPILING)


def step(name, shape, rounds, goal, tolerance=1e-3):
    """A training step of any model folder beside both."""
    workers = {
        "ours": ("ours", "step", {"clip": "none", **shape}),
        "best": ("peer", "step", {"method": "kept", **shape}, KEEP),
        "compiled": compiled("step", {"method": "kept", **shape}),
    }
    peer = BEST + ", author-style loss, fused AdamW"
    rows = [
        Row(f"{name}_time_vs_torch_best", "best", goal, peer=peer),
        Row(f"{name}_time_vs_torch_compile", "compiled", goal, peer=peer + ", torch.compile"),
        Row(f"{name}_memory_vs_torch_best", "best", None, "peak", peer=peer),
    ]
    return Case(f"{name}_best", workers, rows, rounds, warm=2, tolerance=tolerance)


def steps(model):
    shapes = ((1, 96, 9, 0.80), (8, 128, 3, 0.85), (4, 512, 3, 0.80))
    return [
        step(f"step_{batch}x{length}", {"model": model, "batch": batch, "length": length}, rounds, goal)
        for batch, length, rounds, goal in shapes
    ]


def generate(name, model, rounds=4):
    shape = {"model": model}
    workers = {
        "ours": ("ours", "generate", shape),
        "best": ("peer", "generate", shape, KEEP),
        "compiled": compiled("generate", shape),
    }
    peer = "generate, greedy, 64 prompts of 16-40, 32 new, memory kept by malloc"
    rows = [
        Row(f"{name}_time_vs_torch_best", "best", 0.5, peer=peer),
        Row(f"{name}_time_vs_torch_compile", "compiled", 0.5, peer=peer + ", static cache, torch.compile"),
    ]
    return Case(f"{name}_best", workers, rows, rounds)


def score(name, model, rounds=5):
    shape = {"model": model}
    workers = {
        "ours": ("ours", "score", shape),
        "best": ("peer", "score", {"method": "sorted", **shape}, KEEP),
        "compiled": compiled("score", {"method": "kept", **shape}),
    }
    peer = "forward, logits_to_keep, batches of 16"
    rows = [
        Row(f"{name}_time_vs_torch_best", "best", None, peer=peer + " of like length, memory kept by malloc"),
        Row(f"{name}_time_vs_torch_compile", "compiled", None, peer=peer + ", memory kept by malloc, torch.compile"),
    ]
    return Case(f"{name}_best", workers, rows, rounds)


def small(folder):
    """The decoders that `dist2 study` trains from nothing: batches of 32 examples of 15 bytes. A step takes milliseconds,
    so a go has thirty of them."""
    if folder is None:
        return []
    shape = {"model": folder, "batch": 32, "length": 15, "answer": 4, "repeat": 30}
    # Of 320 tokens ten are digits, so that some fall among the words of an answer, where the author-style loss counts them.
    steps = step("small_step_32x15", shape, 11, 0.35, tolerance=5e-3)
    return [steps, generate("small_generate", folder, 9), score("small_score", folder, 9)]


def write_small(folder):
    """The folder of such a model; None where `dist2` was not built."""
    if not PROGRAM.exists():
        return None
    sizes = ["--width", "64", "--layers", "2", "--heads", "4", "--context", "128"]
    subprocess.run([str(PROGRAM), "new-lm", "-o", f"{folder}/small", *sizes], check=True, stdout=subprocess.DEVNULL)
    return f"{folder}/small"
