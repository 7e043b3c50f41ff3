# SPDX-License-Identifier: Apache-2.0
"""Adapters made by PEFT on the tiny checkpoints of Tests/Fixtures/llama, and what PEFT computes with them.

    python Tests/Fixtures/lora/make.py [NAME …]

Made with torch 2.13.0, transformers 5.23.0, peft 0.21.2, safetensors 0.8.0, bitsandbytes 0.50.2. Each folder is an adapter
as `save_pretrained` writes it; `base.txt` names its checkpoint. `expected.safetensors` holds ids [B, T], logits, the loss
(mean cross entropy of the next token), its gradient for everything that is trained, under PEFT's names in a file, and the
weights after `merge_and_unload` (`merged.*`, those that are not the checkpoint's). B is drawn, since with B = 0 an adapter
computes nothing; so are DoRA's magnitudes and what is saved beside adapters. With `steps`: what is trained after three
steps of torch.optim.AdamW in float64 (`after.*`), and the loss of each. With dropout: logits in training mode after
torch.manual_seed(7) (`training.logits`).
"""
import copy
import json
import shutil
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent


def file_name(key):
    """A parameter's name in adapter_model.safetensors."""
    key = key.replace("modules_to_save.default.", "").replace(".default", "")
    return key.removesuffix(".weight") if key.endswith("lora_magnitude_vector.weight") else key


def quantized(model):
    """The weights of all linear layers but the head, rounded to bitsandbytes' NF4."""
    from bitsandbytes import functional
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear) and name != "lm_head":
            # A block a row: its processor kernel gives wrong numbers where rows are no whole number of blocks.
            blocks = layer.weight.data.view(-1, 64)
            codes, state = functional.quantize_4bit(blocks, quant_type="nf4", blocksize=64)
            layer.weight.data = functional.dequantize_4bit(codes, state).view_as(layer.weight)
    return model


def make(name, base, steps=False, change=lambda model: model, **settings):
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        return
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(1)
    load = lambda: change(AutoModelForCausalLM.from_pretrained(
        HERE.parent / "llama" / base, dtype=torch.float32, attn_implementation="eager"))
    model = get_peft_model(load(), LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key:
                parameter.normal_(0, 0.1)
            elif "magnitude" in key:
                parameter.mul_(torch.empty_like(parameter).uniform_(0.7, 1.4))
            elif parameter.requires_grad and "lora" not in key:
                parameter.add_(torch.empty_like(parameter).normal_(0, 0.02))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "../../llama/" + base
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    (folder / "base.txt").write_text(base + "\n")
    ids = load_file(HERE.parent / "llama" / base / "expected.safetensors")["ids"]
    model.eval()

    def compute(model):
        logits = model(ids).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        return logits, loss

    logits, loss = compute(model)
    expected = dict(ids=ids, logits=logits, loss=loss)
    trained = [(file_name(key), p) for key, p in model.named_parameters() if p.requires_grad]
    for key, parameter in trained:
        expected["grad." + key] = parameter.grad.clone()
    if settings.get("lora_dropout"):
        model.train()
        torch.manual_seed(7)
        with torch.no_grad():
            expected["training.logits"] = model(ids).logits
        model.eval()
    if steps:
        exact = copy.deepcopy(model).double()
        parameters = [(file_name(key), p) for key, p in exact.named_parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW([p for _, p in parameters], lr=1e-2, weight_decay=0.1)
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            losses.append(compute(exact)[1].detach())
            optimizer.step()
        expected["losses"] = torch.stack(losses)
        for key, parameter in parameters:
            expected["after." + key] = parameter.detach().float()
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
# DoRA; with biases, dropout and another scale.
make("dora", "gqa-llama3", steps=True, r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"], use_dora=True)
make("dora-biases", "mha-biases", r=3, lora_alpha=5, target_modules="all-linear", use_dora=True, use_rslora=True,
     lora_dropout=0.25)
# The first pattern that fits counts; ^ begins a whole name.
make("patterns", "gqa-llama3", steps=True, r=4, lora_alpha=6, target_modules="all-linear",
     rank_pattern={"layers.0.self_attn.q_proj": 2, "q_proj": 3, "^model.layers.1.mlp.down_proj": 5},
     alpha_pattern={"down_proj": 9, "layers.1.self_attn.v_proj": 1.5}, exclude_modules=["k_proj", "layers.0.mlp.up_proj"])
# Embeddings and head beside adapters; PEFT takes "norm" as the end of input_layernorm, too.
make("saved", "gqa-llama3", steps=True, r=2, lora_alpha=4, target_modules=["q_proj"],
     modules_to_save=["embed_tokens", "lm_head", "norm"])
# One table for both.
make("saved-tied", "headdim-tied", steps=True, r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"],
     modules_to_save=["embed_tokens"], ensure_weight_tying=True)
# A layer trained whole, which targets mean, too.
make("saved-layer", "mha-biases", r=2, lora_alpha=4, use_dora=True, target_modules=["q_proj", "o_proj"],
     modules_to_save=["layers.0.self_attn.q_proj"])
# On 4-bit weights.
make("quantized", "gqa-llama3", steps=True, change=quantized, r=4, lora_alpha=6, target_modules="all-linear")
make("quantized-dora", "gqa-llama3", change=quantized, r=4, lora_alpha=6, target_modules=["q_proj", "up_proj"], use_dora=True)
