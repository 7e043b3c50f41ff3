# SPDX-License-Identifier: Apache-2.0
"""Opens a classifier (and an adapter of it) that dist2 wrote in transformers (and PEFT), and compares pooled logits.

    python Tests/Fixtures/classifier/check_saved.py FOLDER CHECK [ADAPTER OUTPUTS]

CHECK is a file with documents padded on the right, and the logits that dist2 computed. With ADAPTER, FOLDER may be a
language model. Prints the largest difference.
"""
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

folder, check, *rest = sys.argv[1:]
check = load_file(check)
options = dict(dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
if rest:
    model, _ = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=int(rest[1]), pad_token_id=int(check["pad"]), **options)
    warnings.simplefilter("error", UserWarning)  # PEFT only warns of keys that are missing
    model = PeftModel.from_pretrained(model, rest[0])
else:
    model, report = AutoModelForSequenceClassification.from_pretrained(folder, **options)
    problems = {key: value for key, value in report.items() if value}
    assert not problems, f"{folder}: {problems}"
with torch.no_grad():
    ids = check["ids"]
    logits = model.eval()(ids, attention_mask=(ids != int(check["pad"])).long()).logits
print((logits - check["logits"]).abs().max().item())
