# SPDX-License-Identifier: Apache-2.0
"""Opens an adapter that dist2 wrote with peft.PeftModel.from_pretrained and compares logits.

    python Tests/Fixtures/lora/check_saved.py BASE ADAPTER

ADAPTER also holds `check.safetensors` with ids and the logits dist2 computed. Prints the largest difference.
"""
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

base, adapter = sys.argv[1:]
warnings.simplefilter("error", UserWarning)  # PEFT only warns of keys that are missing
check = load_file(adapter + "/check.safetensors")
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
model = PeftModel.from_pretrained(model, adapter).eval()
with torch.no_grad():
    difference = (model(check["ids"]).logits - check["logits"]).abs().max().item()
print(difference)
