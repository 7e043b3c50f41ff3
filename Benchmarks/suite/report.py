"""The result as a table of text."""


def number(value):
    return f"{value:.2f}" if value is not None else ""


def cells(row):
    if "reason" in row:
        return [row["name"], "-", "", "", number(row.get("goal")), "not measured: " + row["reason"], ""]
    sign = ">= " if row.get("better") == "higher" else "<= "
    verdict = {True: "reached", False: "not reached", None: ""}[row.get("reached")]
    memory = " / ".join(f"{value:.0f}" for value in row.get("memory_mib", []))
    goal = sign + number(row["goal"]) if row.get("goal") else ""
    return [row["name"], number(row["ratio"]), number(row["low"]), number(row["high"]), goal, verdict, memory]


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def table(result):
    machine, versions = result["machine"], result["versions"]
    head = [
        f"{machine['cpu']}, {machine['cores']} cores ({machine['level']}), {machine['memory_gib']} GiB, "
        f"load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after; commit {result['commit']}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Ratios are ours / theirs, the median of interleaved rounds; low and high hold four rounds of five.",
    ]
    if result.get("floors"):
        floors = result["floors"]
        head.append(f"float32 GEMM {floors['gemm_gflops']:.0f} GFLOP/s, copy {floors['copy_gbs']:.1f} GB/s")
    titles = ["row", "ratio", "low", "high", "goal", "", "peak MiB, ours / theirs"]
    lines = head + [""] + aligned([titles] + [cells(row) for row in result["rows"]])
    for name, curve in result.get("scaling", {}).items():
        if "reason" in curve:
            lines.append(f"scaling in {name}: not measured: {curve['reason']}")
            continue
        steps = "  ".join(f"{value}: {seconds:.3f} s" for value, seconds in zip(curve["values"], curve["seconds"]))
        lines.append(f"scaling in {name}: {steps}")
    return "\n".join(lines)
