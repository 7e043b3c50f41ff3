# SPDX-License-Identifier: Apache-2.0
"""Configurations of fifty much downloaded text checkpoints, and the defaults of transformers' configuration classes.

    python Tests/Fixtures/decoders/checkpoints.py

Made with transformers 5.24.0. A checkpoint has its model_type and those keys of its published config.json that decide
how it is computed (windows, rotation, ties, heads); sizes are left to the defaults. The factors of LongRoPE stand for the
published ones, of which only the number matters here. transformers must take every configuration. `FamilyTableTests` reads
the result, checkpoints.json, and holds the table of docs/models.md against it.
"""
import json
from pathlib import Path

from transformers import AutoConfig

HERE = Path(__file__).parent
LLAMA3 = {"rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                           "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
          "max_position_embeddings": 131072, "num_key_value_heads": 8}
LLAMA32 = LLAMA3 | {"rope_scaling": LLAMA3["rope_scaling"] | {"factor": 32.0}, "tie_word_embeddings": True}
QWEN2 = {"max_position_embeddings": 32768, "max_window_layers": 28, "rope_theta": 1000000.0, "sliding_window": 131072,
         "use_sliding_window": False}
QWEN3 = {"head_dim": 128, "max_position_embeddings": 40960, "rope_scaling": None, "rope_theta": 1000000,
         "sliding_window": None, "use_sliding_window": False, "attention_bias": False}
MOE = QWEN3 | {"num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": True, "moe_intermediate_size": 768,
               "decoder_sparse_step": 1, "mlp_only_layers": []}
