# SPDX-License-Identifier: Apache-2.0
"""Compares PaliGemmas that dist2 wrote with what it computed, in transformers.

    DIST2_SAVE_TO=saved swift test --filter VisionFamilyTests      # leaves saved/vision/paligemma, …
    python Tests/Fixtures/paligemma/check_saved.py saved

Made with torch 2.13.0, transformers 5.24.0. Prints the largest difference of logits and fails if one is above 1e-5.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import PaliGemmaForConditionalGeneration

worst = 0.0
for name in ["paligemma", "paligemma2"]:
    expected = load_file(Path(__file__).parent / name / "expected.safetensors")
    model, report = PaliGemmaForConditionalGeneration.from_pretrained(
        Path(sys.argv[1]) / "vision" / name, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not any(report.values()), report
    ids = expected["ids"]
    types = (torch.arange(ids.shape[1])[None] >= expected["prompts"][:, None]).long()
    with torch.no_grad():
        logits = model(input_ids=ids, pixel_values=expected["pixels"], token_type_ids=types,
                       attention_mask=torch.ones_like(ids)).logits
    difference = (logits - expected["logits"]).abs().max().item()
    print(name, difference)
    worst = max(worst, difference)
sys.exit(worst > 1e-5)
