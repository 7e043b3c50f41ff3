# SPDX-License-Identifier: Apache-2.0
"""Tiny random decoders of every family and what transformers computes with them.

    python Tests/Fixtures/decoders/make.py [name ...]

Made with torch 2.13.0, transformers 5.24.0, safetensors 0.8.0. Each folder is a Hugging Face checkpoint, its weights in
bfloat16; everything is computed with them in float32. `expected.safetensors` holds

    ids [B, T], logits [B, T, V]
    loss       mean cross entropy of the next token
    grad.NAME  [4]: Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ², of each parameter's gradient g of that loss
    greedy     [B, n]: what `generate` appends to ids, by the largest logit, with its cache

The weights are drawn wide (normalisation weights and biases too), so that a forgotten factor or bias shows.
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
SMALL = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=None)
YARN = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16}
MOE = dict(head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=8)
PLAIN = {"rope_type": "default", "rope_theta": 100.0}
GEMMA = dict(head_dim=8, sliding_window=5, query_pre_attn_scalar=12)

# name: (model_type, options, what is changed in config.json afterwards)
CASES = {
    "llama-dynamic": ("llama", dict(max_position_embeddings=12, rope_parameters=dict(PLAIN, rope_type="dynamic", factor=2.0)), {}),
    "mistral-window": ("mistral", dict(sliding_window=5), {}),
    "ministral3": ("ministral3", dict(head_dim=8, rope_parameters=dict(
        YARN, factor=16.0, original_max_position_embeddings=4, beta_fast=32.0, beta_slow=1.0, mscale=1.0,
        mscale_all_dim=1.0, llama_4_scaling_beta=0.3)), {}),
    "qwen2": ("qwen2", dict(num_key_value_heads=1), {}),
    "qwen2-window-yarn": ("qwen2", dict(use_sliding_window=True, sliding_window=5, max_window_layers=1,
                                        tie_word_embeddings=True, rope_parameters=YARN), {}),
    "qwen3": ("qwen3", dict(head_dim=8), {}),
    # The layout of transformers 4.
    "qwen3-tied-yarn": ("qwen3", dict(head_dim=8, tie_word_embeddings=True, num_hidden_layers=1, rope_parameters=YARN),
                        {"rope_parameters": None, "rope_theta": 100.0, "rope_scaling": dict(
                            type="yarn", factor=4.0, original_max_position_embeddings=16)}),
    "qwen3-moe": ("qwen3_moe", dict(MOE, norm_topk_prob=True), {}),
    "qwen3-moe-mixed": ("qwen3_moe", dict(MOE, num_hidden_layers=3, decoder_sparse_step=2, mlp_only_layers=[0],
                                          use_sliding_window=True, sliding_window=5), {}),
    "gemma": ("gemma", dict(head_dim=8, num_key_value_heads=1), {"hidden_act": "gelu"}),
    "gemma2": ("gemma2", GEMMA, {}),
    "gemma3": ("gemma3_text", dict(GEMMA, num_hidden_layers=3, layer_types=[
        "sliding_attention", "sliding_attention", "full_attention"]), {}),
    # The layout of transformers 4.
    "gemma3-linear": ("gemma3_text", dict(GEMMA, rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}, layer_types=[
            "sliding_attention", "full_attention"]),
        {"rope_parameters": None, "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "rope_theta": 1000.0,
         "rope_local_base_freq": 100.0, "layer_types": None, "sliding_window_pattern": 2}),
    "olmo2": ("olmo2", {}, {}),
    "olmo3": ("olmo3", dict(sliding_window=5, layer_types=["sliding_attention", "full_attention"], rope_parameters={
        "full_attention": YARN, "sliding_attention": PLAIN}), {}),
    "granite": ("granite", dict(embedding_multiplier=3.0, logits_scaling=2.0, attention_multiplier=0.3,
                                residual_multiplier=0.4, tie_word_embeddings=True, attention_bias=True), {}),
    "smollm3": ("smollm3", dict(no_rope_layers=[1, 0]), {}),
    "phi3-window": ("phi3", dict(sliding_window=5), {}),
    "phi4-mini": ("phi3", dict(head_dim=8, hidden_size=32, original_max_position_embeddings=12,
                               tie_word_embeddings=True, num_hidden_layers=1, rope_parameters=dict(
        rope_type="longrope", rope_theta=100.0, partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3],
        long_factor=[1.5, 2.5, 4.0])), {}),
    "gpt2": ("gpt2", dict(n_embd=16, n_layer=2, n_head=4, n_positions=64), {}),
    "gpt-neox": ("gpt_neox", dict(rope_parameters=dict(PLAIN, partial_rotary_factor=0.5)), {}),
    "gpt-neox-serial": ("gpt_neox", dict(use_parallel_residual=False, attention_bias=False, num_hidden_layers=1,
                                         rope_parameters=dict(PLAIN, partial_rotary_factor=1.0)), {}),
}


def spread(model, generator):
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.3 * noise if parameter.dim() == 1 else 0.3 * noise)


def summary(g):
    flat, place = g.double().flatten(), torch.arange(1, g.numel() + 1).double()
    return torch.stack([(flat * (k * place).cos()).sum() for k in (1, 2, 3)] + [flat.norm()]).float()


def make(name):
    family, options, edits = CASES[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(sorted(CASES).index(name))
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **(SMALL | options)))
    spread(model, generator)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    values = json.loads((folder / "config.json").read_text())
    values = {key: value for key, value in (values | edits).items() if not (key in edits and value is None)}
    (folder / "config.json").write_text(json.dumps(values, indent=1) + "\n")

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(2, SMALL["vocab_size"], (2, 14), generator=generator)
    logits = model(ids, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    greedy = model.generate(ids, max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0,
                            attention_mask=torch.ones_like(ids))[:, 14:]
    expected = dict(ids=ids, logits=logits, loss=loss, greedy=greedy)
    expected |= {"grad." + key: summary(parameter.grad) for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name:20} loss {loss.item():.5f}, {size} bytes")


for name in sys.argv[1:] or CASES:
    make(name)
