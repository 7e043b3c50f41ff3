"""Image models with random weights, of published sizes, for both sides to read."""

import json
import os

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


def write(folder):
    """Folders by name: generators over 16 x 16 and 8 x 8 codes, and the tokenizer."""
    torch.manual_seed(0)
    made = {"gpt16": gpt(16), "gpt8": gpt(8), "vq": vq()}
    for name, (config, tensors) in made.items():
        os.makedirs(f"{folder}/{name}")
        save_file({key: value.contiguous() for key, value in tensors.items()}, f"{folder}/{name}/model.safetensors")
        with open(f"{folder}/{name}/config.json", "w") as file:
            json.dump(config, file)
    return {name: f"{folder}/{name}" for name in made}
