# SPDX-License-Identifier: Apache-2.0
"""Whole runs that are kept: results/DATE-COMMIT-MACHINE.json, the ratios alone."""

import datetime
import json
import re

from .processes import FOLDER

RESULTS = FOLDER / "results"
RUN = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]+(-modified)?-.+\.json")


def slug(machine):
    """`intel-xeon-2`: the processor's name without what all are called, and cores."""
    words = re.sub(r"\(.*?\)|processor|cpu", " ", machine["cpu"].lower())
    return "-".join([*re.findall(r"[a-z0-9]+", words)[:4], str(machine["cores"])])


def digest(result, at):
    """What is compared between commits: ratio and spread by row, with what was measured on, and `at` which time."""
    machine = {key: result["machine"][key] for key in ("cpu", "cores", "level", "load_before", "load_after")}
    rows = {
        row["name"]: [round(row[key], 4) for key in ("ratio", "low", "high")] for row in result["rows"] if "ratio" in row
    }
    return {
        "at": at, "commit": result["commit"], "machine": machine, "versions": result["versions"],
        "floors": {key: round(value, 2) for key, value in result.get("floors", {}).items()}, "rows": rows,
    }


def path(kept):
    return RESULTS / f"{kept['at'][:10]}-{kept['commit']}-{slug(kept['machine'])}.json"


def text(kept):
    """A row a line: what has changed between two runs is what differs between two files."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in kept["rows"].items())
    head = json.dumps({key: value for key, value in kept.items() if key != "rows"}, indent=1)[:-2]
    return f'{head},\n "rows": {{\n{rows}\n }}\n}}\n'


def keep(result):
    """Writes the run's file; a second run of a day, commit and machine takes the first one's place."""
    kept = digest(result, datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"))
    target = path(kept)
    target.with_suffix(".new").write_text(text(kept))
    target.with_suffix(".new").rename(target)
    return target


def runs():
    """All that are kept, the oldest first."""
    kept = [json.loads(file.read_text()) for file in RESULTS.glob("*.json") if RUN.fullmatch(file.name)]
    return sorted(kept, key=lambda run: run["at"])
