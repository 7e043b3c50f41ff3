# SPDX-License-Identifier: Apache-2.0
"""Configurations of published models that see, and how many parameters transformers gives each.

    python Tests/Fixtures/vision/published.py

Made with transformers 5.24.0, torch 2.13.0. A checkpoint has the keys of its published config.json that decide sizes and
computation. `VisionFamilyTests` reads the result, published.json: models that load have as many parameters, tied ones
counted once; those of types that are not known (`count` null) are refused by `model_type`.
"""
import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

SIGLIP = dict(model_type="siglip_vision_model", hidden_size=1152, intermediate_size=4304, num_attention_heads=16,
              num_hidden_layers=27, patch_size=14, projection_dim=2048, projector_hidden_act="gelu_fast",
              vision_use_head=False)
GEMMA2 = dict(model_type="gemma2", attn_logit_softcapping=50.0, final_logit_softcapping=30.0, head_dim=256,
              hidden_activation="gelu_pytorch_tanh", hidden_act="gelu_pytorch_tanh", hidden_size=2304,
              intermediate_size=9216, max_position_embeddings=8192, num_attention_heads=8, num_hidden_layers=26,
              num_image_tokens=1024, num_key_value_heads=4, query_pre_attn_scalar=256, rms_norm_eps=1e-6,
              rope_theta=10000.0, sliding_window=4096, vocab_size=257216)
SMOL = dict(model_type="llama", max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=100000, vocab_size=49280,
            num_key_value_heads=3, head_dim=64, attention_bias=False, hidden_act="silu", rope_scaling=None,
            tie_word_embeddings=False)
SMOL_TOWER = dict(model_type="smolvlm_vision", hidden_size=768, image_size=512, patch_size=16, num_attention_heads=12,
                  max_image_size={"longest_edge": 512}, size={"longest_edge": 2048}, use_base_siglip=False)
SMOL_OWN = dict(image_token_id=49190, scale_factor=4, tie_word_embeddings=False, vocab_size=49280)
IDEFICS = dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, image_size=364,
               patch_size=14, model_type="idefics3_vision", tie_word_embeddings=False)
TOWER_896 = dict(model_type="siglip_vision_model", hidden_size=1152, image_size=896, intermediate_size=4304,
                 num_attention_heads=16, num_hidden_layers=27, patch_size=14, vision_use_head=False)
ONEVISION = dict(image_token_index=151646, video_token_index=151647, projector_hidden_act="gelu",
                 vision_aspect_ratio="anyres_max_9", vision_feature_layer=-1, vision_feature_select_strategy="full",
                 vision_config=dict(TOWER_896, image_size=384, num_hidden_layers=26), image_grid_pinpoints=[
                     [384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)])
QWEN2 = dict(model_type="qwen2", max_position_embeddings=32768, rope_theta=1000000.0, vocab_size=152000)
LLAMA3 = dict(model_type="llama", hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
              num_key_value_heads=8, max_position_embeddings=131072, rms_norm_eps=1e-5, rope_theta=500000.0,
              vocab_size=128259, rope_scaling=dict(factor=8.0, high_freq_factor=4.0, low_freq_factor=1.0,
                                                   original_max_position_embeddings=8192, rope_type="llama3"))

QWEN25 = dict(attention_dropout=0.0, bos_token_id=151643, eos_token_id=151645, vision_start_token_id=151652,
             vision_end_token_id=151653, vision_token_id=151654, image_token_id=151655, video_token_id=151656,
             hidden_act="silu", initializer_range=0.02, max_position_embeddings=128000, rms_norm_eps=1e-6,
             rope_theta=1000000.0, sliding_window=32768, use_sliding_window=False,
             rope_scaling=dict(type="mrope", mrope_section=[16, 24, 24]))
