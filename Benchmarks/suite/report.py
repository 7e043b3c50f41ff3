# SPDX-License-Identifier: Apache-2.0
"""The result as a table of text."""


def number(value):
    return f"{value:.2f}" if value is not None else ""


def cells(row):
    if "reason" in row:
        return [row["name"], "-", "", "", "", number(row.get("goal")), "not measured: " + row["reason"], ""]
    sign = ">= " if row.get("better") == "higher" else "<= "
    verdict = {True: "reached", False: "not reached", None: ""}[row.get("reached")]
    memory = " / ".join(f"{value:.0f}" for value in row.get("memory_mib", []))
    goal = sign + number(row["goal"]) if row.get("goal") else ""
    ratios = [number(row.get(key)) for key in ("ratio", "low", "high", "cpu_ratio")]
    return [row["name"], *ratios, goal, verdict, memory]


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def head(result):
    machine, versions = result["machine"], result["versions"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores ({machine['level']}), {machine['memory_gib']} GiB, "
        f"load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after; commit {result['commit']}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Ratios are ours / theirs, the median of interleaved rounds; four rounds of five lie between low and high. "
        "CPU: the same of the processors' seconds.",
    ]
    if result.get("floors"):
        floors = result["floors"]
        lines.append(f"float32 GEMM {floors['gemm_gflops']:.0f} GFLOP/s, copy {floors['copy_gbs']:.1f} GB/s")
    return lines


TITLES = ["row", "ratio", "low", "high", "CPU", "goal", "", "peak MiB, ours / theirs"]


def curves(result):
    for name, curve in result.get("scaling", {}).items():
        if "reason" not in curve:
            yield name, "  ".join(f"{value}: {time:.3f} s" for value, time in zip(curve["values"], curve["seconds"]))


def table(result):
    rows = aligned([TITLES] + [cells(row) for row in result["rows"]])
    return "\n".join(head(result) + [""] + rows + [f"scaling in {name}: {text}" for name, text in curves(result)])


def markdown(result):
    """The same for a page; the numbers of docs/performance.md."""
    lines = ["# Side by side", "", *(line + "  " for line in head(result)), ""]
    titles = TITLES[:6] + ["reached"] + TITLES[7:] + ["peer"]
    lines += ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in result["rows"]:
        lines.append("| " + " | ".join([*cells(row), row.get("peer", "")]) + " |")
    lines += ["", *(f"- scaling in {name}: {text}" for name, text in curves(result)), ""]
    return "\n".join(lines)
