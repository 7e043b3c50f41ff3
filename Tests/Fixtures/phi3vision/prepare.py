# SPDX-License-Identifier: Apache-2.0
"""Pictures and what Phi-3.5-vision's processor makes of them.

    python Tests/Fixtures/phi3vision/prepare.py

Made with Pillow 13.0.0, torch 2.13.0, numpy 2.4.6. The processor is code of the checkpoint; its steps are done here anew,
with Pillow and torch as there, for views of any side. `pictures.safetensors` holds for each case [crops, side, tokens'
side, height, width], how many tokens, the parts [rows, columns], and either all values [V, 3, S, S] or those at some places.
Pictures are made by a rule that the tests know too.
"""
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = Path(__file__).parent
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def picture(height, width):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 + (x // 5 % 2) * 90) % 256).astype(np.uint8)


def prepare(image, crops, side):
    image = Image.fromarray(image)
    upright = image.width < image.height
    if upright:
        image = image.transpose(Image.Transpose.TRANSPOSE)
    ratio = image.width / image.height
    scale = max(s for s in range(1, crops + 1) if all(t * math.ceil(t / ratio) <= crops for t in range(1, s + 1)))
    width = scale * side
    height = int(width / ratio)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    full = math.ceil(height / side) * side
    canvas = Image.new("RGB", (width, full), (255, 255, 255))
    canvas.paste(image, (0, int((full - height) / 2)))
    if upright:
        canvas = canvas.transpose(Image.Transpose.TRANSPOSE)
    values = torch.from_numpy(np.array(canvas)).permute(2, 0, 1).float().div(255).sub(MEAN).div(DEVIATION)
    whole = torch.nn.functional.interpolate(values[None], size=(side, side), mode="bicubic")
    rows, columns = values.shape[1] // side, values.shape[2] // side
    parts = [values[:, r * side:(r + 1) * side, c * side:(c + 1) * side] for r in range(rows) for c in range(columns)]
    return torch.cat([whole, torch.stack(parts)]), rows, columns


def main():
    tensors = {}
    sizes = [(20, 33), (33, 20), (1, 1), (40, 1200), (1200, 40), (7, 7), (50, 49), (100, 60), (9, 200)]
    cases = [(4, 8, 2, *size) for size in sizes] + [(16, 8, 4, *size) for size in sizes] + [(1, 6, 3, 20, 33)]
    cases += [(4, 336, 12, *size) for size in [(480, 640), (640, 427), (1, 1), (40, 5000), (5000, 40)]] + [(16, 336, 12, 200, 301)]
    generator = np.random.default_rng(0)
    for number, case in enumerate(cases):
        crops, side, token, height, width = case
        values, rows, columns = prepare(picture(height, width), crops, side)
        count = (rows * columns + 1) * token * token + 1 + (rows + 1) * token
        tensors[f"{number}.case"] = torch.tensor([*case, count, rows, columns])
        if side < 100:
            tensors[f"{number}.values"] = values.contiguous()
        else:
            places = torch.from_numpy(np.sort(generator.choice(values.numel(), 500, replace=False)))
            tensors[f"{number}.places"], tensors[f"{number}.at"] = places, values.flatten()[places].contiguous()
        print(number, case, tuple(values.shape), count)
    save_file(tensors, HERE / "pictures.safetensors")
    (HERE / "pictures.safetensors").chmod(0o644)
    print((HERE / "pictures.safetensors").stat().st_size)


if __name__ == "__main__":
    main()
