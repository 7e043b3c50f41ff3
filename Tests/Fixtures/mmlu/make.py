# SPDX-License-Identifier: Apache-2.0
"""Log-likelihoods of the choice letters by transformers, with SmolLM2-135M-Instruct's weights (dequantised to float32).

    python Tests/Fixtures/mmlu/make.py FOLDER          # the folder `dist2 import` makes of the GGUF

Made with torch 2.13.0, transformers 5.23.0. The questions were written for this test. Writes expected.json: questions,
examples, and for 0 and 2 shots the prompts, their token counts and the log-probabilities of " A" … " D".
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

QUESTIONS = [
    ("basic_counting", "How many legs do two cats and one bird have together?", ["6", "8", "10", "12"], 2),
    ("basic_counting", "Which number comes directly after 39?", ["38", "40", "49", "90"], 1),
    ("basic_counting", "A box holds 12 eggs and 5 are broken. How many are whole?", ["7", "5", "17", "12"], 0),
    ("kitchen_science", "What does water become when it is cooled far enough?", ["Steam", "Oil", "Sand", "Ice"], 3),
    ("kitchen_science", "Which of these tastes sour?\n(Think of fruit.)", ["Sugar", "Lemon juice", "Salt", "Flour"], 1),
]
EXAMPLES = [
    ("basic_counting", "What is three plus four?", ["5", "6", "7", "8"], 2),
    ("kitchen_science", "Which tool measures temperature?", ["A thermometer", "A ruler", "A clock", "A scale"], 0),
    ("basic_counting", "How many sides does a square have?", ["4", "3", "5", "6"], 0),
    ("kitchen_science", "What makes bread dough rise?", ["Salt", "Yeast", "Pepper", "Vinegar"], 1),
    ("basic_counting", "How many minutes has an hour?", ["10", "24", "100", "60"], 3),
]
LETTERS = "ABCD"


def block(question):
    _, text, choices, _ = question
    lines = [text] + [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices)] + ["Answer:"]
    return "\n".join(lines)


def prompt(question, shots):
    subject = question[0].replace("_", " ")
    parts = [f"The following are multiple choice questions (with answers) about {subject}."]
    parts += [f"{block(example)} {LETTERS[example[3]]}" for example in [e for e in EXAMPLES if e[0] == question[0]][:shots]]
    return "\n\n".join(parts + [block(question)])


folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
letters = [tokenizer(f" {letter}", add_special_tokens=False).input_ids for letter in LETTERS]
assert all(len(ids) == 1 for ids in letters)
runs = []
for shots in (0, 2):
    rows = []
    for question in QUESTIONS:
        text = prompt(question, shots)
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            logs = model(ids).logits[0, -1].double().log_softmax(-1)
        rows.append(dict(prompt=text, tokens=ids.shape[1], logs=[round(logs[id[0]].item(), 6) for id in letters]))
    runs.append(dict(shots=shots, rows=rows))
    print(shots, [LETTERS[max(range(4), key=row["logs"].__getitem__)] for row in rows], [row["tokens"] for row in rows])


def record(question):
    return dict(zip(("subject", "question", "choices", "answer"), question))


result = dict(questions=[record(q) for q in QUESTIONS], examples=[record(e) for e in EXAMPLES], runs=runs)
(Path(__file__).parent / "expected.json").write_text(json.dumps(result, indent=1) + "\n")
