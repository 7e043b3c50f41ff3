# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's Trainer with dist2's fused loss, on a tiny random Llama: python train_hf.py"""

import tempfile

import torch
import transformers

from dist2_loss import Dist2Loss

torch.manual_seed(0)
config = transformers.LlamaConfig(
    vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
)
model = transformers.LlamaForCausalLM(config)
digits = torch.arange(48, 58)  # of a byte-level vocabulary


class DistanceTrainer(transformers.Trainer):
    loss_of = Dist2Loss(digits)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        hidden = model.model(**inputs).last_hidden_state  # not the logits: the loss has the head in it
        return self.loss_of(hidden, model.lm_head.weight, labels)


def row(a, b):
    prompt, answer = f"{a} + {b} = ".encode(), f"{a + b}.".encode()
    ids = torch.tensor([*prompt, *answer])
    labels = ids.clone()
    labels[: len(prompt)] = -100
    return {"input_ids": ids, "labels": labels}


rows = [row(a, b) for a in range(100, 400, 20) for b in range(100, 400, 25)]
arguments = transformers.TrainingArguments(
    output_dir=tempfile.mkdtemp(), max_steps=20, per_device_train_batch_size=16, learning_rate=1e-2, use_cpu=True,
    report_to=[], logging_steps=5, save_strategy="no",
)
trainer = DistanceTrainer(
    model=model, args=arguments, train_dataset=rows, data_collator=transformers.default_data_collator
)
trainer.train()
losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
assert losses[-1] < losses[0], losses
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
