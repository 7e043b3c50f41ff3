# SPDX-License-Identifier: Apache-2.0
"""A tiny random LLaVA and what transformers computes with it.

    python Tests/Fixtures/vision/make.py

Made with torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. `llava` is a Hugging Face folder as `save_pretrained`
writes it, `llava-tied` one whose embeddings are the head, with the features of the last layer and the class token.
`expected.safetensors` of each holds pixels [N, 3, S, S], ids [B, T] with runs of the image token, the pictures' features
[N · P, H], logits [B, T, V], the loss (mean cross entropy of the next token where that is no image token), and its
gradient `grad.*` for some parameters, under the names of the folder's checkpoint.
"""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

HERE = Path(__file__).parent
IMAGE = 40


def make(name, *, seed, text, vision={}, **more):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    sizes = dict(hidden_size=24, intermediate_size=28, num_hidden_layers=3, num_attention_heads=3, image_size=12,
                 patch_size=4)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**(sizes | vision)),
        text_config=LlamaConfig(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
                                num_attention_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, **text),
        image_token_index=IMAGE, **more)
    model = LlavaForConditionalGeneration(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            isScale = "norm" in key and key.endswith("weight")
            parameter.normal_(1.0 if isScale else 0.0, 0.3 if parameter.dim() == 1 else 0.15)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    count = config.image_seq_length
    pixels = torch.randn(3, 3, 12, 12)
    ids = torch.randint(0, IMAGE, (2, 2 * count + 10))
    ids[0, 2:2 + count] = IMAGE
    ids[0, 4 + count:4 + 2 * count] = IMAGE
    ids[1, 0:count] = IMAGE
    features = torch.cat(model.get_image_features(pixels).pooler_output)
    logits = model(input_ids=ids, pixel_values=pixels).logits
    labels = ids[:, 1:].masked_fill(ids[:, 1:] == IMAGE, -100)
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())
    loss.backward()
    stored = load_file(folder / "model.safetensors")
    gradients = {}
    for key, parameter in model.named_parameters():
        old = key.replace("model.vision_tower.", "vision_tower.vision_model.")
        old = old.replace("model.multi_modal", "multi_modal").replace("model.language_model", "language_model.model")
        old = "language_model.lm_head.weight" if old == "lm_head.weight" else old
        if parameter.grad is not None and any(part in old for part in [
                "class_embedding", "patch_embedding", "position_embedding", "pre_layrnorm", "layers.0", "linear_",
                "embed_tokens"]):
            gradients["grad." + old] = parameter.grad
    expected = dict(ids=ids, pixels=pixels, features=features, logits=logits, loss=loss) | gradients
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    print(name, f"loss {loss.item():.6f}", sorted(stored)[0], len(stored), len(gradients))


make("llava", seed=1, text=dict(num_key_value_heads=2), image_seq_length=9)
make("llava-tied", seed=2, text=dict(tie_word_embeddings=True), vision=dict(hidden_act="gelu"), image_seq_length=10,
     vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="quick_gelu")
