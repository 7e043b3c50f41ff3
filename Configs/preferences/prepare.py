# SPDX-License-Identifier: Apache-2.0
"""Writes pairs of sentences of which people thought one better, and sentences to begin from.

    python3 Configs/preferences/prepare.py path/to/human_ratings data/preferences

The folder holds sfhot.jsonl and sfres.jsonl, a JSON object a line: {"source", "reference", "system_output", "scores":
{"overall"}}, as UniEval has the human annotations of Wen et al. 2015. They are not part of this repository. Sources are
split, not lines: half of them train, half test. begin.jsonl has what people wrote for the sources that train.
"""

import collections
import itertools
import json
import pathlib
import random
import sys


def main() -> None:
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "data/preferences")
    folder.mkdir(parents=True, exist_ok=True)
    groups = collections.defaultdict(list)
    for name in ("sfhot", "sfres"):
        for line in open(pathlib.Path(sys.argv[1]) / f"{name}.jsonl"):
            row = json.loads(line)
            groups[f"{name[2:]} {row['source']}: "].append(row)
    prompts = sorted(groups)
    random.Random(0).shuffle(prompts)
    out = {"train": [], "test": [], "begin": []}
    for index, prompt in enumerate(prompts):
        part = "train" if index % 2 else "test"
        scores = {row["system_output"]: row["scores"]["overall"] for row in groups[prompt]}
        for (a, x), (b, y) in itertools.combinations(scores.items(), 2):
            if abs(x - y) >= 0.5:
                chosen, rejected = (a, b) if x > y else (b, a)
                out[part].append({"prompt": prompt, "chosen": chosen, "rejected": rejected, "margin": abs(x - y)})
        if part == "train":
            for text in sorted({row["reference"] for row in groups[prompt]}):
                out["begin"].append({"prompt": prompt, "completion": text})
    for name, lines in out.items():
        random.Random(1).shuffle(lines)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        print(f"{folder / name}.jsonl: {len(lines)}")


if __name__ == "__main__":
    main()
