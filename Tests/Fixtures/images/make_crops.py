#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes crops.json: pictures prepared by Pillow as ADM and LlamaGen prepare ImageNet, and torchvision's five crops.

    python Tests/Fixtures/images/make_crops.py
"""
import json
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent


def centred(picture, side):
    """The shorter side brought to `side` (halved by averages, then bicubic), and the middle of that."""
    while min(picture.size) >= 2 * side:
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
    scale = side / min(picture.size)
    picture = picture.resize(tuple(round(length * scale) for length in picture.size), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return pixels[top:top + side, left:left + side]


def five(pixels, side):
    height, width = pixels.shape[:2]
    middle = (round((height - side) / 2), round((width - side) / 2))
    places = [(0, 0), (0, width - side), (height - side, 0), (height - side, width - side), middle]
    return [pixels[top:top + side, left:left + side] for top, left in places]


def main():
    results = []
    for name, mode in (("rgb.png", "RGB"), ("gray.png", "L")):
        picture = Image.open(HERE / name).convert(mode)
        for side in (3, 5, 12, 20):
            pixels = centred(picture, side)
            crop = max(1, side - 2 - side % 3)
            crops = five(pixels, crop) + five(pixels[:, ::-1], crop)
            results.append({"name": name, "side": side, "pixels": pixels.reshape(-1).tolist(), "crop": crop,
                            "crops": [part.reshape(-1).tolist() for part in crops]})
    (HERE / "crops.json").write_text(json.dumps(results, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
