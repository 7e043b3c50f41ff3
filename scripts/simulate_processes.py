#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Expected time and memory of a step on many GPUs, from figures of one GPU and of its links.

    scripts/simulate_processes.py                       # the table of docs/guides/many-processes.md
    scripts/simulate_processes.py --links 1             # nodes with one network card
    scripts/simulate_processes.py --flops 210e12 --outside 20e9 --gpus 16 32

Nothing of it was measured on a GPU: put your own figures in. --flops may be measured: a step of one GPU without the update
does (6, with activations recomputed 8) x parameters x tokens operations.

A GPU has a stream that computes and one that exchanges; a step is one pass, layer by layer:

- A collective over P GPUs in N nodes is a ring. Of S bytes (those of the whole tensor) an all-gather or a reduce-scatter
  brings S (P-1)/P into each GPU by the links inside a node, and S (N-1)/N into each node by all its network cards together;
  the slower one counts. Each of the ring's P-1 hops has its latency. A sum over all is both, one after the other.
- none: gradients (float32) are summed while backward goes on, a layer's when they are done, in buckets.
- optimizer: they are summed to their owners likewise; weights (bfloat16) come back after the update. gradients: the same
  in a step of one pass.
- parameters: a layer's weights are gathered while the one before computes, for forward and again for backward, where
  activations are computed once more; gradients go to their owners while the next layer computes.
- The embedding has its gradient last, and so has a head tied to it: that exchange is never hidden.
- The update moves 30 bytes a parameter that a GPU owns.

