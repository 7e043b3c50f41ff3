# SPDX-License-Identifier: Apache-2.0
"""Log-probabilities of random continuations of 8 tokens after prompts of 24 ... 48.

method=forward    logits of all positions, as a forward pass gives them; log_softmax only where it is asked for
method=kept       logits_to_keep: only of the last 9 positions
"""

import torch
from transformers import AutoModelForCausalLM

from . import sequences


def run(worker, settings):
    model = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32).eval()
    rows = sequences.make(int(settings.get("prompts", 64)), model.config.vocab_size, lambda row: 32 + row * 7 % 25)
    ids, mask = sequences.padded(rows)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    keep = 9 if settings["method"] == "kept" else 0

    def work():
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(rows), 16):  # a batch that fits beside its logits
                part = slice(start, start + 16)
                logits = model(
                    input_ids=ids[part], attention_mask=mask[part], position_ids=positions[part], use_cache=False,
                    logits_to_keep=keep,
                ).logits[:, -9:-1]
                logs = logits.log_softmax(-1).gather(-1, ids[part, -8:, None])
                total += logs.sum().item()
        return total

    worker.serve(work)
