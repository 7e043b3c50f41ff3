# SPDX-License-Identifier: Apache-2.0
"""Writes train.jsonl, valid.jsonl and test.jsonl: the width of an iris petal from the flower's other measures.

    pip install scikit-learn
    python3 Configs/iris/prepare.py data/iris

The table is scikit-learn's `load_iris` (150 flowers; Fisher 1936). The split is fixed: rows are shuffled with a seed,
100 are for training, 15 for validation, 35 for the test.
"""

import json
import pathlib
import random
import sys

from sklearn.datasets import load_iris


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "data/iris")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (sepal_length, sepal_width, petal_length, petal_width) in enumerate(load_iris().data):
        prompt = f"Iris: sepal {sepal_length} x {sepal_width} cm, petal length {petal_length} cm. Petal width: "
        rows.append({"id": f"flower {number + 1}", "prompt": prompt, "completion": f"{petal_width}"})
    random.Random(0).shuffle(rows)
    for name, part in [("train", rows[:100]), ("valid", rows[100:115]), ("test", rows[115:])]:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
        print(f"{folder / name}.jsonl: {len(part)} flowers")


if __name__ == "__main__":
    main()
