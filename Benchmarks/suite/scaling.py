# SPDX-License-Identifier: Apache-2.0
"""How cost grows with every size: each case's workers differ in one setting alone."""

import math

from .measure import interleaved, say, spread

SMALL = {"layers": 6, "v": 8192}
CURVES = {
    "N": ("linear-loss", "n", [64, 128, 256, 512], {"v": 32768}),
    "V": ("linear-loss", "v", [16384, 32768, 65536, 131072], {"n": 128}),
    "candidates": ("linear-loss", "candidates", [10, 100, 1000, 4000], {"n": 128, "v": 32768, "every": 1}),
    "length": ("step", "length", [64, 128, 256, 512], {"batch": 1, **SMALL}),
    "layers": ("step", "layers", [2, 4, 8, 16], {"batch": 4, "length": 64, "v": 8192}),
    "width": ("step", "hidden", [192, 384, 576, 768], {"batch": 4, "length": 64, **SMALL}),
}


def size(name, value):
    """What the cost is to be linear in: the value; for the width, whose work grows as its square, the parameters of
    the layers and the embedding."""
    return SMALL["layers"] * 11.6 * value * value + SMALL["v"] * value if name == "width" else value


def curve(name, rounds):
    operation, key, values, settings = CURVES[name]
    tracks = interleaved({str(value): ("ours", operation, {**settings, key: value}) for value in values}, rounds, 2)
    failures = [track.failure for track in tracks.values() if track.failure]
    if failures:
        return {"reason": "; ".join(failures)}
    return {
        "values": values,
        "seconds": [spread(tracks[str(value)].seconds)[0] for value in values],
        "peak_mib": [tracks[str(value)].peak / 1024 for value in values],
        "settings": settings,
    }


def exponent(name, curve, first, last):
    """Of time as a power of size, between two of the values."""
    times = curve["seconds"][last] / curve["seconds"][first]
    return math.log(times) / math.log(size(name, curve["values"][last]) / size(name, curve["values"][first]))


def row(name, curve):
    made = {"name": f"scaling_{name}_exponent", "unit": "exponent", "peer": "time as a power of size", "goal": 1.05}
    if "reason" in curve:
        return made | curve
    steps = [exponent(name, curve, place, place + 1) for place in range(len(curve["values"]) - 1)]
    whole = exponent(name, curve, 0, -1)
    return made | {"ratio": whole, "low": min(steps), "high": max(steps), "reached": whole <= made["goal"]}


def measure(rounds):
    """Curves by name, and a row for each."""
    curves = {}
    for name in CURVES:
        say(f"  scaling in {name}")
        curves[name] = curve(name, rounds)
    return curves, [row(name, found) for name, found in curves.items()]
