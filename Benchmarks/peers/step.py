# SPDX-License-Identifier: Apache-2.0
"""Whole optimizer steps of the model, with the author-style loss.

method=eager      a plain PyTorch loop: transformers' LlamaForCausalLM, loss, backward, fused AdamW
method=kept       the same, logits only where the loss looks (logits_to_keep)
method=trainer    transformers' Trainer with compute_loss
method=trl        TRL's SFTTrainer with compute_loss

eager and kept: compile=1 has the model compiled by torch.compile, repeat=n takes n steps a go.
"""

import tempfile

import torch
import transformers

from . import examples

RATE = 1e-6
# Trainers that save, log and show nothing: what is measured are steps.
PLAIN = {
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": [],
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "disable_tqdm": True,
}


def load(settings):
    folder = settings["model"]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.config.use_cache = False
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    digit_ids = torch.tensor(tokenizer.convert_tokens_to_ids([str(digit) for digit in range(10)]))
    return model, tokenizer, digit_ids


def run(worker, settings):
    model, tokenizer, digit_ids = load(settings)
    batch, length, answer = int(settings["batch"]), int(settings["length"]), int(settings.get("answer", 8))
    vocabulary = model.config.vocab_size
    ids, labels = examples.make(batch * 8, length, answer, digit_ids, vocabulary)
    loss_of = examples.AuthorLoss(digit_ids, vocabulary)
    if settings["method"] in ("eager", "kept"):
        keep = answer + 1 if settings["method"] == "kept" else 0
        if "compile" in settings:
            model = torch.compile(model, dynamic=False)
        loop(worker, model, loss_of, ids, labels, batch, keep, int(settings.get("repeat", 1)))
    else:
        trainer(worker, settings["method"], model, tokenizer, loss_of, ids, labels, batch)


def loop(worker, model, loss_of, ids, labels, batch, keep, repeat):
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    model.train()
    step = 0

    def one():
        nonlocal step
        rows = slice(step * batch % len(ids), step * batch % len(ids) + batch)
        step += 1
        logits = model(input_ids=ids[rows], logits_to_keep=keep).logits
        loss = loss_of(logits, labels[rows][:, -logits.shape[1] :])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    worker.serve(lambda: [one() for _ in range(repeat)][-1])


class Turn(transformers.TrainerCallback):
    """Answers a `go` with each step: from the go to the step's end, so that all that the loop does is counted."""

    def __init__(self, worker):
        self.worker, self.start, self.loss = worker, worker.now(), 0

    def on_train_begin(self, args, state, control, **_):
        self.worker.ready()
        control.should_training_stop = not self.wait()

    def on_step_end(self, args, state, control, **_):
        self.worker.answer(self.start, self.loss)
        control.should_training_stop = not self.wait()

    def wait(self):
        more = self.worker.next()
        self.start = self.worker.now()
        return more


class Rows(torch.utils.data.Dataset):
    def __init__(self, ids, labels):
        self.ids, self.labels = ids, labels

    def __len__(self):
        return 1 << 16

    def __getitem__(self, index):
        row = index % len(self.ids)
        return {"input_ids": self.ids[row], "labels": self.labels[row]}


def trainer(worker, method, model, tokenizer, loss_of, ids, labels, batch):
    turn = Turn(worker)
    if method == "trl":
        import trl

        Base, Arguments, more = trl.SFTTrainer, trl.SFTConfig, {"max_length": None}
    else:
        Base, Arguments, more = transformers.Trainer, transformers.TrainingArguments, {}

    class Author(Base):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            labels = inputs.pop("labels")
            outputs = model(**inputs)
            loss = loss_of(outputs.logits, labels)
            turn.loss = loss.detach()
            return (loss, outputs) if return_outputs else loss

        def _get_train_sampler(self, *_):  # both sides read the rows in order
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = Arguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=batch,
        learning_rate=RATE,
        weight_decay=0.0,
        optim="adamw_torch_fused",
        max_steps=1 << 13,
        **PLAIN,
        **more,
    )
    data = Rows(ids, labels)
    if method == "trl":
        import datasets

        rows = [{"input_ids": i, "labels": l} for i, l in zip(ids.tolist(), labels.tolist())]
        data = datasets.Dataset.from_list(rows * 128)
    author = Author(
        model=model, args=arguments, train_dataset=data, processing_class=tokenizer, callbacks=[turn],
        data_collator=transformers.default_data_collator,
    )
    author.train()
