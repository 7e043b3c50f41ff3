# SPDX-License-Identifier: Apache-2.0
"""Pictures and what Pillow and transformers' image processors make of them.

    python Tests/Fixtures/vision/prepare.py

Made with Pillow 13.0.0, transformers 5.23.0, numpy 2.4.6. `pictures.safetensors` holds for each case the picture
(uint8 [H, W, 3]) and either Pillow's resized one (uint8) or the processor's values (float32 [3, h, w]); cases.json says
which is which.
"""
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

HERE = Path(__file__).parent
random = np.random.default_rng(0)
tensors, resizes, preparations = {}, [], []


def picture(height, width):
    """Smooth colours, hard edges, noise."""
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1), (x + y) % 7 * 40], -1)
    base[height // 3:height // 2, width // 4:width // 2] = [255, 0, 255]
    return np.clip(base + random.normal(0, 20, base.shape), 0, 255).astype(np.uint8)


def keep(name, array):
    tensors[name] = torch.from_numpy(np.ascontiguousarray(array))


for index, (size, target) in enumerate([
        ((13, 29), (8, 8)), ((13, 29), (40, 31)), ((40, 9), (7, 20)), ((1, 1), (5, 3)), ((2, 50), (3, 4)),
        ((24, 24), (24, 24)), ((24, 24), (24, 10)), ((60, 3), (1, 1))]):
    image = picture(*size)
    keep(f"resize.{index}", image)
    for name, filter in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
        resized = Image.fromarray(image).resize((target[1], target[0]), resample=filter)
        keep(f"resize.{index}.{name}", np.array(resized))
    resizes.append(dict(height=target[0], width=target[1]))

clip = dict(do_resize=True, size={"shortest_edge": 12}, do_center_crop=True, crop_size={"height": 12, "width": 12},
            do_rescale=True, rescale_factor=1 / 255, do_normalize=True, do_convert_rgb=True, resample=3,
            image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
settings = [
    (CLIPImageProcessorPil, clip),
    # A crop wider than the picture: black around it.
    (CLIPImageProcessorPil, clip | dict(size={"shortest_edge": 7}, crop_size={"height": 12, "width": 11})),
    (CLIPImageProcessorPil, clip | dict(size={"height": 10, "width": 14}, crop_size={"height": 10, "width": 14},
                                        resample=2)),
    (CLIPImageProcessorPil, clip | dict(do_normalize=False)),
    (LlavaImageProcessorPil, clip | dict(do_pad=True)),
]
for index, (kind, config) in enumerate(settings):
    processor = kind(**config)
    saved = json.loads(processor.to_json_string())
    cases = []
    for number, size in enumerate([(20, 33), (31, 18), (12, 12), (1, 1), (5, 40)]):
        image = picture(*size)
        name = f"prepare.{index}.{number}"
        keep(name, image)
        values = processor(images=Image.fromarray(image), return_tensors="np")["pixel_values"][0]
        keep(name + ".values", values.astype(np.float32))
        cases.append(name)
    preparations.append(dict(config=saved, cases=cases))

save_file(tensors, HERE / "pictures.safetensors")
(HERE / "cases.json").write_text(json.dumps(dict(resizes=resizes, preparations=preparations), indent=1) + "\n")
for file in HERE.iterdir():
    if file.is_file():
        file.chmod(0o644)
        print(file.name, file.stat().st_size)
