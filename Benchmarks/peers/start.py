# SPDX-License-Identifier: Apache-2.0
"""Model and tokenizer brought to the point where the model can be asked."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def run(worker, settings):
    tokenizer = AutoTokenizer.from_pretrained(settings["model"])
    model = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32)
    worker.serve(lambda: len(tokenizer) + model.config.hidden_size)
