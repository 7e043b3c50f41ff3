# SPDX-License-Identifier: Apache-2.0
"""Writes train.jsonl, valid.jsonl and test.jsonl: what people thought of generated sentences, 1.0 to 6.0.

    python3 Configs/human-ratings/prepare.py path/to/sfres.jsonl data/human-ratings

The input has a JSON object a line: {"doc_id", "source", "system_output", "scores": {"overall"}}, such as UniEval's
SFRES file (human annotations of Wen et al. 2015). It is not part of this repository. Documents are split, not lines, so
that no source is in two files.
"""

import json
import pathlib
import random
import sys


def main() -> None:
    rows = [json.loads(line) for line in open(sys.argv[1])]
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "data/human-ratings")
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted({row["source"] for row in rows})
    random.Random(0).shuffle(sources)
    part = {source: ("test" if i % 5 == 0 else "valid" if i % 10 == 1 else "train") for i, source in enumerate(sources)}
    out = {"train": [], "valid": [], "test": []}
    for row in rows:
        prompt = f"Meaning: {row['source']}\nSentence: {row['system_output']}\nQuality (1.0 to 6.0): "
        out[part[row["source"]]].append(
            {"id": row["id"], "prompt": prompt, "completion": f"{row['scores']['overall']:.1f}"}
        )
    for name, lines in out.items():
        random.Random(1).shuffle(lines)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        print(f"{folder / name}.jsonl: {len(lines)} sentences")


if __name__ == "__main__":
    main()
