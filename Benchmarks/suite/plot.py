# SPDX-License-Identifier: Apache-2.0
"""Ratios over the whole runs that are kept, as docs/images/bench.svg: `python3 -m suite.plot`, in Benchmarks/.

A column is a run, a dot a row of it. Lines join runs on the same processor alone: others are no progress.
"""

import html

from . import history
from .processes import FOLDER

TARGET = FOLDER.parent / "docs/images/bench.svg"
# Panels: title, and rows with their short names. A row that no run has is left out.
PANELS = [
    ("Training steps, time", {
        "step_1x96_time_vs_torch_best": "1 x 96 / PyTorch at its best",
        "step_8x128_time_vs_torch_best": "8 x 128 / PyTorch at its best",
        "step_4x512_time_vs_torch_best": "4 x 512 / PyTorch at its best",
        "step_1x96_time_vs_torch_compile": "1 x 96 / torch.compile",
        "step_8x128_time_vs_torch_compile": "8 x 128 / torch.compile",
        "step_4x512_time_vs_torch_compile": "4 x 512 / torch.compile",
        "step_1x96_time_vs_torch_eager": "1 x 96 / PyTorch as it comes",
        "step_8x128_time_vs_torch_eager": "8 x 128 / PyTorch as it comes",
    }),
    ("Small models and using models, time", {
        "small_step_32x15_time_vs_torch_best": "small step / PyTorch at its best",
        "small_step_32x15_time_vs_torch_compile": "small step / torch.compile",
        "generate_time_vs_torch_best": "generate / transformers at its best",
        "score_time_vs_torch_best": "score / transformers at its best",
        "generate_time_vs_transformers": "generate / transformers as it comes",
        "score_time_vs_transformers": "score / transformers as it comes",
        "image_sample_time_vs_torch_eager": "draw / PyTorch",
        "startup_time_vs_transformers": "start / transformers",
    }),
    ("Preferences, processes, memory", {
        "dpo_step_time_vs_trl": "DPO step, time / TRL",
        "dpo_step_memory_vs_trl": "DPO step, memory / TRL",
        "shared_step_8x128_time_vs_torch_ddp": "two processes, time / DDP",
        "step_8x128_memory_vs_hf_trainer": "8 x 128, memory / HF Trainer",
        "step_1x96_memory_vs_hf_trainer": "1 x 96, memory / HF Trainer",
        "step_1x96_memory_8bit_vs_hf_trainer": "1 x 96, 8 bits, memory / HF Trainer",
        "linear_ce_dist_memory_vs_torch_linear_cross_entropy": "loss, memory / linear_cross_entropy",
    }),
]
COLOURS = ["#0a62ad", "#c64600", "#00785c", "#9b3f97", "#946500", "#1f87c9", "#59636f", "#b3264a"]
LEFT, TOP, HEIGHT, GAP, LABELS, MOST = 44, 34, 190, 74, 280, 1.2


class Panel:
    def __init__(self, title, rows, runs, top, step):
        self.title, self.runs, self.top, self.step = title, runs, top, step
        coloured = zip(rows.items(), COLOURS)
        self.rows = [(*row, colour) for row, colour in coloured if any(row[0] in run["rows"] for run in runs)]
        self.right = LEFT + step * len(runs)

    def x(self, run):
        return LEFT + self.step * (run + 0.5)

    def y(self, ratio):
        return self.top + HEIGHT * (1 - min(ratio, MOST) / MOST)

    def grid(self):
        yield f'<text class="title" x="{LEFT}" y="{self.top - 12}">{html.escape(self.title)}</text>'
        for tenth in range(0, 13, 2):
            kind = "one" if tenth == 10 else "grid"
            y = self.y(tenth / 10)
            yield f'<line class="{kind}" x1="{LEFT}" y1="{y:.1f}" x2="{self.right}" y2="{y:.1f}"/>'
            yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>'
        for place, run in enumerate(self.runs):
            for line, words in enumerate((run["commit"][:7], vendor(run), run["at"][:10])):
                y = self.top + HEIGHT + 16 + 14 * line
                yield f'<text x="{self.x(place):.1f}" y="{y}" text-anchor="middle">{html.escape(words)}</text>'

    def series(self):
        ends = []
        for name, short, colour in self.rows:
            points = [(place, run["rows"][name][0]) for place, run in enumerate(self.runs) if name in run["rows"]]
            for machine in {history.slug(self.runs[place]["machine"]) for place, _ in points}:
                own = [point for point in points if history.slug(self.runs[point[0]]["machine"]) == machine]
                path = " ".join(f"{self.x(place):.1f},{self.y(ratio):.1f}" for place, ratio in own)
                if len(own) > 1:
                    yield f'<polyline stroke="{colour}" points="{path}"/>'
            for place, ratio in points:
                title = html.escape(f"{short}: {ratio:.2f} at {self.runs[place]['commit']}, {vendor(self.runs[place])}")
                yield (f'<circle fill="{colour}" cx="{self.x(place):.1f}" cy="{self.y(ratio):.1f}" r="3.5">'
                       f"<title>{title}</title></circle>")
            ends.append((self.y(points[-1][1]), colour, f"{short} {points[-1][1]:.2f}"))
        yield from labels(ends, self.right + 8)


def labels(ends, x):
    """Names at the right, near the last dots, none upon another."""
    last = float("-inf")
    for y, colour, words in sorted(ends):
        last = max(y, last + 15)
        yield f'<text fill="{colour}" style="fill:{colour}" x="{x}" y="{last + 4:.1f}">{html.escape(words)}</text>'


def vendor(run):
    name = run["machine"]["cpu"]
    return next((word for word in ("AMD", "Intel") if word in name), name[:12]) + f", {run['machine']['cores']} cores"


STYLE = """<style>text{font:12px system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:#59636f}
.title{font-size:14px;font-weight:650;fill:#1b222c}.grid{stroke:#e2e6eb}.one{stroke:#9aa3ae}
polyline{fill:none;stroke-width:2}.paper{fill:#fff}</style>"""


def draw(runs):
    """The picture's text."""
    step = max(96, min(150, 900 // max(1, len(runs))))
    tops = [TOP + place * (HEIGHT + GAP + TOP) for place in range(len(PANELS))]
    panels = [Panel(title, rows, runs, top, step) for (title, rows), top in zip(PANELS, tops)]
    width, height = LEFT + step * len(runs) + LABELS, tops[-1] + HEIGHT + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>dist2 / peer over the whole runs of make bench: less is better</title>", STYLE,
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    for panel in panels:
        if panel.rows:
            lines += [*panel.grid(), *panel.series()]
    return "\n".join([*lines, "</svg>", ""])


def write():
    """Draws all that is kept."""
    TARGET.with_suffix(".new").write_text(draw(history.runs()))
    TARGET.with_suffix(".new").rename(TARGET)
    return TARGET


if __name__ == "__main__":
    print(write())
