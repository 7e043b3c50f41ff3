# SPDX-License-Identifier: Apache-2.0
"""The side-by-side suite: `python -m suite MODEL_FOLDER [--quick] [--only NAME]…`, called by scripts/bench.sh.

Prints one table and writes results/latest.json; a whole run is also kept beside it (history.py) and drawn (plot.py). A
ratio is ours / theirs: the median over rounds of which each gives both sides one turn, with the quantiles between which
four rounds of five lie. `--only` takes parts of case names.
"""

import argparse
import json
import os
import tempfile
import time

from . import best, floors, history, images, machine, plot, scaling, texts
from .cases import all_cases
from .measure import fresh, interleaved, say, spread
from .processes import FOLDER
from .report import markdown, table


def run(case, rounds):
    if case.fresh:
        return fresh(case.workers, rounds, case.fresh)
    return interleaved(case.workers, rounds, case.warm)


def row_of(row, tracks, tolerance):
    ours, theirs = tracks[row.ours], tracks[row.theirs]
    unit = {"seconds": "time", "faults": "page faults", "rate": "rate"}.get(row.quantity, "memory")
    made = {"name": row.name, "unit": unit, "peer": row.peer, "goal": row.goal}
    failure = ours.failure or theirs.failure
    if failure:
        return {**made, "reason": failure}
    if tolerance and abs(ours.check - theirs.check) > tolerance * max(1, abs(theirs.check)):
        return {**made, "reason": f"the sides computed different things: {ours.check} and {theirs.check}"}
    if row.quantity == "faults":
        made |= {"ours": spread(ours.faults)[0], "theirs": spread(theirs.faults)[0]}
        ratio = low = high = made["ours"] / max(1, made["theirs"])
    elif row.quantity in ("seconds", "rate"):
        times = [a / b for a, b in zip(ours.seconds, theirs.seconds)]
        if row.quantity == "rate":
            times = [1 / time for time in times]
            made["better"] = "higher"
        ratio, low, high = spread(times)
        if ours.cpu and theirs.cpu and row.quantity == "seconds":
            # Beside other work, with one thread on both sides (OMP_NUM_THREADS=1), this is steadier than the clock.
            made["cpu_ratio"] = spread([a / b for a, b in zip(ours.cpu, theirs.cpu)])[0]
        made |= {"ours": spread(ours.seconds)[0], "theirs": spread(theirs.seconds)[0]}
    else:
        made |= {"ours": getattr(ours, row.quantity) / 1024, "theirs": getattr(theirs, row.quantity) / 1024}
        ratio = low = high = made["ours"] / made["theirs"]
    made |= {"ratio": ratio, "low": low, "high": high, "memory_mib": [ours.peak / 1024, theirs.peak / 1024]}
    return made | ({"reached": ratio >= row.goal if row.quantity == "rate" else ratio <= row.goal} if row.goal else {})


def main():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("model")
    parser.add_argument("--quick", action="store_true", help="two rounds each: for trying things out")
    parser.add_argument("--only", action="append", default=[], help="cases whose name contains this; may be repeated")
    options = parser.parse_args()
    wanted = lambda name: not options.only or any(part in name for part in options.only)
    started = time.time()
    result = {"machine": machine.machine(), "commit": machine.commit(), "versions": machine.versions(), "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        models = images.write(folder) | {"small": best.write_small(folder)}
        for case in all_cases(options.model, texts.write(folder), models):
            if not wanted(case.name):
                continue
            say(f"  {case.name} ({time.time() - started:.0f} s)")
            tracks = run(case, 2 if options.quick else case.rounds)
            result["rows"] += [row_of(row, tracks, case.tolerance) for row in case.rows]
    if wanted("floors"):
        say(f"  floors ({time.time() - started:.0f} s)")
        result["floors"], rows = floors.measure(options.model, 2 if options.quick else 5)
        result["rows"] += rows
    if wanted("scaling"):
        result["scaling"], rows = scaling.measure(2 if options.quick else 3)
        result["rows"] += rows
    result["machine"]["load_after"] = os.getloadavg()[0]
    result["seconds"] = round(time.time() - started)
    print(table(result))
    # A part of the suite, or a quick look, must not pass for the whole.
    name = "partial" if options.only or options.quick else "latest"
    path = FOLDER / f"results/{name}.json"
    path.parent.mkdir(exist_ok=True)
    for text, target in ((json.dumps(result, indent=1) + "\n", path), (markdown(result), path.with_suffix(".md"))):
        target.with_suffix(".new").write_text(text)
        target.with_suffix(".new").rename(target)
    say(f"  wrote {path} after {result['seconds']} s")
    if name == "latest":
        say(f"  kept {history.keep(result)}, drew {plot.write()}")


main()