Efficiency is the step's computation alone, with an update shared by all, by the step. Memory is without activations.
"""

import argparse
import math
import statistics
from dataclasses import dataclass

MODELS = {  # layers; parameters of a layer, of embedding and head, of each table of these: Llama 3.2 1B, 3 8B, 3 70B
    "1B": (16, 60.8e6, 263e6, 263e6),
    "8B": (32, 218.1e6, 1051e6, 525e6),
    "70B": (80, 855.7e6, 2101e6, 1051e6),
}
STAGES = ["none", "optimizer", "gradients", "parameters"]
BUCKET = 25 << 20


@dataclass
class Machine:
    """Operations and bytes a second, seconds of a hop."""

    flops: float
    memory: float
    inside: float
    outside: float
    links: int
    node: int
    near: float
    far: float
    bucket: int

    def ring(self, size, gpus, parts=1):
        """Seconds of an all-gather or a reduce-scatter of so many bytes, in so many parts."""
        if gpus == 1:
            return 0.0
        nodes = max(1, -(-gpus // self.node))
        inner = size * (gpus - 1) / gpus / self.inside if gpus > nodes else 0
        outer = size * (nodes - 1) / nodes / (self.outside * self.links)
        far = nodes if nodes > 1 else 0
        return max(inner, outer) + parts * (max(0, far - 1) * self.far + (gpus - max(far, 1)) * self.near)


def step(model, machine, gpus, tokens, stage):
    """Seconds of a step with so many tokens a GPU, and of its computation alone."""
    layers, layer, root, _ = model
    again = stage == "parameters"
    forward = 2 * layer * tokens / machine.flops
    backward = forward * (3 if again else 2)
    head = 6 * root * tokens / machine.flops
    buckets = lambda n: 1 if again else math.ceil(4 * n / machine.bucket)
    gather = lambda n: machine.ring(2 * n, gpus) if again else 0
    scatter = lambda n: machine.ring(4 * n, gpus, buckets(n)) * (2 if stage == "none" else 1)
    update = 30 * (layers * layer + root) / (1 if stage == "none" else gpus) / machine.memory
    computed, exchanged = 0.0, gather(root)
    done = []
    for index in range(layers):  # a layer's weights begin to come when the one before begins
        exchanged = max(exchanged, done[-2] if len(done) > 1 else 0) + gather(layer)
        computed = max(computed, exchanged if again else 0) + forward
        done.append(computed)
    computed += head
    exchanged, waiting, done = max(exchanged, done[-1]) if again else 0.0, 0, []
    for index in range(layers):
        exchanged = max(exchanged, done[-2] if len(done) > 1 else 0) + gather(layer) if again else exchanged
        computed = max(computed, exchanged if again else 0) + backward
        done.append(computed)
        if len(done) > 1:  # the gradient of the layer before, while this one computes
            exchanged = max(exchanged, done[-2]) + scatter(layer)
    exchanged = max(exchanged, computed) + scatter(layer) + scatter(root)
    n = layers * layer + root
    weights = machine.ring(2 * n, gpus, buckets(n)) if stage in ("optimizer", "gradients") else 0
    alone = layers * (forward + backward) + head + 30 * (layers * layer + root) / gpus / machine.memory
    return max(exchanged, computed) + update + weights, alone


def memory(model, gpus, stage, bucket):
    """Bytes a GPU holds of weights (bfloat16), gradients, masters and moments (float32), and of exchanges under way, without
    activations."""
    layers, layer, root, table = model
    n = layers * layer + root
    return {
        "none": 18 * n,
        # A table is a bucket to itself: one that is received, and with `gradients` filled as well.
        "optimizer": 6 * n + 12 * n / gpus + bucket + 4 * max(table, bucket / 4),
        "gradients": 2 * n + 16 * n / gpus + 4 * bucket + 8 * max(table, bucket / 4),
        "parameters": 18 * n / gpus + 12 * layer + 6 * root,
    }[stage]


def table(options, machine):
    print("| model | `train.shard` | " + " | ".join(f"{gpus:,} GPUs" for gpus in options.gpus) + " |")
    print("|---|---|" + "---|" * len(options.gpus))
    for name in options.models:
        for stage in STAGES:
            cells = []
            for gpus in options.gpus:
                found = [step(MODELS[name], machine, gpus, tokens, stage) for tokens in options.tokens]
                parts = [f"{alone / whole:.2f}" for whole, alone in found]
                held = memory(MODELS[name], gpus, stage, machine.bucket) / 1e9
                rest = f" ({', '.join(parts[1:])})" if parts[1:] else ""
                cells.append(f"{parts[0]}{rest}, {held:.0f} GB" if held <= options.capacity else f"{held:,.0f} GB: too much")
            print(f"| {name} | `{stage}` | " + " | ".join(cells) + " |")


def shared_step(alone, size, bytes_a_second):
    """Seconds of a step of two processes that takes `alone` where exchange costs nothing: forward is a third of it; a bucket
    goes when backward has filled it and the one before has gone, and each host sends every byte once."""
    computed, exchanged = alone / 3, 0.0
    for start in range(0, size, BUCKET):
        part = min(BUCKET, size - start)
        computed += alone * 2 / 3 * part / size
        exchanged = max(exchanged, computed) + part / bytes_a_second
    return exchanged


def two_hosts(path, parameters):
    """Efficiency by rate (Mbit/s; 0 without a limit), beside the formula: medians over rounds, each held against the same
    round without a limit. 1448 of 1514 bytes in a frame are the run's."""
    found, size = {}, 4 * parameters
    for line in open(path):
        rate, seconds = map(float, line.split())
        found.setdefault(rate, []).append(seconds)
    alone = found.pop(0.0)
    print("| Mbit/s | a step, s | efficiency | formula | formula, summed after backward |\n|---|---|---|---|---|")
    print(f"| no limit | {statistics.median(alone):.2f} | 1 | 1 | |")
    for rate, took in sorted(found.items(), reverse=True):
        speed = rate * 1e6 / 8 * 1448 / 1514
        cells = [
            statistics.median(values) for values in (
                took, [a / t for a, t in zip(alone, took)], [a / shared_step(a, size, speed) for a in alone],
                [a / (a + size / speed) for a in alone])
        ]
        print(f"| {rate:,.0f} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    number = lambda name, standard, words: parser.add_argument(name, type=float, default=standard, help=words)
    number("--flops", 400e12, "operations a second of a GPU, reached in a step (default: 4e14)")
    number("--memory", 2.5e12, "bytes a second of its memory")
    number("--capacity", 80, "GB of its memory")
    number("--inside", 350e9, "bytes a second into a GPU from the others of its node")
    number("--outside", 45e9, "bytes a second into a node by one network card")
    number("--near", 3e-6, "seconds of a hop inside a node")
    number("--far", 8e-6, "seconds of a hop between nodes")
    parser.add_argument("--links", type=int, default=8, help="network cards of a node")
    parser.add_argument("--bucket", type=int, default=25, help="MiB of gradients that are exchanged at once (dist2: 25)")
    parser.add_argument("--node", type=int, default=8, help="GPUs of a node")
    parser.add_argument("--gpus", type=int, nargs="+", default=[8, 16, 64, 256, 1024])
    parser.add_argument("--tokens", type=int, nargs="+", default=[8192, 32768], help="tokens of a GPU in a step")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--two-hosts", help="what Tests/Scripts/two_hosts_test.sh found, a line for each run: rate, seconds")
    parser.add_argument("--parameters", type=int, help="of the model there")
    options = parser.parse_args()
    if options.two_hosts:
        return two_hosts(options.two_hosts, options.parameters)
    table(options, Machine(
        options.flops, options.memory, options.inside, options.outside, options.links, options.node, options.near,
        options.far, options.bucket << 20))


if __name__ == "__main__":
    main()
