#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Published weights of a feature network (.pth) -> a folder that `dist2 image-metrics --features FOLDER` reads.

    python scripts/convert_features.py weights-inception-2015-12-05-6726825d.pth inception
    python scripts/convert_features.py efficientnet-lite0-57934424.pth efficientnet-lite0

Needs torch and safetensors. Opens nothing but tensors: a file that holds any other object is refused, never run.
"""
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

# A tensor that only this network has, and the network's name in config.json.
NETWORKS = {"Mixed_5b.branch1x1.conv.weight": "fid-inception-v3", "_conv_stem.weight": "efficientnet-lite0"}


def tensors(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not state:
        sys.exit(f"{path}: expected a dictionary of tensors, found {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            sys.exit(f"{path}: expected tensors alone, found {type(value).__name__} under {name!r}")
    kept = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    return {name: value.float().contiguous() for name, value in kept.items()}


def main(source, target):
    target = Path(target)
    if target.exists():
        sys.exit(f"{target}: exists already; choose another name")
    state = tensors(source)
    kinds = [kind for key, kind in NETWORKS.items() if key in state]
    if len(kinds) != 1:
        sys.exit(f"{source}: expected FID's Inception v3 or EfficientNet-lite0, found neither's tensor names")
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt", "source_sha256": digest})
    config = {"model_type": kinds[0], "source": Path(source).name, "source_sha256": digest}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    os.chmod(folder, 0o755)
    folder.rename(target)
    print(f"{target}: {kinds[0]}, {len(state)} tensors")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