QWEN25_TOWER = dict(depth=32, hidden_act="silu", hidden_size=1280, intermediate_size=3420, num_heads=16, in_chans=3,
                   patch_size=14, spatial_merge_size=2, spatial_patch_size=14, window_size=112,
                   fullatt_block_indexes=[7, 15, 23, 31], tokens_per_second=2, temporal_patch_size=2)
QWEN3 = dict(model_type="qwen3_vl_text", attention_bias=False, attention_dropout=0.0, bos_token_id=151643,
             eos_token_id=151645, head_dim=128, hidden_act="silu", initializer_range=0.02,
             max_position_embeddings=262144, num_key_value_heads=8, rms_norm_eps=1e-6, rope_theta=5000000,
             vocab_size=151936, rope_scaling=dict(mrope_interleaved=True, mrope_section=[24, 20, 20], rope_type="default"))
QWEN3_TOWER = dict(model_type="qwen3_vl", hidden_act="gelu_pytorch_tanh", in_channels=3, initializer_range=0.02,
                   num_heads=16, num_position_embeddings=2304, patch_size=16, spatial_merge_size=2,
                   temporal_patch_size=2)
QWEN3_SMALL = dict(QWEN3_TOWER, deepstack_visual_indexes=[5, 11, 17], depth=24, hidden_size=1024, intermediate_size=4096)
QWEN3_OWN = dict(image_token_id=151655, video_token_id=151656, vision_start_token_id=151652, vision_end_token_id=151653)

