# SPDX-License-Identifier: Apache-2.0
"""GGUF files as the gguf package writes them, and what it makes of their blocks, for FilesTests.

    python Tests/Fixtures/gguf/make.py

gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0
"""

from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter, dequantize, quantize
from safetensors.numpy import save_file

HERE = Path(__file__).parent
ROWS, LENGTH = 3, 512

# Where in a block its half-precision numbers are.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "Q2_K": [80, 82], "Q3_K": [108], "IQ4_NL": [0], "IQ4_XS": [0],
    "MXFP4": [],
}  # fmt: skip


def random_blocks(name, random):
    """Random bytes are valid blocks but for the scales, which must be finite: among them zeros, subnormals, signs."""
    length, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    blocks = random.integers(0, 256, (ROWS * LENGTH // length, size), dtype=np.uint8)
    for offset in SCALES.get(name, []):
        scales = (random.standard_normal(len(blocks)) * 10.0 ** random.integers(-7, 3, len(blocks))).astype(np.float16)
        scales[0] = 0
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(-1, 2)
    if name == "MXFP4":
        blocks[:, 0] = random.integers(0, 200, len(blocks))  # exponents whose powers are finite
    return blocks.reshape(ROWS, -1)


def make_types():
    random = np.random.default_rng(1)
    writer = GGUFWriter(HERE / "types.gguf", "llama")
    expected = {}

    def add(key, data, kind):
        writer.add_tensor(key, data, raw_dtype=kind)
        expected[key] = dequantize(data, kind).astype(np.float32)
        assert np.isfinite(expected[key]).all(), key

    values = (random.standard_normal((ROWS, LENGTH)) * 10.0 ** random.integers(-9, 4, (ROWS, LENGTH))).astype(np.float32)
    for name in ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]:
        kind = GGMLQuantizationType[name]
        add(f"{name}.quantized", quantize(values, kind), kind)
    for name in SCALES:
        add(f"{name}.random", random_blocks(name, random), GGMLQuantizationType[name])
    writer.add_tensor("one", np.arange(7, dtype=np.float32))
    expected["one"] = np.arange(7, dtype=np.float32)
    writer.add_tensor("four", np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5))
    expected["four"] = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    write(writer)
    save_file(expected, HERE / "types.safetensors")


def make_metadata():
    writer = GGUFWriter(HERE / "metadata.gguf", "llama")
    writer.add_custom_alignment(64)
    writer.add_uint8("u8", 200)
    writer.add_int8("i8", -100)
    writer.add_uint16("u16", 60000)
    writer.add_int16("i16", -30000)
    writer.add_uint32("u32", 4000000000)
    writer.add_int32("i32", -2000000000)
    writer.add_uint64("u64", 2**62)
    writer.add_int64("i64", -(2**62))
    writer.add_float32("f32", 0.1)
    writer.add_float64("f64", 0.1)
    writer.add_bool("yes", True)
    writer.add_bool("no", False)
    writer.add_string("text", "naïve 猫 🐈")
    writer.add_array("texts", ["a", "", "猫"])
    writer.add_key_value("ints", [1, -2, 3], GGUFValueType.ARRAY, sub_type=GGUFValueType.INT32)
    writer.add_key_value("bytes", [1, 2, 255], GGUFValueType.ARRAY, sub_type=GGUFValueType.UINT8)
    writer.add_key_value("floats", [0.5, -1.25], GGUFValueType.ARRAY, sub_type=GGUFValueType.FLOAT32)
    writer.add_key_value("doubles", [0.1, 1e300], GGUFValueType.ARRAY, sub_type=GGUFValueType.FLOAT64)
    writer.add_tensor("a", np.arange(3, dtype=np.float32))
    writer.add_tensor("b", np.arange(5, dtype=np.float32))
    write(writer)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    make_types()
    make_metadata()
