# SPDX-License-Identifier: Apache-2.0
"""Adapters made by PEFT on the tiny checkpoints of Tests/Fixtures/llama, and what PEFT computes with them.

    python Tests/Fixtures/lora/make.py

Made with torch 2.13.0, transformers 5.23.0, peft 0.21.2, safetensors 0.8.0. Each folder is an adapter as
`save_pretrained` writes it; `base.txt` names its checkpoint. `expected.safetensors` holds ids [B, T], logits, the loss
(mean cross entropy of the next token), its gradient for A and B of every layer under PEFT's names, and the weights
after `merge_and_unload` (`merged.*`, the adapted ones). B is drawn, since with B = 0 an adapter computes nothing.
"""
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent


def make(name, base, **settings):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(1)
    load = lambda: AutoModelForCausalLM.from_pretrained(
        HERE.parent / "llama" / base, dtype=torch.float32, attn_implementation="eager")
    model = get_peft_model(load(), LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key:
                parameter.normal_(0, 0.1)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    (folder / "base.txt").write_text(base + "\n")
    ids = load_file(HERE.parent / "llama" / base / "expected.safetensors")["ids"]
    model.eval()
    logits = model(ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    expected = dict(ids=ids, logits=logits, loss=loss)
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            expected["grad." + key.replace(".default", "")] = parameter.grad
    before = dict(load().named_parameters())
    merged = model.merge_and_unload()
    for key, parameter in merged.named_parameters():
        if not torch.equal(parameter, before[key]):
            expected["merged." + key] = parameter
    save_file({key: value.detach().contiguous().clone() for key, value in expected.items()},
              folder / "expected.safetensors")
    print(name, f"loss {loss.item():.6f}", len([k for k in expected if k.startswith("grad.")]), "gradients")


make("plain", "gqa-llama3", r=4, lora_alpha=6, target_modules=["q_proj", "v_proj"])
# Biases of the base, every layer but the head, another scale, a dropout that evaluation ignores.
make("all-linear", "mha-biases", r=3, lora_alpha=5, target_modules="all-linear", use_rslora=True, lora_dropout=0.25)
# A tied head; one layer by its long name.
make("long-names", "headdim-tied", r=2, lora_alpha=2,
     target_modules=["layers.1.mlp.down_proj", "k_proj"], init_lora_weights="gaussian")
