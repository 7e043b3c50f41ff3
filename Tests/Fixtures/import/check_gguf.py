# SPDX-License-Identifier: Apache-2.0
"""Opens with the gguf package what ExportTests wrote to $DIST2_KEEP=DIR: names, shapes and values of every tensor.

    python Tests/Fixtures/import/check_gguf.py DIR

gguf 0.19.0, numpy 2.4.6. Names are those of gguf's own table of tensors; rows of queries and keys are llama.cpp's order in
the architectures that its converter permutes. The checkpoints are bfloat16, so F32 and BF16 hold them exactly; F16 rounds.
"""
import json
import sys
from pathlib import Path

import numpy as np
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGUFReader, dequantize, get_tensor_name_map

DECODERS = Path(__file__).parent.parent / "decoders"
PERMUTED = ["llama", "granite", "smollm3"]


def weights(path):
    """The tensors of a safetensors file of bfloat16."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "BF16", name
        halves = np.frombuffer(data[start:end], dtype=np.uint16).astype(np.uint32)
        yield name, (halves << 16).view(np.float32).reshape(entry["shape"])


def permute(rows, heads):
    width = rows.shape[0] // heads
    return rows.reshape(heads, 2, width // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def check(path):
    case = path.stem.rsplit("-", 1)[0]
    reader = GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    kind = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == architecture)
    config = json.loads((DECODERS / case / "config.json").read_text())
    table = get_tensor_name_map(MODEL_ARCH(kind), config["num_hidden_layers"])
    halves = {tensor.name for tensor in reader.tensors if tensor.tensor_type.name == "F16"}
    found = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    left = set(found) - {"rope_factors_long.weight", "rope_factors_short.weight"}
    for name, value in weights(DECODERS / case / "model.safetensors"):
        parts = name.split(".experts.")
        expert = int(parts[1].split(".")[0]) if len(parts) == 2 else None
        merged = name if expert is None else f"{parts[0]}.experts.{parts[1].split('.', 1)[1]}"
        target = table.get_name(merged, try_suffixes=(".weight", ".bias"))
        assert target in found, (path.name, name, target)
        left.discard(target)
        stored = found[target] if expert is None else found[target][expert]
        if architecture in PERMUTED and ("q_proj" in name or "k_proj" in name):
            value = permute(value, config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"])
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            value = value + 1
        if target in halves:
            value = value.astype(np.float16)
        assert np.array_equal(stored.reshape(value.shape), value), (path.name, name)
    assert not left, (path.name, left)
    return len(found)


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.gguf")):
        print(f"{path.name}: {check(path)} tensors equal")
