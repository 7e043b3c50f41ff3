# SPDX-License-Identifier: Apache-2.0
"""What the machine can do at best, and which part of it a step reaches."""

from .measure import interleaved, spread

# SmolLM2-135M
GOALS = ((8, 128, 0.85), (1, 96, 0.65))
HIDDEN, INNER, LAYERS, HEADS, KEY_VALUE, WIDTH, VOCABULARY = 576, 1536, 30, 9, 3, 64, 49152


def step_flop(batch, length, answer=8):
    """Multiply-adds times two of forward and backward, of the work that is needed: logits at supervised positions
    only, the last layer's output projection and MLP too, half of the attention square."""
    tokens, rows = batch * length, batch * answer
    mixing = HIDDEN * (HEADS + 2 * KEY_VALUE) * WIDTH
    after = HEADS * WIDTH * HIDDEN + 3 * HIDDEN * INNER
    linear = (LAYERS * mixing + (LAYERS - 1) * after) * tokens + (after + VOCABULARY * HIDDEN) * rows
    attention = LAYERS * batch * HEADS * length * length * WIDTH  # two products, half of each
    return 3 * 2 * (linear + attention)


def measure(model, rounds):
    """{"gemm_gflops", "copy_gbs"} and rows of the share of the GEMM rate, from steps taken in turns with GEMMs."""
    workers = {
        "gemm": ("ours", "floors", {"task": "gemm"}),
        "copy": ("ours", "floors", {"task": "copy"}),
    }
    for batch, length, _ in GOALS:
        shape = {"model": model, "batch": batch, "length": length}
        workers[f"{batch}x{length}"] = ("ours", "step", shape)
        workers[f"{batch}x{length}_without_update"] = ("ours", "step", {"optimizer": "none", **shape})
    tracks = interleaved(workers, rounds, 3)
    failures = [track.failure for track in tracks.values() if track.failure]
    if failures:
        return {}, [{"name": "step_share_of_gemm_rate", "reason": "; ".join(failures)}]
    rates = [tracks["gemm"].check / seconds for seconds in tracks["gemm"].seconds]
    copies = [tracks["copy"].check / seconds for seconds in tracks["copy"].seconds]
    floors = {"gemm_gflops": spread(rates)[0] / 1e9, "copy_gbs": spread(copies)[0] / 1e9}
    rows = []
    for batch, length, goal in GOALS:
        for part in ("", "_without_update"):
            name = f"{batch}x{length}{part}"
            shares = [step_flop(batch, length) / second / rate for second, rate in zip(tracks[name].seconds, rates)]
            median, low, high = spread(shares)
            row = {
                "name": f"step_{name}_share_of_gemm_rate", "ratio": median, "low": low, "high": high,
                "unit": "share", "peer": "3072 x 3072 x 3072 float32 product", "better": "higher",
                "ours": spread(tracks[name].seconds)[0], "goal": None if part else goal,
            }
            rows.append(row if part else row | {"reached": median >= goal})
    return floors, rows
