# SPDX-License-Identifier: Apache-2.0
"""LlamaGen's models in PyTorch eager, as one would write them for speed: fused attention, real rotations, key-value
cache. The tokenizer is the tests' twin with PyTorch's own swish and code look-up in float32."""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

sys.path.append(str(pathlib.Path(__file__).parents[2] / "Tests/Fixtures/images"))
import twins  # noqa: E402

twins.swish = F.silu


class VQ(twins.VQ):
    SIZES = {"in_channels": 3, "ch": 128, "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "z_channels": 256,
             "codebook_size": 16384, "codebook_embed_dim": 8, "codebook_l2_norm": True}

    def codes(self, z):
        rows, book = z.flatten(0, 2), self.book()
        return (rows @ book.T * 2 - book.square().sum(-1)).argmax(-1).view(z.shape[:-1])


class Layer(nn.Module):
    def __init__(self, dim, inner, heads):
        super().__init__()
        self.heads = heads
        self.attention = nn.ModuleDict({
            "wqkv": nn.Linear(dim, 3 * dim, bias=False), "wo": nn.Linear(dim, dim, bias=False)})
        self.feed_forward = nn.ModuleDict({
            "w1": nn.Linear(dim, inner, bias=False), "w3": nn.Linear(dim, inner, bias=False),
            "w2": nn.Linear(inner, dim, bias=False)})
        self.attention_norm, self.ffn_norm = nn.RMSNorm(dim, 1e-5), nn.RMSNorm(dim, 1e-5)

    def forward(self, x, cos, sin, cache=None, start=0):
        batch, length, dim = x.shape
        parts = self.attention["wqkv"](self.attention_norm(x)).view(batch, length, 3, self.heads, -1)
        turned = (turn(parts[:, :, 0], cos, sin), turn(parts[:, :, 1], cos, sin), parts[:, :, 2])
        q, k, v = (part.transpose(1, 2) for part in turned)
        if cache is not None:
            cache[0][:, :, start:start + length], cache[1][:, :, start:start + length] = k, v
            k, v = cache[0][:, :, :start + length], cache[1][:, :, :start + length]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.attention["wo"](mixed.transpose(1, 2).reshape(batch, length, dim))
        y, feed = self.ffn_norm(x), self.feed_forward
        return x + feed["w2"](F.silu(feed["w1"](y)) * feed["w3"](y))


def turn(x, cos, sin):
    """[B, T, heads, D], neighbours in pairs."""
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class GPT(nn.Module):
    def __init__(self, folder):
        super().__init__()
        config = json.loads(pathlib.Path(folder, "config.json").read_text())
        dim, heads = config["dim"], config["n_head"]
        self.codes, self.length = config["vocab_size"], config["block_size"]
        self.cls_embedding = nn.ModuleDict({"embedding_table": nn.Embedding(config["num_classes"] + 1, dim)})
        self.tok_embeddings = nn.Embedding(self.codes, dim)
        self.layers = nn.ModuleList(Layer(dim, config["ffn_dim"], heads) for _ in range(config["n_layer"]))
        self.norm, self.output = nn.RMSNorm(dim, 1e-5), nn.Linear(dim, self.codes, bias=False)
        self.load_state_dict(load_file(f"{folder}/model.safetensors"))
        table = twins.rotation_table(round(self.length ** 0.5), dim // heads, 10000.0)
        self.cos, self.sin = table.real.float()[:, None], table.imag.float()[:, None]

    def logits(self, x, cache=None, start=0):
        places = slice(start, start + x.shape[1])
        for index, layer in enumerate(self.layers):
            x = layer(x, self.cos[places], self.sin[places], cache[index] if cache else None, start)
        return self.output(self.norm(x))

    def forward(self, classes, codes):
        """Scores of every code: classes [B], codes [B, L] -> [B, L, V]"""
        classes = self.cls_embedding["embedding_table"](classes)[:, None]
        return self.logits(torch.cat([classes, self.tok_embeddings(codes[:, :-1])], 1))

    def sample(self, classes, guidance):
        """Greedy codes [B, L] under classifier-free guidance."""
        none = torch.full_like(classes, self.cls_embedding["embedding_table"].num_embeddings - 1)
        x = self.cls_embedding["embedding_table"](torch.cat([classes, none]))[:, None]
        rows, heads = len(x), self.layers[0].heads
        shape = (rows, heads, self.length, x.shape[-1] // heads)
        cache, drawn = [(torch.zeros(shape), torch.zeros(shape)) for _ in self.layers], []
        for step in range(self.length):
            own, free = self.logits(x, cache, step)[:, -1].chunk(2)
            drawn.append((free + (own - free) * guidance).argmax(-1))
            x = self.tok_embeddings(torch.cat([drawn[-1], drawn[-1]]))[:, None]
        return torch.stack(drawn, 1)
