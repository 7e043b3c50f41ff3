# SPDX-License-Identifier: Apache-2.0
"""Safetensors files as the reference implementation writes them, for FilesTests.

    python Tests/Fixtures/safetensors/make.py            # writes the fixtures beside this file
    python Tests/Fixtures/safetensors/make.py check DIR  # reads back what SafetensorsTests wrote to $DIST2_KEEP=DIR

torch 2.13.0, safetensors 0.8.0, numpy 2.4.6
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent


def tensors():
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(3, 5, generator=generator, dtype=torch.float64) * 50
    return {
        "f64": values,
        "f32": values.float(),
        "f16": values.half(),
        "bf16": values.bfloat16(),
        "i64": values.long(),
        "i32": values.int(),
        "i16": values.short(),
        "i8": values.to(torch.int8),
        "u8": values.abs().to(torch.uint8),
        "bool": values > 0,
        "f8_e4m3": values.to(torch.float8_e4m3fn),
        "f8_e5m2": values.to(torch.float8_e5m2),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "名前": torch.arange(3),
    }


def make():
    save_file(tensors(), HERE / "types.safetensors", metadata={"format": "pt", "note": "every type"})
    expected = {
        name: {
            "dtype": str(tensor.dtype),
            "shape": list(tensor.shape),
            "bytes": tensor.contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else [],
        }
        for name, tensor in tensors().items()
    }
    (HERE / "types.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")


def check(folder):
    """SafetensorsTests copies types.safetensors through our reader and writer: whole, and in shards."""
    whole = load_file(folder / "whole.safetensors")
    index = json.loads((folder / "sharded/model.safetensors.index.json").read_text())
    shards = {}
    for shard in sorted(set(index["weight_map"].values())):
        part = load_file(folder / "sharded" / shard)
        assert set(part) == {name for name, file in index["weight_map"].items() if file == shard}
        shards |= part
    for name, tensor in tensors().items():
        for found in (whole[name], shards[name]):
            assert found.dtype == tensor.dtype and found.shape == tensor.shape, name
            assert torch.equal(found.view(torch.uint8) if found.ndim else found, tensor.view(torch.uint8) if found.ndim else tensor), name
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors().values())
    assert index["metadata"]["total_size"] == total
    print(f"{len(whole)} tensors, {len(set(index['weight_map'].values()))} shards: equal")


if __name__ == "__main__":
    check(Path(sys.argv[2])) if sys.argv[1:2] == ["check"] else make()
