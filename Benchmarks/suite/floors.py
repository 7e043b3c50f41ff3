"""What the machine can do at best, and which part of it a step reaches; how cost grows with every size."""

from .measure import interleaved, say, spread

# SmolLM2-135M
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
        "8x128": ("ours", "step", {"model": model, "batch": 8, "length": 128}),
        "1x96": ("ours", "step", {"model": model, "batch": 1, "length": 96}),
    }
    tracks = interleaved(workers, rounds)
    failures = [track.failure for track in tracks.values() if track.failure]
    if failures:
        return {}, [{"name": "step_share_of_gemm_rate", "reason": "; ".join(failures)}]
    rates = [tracks["gemm"].check / seconds for seconds in tracks["gemm"].seconds]
    copies = [tracks["copy"].check / seconds for seconds in tracks["copy"].seconds]
    floors = {"gemm_gflops": spread(rates)[0] / 1e9, "copy_gbs": spread(copies)[0] / 1e9}
    rows = []
    for batch, length, goal in ((8, 128, 0.85), (1, 96, 0.65)):
        seconds = tracks[f"{batch}x{length}"].seconds
        shares = [step_flop(batch, length) / second / rate for second, rate in zip(seconds, rates)]
        median, low, high = spread(shares)
        rows.append(
            {
                "name": f"step_{batch}x{length}_share_of_gemm_rate", "ratio": median, "low": low, "high": high,
                "unit": "share of the large-GEMM rate", "peer": "3072 x 3072 x 3072 float32 product", "goal": goal,
                "better": "higher", "reached": median >= goal,
            }
        )
    return floors, rows


CURVES = {
    "N": ("linear-loss", "n", [64, 128, 256, 512], {"v": 32768}),
    "V": ("linear-loss", "v", [16384, 32768, 65536, 131072], {"n": 128}),
    "candidates": ("linear-loss", "candidates", [10, 100, 1000, 4000], {"n": 128, "v": 32768, "every": 1}),
    "length": ("step", "length", [64, 128, 256, 512], {"batch": 1, "layers": 6, "v": 8192}),
    "layers": ("step", "layers", [2, 4, 8, 16], {"batch": 4, "length": 64, "v": 8192}),
    "width": ("step", "hidden", [192, 384, 576, 768], {"batch": 4, "length": 64, "layers": 6, "v": 8192}),
}


def curves(rounds):
    """For each size: seconds at each value, and the exponent of growth between first and last (for the width, whose
    work grows as its square, of the parameters)."""
    found = {}
    for name, (operation, key, values, settings) in CURVES.items():
        say(f"  scaling in {name}")
        workers = {str(value): ("ours", operation, {**settings, key: value}) for value in values}
        tracks = interleaved(workers, rounds)
        if any(track.failure for track in tracks.values()):
            found[name] = {"reason": "; ".join(track.failure for track in tracks.values() if track.failure)}
            continue
        found[name] = {
            "values": values,
            "seconds": [spread(tracks[str(value)].seconds)[0] for value in values],
            "peak_mib": [tracks[str(value)].peak / 1024 for value in values],
            "settings": settings,
        }
    return found
