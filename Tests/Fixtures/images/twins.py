# SPDX-License-Identifier: Apache-2.0
"""LlamaGen's class-conditional decoder and VQ tokenizer in plain PyTorch, written from their published description:
sizes, key names and formulas, for make.py and check_convert.py. Slow and simple on purpose."""
import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotation_table(side, head_width, base):
    """Complex factors [1 + side², D/2]: 0 for the class, e^(i·angle) for row (first half) and column (second half)."""
    quarter = head_width // 4
    rows = [torch.zeros(2 * quarter, dtype=torch.complex128)]
    for r in range(side):
        for c in range(side):
            angles = [place * base ** (-2 * i / (2 * quarter)) for place in (r, c) for i in range(quarter)]
            rows.append(torch.polar(torch.ones(2 * quarter, dtype=torch.float64), torch.tensor(angles, dtype=torch.float64)))
    return torch.stack(rows)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.wqkv = nn.Linear(dim, 3 * dim, bias=False)
        self.wo = nn.Linear(dim, dim, bias=False)

    def forward(self, x, table):
        b, t, dim = x.shape
        q, k, v = (part.view(b, t, self.heads, -1) for part in self.wqkv(x).split(dim, -1))

        def turn(y):
            pairs = torch.view_as_complex(y.double().reshape(b, t, self.heads, -1, 2))
            return torch.view_as_real(pairs * table[:t, None]).flatten(-2).to(y.dtype)

        q, k, v = (y.transpose(1, 2) for y in (turn(q), turn(k), v))
        scores = q @ k.transpose(-1, -2) / (dim // self.heads) ** 0.5
        scores = scores.masked_fill(torch.ones(t, t).tril() == 0, float("-inf"))
        return self.wo((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, dim))


class FeedForward(nn.Module):
    def __init__(self, dim, inner):
        super().__init__()
        self.w1, self.w3 = nn.Linear(dim, inner, bias=False), nn.Linear(dim, inner, bias=False)
        self.w2 = nn.Linear(inner, dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Layer(nn.Module):
    def __init__(self, dim, inner, heads, eps):
        super().__init__()
        self.attention, self.feed_forward = Attention(dim, heads), FeedForward(dim, inner)
        self.attention_norm, self.ffn_norm = RMSNorm(dim, eps), RMSNorm(dim, eps)

    def forward(self, x, table):
        x = x + self.attention(self.attention_norm(x), table)
        return x + self.feed_forward(self.ffn_norm(x))


class ClassTable(nn.Module):
    def __init__(self, count, dim):
        super().__init__()
        self.embedding_table = nn.Embedding(count, dim)


class GPT(nn.Module):
    def __init__(self, *, vocab_size, num_classes, block_size, dim, ffn_dim, n_layer, n_head, norm_eps=1e-5,
                 rope_base=10000.0):
        super().__init__()
        self.codes = vocab_size
        self.cls_embedding = ClassTable(num_classes + 1, dim)
        self.tok_embeddings = nn.Embedding(vocab_size, dim)
        self.layers = nn.ModuleList(Layer(dim, ffn_dim, n_head, norm_eps) for _ in range(n_layer))
        self.norm, self.output = RMSNorm(dim, norm_eps), nn.Linear(dim, vocab_size, bias=False)
        self.table = rotation_table(round(block_size ** 0.5), dim // n_head, rope_base)

    def hidden(self, classes, codes):
        """classes [B], codes [B, T - 1] -> [B, T, H]"""
        x = torch.cat([self.cls_embedding.embedding_table(classes)[:, None], self.tok_embeddings(codes)], 1)
        for layer in self.layers:
            x = layer(x, self.table)
        return self.norm(x)

    def forward(self, classes, codes):
        return self.output(self.hidden(classes, codes))


def norm(channels, groups):
    return nn.GroupNorm(groups, channels, eps=1e-6)


def swish(x):
    return x * torch.sigmoid(x)


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.norm1, self.conv1 = norm(inputs, groups), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = norm(outputs, groups), nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.nin_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv2(swish(self.norm2(self.conv1(swish(self.norm1(x))))))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class AttnBlock(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm = norm(channels, groups)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.norm(x)
        q, k, v = (conv(y).flatten(2) for conv in (self.q, self.k, self.v))  # [B, C, HW]
        weights = torch.einsum("bci,bcj->bij", q, k).div(c ** 0.5).softmax(-1)
        return x + self.proj_out(torch.einsum("bij,bcj->bci", weights, v).view(b, c, h, w))


class Conv(nn.Module):
    """Down or up: its convolution is called conv."""
    def __init__(self, channels, down):
        super().__init__()
        self.down = down
        self.conv = nn.Conv2d(channels, channels, 3, stride=2 if down else 1, padding=0 if down else 1)

    def forward(self, x):
        if self.down:
            return self.conv(F.pad(x, (0, 1, 0, 1)))
        return self.conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3))


class Level(nn.Module):
    def __init__(self, inputs, outputs, blocks, attends, way, groups):
        super().__init__()
        self.res = nn.ModuleList(ResBlock(inputs if i == 0 else outputs, outputs, groups) for i in range(blocks))
        self.attn = nn.ModuleList(AttnBlock(outputs, groups) for _ in range(blocks if attends else 0))
        self.way = way
        if way:
            setattr(self, way, Conv(outputs, way == "downsample"))

    def forward(self, x):
        for i, block in enumerate(self.res):
            x = block(x)
            if len(self.attn):
                x = self.attn[i](x)
        return getattr(self, self.way)(x) if self.way else x


def middle(channels, groups):
    return nn.ModuleList([ResBlock(channels, channels, groups), AttnBlock(channels, groups),
                          ResBlock(channels, channels, groups)])


class Encoder(nn.Module):
    def __init__(self, images, ch, mult, blocks, z, groups):
        super().__init__()
        widths, last = [ch] + [ch * m for m in mult], len(mult) - 1
        self.conv_in = nn.Conv2d(images, ch, 3, padding=1)
        self.conv_blocks = nn.ModuleList(
            Level(widths[i], widths[i + 1], blocks, i == last, None if i == last else "downsample", groups)
            for i in range(len(mult)))
        self.mid = middle(widths[-1], groups)
        self.norm_out, self.conv_out = norm(widths[-1], groups), nn.Conv2d(widths[-1], z, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for part in [*self.conv_blocks, *self.mid]:
            x = part(x)
        return self.conv_out(swish(self.norm_out(x)))


class Decoder(nn.Module):
    def __init__(self, images, ch, mult, blocks, z, groups):
        super().__init__()
        widths, last = [ch * m for m in reversed(mult)], len(mult) - 1
        self.conv_in = nn.Conv2d(z, widths[0], 3, padding=1)
        self.mid = middle(widths[0], groups)
        self.conv_blocks = nn.ModuleList(
            Level(widths[max(i - 1, 0)], widths[i], blocks + 1, i == 0, None if i == last else "upsample", groups)
            for i in range(len(mult)))
        self.norm_out, self.conv_out = norm(widths[-1], groups), nn.Conv2d(widths[-1], images, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for part in [*self.mid, *self.conv_blocks]:
            x = part(x)
        return self.conv_out(swish(self.norm_out(x)))


class Quantizer(nn.Module):
    def __init__(self, count, width):
        super().__init__()
        self.embedding = nn.Embedding(count, width)


class VQ(nn.Module):
    def __init__(self, *, in_channels=3, ch=128, ch_mult=(1, 1, 2, 2, 4), num_res_blocks=2, norm_groups=32,
                 z_channels=256, codebook_size=16384, codebook_embed_dim=8, codebook_l2_norm=True):
        super().__init__()
        sizes = (in_channels, ch, ch_mult, num_res_blocks, z_channels, norm_groups)
        self.encoder, self.decoder = Encoder(*sizes), Decoder(*sizes)
        self.quantize = Quantizer(codebook_size, codebook_embed_dim)
        self.quant_conv = nn.Conv2d(z_channels, codebook_embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(codebook_embed_dim, z_channels, 1)
        self.l2 = codebook_l2_norm

    def book(self):
        weight = self.quantize.embedding.weight
        return F.normalize(weight, dim=-1) if self.l2 else weight

    def latents(self, images):
        """[B, C, H, W] -> [B, h, w, D]"""
        z = self.quant_conv(self.encoder(images)).permute(0, 2, 3, 1)
        return F.normalize(z, dim=-1) if self.l2 else z

    def codes(self, z):
        return torch.cdist(z.flatten(0, 2).double(), self.book().double()).argmin(-1).view(z.shape[:-1])

    def images(self, vectors):
        return self.decoder(self.post_quant_conv(vectors.permute(0, 3, 1, 2)))
