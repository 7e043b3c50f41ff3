# SPDX-License-Identifier: Apache-2.0
"""Compares checkpoints that dist2 wrote with the fixtures they came from, in transformers.

    DIST2_SAVE_TO=saved swift test --filter SavingTests       # leaves saved/whole/gqa-llama3 and so on
    python Tests/Fixtures/llama/check_saved.py saved

Made with torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. Prints the largest difference of logits for each folder
and fails if one is above 1e-5 (bfloat16 files: the fixture's own weights, so the same bound).
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/*/config.json"))
assert folders, "nothing was saved there"
worst = 0.0
for folder in folders:
    expected = load_file(HERE / folder.name / "expected.safetensors")
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    problems = {key: value for key, value in report.items() if value}
    assert not problems, f"{folder}: {problems}"
    with torch.no_grad():
        difference = (model(expected["ids"]).logits - expected["logits"]).abs().max().item()
    print(f"{str(folder.relative_to(sys.argv[1])):24} {difference:.2e}")
    worst = max(worst, difference)
sys.exit(worst > 1e-5)
