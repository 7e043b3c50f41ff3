# SPDX-License-Identifier: Apache-2.0
"""What bitsandbytes makes of matrices in NF4: codes, scales, and the numbers they stand for.

    python Tests/Fixtures/nf4/make.py

Made with bitsandbytes 0.50.2 (functional.quantize_4bit on the CPU, blocks of 64) and torch 2.13.0. For every matrix NAME:
`NAME.weight`, `NAME.codes`, `NAME.scales`, `NAME.dense` (float32) and `NAME.half` (bfloat16); with double quantisation
`NAME.nested.codes`, `NAME.nested.scales`, `NAME.nested.offset` and `NAME.nested.half`. Numbers are bfloat16 ones, whose
files are smaller. Blocks of zeros, of one magnitude, and a last block that is not whole are among them.
"""
from pathlib import Path

import torch
from bitsandbytes import functional
from safetensors.torch import save_file

torch.manual_seed(3)
normal = lambda *shape: torch.randn(shape) * 0.02
matrices = dict(plain=normal(48, 32), partial=normal(33, 6), large=normal(40, 432) * torch.rand(40, 1) * 3)
matrices["plain"][0:4] = 0
matrices["plain"][4:6] = 0.125
matrices["plain"][6:8] = torch.linspace(-1, 1, 64).view(2, 32)
expected = {}
for name, weight in matrices.items():
    expected[f"{name}.weight"] = weight.bfloat16()
    # A block a row: bitsandbytes' processor kernel gives wrong numbers where rows are no whole number of blocks.
    weight = weight.bfloat16().float()
    weight = weight.view(-1, 64) if weight.numel() % 64 == 0 else weight
    codes, state = functional.quantize_4bit(weight, quant_type="nf4", blocksize=64)
    half = functional.quantize_4bit(weight.bfloat16(), quant_type="nf4", blocksize=64)
    shape = expected[f"{name}.weight"].shape
    expected |= {f"{name}.codes": codes.flatten(), f"{name}.scales": state.absmax,
                 f"{name}.half": functional.dequantize_4bit(*half).view(shape)}
    if name != "large":
        expected[f"{name}.dense"] = functional.dequantize_4bit(codes, state).view(shape)
    codes, state = functional.quantize_4bit(weight, quant_type="nf4", blocksize=64, compress_statistics=True)
    expected |= {f"{name}.nested.codes": state.absmax, f"{name}.nested.scales": state.state2.absmax,
                 f"{name}.nested.offset": state.offset.view(1), f"{name}.nested.half":
                 functional.dequantize_4bit(codes, state).bfloat16().view(shape)}
    table = state.state2.code
expected["table"] = table
save_file({key: value.contiguous() for key, value in expected.items()}, Path(__file__).parent / "expected.safetensors")
