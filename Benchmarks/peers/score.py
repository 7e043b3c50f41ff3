# SPDX-License-Identifier: Apache-2.0
"""Log-probabilities of random continuations of 8 tokens after prompts of 24 ... 48.

method=forward    logits of all positions, as a forward pass gives them; log_softmax only where it is asked for
method=kept       logits_to_keep: only of the last 9 positions
method=sorted     the same, sequences of like length in a batch, which is padded no further than its longest

compile=1 has the model compiled by torch.compile: `kept`, whose batches are all of one shape.
"""

import torch
from transformers import AutoModelForCausalLM

from . import sequences


def run(worker, settings):
    model = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32).eval()
    rows = sequences.make(int(settings.get("prompts", 64)), model.config.vocab_size, lambda row: 32 + row * 7 % 25)
    if settings["method"] == "sorted":
        rows.sort(key=len)
    batches = [rows[start : start + 16] for start in range(0, len(rows), 16)]  # which fit beside their logits
    width = 0 if settings["method"] == "sorted" else max(map(len, rows))
    batches = [sequences.padded(batch, width) for batch in batches]
    keep = 0 if settings["method"] == "forward" else 9
    if "compile" in settings:
        model = torch.compile(model, dynamic=False)

    def work():
        total = 0.0
        with torch.inference_mode():
            for ids, mask in batches:
                positions = (mask.cumsum(-1) - 1).clamp(min=0)
                logits = model(
                    input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep,
                ).logits[:, -9:-1]
                total += logits.log_softmax(-1).gather(-1, ids[:, -8:, None]).sum().item()
        return total

    worker.serve(work)