CHECKPOINTS = [
    ("google/paligemma-3b-pt-224", "paligemma", dict(
        image_token_index=257152, projection_dim=2048, hidden_size=2048, vocab_size=257216,
        vision_config=dict(SIGLIP, image_size=224, num_image_tokens=256),
        text_config=dict(model_type="gemma", hidden_size=2048, intermediate_size=16384, num_attention_heads=8,
                         num_hidden_layers=18, num_image_tokens=256, num_key_value_heads=1, vocab_size=257216))),
    ("google/paligemma2-3b-pt-448", "paligemma", dict(
        image_token_index=257152, projection_dim=2304, hidden_size=2304, vocab_size=257216,
        vision_config=dict(SIGLIP, image_size=448, num_image_tokens=1024, projection_dim=2304), text_config=GEMMA2)),
    ("HuggingFaceTB/SmolVLM-256M-Instruct", "idefics3", dict(SMOL_OWN, vision_config=dict(
        SMOL_TOWER, model_type="idefics3"), text_config=dict(SMOL, hidden_size=576, intermediate_size=1536,
                                                             num_hidden_layers=30, num_attention_heads=9))),
    ("HuggingFaceTB/SmolVLM2-500M-Video-Instruct", "smolvlm", dict(SMOL_OWN, vision_config=SMOL_TOWER, text_config=dict(
        SMOL, hidden_size=960, intermediate_size=2560, num_hidden_layers=32, num_attention_heads=15,
        num_key_value_heads=5))),
    ("HuggingFaceM4/Idefics3-8B-Llama3", "idefics3", dict(
        image_token_id=128257, scale_factor=2, tie_word_embeddings=False, vision_config=IDEFICS, text_config=LLAMA3)),
    ("llava-hf/llava-1.5-7b-hf", "llava", dict(
        image_token_index=32000, image_seq_length=576, projector_hidden_act="gelu", vision_feature_layer=-2,
        vision_feature_select_strategy="default", text_config=dict(
            model_type="llama", max_position_embeddings=4096, rms_norm_eps=1e-5, vocab_size=32064),
        vision_config=dict(model_type="clip_vision_model", hidden_size=1024, image_size=336, intermediate_size=4096,
                           num_attention_heads=16, num_hidden_layers=24, patch_size=14, projection_dim=768,
                           vocab_size=32000))),
    ("Qwen/Qwen2.5-VL-3B-Instruct", "qwen2_5_vl", dict(
        QWEN25, hidden_size=2048, intermediate_size=11008, max_window_layers=70, num_attention_heads=16,
        num_hidden_layers=36, num_key_value_heads=2, tie_word_embeddings=True, vocab_size=151936,
        vision_config=dict(QWEN25_TOWER, out_hidden_size=2048))),
    ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl", dict(
        QWEN25, hidden_size=3584, intermediate_size=18944, max_window_layers=28, num_attention_heads=28,
        num_hidden_layers=28, num_key_value_heads=4, tie_word_embeddings=False, vocab_size=152064,
        vision_config=dict(QWEN25_TOWER, out_hidden_size=3584))),
    ("Qwen/Qwen3-VL-2B-Instruct", "qwen3_vl", dict(
        QWEN3_OWN, tie_word_embeddings=True, vision_config=dict(QWEN3_SMALL, out_hidden_size=2048), text_config=dict(
            QWEN3, hidden_size=2048, intermediate_size=6144, num_attention_heads=16, num_hidden_layers=28,
            tie_word_embeddings=True))),
    ("Qwen/Qwen3-VL-4B-Instruct", "qwen3_vl", dict(
        QWEN3_OWN, tie_word_embeddings=True, vision_config=dict(QWEN3_SMALL, out_hidden_size=2560), text_config=dict(
            QWEN3, hidden_size=2560, intermediate_size=9728, num_attention_heads=32, num_hidden_layers=36,
            tie_word_embeddings=True))),
    ("Qwen/Qwen3-VL-8B-Instruct", "qwen3_vl", dict(
        QWEN3_OWN, tie_word_embeddings=False, vision_config=dict(
            QWEN3_TOWER, deepstack_visual_indexes=[8, 16, 24], depth=27, hidden_size=1152, intermediate_size=4304,
            out_hidden_size=4096), text_config=dict(
            QWEN3, hidden_size=4096, intermediate_size=12288, num_attention_heads=32, num_hidden_layers=36))),
    ("Qwen/Qwen3-VL-30B-A3B-Instruct", "qwen3_vl_moe", None),
    ("google/gemma-3-4b-it", "gemma3", dict(
        boi_token_index=255999, eoi_token_index=256000, image_token_index=262144, mm_tokens_per_image=256, text_config=dict(
            model_type="gemma3_text", hidden_size=2560, intermediate_size=10240, num_hidden_layers=34,
            rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=1024), vision_config=TOWER_896)),
    ("google/gemma-3-27b-it", "gemma3", dict(
        boi_token_index=255999, eoi_token_index=256000, image_token_index=262144, mm_tokens_per_image=256, text_config=dict(
            model_type="gemma3_text", head_dim=128, hidden_size=5376, intermediate_size=21504, num_attention_heads=32,
            num_hidden_layers=62, num_key_value_heads=16, query_pre_attn_scalar=168,
            rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=1024), vision_config=TOWER_896)),
    ("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", "llava_onevision", dict(ONEVISION, tie_word_embeddings=True, text_config=dict(
        QWEN2, hidden_size=896, intermediate_size=4864, num_attention_heads=14, num_hidden_layers=24, num_key_value_heads=2,
        tie_word_embeddings=True))),
    ("llava-hf/llava-onevision-qwen2-7b-ov-hf", "llava_onevision", dict(ONEVISION, tie_word_embeddings=False, text_config=dict(
        QWEN2, hidden_size=3584, intermediate_size=18944, num_attention_heads=28, num_hidden_layers=28,
        num_key_value_heads=4))),
    ("OpenGVLab/InternVL3-8B-hf", "internvl", None),
]

rows = []
for name, kind, options in CHECKPOINTS:
    count = None
    if options is not None:
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(AutoConfig.for_model(kind, **options))
        count = sum(parameter.numel() for parameter in model.parameters())
    rows.append(dict(name=name, config=dict(model_type=kind, **(options or {})), count=count))
    print(name, count)
text = ",\n ".join(json.dumps(row) for row in rows)
(Path(__file__).parent / "published.json").write_text("[\n " + text + "\n]\n")
