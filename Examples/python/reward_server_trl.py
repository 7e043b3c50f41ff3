# SPDX-License-Identifier: Apache-2.0
"""`dist2 serve` as a reward function of TRL's trainers:

    trainer = trl.GRPOTrainer(model=…, reward_funcs=dist2_reward, train_dataset=…, args=…)

DIST2_REWARD_URL and DIST2_TOKEN say where the server is and what it wants to see.
"""

import os
import time

import requests

URL = os.environ.get("DIST2_REWARD_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("DIST2_TOKEN")
session = requests.Session()
if TOKEN:
    session.headers["Authorization"] = f"Bearer {TOKEN}"


def dist2_reward(prompts, completions, **columns):
    """The overall score of each completion; None, which TRL leaves out, where one cannot be rated."""
    # Both are strings, or lists of messages; a completion that is a list holds the assistant's turn alone.
    texts = [c if isinstance(c, str) else c[-1]["content"] for c in completions]
    items = [{"prompt": p, "response": t} for p, t in zip(prompts, texts)]
    body = {"items": items, "attributes": False}
    while (answer := session.post(f"{URL}/score", json=body, timeout=60)).status_code == 429:
        time.sleep(int(answer.headers["Retry-After"]))
    answer.raise_for_status()
    return [item.get("score") for item in answer.json()["items"]]


if __name__ == "__main__":
    chat = [{"role": "user", "content": "q"}]
    prompts = ["q", "q", chat, chat]
    completions = ["b", "a", [{"role": "assistant", "content": "c"}], [{"role": "assistant", "content": "too long"}]]
    print(dist2_reward(prompts=prompts, completions=completions, completion_ids=[[1]] * 4))
