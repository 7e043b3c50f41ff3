# SPDX-License-Identifier: Apache-2.0
"""Writes train.jsonl and test.jsonl: what people thought of answers in conversations, on five attributes and over all.

    python3 Configs/reward/prepare.py path/to/topical_chat.jsonl data/reward

The input has a JSON object a line: {"id", "source", "context", "system_output", "scores": {"overall", …}}, such as
UniEval's Topical-Chat file (human annotations of Mehri and Eskenazi 2020). It is not part of this repository.
Conversations are split, not lines: no question of the test is in the training file. Each conversation has six answers.
"""

import json
import pathlib
import random
import sys

TURNS = 1  # of the conversation, from its end
FACT = 160  # characters of the fact that the speaker was given


def main() -> None:
    rows = [json.loads(line) for line in open(sys.argv[1])]
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "data/reward")
    folder.mkdir(parents=True, exist_ok=True)
    questions = sorted({row["source"] for row in rows})
    random.Random(0).shuffle(questions)
    tested = set(questions[: len(questions) // 3])
    out = {"train": [], "test": []}
    for row in rows:
        turns = [turn.strip() for turn in row["source"].split("\n") if turn.strip()]
        fact = row["context"].strip()[:FACT]
        out["test" if row["source"] in tested else "train"].append(
            {
                "id": row["id"],
                "prompt": f"Fact: {fact}\n" + "\n".join(turns[-TURNS:]),
                "response": row["system_output"].strip(),
                "scores": row["scores"],
                "system": row["system_id"],
            }
        )
    for name, lines in out.items():
        random.Random(1).shuffle(lines)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        print(f"{folder / name}.jsonl: {len(lines)} answers in {len({line['prompt'] for line in lines})} conversations")


if __name__ == "__main__":
    main()
