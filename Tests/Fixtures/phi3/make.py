# SPDX-License-Identifier: Apache-2.0
"""Tiny random Phi-3 checkpoints and what transformers computes with them.

    python Tests/Fixtures/phi3/make.py

Made with torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. `plain` has no scaling; `longrope` has, in the layout of
transformers 4. `expected.safetensors` holds ids [B, T] (shorter than the original context) and
long [B, T] (longer), the logits of each, the loss of ids (mean cross entropy of the next token), and its gradients.
"""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Phi3Config, Phi3ForCausalLM

HERE = Path(__file__).parent
SIZES = dict(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, pad_token_id=None, bos_token_id=1, eos_token_id=2)


def make(name, seed, config, edit=lambda values: None):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    model = Phi3ForCausalLM(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in key else 0.0, 0.3 if parameter.dim() == 1 else 0.15)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    values = json.loads((folder / "config.json").read_text())
    edit(values)
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n")

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ids, long = torch.randint(0, 48, (2, 16)), torch.randint(0, 48, (2, 40))
    logits = model(ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    expected = dict(ids=ids, logits=logits, loss=loss, long=long, long_logits=model(long).logits)
    expected |= {"grad." + key: parameter.grad for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    print(name, f"loss {loss.item():.6f}")


make("plain", 1, Phi3Config(**SIZES, max_position_embeddings=64))

scaling = dict(type="longrope", short_factor=[1.0, 1.1, 1.3, 1.7], long_factor=[1.2, 2.0, 5.0, 11.0])


def old(values):
    values.pop("rope_parameters")
    values |= dict(rope_theta=100.0, rope_scaling=scaling)


make("longrope", 2, Phi3Config(**SIZES, max_position_embeddings=64, original_max_position_embeddings=24,
                               rope_parameters=dict(scaling, rope_type="longrope", rope_theta=100.0,
                                                    original_max_position_embeddings=24)), old)
