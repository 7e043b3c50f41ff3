# SPDX-License-Identifier: Apache-2.0
"""Compares Gemma 3s and LLaVA-OneVisions that dist2 wrote with what it computed, in transformers.

    DIST2_SAVE_TO=saved swift test --filter VisionFamilyTests      # leaves saved/vision/gemma3, …
    python Tests/Fixtures/vision/check_tiny.py saved

Made with torch 2.13.0, transformers 5.24.0. Prints the largest difference of logits and fails if one is above 1e-5.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

worst, fixtures = 0.0, Path(__file__).parent.parent
for name in ["gemma3/gemma3", "gemma3/gemma3-narrow", "llavaonevision/onevision", "llavaonevision/onevision-scaled"]:
    folder = fixtures / name
    expected = load_file(folder / "expected.safetensors")
    model, report = AutoModelForImageTextToText.from_pretrained(
        Path(sys.argv[1]) / "vision" / folder.name, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not any(report.values()), report
    ids, pixels = expected["ids"], expected["pixels"]
    if "grids" in expected:
        views = (1 + expected["grids"].prod(1)).tolist()
        padded = torch.zeros(len(views), max(views), *pixels.shape[1:])
        for index, one in enumerate(pixels.split(views)):
            padded[index, :len(one)] = one
        shown = dict(pixel_values=padded, image_sizes=expected["sizes"], batch_num_images=torch.tensor([1, 2]))
    else:
        shown = dict(pixel_values=pixels, token_type_ids=(ids == model.config.image_token_id).long())
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **shown).logits
    difference = (logits - expected["logits"]).abs().max().item()
    print(name, difference)
    worst = max(worst, difference)
sys.exit(worst > 1e-5)
