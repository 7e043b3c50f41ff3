# SPDX-License-Identifier: Apache-2.0
"""Tiny random image models and what their twins compute with them.

    python Tests/Fixtures/images/make.py

Made with torch 2.13.0 and safetensors 0.8.0. Each folder holds config.json and model.safetensors under the published
names, and `expected.safetensors`:
- gpt: classes [B], codes [B, T - 1], hidden [B, T, H], logits [B, T, V], loss (mean cross entropy of the codes),
  grad.* for every parameter, and greedy [B, L]: the codes that guidance of scale 2 chooses without a cache;
- vq, vq-plain: images, latents [B, h, w, D], codes, reconstruction, and the gradients of the sum of squared errors of
  reconstruction (straight through the code book) and of squared distance to the codes, grad.*, for a few parameters.
names.json holds the names and shapes of the published models: GPT-B, GPT-L, GPT-XL and VQ-16.
"""
import json
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from twins import GPT, VQ

HERE = Path(__file__).parent


def scatter(model, seed):
    """Wide values, normalisation weights and biases too, so that a forgotten one shows."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            isScale = "norm" in key and key.endswith("weight")
            deviation = 0.3 if parameter.dim() == 1 else 0.5 if "embedding" in key else parameter[0].numel() ** -0.5
            parameter.normal_(1.0 if isScale else 0.0, deviation)


def write(name, config, model, expected, extra={}):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    weights = {key: value.detach().contiguous() for key, value in model.named_parameters()}
    save_file(weights | extra, folder / "model.safetensors", metadata={"format": "pt"})
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
        print(file.relative_to(HERE), file.stat().st_size)


def greedy(model, classes, length, scale):
    null = torch.full_like(classes, model.cls_embedding.embedding_table.num_embeddings - 1)
    codes = torch.zeros(len(classes), 0, dtype=torch.long)
    for _ in range(length):
        with_class, without = model(classes, codes)[:, -1], model(null, codes)[:, -1]
        codes = torch.cat([codes, (without + scale * (with_class - without)).argmax(-1, keepdim=True)], 1)
    return codes


def make_gpt():
    sizes = dict(vocab_size=48, num_classes=5, block_size=16, dim=32, ffn_dim=40, n_layer=2, n_head=2, norm_eps=1e-5,
                 rope_base=50.0)
    model = GPT(**sizes)
    scatter(model, 1)
    classes, codes = torch.tensor([3, 0, 5]), torch.randint(0, 48, (3, 16))
    hidden = model.hidden(classes, codes)
    logits = model.output(hidden)
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), codes.flatten())
    loss.backward()
    expected = dict(classes=classes, codes=codes, hidden=hidden, logits=logits, loss=loss)
    expected |= {"grad." + key: value.grad for key, value in model.named_parameters()}
    with torch.no_grad():
        expected["greedy"] = greedy(model, torch.tensor([0, 1, 2, 3, 4]), 16, 2.0)
    write("gpt", dict(model_type="llamagen", **sizes), model, expected)


def make_vq(name, seed, **options):
    sizes = dict(in_channels=1, ch=4, ch_mult=[1, 2], num_res_blocks=1, norm_groups=2, z_channels=6, codebook_size=32,
                 codebook_embed_dim=4, codebook_l2_norm=True) | options
    model = VQ(**sizes)
    scatter(model, seed)
    images = torch.rand(2, sizes["in_channels"], 8, 12) * 2 - 1
    z = model.latents(images)
    codes = model.codes(z)
    chosen = model.book()[codes]
    reconstruction = model.images(z + (chosen - z).detach())
    ((reconstruction - images).pow(2).sum() + (chosen - z).pow(2).sum()).backward()
    with torch.no_grad():
        expected = dict(images=images, latents=z, codes=codes, reconstruction=reconstruction,
                        decoded=model.images(chosen), book=model.book())
    for key in ["encoder.conv_in.weight", "encoder.conv_blocks.0.downsample.conv.weight", "encoder.mid.1.q.weight",
                "quant_conv.bias", "quantize.embedding.weight", "post_quant_conv.weight",
                "decoder.conv_blocks.0.upsample.conv.weight", "decoder.conv_blocks.0.attn.1.norm.weight",
                "decoder.conv_blocks.1.res.0.nin_shortcut.weight", "decoder.conv_out.bias"]:
        expected["grad." + key] = dict(model.named_parameters())[key].grad
    write(name, dict(model_type="vq", **sizes), model, expected, extra={"quantize.codebook_used": torch.zeros(64)})


def names():
    def shapes(make):
        with torch.device("meta"):
            return {key: list(value.shape) for key, value in make().named_parameters()}

    def gpt(layers, heads, dim, inner):
        return lambda: GPT(vocab_size=16384, num_classes=1000, block_size=1, dim=dim, ffn_dim=inner, n_layer=layers,
                           n_head=heads)

    every = {"B": shapes(gpt(12, 12, 768, 2048)), "L": shapes(gpt(24, 16, 1024, 2816)),
             "XL": shapes(gpt(36, 20, 1280, 3584)), "VQ-16": shapes(VQ)}
    (HERE / "names.json").write_text(json.dumps(every, separators=(",", ":")) + "\n")
    print({name: sum(torch.Size(shape).numel() for shape in all.values()) for name, all in every.items()})


make_gpt()
make_vq("vq", 2)
make_vq("vq-plain", 3, codebook_l2_norm=False, in_channels=3, ch_mult=[1, 1, 2])
names()
