# SPDX-License-Identifier: Apache-2.0
"""What does not depend on how busy a machine is: instructions and allocations of one go, by valgrind's callgrind, beside
the thresholds kept in thresholds.json. `python -m suite.counts [--write]`, in Benchmarks/, once `make bench` has built them.

One thread, small shapes. A worker is run with few and with more goes: their difference holds neither start nor end.
valgrind offers programs no AVX-512, so it is the AVX2 kernels that are counted.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

from .processes import FOLDER, OURS

NATIVE = FOLDER.parent / ".native/libctorch.so"

THRESHOLDS = FOLDER / "thresholds.json"
# Above this share of a threshold a count has grown. MKL and the C++ library of another machine may differ by a little.
TOLERANCE = 1.05
FEW, MORE = 2, 6
SHAPE = {"v": "1024", "hidden": "64", "heads": "4", "inner": "128", "layers": "2", "batch": "2", "length": "32"}
# To add one: an operation of dist2-bench, small enough for a simulated processor.
WORK = {
    "linear-loss": ("linear-loss", {"n": "64", "h": "64", "v": "4096"}),
    "logits-loss": ("logits-loss", {"n": "64", "v": "4096"}),
    "step": ("step", SHAPE),
    "step-adamw8bit": ("step", {**SHAPE, "optimizer": "adamw8bit"}),
}
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}


def stripped(folder):
    """valgrind gives up on clang's debugging information: a copy of the library without it takes its place."""
    path = os.path.join(folder, "libctorch.so")
    if not os.path.exists(path):
        subprocess.run(["strip", "-g", str(NATIVE), "-o", path], check=True)
    return path


def run(operation, settings, goes, folder):
    """Instructions and allocations of a whole process."""
    out = os.path.join(folder, "callgrind.out")
    arguments = [f"{key}={value}" for key, value in {**settings, "threads": "1"}.items()]
    command = ["valgrind", "--tool=callgrind", "--log-file=/dev/null", f"--callgrind-out-file={out}", str(OURS)]
    subprocess.run(
        [*command, operation, *arguments], input=b"go\n" * goes, stdout=subprocess.DEVNULL, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LD_PRELOAD": stripped(folder)},
    )
    return read(out)


def read(path):
    """callgrind's file: names are given in full once, then by number; `calls=` follows the function that is called."""
    names, called, instructions, allocations = {}, None, 0, 0
    with open(path, errors="replace") as file:
        for line in file:
            if line.startswith(("fn=", "cfn=")):
                number, name = re.match(r"c?fn=(\(\d+\))(?: (.*))?", line).groups()
                if name:
                    names[number] = name.strip().split("'")[0]
                called = names.get(number)
            elif line.startswith("calls="):
                if called in ALLOCATORS:
                    allocations += int(line[6:].split()[0])
            elif line.startswith(("summary:", "totals:")):
                instructions = int(line.split()[1])
    return instructions, allocations


def count(operation, settings):
    with tempfile.TemporaryDirectory() as folder:
        few, more = (run(operation, settings, goes, folder) for goes in (FEW, MORE))
    instructions, allocations = ((b - a) / (MORE - FEW) for a, b in zip(few, more))
    return {"instructions": round(instructions), "allocations": round(allocations)}


def rows(kept, found):
    for name, counts in found.items():
        for unit, value in counts.items():
            limit = kept.get(name, {}).get(unit)
            yield name, unit, value, limit, limit is None or value <= limit * TOLERANCE


def main():
    parser = argparse.ArgumentParser(prog="counts")
    parser.add_argument("--write", action="store_true", help="make what is found the new thresholds")
    options = parser.parse_args()
    found = {}
    for name, (operation, settings) in WORK.items():
        print(f"  counting {name}", file=sys.stderr, flush=True)
        found[name] = count(operation, settings)
    kept = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    grown = 0
    for name, unit, value, limit, fits in rows(kept, found):
        against = "no threshold" if limit is None else f"{value / max(1, limit):.3f} of the threshold"
        print(f"{name:16} {unit:13} {value:14,}  {against}{'' if fits else '  GROWN'}")
        grown += not fits
    if options.write:
        THRESHOLDS.write_text(json.dumps(found, indent=1) + "\n")
    elif grown:
        sys.exit(f"{grown} counts have grown: find out why, or accept them with `python -m suite.counts --write`")


if __name__ == "__main__":
    main()
