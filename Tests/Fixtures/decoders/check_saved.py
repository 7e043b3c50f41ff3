# SPDX-License-Identifier: Apache-2.0
"""Compares decoders, classifiers and adapters that dist2 wrote with what it computed, in transformers and PEFT.

    DIST2_SAVE_TO=saved swift test --filter FamilyTests      # leaves saved/families/qwen2, saved/classifiers/qwen2, …
    python Tests/Fixtures/decoders/check_saved.py saved

Made with torch 2.13.0, transformers 5.24.0, peft 0.21.2, safetensors 0.8.0. transformers 5 has experts in one tensor, on
which PEFT knows no adapters of linear layers, so those are left out. Prints the largest difference of logits, or of scores, for
each folder and fails if one is above 1e-5.
"""
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

HERE, SAVED = Path(__file__).parent, Path(sys.argv[1])
worst, folders = 0.0, sorted(path.parent for path in SAVED.glob("*/*/*config.json") if "moe" not in path.parts[-2]
                             or path.parts[-3] != "adapters")
assert folders, "nothing was saved there"
for folder in folders:
    expected = load_file(HERE / folder.name / "expected.safetensors")
    is_classifier = folder.parent.name == "classifiers"
    is_adapter = folder.parent.name == "adapters"
    kind = AutoModelForSequenceClassification if is_classifier else AutoModelForCausalLM
    model, report = kind.from_pretrained(
        HERE / folder.name if is_adapter else folder, dtype=torch.float32, attn_implementation="eager",
        output_loading_info=True)
    assert not any(report.values()), f"{folder}: {report}"
    if is_adapter:
        model = PeftModel.from_pretrained(model, folder)
    with torch.no_grad():
        if is_classifier:  # transformers reads them at the last token, which is no padding here
            wanted = load_file(folder / "scores.safetensors")["scores"][:, -1]
        else:
            wanted = load_file(folder / "trained.safetensors")["logits"] if is_adapter else expected["logits"]
        difference = (model.eval()(expected["ids"]).logits - wanted).abs().max().item()
    print(f"{str(folder.relative_to(SAVED)):32} {difference:.2e}")
    worst = max(worst, difference)
print(len(folders), "folders, largest difference", worst)
sys.exit(worst > 1e-5)
