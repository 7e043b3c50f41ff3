# SPDX-License-Identifier: Apache-2.0
"""A tiny random Phi-3-Vision and what PyTorch computes with it.

    python Tests/Fixtures/phi3vision/make.py

Made with torch 2.13.0, transformers 5.23.0, safetensors 0.8.0. transformers has no Phi-3-Vision: its CLIPVisionModel and
Phi3ForCausalLM are joined here as the published checkpoint's configuration describes it. `model` is a folder with the
names of that checkpoint. `expected.safetensors` beside its weights holds the views of three pictures [V, 3, S, S], their
parts [3, 2], ids [B, T] with runs of the image token, the pictures' features [F, H], logits [B, T, V], the loss (mean cross
entropy of the next token where that is no image token), and its gradient `grad.*` for some parameters.
"""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, Phi3Config, Phi3ForCausalLM

HERE = Path(__file__).parent
IMAGE, SIDE = 37, 8
VISION = dict(hidden_size=12, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
              patch_size=2)
TEXT = dict(vocab_size=40, hidden_size=24, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=128, original_max_position_embeddings=32, rms_norm_eps=1e-5,
            tie_word_embeddings=False)
SCALING = dict(type="su", short_factor=[1.0, 1.1, 1.3], long_factor=[1.2, 2.0, 5.0])
PREFIX = "model.vision_embed_tokens."


class Tiny(nn.Module):
    def __init__(self, **text):
        super().__init__()
        text = TEXT | text
        self.tower = CLIPVisionModel(CLIPVisionConfig(**VISION, hidden_act="quick_gelu"))
        rope = dict(SCALING, type="longrope", rope_type="longrope", rope_theta=10000.0,
                    original_max_position_embeddings=text["original_max_position_embeddings"])
        config = Phi3Config(**text, rope_parameters=rope, pad_token_id=None, bos_token_id=1, eos_token_id=2)
        config._attn_implementation = "eager"
        self.language = Phi3ForCausalLM(config)
        width, out = 4 * VISION["hidden_size"], text["hidden_size"]
        self.projection = nn.Sequential(nn.Linear(width, out), nn.GELU(), nn.Linear(out, out))
        self.glb_GN = nn.Parameter(torch.zeros(1, 1, width))
        self.sub_GN = nn.Parameter(torch.zeros(1, 1, 1, width))
        with torch.no_grad():
            for key, parameter in self.named_parameters():
                isScale = "norm" in key and key.endswith("weight")
                parameter.normal_(1.0 if isScale else 0.0, 0.3 if parameter.dim() == 1 else 0.15)

    def lines(self, map_):
        """A map of patches [h, w, C] → one token for each 2 x 2 of them, and the separator after each row."""
        rows = []
        for y in range(0, map_.shape[0], 2):
            for x in range(0, map_.shape[1], 2):
                rows.append(torch.cat([map_[y, x], map_[y, x + 1], map_[y + 1, x], map_[y + 1, x + 1]]))
            rows.append(self.sub_GN[0, 0, 0])
        return rows

    def features(self, pixels, grids):
        states = self.tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        side = SIDE // VISION["patch_size"]
        maps, tokens, view = states.reshape(len(states), side, side, -1), [], 0
        for rows, columns in grids.tolist():
            parts = maps[view + 1:view + 1 + rows * columns]
            whole = torch.cat([torch.cat(list(parts[row * columns:(row + 1) * columns]), 1) for row in range(rows)], 0)
            tokens += self.lines(whole) + [self.glb_GN[0, 0]] + self.lines(maps[view])
            view += 1 + rows * columns
        return self.projection(torch.stack(tokens))

    def forward(self, ids, features, image=IMAGE):
        words = self.language.model.embed_tokens(ids)
        words = words.masked_scatter((ids == image)[..., None], features)
        return self.language(inputs_embeds=words).logits

    def published(self):
        for key, tensor in self.named_parameters():
            if key.startswith("tower."):
                key = PREFIX + "img_processor.vision_model." + key.removeprefix("tower.").removeprefix("vision_model.")
            elif key.startswith("language."):
                key = key.removeprefix("language.")
            else:
                key = PREFIX + key.replace("projection.", "img_projection.")
            yield key, tensor

    def save(self, folder, **config):
        """The folder of such a checkpoint, without a tokenizer."""
        save_file({key: tensor.detach().contiguous() for key, tensor in self.published()}, folder / "model.safetensors",
                  metadata={"format": "pt"})
        config = dict(
            architectures=["Phi3VForCausalLM"], model_type="phi3_v", attention_dropout=0.0, bos_token_id=1,
            eos_token_id=2, hidden_act="silu", image_token_index=IMAGE, rope_scaling=SCALING, rope_theta=10000.0,
            sliding_window=262144, torch_dtype="float32", vision_config=VISION,
            embd_layer=dict(embedding_cls="image", hd_transform_order="sub_glb", projection_cls="mlp",
                            use_hd_transform=True, with_learnable_separator=True),
            img_processor=dict(image_dim_out=VISION["hidden_size"], model_name="openai/clip-vit-large-patch14-336",
                               name="clip_vision_model", num_img_tokens=4)) | TEXT | config
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def main():
    torch.manual_seed(1)
    model = Tiny().float()
    grids = torch.tensor([[2, 1], [1, 3], [1, 1]])
    pixels = torch.randn(int((grids.prod(1) + 1).sum()), 3, SIDE, SIDE)
    counts = [(r * c + 1) * 4 + 1 + (r + 1) * 2 for r, c in grids.tolist()]
    length = counts[0] + counts[1] + 8
    ids = torch.randint(0, IMAGE, (2, length))
    ids[0, 2:2 + counts[0]] = IMAGE
    ids[0, 5 + counts[0]:5 + counts[0] + counts[1]] = IMAGE
    ids[1, 0:counts[2]] = IMAGE
    features = model.features(pixels, grids)
    assert len(features) == sum(counts) == int((ids == IMAGE).sum())
    logits = model(ids, features)
    labels = ids[:, 1:].masked_fill(ids[:, 1:] == IMAGE, -100)
    loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())
    loss.backward()

    folder = HERE / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    model.save(folder)
    kept = ["_GN", "img_projection", "class_embedding", "patch_embedding", "position_embedding", "encoder.layers.0",
            "embed_tokens.weight", "layers.1.self_attn.qkv_proj"]
    expected = dict(pixels=pixels, grids=grids, ids=ids, features=features, logits=logits, loss=loss)
    expected |= {"grad." + key: tensor.grad for key, tensor in model.published()
                 if tensor.grad is not None and any(part in key for part in kept)}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
        print(file.name, file.stat().st_size)
    print(f"loss {loss.item():.6f}", sum(key.startswith("grad") for key in expected))


if __name__ == "__main__":
    main()
