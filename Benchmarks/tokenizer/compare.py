"""Our tokenizer beside the `tokenizers` package: same texts, one core, in turns.

    swift build -c release --package-path Benchmarks --product tokenizer-bench
    python Benchmarks/tokenizer/compare.py TOKENIZER.json [ROUNDS]        (Python 3.11, tokenizers 0.23.3)

Prints, for English prose, for text full of digits and for loading the file, the ratio of our time to theirs: the median
of the rounds' ratios, the least and the greatest. Both give ids and offsets; the counts of tokens must be equal.
"""

import os
import pathlib
import pydoc_data.topics
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from tokenizers import Tokenizer  # noqa: E402

TOOL = pathlib.Path(__file__).parent.parent / ".build/release/tokenizer-bench"


def english():
    """The manual that comes with Python, in pieces of about 1,500 characters."""
    pieces = [""]
    for paragraph in "\n\n".join(text for _, text in sorted(pydoc_data.topics.topics.items())).split("\n\n"):
        if len(pieces[-1]) > 1500:
            pieces.append("")
        pieces[-1] += paragraph + "\n\n"
    return pieces


def digits():
    rng = random.Random(1)
    return [
        "\n".join(
            f"x = {rng.uniform(-9, 9):.4f}, y = {rng.randrange(10**6)}: {rng.randrange(1000)},{rng.randrange(1000)},"
            f"{rng.randrange(1000)}; {rng.randrange(100)}/{rng.randrange(1, 100)} -> {rng.random():.2e}"
            for _ in range(25)
        )
        for _ in range(300)
    ]


def theirs(path, tokenizer, texts, command):
    start = time.perf_counter()
    if command == "load":
        count = Tokenizer.from_file(path).get_vocab_size()
    else:
        count = sum(len(tokenizer.encode(text).ids) for text in texts)
    return time.perf_counter() - start, count


def compare(name, path, texts, command, rounds):
    tokenizer = Tokenizer.from_file(path)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\0".join(texts))
        file.flush()
        tool = subprocess.Popen([TOOL, path, file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ratios, ours_best, theirs_best = [], 1e9, 1e9
        for round_ in range(rounds + 1):
            their_time, their_count = theirs(path, tokenizer, texts, command)
            tool.stdin.write(command + "\n")
            tool.stdin.flush()
            our_time, our_count = tool.stdout.readline().split()
            assert int(our_count) == their_count, f"{our_count} tokens, theirs {their_count}"
            if round_ > 0:  # the first warms both
                ratios.append(float(our_time) / their_time)
                ours_best, theirs_best = min(ours_best, float(our_time)), min(theirs_best, their_time)
        tool.stdin.close()
        tool.wait()
    size = sum(len(text.encode()) for text in texts) if command == "encode" else os.path.getsize(path)
    print(
        f"{name:8} ours / theirs {statistics.median(ratios):.3f} ({min(ratios):.3f} ... {max(ratios):.3f})"
        f"   best: ours {size / ours_best / 1e6:.1f} MB/s, theirs {size / theirs_best / 1e6:.1f} MB/s"
    )


def main():
    path = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 11
    compare("english", path, english(), "encode", rounds)
    compare("digits", path, digits(), "encode", rounds)
    compare("load", path, ["x"], "load", rounds)


main()
