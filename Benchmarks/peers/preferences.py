# SPDX-License-Identifier: Apache-2.0
"""Optimizer steps of TRL's DPOTrainer on random pairs, the reference model's log-probabilities computed before the first:
Sources/dist2-bench/Preferences.swift's. What is compared is the mean log-probability of the chosen responses."""

import tempfile

import datasets
import torch
import transformers
import trl

from .step import PLAIN, RATE, Turn


def pairs(count, prompt, answer, vocabulary):
    torch.manual_seed(1)
    ids = torch.randint(0, vocabulary, [count, prompt + 2 * answer]).tolist()
    return [
        {"prompt_ids": row[:prompt], "chosen_ids": row[prompt : prompt + answer], "rejected_ids": row[-answer:]}
        for row in ids
    ]


def run(worker, settings):
    folder, batch = settings["model"], int(settings["pairs"])
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = pairs(batch * 4, int(settings["prompt"]), int(settings["answer"]), model.config.vocab_size)
    turn = Turn(worker)

    class Ready(trl.DPOTrainer):
        def _prepare_dataset(self, dataset, *_, **__):  # it has tokens already
            return dataset

        def _get_train_sampler(self, *_):  # both sides read the rows in order
            return torch.utils.data.SequentialSampler(self.train_dataset)

        def compute_loss(self, *arguments, **more):
            loss = super().compute_loss(*arguments, **more)
            turn.loss = self._metrics["train"]["logps/chosen"][-1]
            return loss

    arguments = trl.DPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=batch,
        precompute_ref_log_probs=True,
        beta=0.1,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        optim="adamw_torch_fused",
        max_steps=1 << 9,
        max_length=None,
        **PLAIN,
    )
    trainer = Ready(
        model=model, args=arguments, train_dataset=datasets.Dataset.from_list(rows), processing_class=tokenizer,
        callbacks=[turn],
    )
    trainer.train()
