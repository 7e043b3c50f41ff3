# SPDX-License-Identifier: Apache-2.0
"""Steps and losses on an NVIDIA GPU, beside transformers' Trainer, Liger and torch.compile (scripts/gpu.sh bench).

Every case runs in a process of its own, in turns, `--rounds` times; medians and ratios to dist2 go to `--out`. A step is a
whole optimizer step of a model in bfloat16: dist2 keeps float32 masters of the weights, the peers do not. Sequences are full,
so that no one gains by leaving padding out; every token is learnt. A loss is value and gradients of hidden states and head.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

STEPS, SKIPPED = 24, 8  # those skipped warm up and compile
LOSSES = {"tokens": 4096, "hidden": 576, "vocabulary": 49152}


def texts(count, words, seed=1):
    """Lines of numbers; the tokenizer makes about two tokens of each word."""
    import random

    draw = random.Random(seed)
    return [" ".join(str(draw.randrange(1000)) for _ in range(words)) for _ in range(count)]


# --- dist2 -------------------------------------------------------------------------------------------------------------------


def step_dist2(options, preset):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = texts(options.batch * STEPS, options.length)
        (folder / "train.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
        (folder / "run.yaml").write_text(
            f"""model: {options.model}
data: {{ train: train.jsonl, maxLength: {options.length} }}
metrics: [{{ tokens: digits, place: number }}]
objective: {{ preset: {preset} }}
train: {{ steps: {STEPS}, batch: {options.batch}, dtype: bfloat16, device: cuda, samples: 0 }}
""")
        log = folder / "out"
        process = subprocess.Popen(
            [options.dist2, "train", "run.yaml", "--output", "out"], cwd=folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.05)
        if process.returncode:
            raise SystemExit(f"dist2 failed: {process.stderr.read()}")
        steps = [json.loads(line) for line in (log / "metrics.jsonl").read_text().splitlines()]
        seconds = [step["seconds"] for step in steps if "seconds" in step and "gradientNorm" in step][SKIPPED:]
        return {"seconds": statistics.median(seconds), "memory": peak}


def memory_of(pid):
    """Bytes that the GPU's driver counts for a process, torch's cache among them."""
    found = subprocess.run(
        ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"], capture_output=True,
        text=True).stdout
    return sum(int(line.split(",")[1]) << 20 for line in found.splitlines() if line.split(",")[0].strip() == str(pid))


# --- peers -------------------------------------------------------------------------------------------------------------------


def step_trainer(options, how):
    import torch
    import transformers

    if how == "liger":
        from liger_kernel.transformers import apply_liger_kernel_to_llama

        apply_liger_kernel_to_llama(fused_linear_cross_entropy=True, cross_entropy=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16).cuda()
    model.config.use_cache = False
    lines = tokenizer(texts(options.batch * STEPS, options.length), truncation=True, max_length=options.length)["input_ids"]
    data = [{"input_ids": torch.tensor(ids), "labels": torch.tensor(ids)} for ids in lines]
    assert all(len(ids) == options.length for ids in lines), "texts too short"
    seconds = []

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            torch.cuda.synchronize()
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - self.start)

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder, per_device_train_batch_size=options.batch, max_steps=STEPS, learning_rate=2e-5, report_to=[],
            optim="adamw_torch_fused", save_strategy="no", logging_steps=1, torch_compile=how == "compile",
            disable_tqdm=True)
        transformers.Trainer(model, arguments, train_dataset=data, callbacks=[Clock()]).train()
    return {"seconds": statistics.median(seconds[SKIPPED:]), "memory": memory_of(os.getpid())}


def loss_case(options, how):
    import torch

    torch.manual_seed(0)
    n, h, v = LOSSES["tokens"], LOSSES["hidden"], LOSSES["vocabulary"]
    states = torch.randn(n, h, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    weight = (torch.randn(v, h, device="cuda", dtype=torch.bfloat16) * 0.02).requires_grad_()
    labels = torch.randint(0, v, (n,), device="cuda")
    plain = lambda: torch.nn.functional.cross_entropy((states @ weight.t()).float(), labels)  # noqa: E731
    if how == "liger":
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss()
        call = lambda: fused(weight, states, labels)  # noqa: E731
    elif how == "compile":
        call = torch.compile(plain)
    elif how == "operator":  # as Python has it: composed of torch's operators, with all logits in memory
        torch.ops.load_library(options.native)
        call = lambda: torch.ops.dist2.linear_cross_entropy_distance(  # noqa: E731
            states, weight, None, labels, [], [], [], [], [], [], 1 / n)[0]
    else:
        call = plain
    seconds = []
    for _ in range(20):
        states.grad = weight.grad = None
        torch.cuda.synchronize()
        start = time.perf_counter()
        call().backward()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds[10:]), "memory": torch.cuda.max_memory_allocated()}


CASES = {
    "step dist2 sft": lambda options: step_dist2(options, "sft"),
    "step dist2 dist": lambda options: step_dist2(options, "dist"),
    "step Trainer": lambda options: step_trainer(options, "eager"),
    "step Trainer, torch.compile": lambda options: step_trainer(options, "compile"),
    "step Trainer, Liger": lambda options: step_trainer(options, "liger"),
    "loss torch": lambda options: loss_case(options, "torch"),
    "loss torch.compile": lambda options: loss_case(options, "compile"),
    "loss Liger": lambda options: loss_case(options, "liger"),
    "loss dist2's operator": lambda options: loss_case(options, "operator"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist2", required=True, help="the command")
    parser.add_argument("--native", required=True, help="libctorch.so")
    parser.add_argument("--model", required=True, help="a Llama's folder")
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, help="runs one case here and prints its figures")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(CASES[options.case](options)))
        return
    found = {name: [] for name in CASES}
    for _ in range(options.rounds):
        for name in CASES:
            run = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--case", name], capture_output=True, text=True)
            if run.returncode:
                print(f"{name}: failed: {run.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                continue
            found[name].append(json.loads(run.stdout.strip().splitlines()[-1]))
    gpu = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout.split("(")[0].strip()
    result = {"gpu": gpu, "batch": options.batch, "length": options.length, "rounds": options.rounds, "cases": {}}
    for kind in ("step", "loss"):
        own = {name: runs for name, runs in found.items() if name.startswith(kind) and runs}
        base = statistics.median(run["seconds"] for run in own.get("step dist2 sft", own.get("loss torch", [{"seconds": 1}])))
        for name, runs in own.items():
            seconds, memory = (statistics.median(run[key] for run in runs) for key in ("seconds", "memory"))
            result["cases"][name] = {"seconds": seconds, "memory": memory, "ratio": seconds / base}
            print(f"{name:32} {seconds * 1e3:9.2f} ms  {memory / 2**30:6.2f} GiB  {seconds / base:5.2f}")
    pathlib.Path(options.out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
