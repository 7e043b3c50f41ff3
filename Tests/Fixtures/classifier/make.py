# SPDX-License-Identifier: Apache-2.0
"""Tiny random classifiers of the Llama family, and what transformers, PEFT and PyTorch compute with them.

    python Tests/Fixtures/classifier/make.py

Made with torch 2.13.0, transformers 5.23.0, peft 0.21.2, safetensors 0.8.0. Writes beside itself:
  three/, one/           LlamaForSequenceClassification with 3 scores (grouped queries) and with 1 (tied embeddings)
  */expected.safetensors documents padded on the right [B, T], their lengths [B], the pooled logits [B, K]
  adapter/               LoRA of PEFT for SEQ_CLS on three/, the head trained with it; expected.safetensors as above
  training.json          pairs with margins; losses and gradient norms of ten steps of AdamW on one/, Bradley-Terry with
                         centring as TRL's RewardTrainer has it
  training.safetensors   the weights after them
"""
import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

HERE = Path(__file__).parent
PAD = 47
SIZES = dict(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, rms_norm_eps=1e-5, pad_token_id=PAD)
LENGTHS = [5, 19, 1, 12, 24]


def load(name):
    return AutoModelForSequenceClassification.from_pretrained(
        HERE / name, dtype=torch.float32, attn_implementation="eager")


def save(tensors, path):
    save_file({key: value.detach().contiguous().clone() for key, value in tensors.items()}, path)


def documents(generator):
    ids = torch.full((len(LENGTHS), max(LENGTHS)), PAD)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = torch.randint(0, PAD, (length,), generator=generator)
    return ids


def expect(model, folder):
    ids = documents(torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model.eval()(ids, attention_mask=(ids != PAD).long()).logits
    save(dict(ids=ids, lengths=torch.tensor(LENGTHS), logits=logits), folder / "expected.safetensors")
    print(folder.name, logits.flatten()[:3].tolist())


def make(name, config, seed):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    model = LlamaForSequenceClassification(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in key else 0.0, 0.3 if parameter.dim() == 1 else 0.15)
    model.save_pretrained(folder)
    expect(load(name), folder)


def adapter():
    folder = HERE / "adapter"
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(3)
    model = get_peft_model(load("three"), LoraConfig(
        task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=["q_proj", "down_proj"], lora_dropout=0.1))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key or "modules_to_save" in key:
                parameter.normal_(0, 0.1)
    model.peft_config["default"].base_model_name_or_path = "three"
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    expect(model, folder)


def training():
    generator = torch.Generator().manual_seed(4)
    pick = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))
    text = lambda: [pick(0, PAD) for _ in range(pick(2, 15))]
    pairs = [{"chosen": text(), "rejected": text(), "margin": pick(1, 4)} for _ in range(10)]
    model, centering = load("one").train(), 0.01
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    score = lambda ids: model(torch.tensor([ids])).logits[0, 0]
    steps = []
    for step in range(10):
        batch = pairs[step % 3 * 4:step % 3 * 4 + 4]  # the last step of an epoch has two pairs
        chosen = torch.stack([score(pair["chosen"]) for pair in batch])
        rejected = torch.stack([score(pair["rejected"]) for pair in batch])
        ranking = -torch.nn.functional.logsigmoid(chosen - rejected).mean()
        square = ((chosen + rejected) ** 2).mean()
        loss = ranking + centering * square
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps.append({"loss": loss.item(), "bradleyTerry": ranking.item(), "centering": square.item(),
                      "norm": norm.item()})
    (HERE / "training.json").write_text(
        json.dumps({"pairs": pairs, "coefficient": centering, "steps": steps}, indent=1) + "\n")
    save(dict(model.named_parameters()), HERE / "training.safetensors")
    print("training", steps[0]["loss"], steps[-1]["loss"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    make("three", LlamaConfig(**SIZES, num_key_value_heads=2, num_labels=3), seed=1)
    make("one", LlamaConfig(**SIZES, num_key_value_heads=1, num_labels=1, tie_word_embeddings=True), seed=2)
    adapter()
    training()
    for file in HERE.glob("*/*"):
        file.chmod(0o644)
