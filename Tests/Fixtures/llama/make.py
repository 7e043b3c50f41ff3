# SPDX-License-Identifier: Apache-2.0
"""Tiny random checkpoints of the Llama family and what transformers computes with them.

    python Tests/Fixtures/llama/make.py

Made with torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. Each folder is a Hugging Face checkpoint; its
`expected.safetensors` holds ids [B, T], final hidden states [B, T, H], logits [B, T, V], the loss (mean cross entropy
of the next token) and, where `grad.*` is present, the gradient of that loss for every parameter.

The weights are drawn wide (normalisation weights and biases too), so that a forgotten factor or bias shows.
"""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

HERE = Path(__file__).parent
SIZES = dict(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, rms_norm_eps=1e-5, pad_token_id=None)


def make(name, config, *, seed, dtype=torch.float32, shard="1GB", edit=None, extra=None, gradients=True):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    model = (MistralForCausalLM if isinstance(config, MistralConfig) else LlamaForCausalLM)(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in key else 0.0, 0.3 if parameter.dim() == 1 else 0.15)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if edit:
        values = json.loads((folder / "config.json").read_text())
        edit(values)
        (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n")
    if extra:
        tensors = load_file(folder / "model.safetensors")
        tensors.update(extra(tensors))
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ids = torch.randint(0, config.vocab_size, (2, 24))
    output = model(ids, output_hidden_states=True)
    loss = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    expected = dict(ids=ids, hidden=output.hidden_states[-1], logits=output.logits, loss=loss)
    if gradients:
        expected |= {"grad." + key: parameter.grad for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    print(name, f"loss {loss.item():.6f}", sum(p.numel() for p in model.parameters()), "parameters")


def old_rope(scaling):
    """The layout of transformers 4."""
    def edit(values):
        values["rope_theta"] = values.pop("rope_parameters")["rope_theta"]
        values["rope_scaling"] = scaling
        values["torch_dtype"] = values.pop("dtype")
    return edit


def without(*keys):
    def edit(values):
        for key in keys:
            values.pop(key, None)
    return edit


# Grouped queries, Llama 3 scaling that reaches every branch (wavelengths 6, 20, 63, 199 against 8 and 32), two shards.
llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32)
make("gqa-llama3", LlamaConfig(**SIZES, num_key_value_heads=2, rope_parameters=dict(llama3, rope_theta=100.0)),
     seed=1, shard="40KB", edit=old_rope(llama3))
# A key head per query head, biases everywhere, buffers of old checkpoints.
make("mha-biases", LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True,
                               rope_parameters=dict(rope_type="default", rope_theta=500000.0)),
     seed=2, extra=lambda _: {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.rand(4) for i in range(2)})
# Heads wider than H / heads, one key head, tied, positions interpolated, the oldest name of the scaling's type.
make("headdim-tied", LlamaConfig(**SIZES, num_key_value_heads=1, head_dim=16, tie_word_embeddings=True,
                                 rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10000.0)),
     seed=3, edit=old_rope(dict(type="linear", factor=4.0)))
# bfloat16 in the file, tied, with the head written a second time as some programs do.
make("bf16-tied", LlamaConfig(**SIZES, num_key_value_heads=2, tie_word_embeddings=True,
                              rope_parameters=dict(rope_type="default", rope_theta=100000.0)),
     seed=4, dtype=torch.bfloat16, gradients=False,
     extra=lambda tensors: {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()})
# Another model_type with other defaults (8 key heads), without sliding window.
make("mistral", MistralConfig(**(SIZES | dict(num_attention_heads=8)), num_key_value_heads=8, sliding_window=None,
                              rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
     seed=5, gradients=False, edit=without("num_key_value_heads", "head_dim"))