PHI3 = {"max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "sliding_window": 262144}


def longrope(count): return {"type": "longrope", "short_factor": [1.0] * count, "long_factor": [1.0] * count}


CHECKPOINTS = [
    ("Qwen/Qwen2.5-0.5B-Instruct", "qwen2", QWEN2 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen2.5-1.5B-Instruct", "qwen2", QWEN2 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen2.5-3B-Instruct", "qwen2", QWEN2 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen2.5-7B-Instruct", "qwen2", QWEN2),
    ("Qwen/Qwen2.5-14B-Instruct", "qwen2", QWEN2),
    ("Qwen/Qwen2.5-32B-Instruct", "qwen2", QWEN2),
    ("Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2", QWEN2),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "qwen2", QWEN2),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2", QWEN2),
    ("Qwen/Qwen3-0.6B", "qwen3", QWEN3 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen3-1.7B", "qwen3", QWEN3 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen3-4B", "qwen3", QWEN3 | {"tie_word_embeddings": True}),
    ("Qwen/Qwen3-8B", "qwen3", QWEN3),
    ("Qwen/Qwen3-14B", "qwen3", QWEN3),
    ("Qwen/Qwen3-32B", "qwen3", QWEN3),
    ("Qwen/Qwen3-4B-Instruct-2507", "qwen3", QWEN3 | {"tie_word_embeddings": True, "rope_theta": 5000000}),
    ("Qwen/Qwen3-30B-A3B", "qwen3_moe", MOE),
    ("Qwen/Qwen3-Next-80B-A3B-Instruct", "qwen3_next", {}),
    ("meta-llama/Llama-2-7b-hf", "llama", {"max_position_embeddings": 4096, "pretraining_tp": 1, "rope_scaling": None}),
    ("meta-llama/Meta-Llama-3-8B-Instruct", "llama", {"rope_theta": 500000.0, "num_key_value_heads": 8}),
    ("meta-llama/Llama-3.1-8B-Instruct", "llama", LLAMA3),
    ("meta-llama/Llama-3.2-1B-Instruct", "llama", LLAMA32 | {"head_dim": 64}),
    ("meta-llama/Llama-3.2-3B-Instruct", "llama", LLAMA32 | {"head_dim": 128}),
    ("meta-llama/Llama-3.3-70B-Instruct", "llama", LLAMA3),
    ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "llama", {"num_key_value_heads": 4, "pretraining_tp": 1}),
    ("HuggingFaceTB/SmolLM2-135M-Instruct", "llama", {"tie_word_embeddings": True, "rope_theta": 100000}),
    ("deepseek-ai/deepseek-coder-6.7b-instruct", "llama", {"rope_scaling": {"factor": 4.0, "type": "linear"},
                                                           "rope_theta": 100000, "max_position_embeddings": 16384}),
    ("HuggingFaceTB/SmolLM3-3B", "smollm3", {"rope_theta": 5000000.0, "no_rope_layer_interval": 4,
                                             "use_sliding_window": False, "sliding_window": None}),
    ("mistralai/Mistral-7B-v0.1", "mistral", {"sliding_window": 4096, "max_position_embeddings": 32768}),
    ("HuggingFaceH4/zephyr-7b-beta", "mistral", {"sliding_window": 4096, "max_position_embeddings": 32768}),
    ("mistralai/Mistral-7B-Instruct-v0.3", "mistral", {"sliding_window": None, "rope_theta": 1000000.0}),
    ("mistralai/Mistral-Nemo-Instruct-2407", "mistral", {"sliding_window": None, "head_dim": 128,
                                                         "rope_theta": 1000000.0}),
    ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral", {}),
    ("google/gemma-2b", "gemma", {"hidden_act": "gelu"}),
    ("google/gemma-2-2b-it", "gemma2", {"hidden_act": "gelu_pytorch_tanh"}),
    ("google/gemma-3-270m-it", "gemma3_text", {"sliding_window": 512, "_sliding_window_pattern": 6}),
    ("google/gemma-3-1b-it", "gemma3_text", {"sliding_window": 512, "sliding_window_pattern": 6, "rope_scaling": None,
                                             "rope_theta": 1000000, "rope_local_base_freq": 10000}),
    ("microsoft/Phi-3-mini-4k-instruct", "phi3", {"sliding_window": 2047, "max_position_embeddings": 4096}),
    ("microsoft/Phi-3.5-mini-instruct", "phi3", PHI3 | {"rope_scaling": longrope(48)}),
    ("microsoft/phi-4", "phi3", {"rope_theta": 250000, "rope_scaling": None, "sliding_window": None,
                                 "num_attention_heads": 40, "hidden_size": 5120, "num_key_value_heads": 10}),
    ("microsoft/Phi-4-mini-instruct", "phi3", PHI3 | {"rope_scaling": longrope(48), "partial_rotary_factor": 0.75,
                                                      "tie_word_embeddings": True, "num_attention_heads": 24}),
    ("microsoft/phi-2", "phi", {}),
    ("allenai/OLMo-2-0425-1B", "olmo2", {"rope_theta": 500000}),
    ("ibm-granite/granite-3.3-2b-instruct", "granite", {
        "attention_multiplier": 0.015625, "embedding_multiplier": 12.0, "logits_scaling": 8.0,
        "residual_multiplier": 0.22, "tie_word_embeddings": True, "rope_theta": 10000000.0}),
    ("openai-community/gpt2", "gpt2", {}),
    ("distilbert/distilgpt2", "gpt2", {"n_layer": 6}),
    ("EleutherAI/pythia-160m", "gpt_neox", {"rotary_pct": 0.25, "rotary_emb_base": 10000,
                                            "use_parallel_residual": True}),
    ("openai/gpt-oss-20b", "gpt_oss", {}),
    ("facebook/opt-125m", "opt", {}),
    ("deepseek-ai/DeepSeek-R1", "deepseek_v3", {}),
]
SIZES = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "tie_word_embeddings",
         "initializer_range", "layer_norm_eps", "layer_norm_epsilon", "n_positions", "n_embd", "n_layer", "n_head"]
TYPES = ["llama", "mistral", "ministral3", "phi3", "qwen2", "qwen3", "qwen3_moe", "gemma", "gemma2", "gemma3_text",
         "olmo2", "olmo3", "granite", "smollm3"]

defaults = {}
for name in TYPES:
    config = AutoConfig.for_model(name)
    defaults[name] = {key: getattr(config, key) for key in SIZES if hasattr(config, key)}
    rope = config.rope_parameters
    full = rope.get("full_attention", rope)
    defaults[name] |= {"theta": full["rope_theta"], "windows": [
        config.sliding_window if kind == "sliding_attention" else 0 for kind in getattr(config, "layer_types", None) or []]}
rows = []
for name, kind, options in CHECKPOINTS:
    AutoConfig.for_model(kind, **{key: json.loads(json.dumps(value)) for key, value in options.items()})
    rows.append({"name": name, "config": {"model_type": kind, **options}})
assert len(rows) == 50 and len({row["name"] for row in rows}) == 50
text = "{\n \"defaults\": {\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in defaults.items()) + "\n },\n"
text += " \"checkpoints\": [\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]\n}\n"
(HERE / "checkpoints.json").write_text(text)
print(len(rows), "checkpoints,", len(text), "bytes")
