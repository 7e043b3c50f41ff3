# SPDX-License-Identifier: Apache-2.0
"""Coverage of pixels by some objects of the tabletop, drawn by Pillow at 32 times the size: pictures.json.

    python make_pictures.py

A place (side, forward) in metres is at column (side + 0.5) * 251 + 3, row (forward - 0.25) * 178 + 34. Headings are
degrees clockwise. Shapes are given by their corners in the square from -1 to 1, y down.
"""

import json
import math
import pathlib

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, SCALE = 256, 128, 32


def regular(sides, radius, rise):
    return [
        (radius * math.sin(2 * math.pi * k / sides), rise - radius * math.cos(2 * math.pi * k / sides))
        for k in range(sides)
    ]


def circle(radius):
    return regular(720, radius, 0)


# A regular pentagon as high as the square, from R above to R cos 36 degrees below its middle, and made as wide.
R = 2 / (1 + math.cos(math.pi / 5))
WIDEST = R * math.sin(2 * math.pi / 5)
SHAPES = {
    "shorter block": ([[(-1, -1), (1, -1), (1, 1), (-1, 1)]], []),
    "triangle": ([[(0, -1), (1, 1), (-1, 1)]], []),
    "L-shaped block": ([[(-1, -1), (-0.2, -1), (-0.2, 0.2), (1, 0.2), (1, 1), (-1, 1)]], []),
    "cross": ([[(-0.33, -1), (0.33, -1), (0.33, 1), (-0.33, 1)], [(-1, -0.33), (1, -0.33), (1, 0.33), (-1, 0.33)]], []),
    "pentagon": ([[(x / WIDEST, y) for x, y in regular(5, R, R - 1)]], []),
    "ring": ([circle(1)], [circle(0.45)]),
    "frame": ([[(-1, -1), (1, -1), (1, 1), (-1, 1)]], [[(-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7)]]),
}
CASES = [
    ("shorter block", 0.09, 0.08, 1.0, 0.1, 0.5, 0), ("shorter block", 0.09, 0.08, 1.0, -0.31, 0.43, 33),
    ("triangle", 0.1, 0.08, 1.0, 0.222, 0.611, 0), ("triangle", 0.1, 0.08, 1.2, -0.1, 0.5, 100),
    ("L-shaped block", 0.09, 0.09, 1.0, 0.05, 0.37, 0), ("L-shaped block", 0.09, 0.09, 0.7, 0.05, 0.37, 215),
    ("cross", 0.1, 0.1, 1.0, -0.4, 0.66, 20), ("pentagon", 0.09, 0.09, 1.0, 0.4, 0.34, 0),
    ("pentagon", 0.09, 0.09, 1.0, 0.0, 0.5, 60), ("ring", 0.09, 0.09, 1.0, 0.3, 0.55, 0),
    ("frame", 0.17, 0.16, 1.0, -0.2, 0.52, 0),
]


def coverage(shape, width, depth, scale, side, forward, heading):
    picture = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    draw, angle = ImageDraw.Draw(picture), math.radians(heading)
    for fill, polygons in zip((255, 0), SHAPES[shape]):
        for polygon in polygons:
            points = []
            for x, y in polygon:
                u, v = x * width * scale / 2, y * depth * scale / 2
                a = side + u * math.cos(angle) - v * math.sin(angle)
                b = forward + u * math.sin(angle) + v * math.cos(angle)
                # Pillow's points are middles of pixels.
                points.append((((a + 0.5) * 251 + 3) * SCALE - 0.5, ((b - 0.25) * 178 + 34) * SCALE - 0.5))
            draw.polygon(points, fill=fill)
    return np.asarray(picture, dtype=np.float64).reshape(HEIGHT, SCALE, WIDTH, SCALE).mean((1, 3)) / 255


cases = []
for case in CASES:
    covered = coverage(*case)
    rows, columns = np.nonzero(covered)
    left, top, right, bottom = (int(v) for v in (columns.min(), rows.min(), columns.max(), rows.max()))
    part = covered[top:bottom + 1, left:right + 1]
    names = ("shape", "width", "depth", "scale", "side", "forward", "heading")
    cases.append({
        **dict(zip(names, case)), "left": left, "top": top, "columns": right - left + 1,
        "coverage": [round(float(v), 3) for v in part.flatten()],
    })
path = pathlib.Path(__file__).with_name("pictures.json")
path.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
