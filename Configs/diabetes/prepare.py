# SPDX-License-Identifier: Apache-2.0
"""Writes train.jsonl, valid.jsonl and test.jsonl: disease progression (25 to 346) from ten measurements in words.

    pip install scikit-learn
    python3 Configs/diabetes/prepare.py data/diabetes

The table is scikit-learn's `load_diabetes` (442 patients; Efron, Hastie, Johnstone and Tibshirani 2004), unscaled. The
split is fixed: rows are shuffled with a seed, 292 are for training, 50 for validation, 100 for the test.
"""

import json
import pathlib
import random
import sys

from sklearn.datasets import load_diabetes

def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "data/diabetes")
    folder.mkdir(parents=True, exist_ok=True)
    table = load_diabetes(scaled=False)
    rows = []
    for number, (values, target) in enumerate(zip(table.data, table.target)):
        facts = ", ".join(f"{name} {value:.4g}" for name, value in zip(table.feature_names, values))
        prompt = f"Patient: {facts}. Progression: "
        rows.append({"id": f"patient {number + 1}", "prompt": prompt, "completion": f"{int(target)}"})
    random.Random(0).shuffle(rows)
    for name, part in [("train", rows[:292]), ("valid", rows[292:342]), ("test", rows[342:])]:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
        print(f"{folder / name}.jsonl: {len(part)} patients")


if __name__ == "__main__":
    main()
