#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a LlamaGen checkpoint (.pt) into a folder that dist2 reads: config.json and model.safetensors.

    python scripts/convert_pt.py c2i_B_256.pt models/llamagen-b --image-size 256
    python scripts/convert_pt.py vq_ds16_c2i.pt models/vq-16

Reads the class-conditional decoders (sizes B, L and XL are known by their shapes; others take --heads) and the VQ
tokenizers. The weights may be the file itself (as FSDP writes it) or lie under "model", "module" (DeepSpeed) or "ema"
(--ema). The file is opened with torch's weights-only reader, which runs nothing; anything but tensors among the weights
is refused. Needs Python with torch and safetensors; dist2 itself needs neither.
"""
import argparse
import json
import os
import pickle
import re
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

HEADS = {(12, 768): 12, (24, 1024): 16, (36, 1280): 20}  # (layers, width): heads, of B, L, XL
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BUFFERS = {"freqs_cis", "quantize.codebook_used"}  # made anew, or of no use


def fail(problem):
    sys.exit(f"convert_pt: {problem}")


def read(path, ema):
    """The state dictionary of a file."""
    try:
        # Training's own checkpoints keep their arguments beside the weights: a Namespace is a bag of values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        fail(f"{path}: expected a .pt file, found none.")
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        fail(f"{path}: expected a file of tensors, found what the weights-only reader refuses ({reason})")
    if not isinstance(loaded, dict):
        fail(f"{path}: expected a dictionary of tensors, found {type(loaded).__name__}.")
    if ema and "ema" not in loaded:
        fail(f"{path}: expected weights under \"ema\", found {', '.join(map(str, list(loaded)[:8]))}.")
    for key in ["ema"] if ema else ["model", "module"]:
        if isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    prefixes = ("module.", "_orig_mod.", "_fsdp_wrapped_module.")
    state = {}
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            fail(f"{path}: expected tensors by name, found {type(value).__name__} under {key!r}.")
        while key.startswith(prefixes):
            key = key[key.index(".") + 1:]
        if key in state:
            fail(f"{path}: expected each name once, found {key} twice.")
        state[key] = value
    return state


def shape(state, key, dimensions):
    if key not in state or state[key].dim() != dimensions:
        found = "no such tensor" if key not in state else f"shape {list(state[key].shape)}"
        fail(f"expected a tensor {key} of {dimensions} dimensions, found {found}.")
    return list(state[key].shape)


def count(state, pattern):
    """How many numbers from 0 on stand in the place of the group of the pattern."""
    found = {int(match[1]) for match in map(re.compile(pattern).match, state) if match}
    if found != set(range(len(found))) or not found:
        fail(f"expected tensors {pattern} counted from 0, found {sorted(found)}.")
    return len(found)


def decoder_config(state, arguments):
    if "cls_embedding.embedding_table.weight" not in state:
        fail("expected a class-conditional decoder (cls_embedding.embedding_table.weight), found one conditioned on "
             "something else, which dist2 does not read.")
    codes, width = shape(state, "tok_embeddings.weight", 2)
    layers = count(state, r"layers\.(\d+)\.")
    rows = shape(state, "layers.0.attention.wqkv.weight", 2)[0]
    if rows != 3 * width:
        fail(f"expected {3 * width} rows in wqkv, as many key heads as heads, found {rows}.")
    heads = arguments.heads or HEADS.get((layers, width))
    if heads is None:
        fail(f"{layers} layers of width {width} are none of the sizes B, L and XL: say --heads.")
    if arguments.image_size is None:
        fail("the weights do not tell the size of the images they were trained on: say --image-size (256 or 384).")
    if arguments.image_size % 16:
        fail(f"--image-size: expected a multiple of 16, found {arguments.image_size}.")
    return {
        "model_type": "llamagen", "vocab_size": codes,
        "num_classes": shape(state, "cls_embedding.embedding_table.weight", 2)[0] - 1,
        "block_size": (arguments.image_size // 16) ** 2, "dim": width,
        "ffn_dim": shape(state, "layers.0.feed_forward.w1.weight", 2)[0], "n_layer": layers, "n_head": heads,
        "norm_eps": 1e-5, "rope_base": 10000,
    }


def tokenizer_config(state, arguments):
    channels, images = shape(state, "encoder.conv_in.weight", 4)[:2]
    levels = count(state, r"encoder\.conv_blocks\.(\d+)\.")
    widths = [shape(state, f"encoder.conv_blocks.{level}.res.0.conv1.weight", 4)[0] for level in range(levels)]
    if any(width % channels for width in widths):
        fail(f"expected levels of a multiple of {channels} channels, found {widths}.")
    codes, width = shape(state, "quantize.embedding.weight", 2)
    return {
        "model_type": "vq", "in_channels": images, "ch": channels, "ch_mult": [width // channels for width in widths],
        "num_res_blocks": count(state, r"encoder\.conv_blocks\.0\.res\.(\d+)\."), "norm_groups": arguments.norm_groups,
        "z_channels": shape(state, "encoder.conv_out.weight", 4)[0], "codebook_size": codes,
        "codebook_embed_dim": width, "codebook_l2_norm": not arguments.no_l2,
    }


def write(folder, config, state):
    """The folder appears whole or not at all."""
    target = Path(folder)
    if target.exists():
        fail(f"{folder}: expected a name that is free, found that it exists already.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=target.name + ".") as partial:
        inner = Path(partial) / "folder"
        inner.mkdir()
        save_file(state, inner / "model.safetensors", metadata={"format": "pt"})
        (inner / "model.safetensors").chmod(0o644)
        (inner / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        os.rename(inner, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the .pt file")
    parser.add_argument("folder", help="the folder to make")
    parser.add_argument("--ema", action="store_true", help="take the averaged weights")
    parser.add_argument("--image-size", type=int, help="decoder: pixels of a side it was trained on")
    parser.add_argument("--heads", type=int, help="decoder: heads, where the size is none of the published ones")
    parser.add_argument("--norm-groups", type=int, default=32, help="tokenizer: groups of its normalisations (32)")
    parser.add_argument("--no-l2", action="store_true", help="tokenizer: its code book is not normalised")
    parser.add_argument("--dtype", choices=DTYPES, help="element type in the file (that of the checkpoint)")
    arguments = parser.parse_args()

    state = {key: value for key, value in read(arguments.file, arguments.ema).items() if key not in BUFFERS}
    if "tok_embeddings.weight" in state:
        config = decoder_config(state, arguments)
    elif "quantize.embedding.weight" in state:
        config = tokenizer_config(state, arguments)
    else:
        fail(f"{arguments.file}: expected a LlamaGen decoder or VQ tokenizer, found tensors such as "
             f"{', '.join(list(state)[:3])}.")
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            fail(f"{arguments.file}: {key}: expected finite numbers, found NaN or infinity.")
    dtype = DTYPES.get(arguments.dtype)
    # Of its own memory each: a view into a larger storage would be refused, and a shared one written only once.
    write(arguments.folder, config, {key: value.to(dtype or value.dtype).clone().contiguous()
                                     for key, value in state.items()})
    size = sum(value.numel() for value in state.values())
    print(f"{arguments.folder}: {config['model_type']}, {len(state)} tensors, {size:,} numbers")


if __name__ == "__main__":
    main()
