# SPDX-License-Identifier: Apache-2.0
"""The dynamic 8-bit map and nearest codes, from the published formula.

    python codes.py        # writes codes.safetensors beside itself (torch 2.13.0, safetensors 0.8.0)

Dettmers et al. 2022 (arXiv 2110.02861): for each exponent 10^-6 ... 10^0 the fraction's interval [0.1, 1] is cut into
2^i parts of either sign (2^(i+1) without sign), whose middles are the values; 0 and 1 are added. Written out here
with torch.linspace in float32, as bitsandbytes does. Codes are the nearest values in units of the largest magnitude of
each block of 256; draws that lie nearly in the middle of two values are nudged away from it.
"""
import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def dynamic_map(signed, exponent_bits=7):
    values = [0.0, 1.0]
    for i in range(exponent_bits):
        parts = 2 ** i if signed else 2 ** (i + 1)
        limits = torch.linspace(0.1, 1, parts + 1, dtype=torch.float32)
        middles = (limits[:-1] + limits[1:]) / 2
        values += (10.0 ** (i - exponent_bits + 1) * middles).tolist()
        if signed:
            values += (-10.0 ** (i - exponent_bits + 1) * middles).tolist()
    assert len(values) == 256
    return torch.tensor(sorted(values), dtype=torch.float32)


def nearest(ratio, values):
    distance = (ratio.double()[:, None] - values.double()).abs()
    two = distance.topk(2, largest=False)
    close = (two.values[:, 1] - two.values[:, 0]) < 1e-4 * two.values[:, 1]
    return two.indices[:, 0].to(torch.uint8), close


out = {}
for name, signed in [("signed", True), ("unsigned", False)]:
    values = dynamic_map(signed)
    generator = torch.Generator().manual_seed(5)
    n = 256 * 9 + 77  # the last block is not whole
    x = torch.randn(n, generator=generator) * 10 ** (1.5 * torch.randn(n, generator=generator))
    x[600:700] = 0
    x[256:512] = 0  # a block of zeros
    if not signed:
        x = x.abs() ** 1.5
    while True:
        scales = torch.stack([part.abs().max() for part in x.split(256)])
        ratio = x / scales.repeat_interleave(256)[:n].clamp(min=1e-30)
        codes, close = nearest(ratio, values)
        if not close.any():
            break
        x[close] *= 1.001
    if not signed:
        codes[(codes == 0) & (x > 0)] = 1  # dist2's own rule: what is not 0 does not become 0
    out |= {f"{name}.values": values, f"{name}.x": x, f"{name}.codes": codes, f"{name}.scales": scales,
            f"{name}.decoded": values[codes.long()] * scales.repeat_interleave(256)[:n]}
save_file({k: v.contiguous() for k, v in out.items()}, HERE / "codes.safetensors")
