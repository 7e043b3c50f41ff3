# SPDX-License-Identifier: Apache-2.0
"""Three optimizer steps of TRL's DPOTrainer and KTOTrainer on a tiny Llama.

    python Tests/Fixtures/sequences/training.py      (trl 1.16.0, transformers 5.24.0, torch 2.13.0)

Writes training.json: the token ids that TRL made of its records, and for each step the loss and the means it logs. The
model is Tests/Fixtures/llama/gqa-llama3, in float32; its words are a tokenizer of whole words. AdamW with a learning rate
of 1e-3, constant, no weight decay, gradients clipped at 1.
"""
import json
import random
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

torch.set_num_threads(1)
HERE = Path(__file__).parent
MODEL = HERE.parent / "llama" / "gqa-llama3"
WORDS = ["<pad>", "</s>"] + [f"w{i}" for i in range(2, 48)]

words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>")

draw = random.Random(5)
text = lambda low, high: " ".join(draw.choice(WORDS[2:]) for _ in range(draw.randint(low, high)))
pairs = [{"prompt": text(2, 5), "chosen": " " + text(2, 6) + " </s>", "rejected": " " + text(2, 6) + " </s>"}
         for _ in range(4)]
single = [{"prompt": text(2, 5), "completion": " " + text(2, 6) + " </s>", "label": label}
          for label in (True, False, True, True, False)]


def common(folder, count):
    return dict(
        output_dir=folder, per_device_train_batch_size=count, max_steps=3, learning_rate=1e-3,
        lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0, logging_steps=1, report_to=[], use_cpu=True,
        save_strategy="no", bf16=False, fp16=False, gradient_checkpointing=False, optim="adamw_torch",
        disable_tqdm=True, max_length=None, seed=0)


def run(trainer_class, config_class, records, columns, **options):
    class Recording(trainer_class):
        def compute_loss(self, *args, **kwargs):
            loss = super().compute_loss(*args, **kwargs)
            losses.append(float(loss))
            return loss

        def log(self, logs, start_time=None):
            if "loss" in logs:
                steps.append({key: sum(values) / len(values) for key, values in self._metrics["train"].items()
                              if key == "kl" or key.split("/")[0] in ("rewards", "logps")})
            super().log(logs, start_time)

    losses, steps = [], []
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Recording(
            model=model, args=config_class(**common(folder, len(records)), **options),
            train_dataset=Dataset.from_list(records), processing_class=tokenizer)
        data = [{key: row[key] for key in columns} for row in trainer.train_dataset]
        trainer.train()
    for step, loss in zip(steps, losses):
        step["loss"] = loss
    return {"records": records, "data": data, "steps": steps, "options": options}


result = {
    "dpo": run(DPOTrainer, DPOConfig, pairs, ["prompt_ids", "chosen_ids", "rejected_ids"], beta=0.5),
    "ipo": run(DPOTrainer, DPOConfig, pairs, ["prompt_ids", "chosen_ids", "rejected_ids"], beta=0.5, loss_type=["ipo"]),
    "kto": run(KTOTrainer, KTOConfig, single, ["prompt_ids", "completion_ids", "label"], beta=0.5,
               desirable_weight=1.0, undesirable_weight=1.5),
}
(HERE / "training.json").write_text(json.dumps(result, indent=1) + "\n")
for name, value in result.items():
    print(name, value["data"][0], json.dumps(value["steps"]))
