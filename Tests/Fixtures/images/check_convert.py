# SPDX-License-Identifier: Apache-2.0
"""Checks scripts/convert_pt.py on the fixtures: what comes out is what went in, however the file wraps it, and a file
that holds anything but tensors is refused without running it.

    python Tests/Fixtures/images/check_convert.py          # ImageModelTests runs this where DIST2_PYTHON is set
"""
import argparse
import contextlib
import io
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
SCRIPT = HERE.parents[2] / "scripts" / "convert_pt.py"


class Malicious:
    """Makes a file when it is unpickled."""
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def convert(*arguments):
    """Runs the script here, since starting torch each time would take most of the time. Its message on failure."""
    before, sys.argv = sys.argv, [str(SCRIPT), *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return None
    except SystemExit as exit:
        assert isinstance(exit.code, str), exit.code
        return exit.code
    finally:
        sys.argv = before


def same(folder, weights, config):
    made = load_file(folder / "model.safetensors")
    assert made.keys() == weights.keys(), made.keys() ^ weights.keys()
    for key, value in weights.items():
        assert torch.equal(made[key], value), key
    wanted = {key: value for key, value in json.loads((folder / "config.json").read_text()).items()}
    assert wanted == config, (wanted, config)


def main(work):
    runs = 0
    for name, options, dropped in [("gpt", ["--image-size", 64, "--heads", 2], []),
                                   ("vq", ["--norm-groups", 2], ["quantize.codebook_used"]),
                                   ("vq-plain", ["--norm-groups", 2, "--no-l2"], ["quantize.codebook_used"])]:
        state = load_file(HERE / name / "model.safetensors")
        weights = {key: value for key, value in state.items() if key not in dropped}
        config = json.loads((HERE / name / "config.json").read_text())
        options = [*options]
        if name == "gpt":
            config["rope_base"] = 10000  # what the published models have; the fixture's differs
        other = {key: value + 1 for key, value in state.items()}
        wrapped = {
            "bare": state, "model": {"model": state, "steps": 3}, "module": {"module": state},
            "ema": {"model": other, "ema": state}, "compiled": {"model": {"_orig_mod." + k: v for k, v in state.items()}},
            "arguments": {"model": state, "args": argparse.Namespace(lr=1e-4)},
        }
        for kind, content in wrapped.items():
            file, folder = work / f"{name}-{kind}.pt", work / f"{name}-{kind}"
            torch.save(content, file)
            problem = convert(file, folder, *options, *(["--ema"] if kind == "ema" else []))
            assert problem is None, problem
            same(folder, weights, config)
            runs += 1

    def refused(content, words, *options, name="refused"):
        nonlocal runs
        torch.save(content, work / f"{name}.pt")
        problem = convert(work / f"{name}.pt", work / name, *options)
        assert problem and words in problem, (words, problem)
        assert not (work / name).exists()
        runs += 1

    trap = work / "trap"
    state = load_file(HERE / "gpt" / "model.safetensors")
    refused(Malicious(trap), "weights-only reader refuses")
    refused({"model": state, "extra": Malicious(trap)}, "weights-only reader refuses")
    assert not trap.exists(), "the pickle was run"
    refused([state], "found list")
    refused({"model": state | {"steps": 3}}, "found int under 'steps'")
    refused({"a": torch.zeros(2)}, "expected a LlamaGen decoder or VQ tokenizer")
    refused(state, "--image-size", "--heads", 2)
    refused(state, "say --heads", "--image-size", 64)
    refused(state, "\"ema\"", "--ema")
    refused({"model": state | {"norm.weight": torch.full([32], torch.nan)}}, "norm.weight: expected finite",
            "--image-size", 64, "--heads", 2)
    (work / "cut.pt").write_bytes((work / "gpt-bare.pt").read_bytes()[:1000])
    problem = convert(work / "cut.pt", work / "cut")
    assert problem and "weights-only reader refuses" in problem, problem
    print(f"{runs + 1} conversions as expected")


with tempfile.TemporaryDirectory() as folder:
    main(Path(folder))
