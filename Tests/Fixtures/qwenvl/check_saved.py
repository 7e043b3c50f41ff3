# SPDX-License-Identifier: Apache-2.0
"""Compares Qwen2.5-VL and Qwen3-VL that dist2 wrote, and adapters, with what it computed, in transformers and PEFT.

    DIST2_SAVE_TO=saved swift test --filter 'VisionFamilyTests|QwenVLTests'   # leaves saved/vision/*, saved/adapters/*
    python Tests/Fixtures/qwenvl/check_saved.py saved

Made with torch 2.13.0, transformers 5.24.0, peft 0.21.2. Prints the largest difference of logits and fails if one is above
1e-5 (of adapters 5e-5: their logits are larger).
"""
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

HERE, saved, worst = Path(__file__).parent, Path(sys.argv[1]), 0.0
for name in ["qwen25vl", "qwen25flat", "qwen3vl", "qwen3tied"]:
    expected = load_file(HERE / name / "expected.safetensors")
    ids, pixels, grids = expected["ids"], expected["pixels"], expected["grids"]

    def logits(model):
        inner = model.get_base_model() if isinstance(model, PeftModel) else model
        frames = inner.config.vision_config.temporal_patch_size
        shown = pixels[:, :, None].expand(-1, -1, frames, -1, -1).flatten(1)
        thw = torch.cat([torch.ones(len(grids), 1, dtype=torch.long), grids], 1)
        with torch.no_grad():
            return model(input_ids=ids, pixel_values=shown, image_grid_thw=thw, attention_mask=torch.ones_like(ids),
                         mm_token_type_ids=(ids == inner.config.image_token_id).int()).logits

    def load(folder):
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        assert not any(report.values()), report
        return model.eval()

    differences = [(logits(load(saved / "vision" / name)) - expected["logits"]).abs().max().item()]
    if (saved / "adapters" / name).exists():
        adapted = PeftModel.from_pretrained(load(HERE / name), saved / "adapters" / name).eval()
        wanted = load_file(saved / "adapters" / name / "expected" / "model.safetensors")["logits"]
        differences.append((logits(adapted) - wanted).abs().max().item() / 5)
    print(name, differences)
    worst = max([worst] + differences)
sys.exit(worst > 1e-5)
