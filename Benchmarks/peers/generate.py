# SPDX-License-Identifier: Apache-2.0
"""Greedy decoding of random prompts of 16 ... 40 tokens, all side by side, by transformers' generate; with compile=1 by
a cache of fixed size and torch.compile."""

import torch
from transformers import AutoModelForCausalLM

from . import sequences


def run(worker, settings):
    model = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None  # every answer has all its tokens
    rows = sequences.make(int(settings.get("prompts", 64)), model.config.vocab_size, lambda row: 16 + row * 7 % 25)
    ids, mask = sequences.padded(rows)
    count = int(settings.get("tokens", 32))
    if "compile" in settings:
        model.generation_config.cache_implementation = "static"
        model.forward = torch.compile(model.forward, dynamic=False)

    def work():
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=count, do_sample=False, pad_token_id=0
            )
        assert out.shape[1] == ids.shape[1] + count
        return out[:, ids.shape[1]].sum().item()

    worker.serve(work)
