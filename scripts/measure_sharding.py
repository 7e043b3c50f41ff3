#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of each process by train.shard, measured beside the formulas of docs/guides/many-processes.md.

    scripts/measure_sharding.py .build/release/dist2 --processes 2 4

A language model of 92 million parameters is trained from scratch for three steps of a few tokens, once for each way to share.
Measured is the largest resident memory of the process that has the most, less that of the same run of a tiny model (program,
libtorch, connections).
"""
import argparse, json, math, os, pathlib, socket, subprocess, tempfile


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def peak(program, folder, run, count, settings):
    """Largest resident memory in bytes of any of `count` processes."""
    at, processes = port(), []
    for rank in range(count):
        environment = dict(
            os.environ, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(at), OMP_NUM_THREADS="1")
        words = [program, "train", "run.yaml", "-o", run] + [w for s in settings for w in ("--set", s)]
        log = open(folder / f"{run}-{rank}.log", "w")
        processes.append(subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log))
    peaks = []
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{run}: a process ended with {status}: see {folder}")
        peaks.append(usage.ru_maxrss * 1024)
    subprocess.run(["rm", "-rf", folder / run])
    return max(peaks)


def expected(shard, kind, P, n, rest, layer):
    """Bytes of a process. Of buckets under way two are received at once; with `gradients` they are sent from memory of their
    own as well, and two are filling; with `parameters` the layer that computes and the next one are whole, of gradients a
    layer's and those of the rest fill, and no more is under way than a layer has.

    n: parameters; rest: those outside of layers; layer: those of one.
    """
    bucket = 25 << 20
    buckets = {
        "none": 0, "optimizer": 2 * bucket, "gradients": 6 * bucket, "parameters": min(4 * bucket, 8 * layer)}[shard]
    weights, masters, moments = {"float32": (4, 0, 8), "bfloat16": (2, 4, 8), "adamw8bit": (4, 0, 2)}[kind]
    gradients = 4 / (P if shard in ("gradients", "parameters") else 1)
    state = (masters + moments) / (1 if shard == "none" else P)
    whole = n if shard != "parameters" else rest + (n - rest) / P + 2 * layer
    filling = 0 if shard != "parameters" else 4 * (rest + layer)
    return weights * whole + (gradients + state) * n + filling + buckets


def numbers(path, layers):
    """Parameters of a file of weights: all, those outside of layers, those of one layer."""
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
    sizes = {name: math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__"}
    inside = sum(size for name, size in sizes.items() if ".layers." in name)
    return sum(sizes.values()), sum(sizes.values()) - inside, inside / layers


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program", type=pathlib.Path)
    options.add_argument("--processes", type=int, nargs="+", default=[2])
    options.add_argument("--kinds", nargs="+", default=["float32"])
    options.add_argument("--shards", nargs="+", default=["none", "optimizer", "gradients", "parameters"])
    options.add_argument("--width", type=int, default=768)
    options.add_argument("--layers", type=int, default=12)
    chosen = options.parse_args()
    program = str(chosen.program.resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sharding-"))
    with open(folder / "train.jsonl", "w") as f:
        for i in range(16):
            f.write(json.dumps({"prompt": f"{i} + {i} = ", "completion": str(2 * i)}) + "\n")
    (folder / "run.yaml").write_text(
        "model: m\ndata: { train: train.jsonl }\nmetrics: [{ tokens: digits }]\n"
        "train: { steps: 3, batch: 4, packing: 64, samples: 0, answers: 0, fromScratch: true }\n")
    for name, width, layers in [("m", chosen.width, chosen.layers), ("tiny", 64, 1)]:
        subprocess.run(
            [program, "new-lm", "-o", name, "--width", str(width), "--layers", str(layers), "--heads", str(width // 64),
             "--context", "64"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    n, rest, layer = numbers(folder / "m/model.safetensors", chosen.layers)
    print(f"{n / 1e6:.1f} million parameters, MB a process (1e6 bytes)")
    print("| type | processes | `train.shard` | formula | measured | measured / formula |\n|---|---|---|---|---|---|")
    for kind in chosen.kinds:
        extra = {"float32": [], "bfloat16": ["train.dtype=bfloat16"], "adamw8bit": ["train.optimizer=adamw8bit"]}[kind]
        for P in chosen.processes:
            for shard in chosen.shards:
                settings = extra + [f"train.shard={shard}"]
                base = peak(program, folder, "base", P, settings + ["model=tiny"])
                found = peak(program, folder, "run", P, settings) - base
                wanted = expected(shard, kind, P, n, rest, layer)
                print(f"| {kind} | {P} | `{shard}` | {wanted / 1e6:.0f} | {found / 1e6:.0f} | {found / wanted:.2f} |", flush=True)
    subprocess.run(["rm", "-rf", folder])


if __name__ == "__main__":
    main()
