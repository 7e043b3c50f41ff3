# SPDX-License-Identifier: Apache-2.0
"""Image models with random weights, of published sizes, for both sides to read."""

import json
import os
import struct
import zlib

import torch
from safetensors.torch import save_file

CODES, CLASSES = 16384, 1000


def gpt(side, width=768, inner=2048, layers=12, heads=12):
    """LlamaGen-B over a grid of side x side codes."""
    draw = lambda *shape: torch.randn(shape) * 0.02
    tensors = {
        "cls_embedding.embedding_table.weight": draw(CLASSES + 1, width),
        "tok_embeddings.weight": draw(CODES, width),
        "norm.weight": torch.ones(width),
        "output.weight": draw(CODES, width),
    }
    for layer in range(layers):
        name = f"layers.{layer}."
        tensors |= {
            name + "attention.wqkv.weight": draw(3 * width, width),
            name + "attention.wo.weight": draw(width, width),
            name + "feed_forward.w1.weight": draw(inner, width),
            name + "feed_forward.w3.weight": draw(inner, width),
            name + "feed_forward.w2.weight": draw(width, inner),
            name + "attention_norm.weight": torch.ones(width),
            name + "ffn_norm.weight": torch.ones(width),
        }
    config = {
        "model_type": "llamagen", "vocab_size": CODES, "num_classes": CLASSES, "block_size": side * side, "dim": width,
        "ffn_dim": inner, "n_layer": layers, "n_head": heads, "class_dropout_prob": 0.0, "token_dropout_p": 0.0,
        "resid_dropout_p": 0.0, "ffn_dropout_p": 0.0,
    }
    return config, tensors


def vq():
    """VQ-16, made by the peer's own modules."""
    from peers.image_models import VQ

    return dict(VQ.SIZES), VQ().state_dict()


def vlm(folder, side=160):
    """LLaVA with a small tower and eight layers of SmolLM2-135M's shape, and four pictures."""
    import transformers

    vision = transformers.CLIPVisionConfig(
        hidden_size=256, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=4, image_size=side, patch_size=16)
    text = transformers.LlamaConfig(
        vocab_size=49216, hidden_size=576, intermediate_size=1536, num_hidden_layers=8, num_attention_heads=9,
        num_key_value_heads=3, tie_word_embeddings=True)
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=49152, image_seq_length=100, vision_feature_layer=-1,
        tie_word_embeddings=True)
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    for index in range(4):
        pixels = torch.randint(0, 256, (3, side, side), dtype=torch.uint8)
        torch.save(pixels, f"{folder}/{index}.pt")
        with open(f"{folder}/{index}.png", "wb") as file:
            file.write(png(pixels.permute(1, 2, 0).contiguous().numpy()))


def png(pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write(folder):
    """Folders by name: generators over 16 x 16 and 8 x 8 codes, the tokenizer, and a model that sees."""
    torch.manual_seed(0)
    made = {"gpt16": gpt(16), "gpt8": gpt(8), "vq": vq()}
    for name, (config, tensors) in made.items():
        os.makedirs(f"{folder}/{name}")
        save_file({key: value.contiguous() for key, value in tensors.items()}, f"{folder}/{name}/model.safetensors")
        with open(f"{folder}/{name}/config.json", "w") as file:
            json.dump(config, file)
    vlm(f"{folder}/vlm")
    return {name: f"{folder}/{name}" for name in [*made, "vlm"]}
