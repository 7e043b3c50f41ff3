# SPDX-License-Identifier: Apache-2.0
"""Measure a model's success in VIMABench: its harness here, `dist2 policy` behind a pipe.

    python vimabench_policy.py runs/manipulation --partition placement_generalization --seeds 200000-200019

Needs vima_bench (github.com/vimalabs/VIMABench) and numpy. Writes LLaRA's result file. Models that read boxes in place of
the picture see no headings here: VIMABench's observations hold none. A model that sees is given the front view with
`--pictures FOLDER --observation image`, which needs Pillow.
"""

import argparse
import json
import pathlib
import subprocess

import numpy as np


def box(mask):
    """Centre and size of a mask's box as LLaRA has them: whole pixels over the picture's size; None if it is empty."""
    rows, columns = np.where(mask)
    if rows.size == 0:
        return None
    height, width = mask.shape
    (x1, x2), (y1, y2) = (columns.min(), columns.max()), (rows.min(), rows.max())
    pixels = [(x1 + x2) // 2 / width, (y1 + y2) // 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    return [float(value) for value in pixels]


def described(segmentation, info):
    """An object as `dist2 policy` reads it; None if it cannot be seen."""
    found = box(np.asarray(segmentation) == int(info["obj_id"]))
    texture = info.get("obj_color") or info["texture_name"]
    return found and {"name": f"{texture} {info['obj_name']}", "box": found}


def assets(prompt_assets):
    """What the slots of a prompt show."""
    result = {}
    for name, asset in prompt_assets.items():
        info, picture = asset["segm"]["obj_info"], asset["segm"]["front"]
        if isinstance(info, list):
            result[name] = [o for o in (described(picture, i) for i in info) if o]
        else:
            result[name] = described(picture, info)
    return result


def observation(name, prompt, prompt_assets, segmentation, objects, spatula, history):
    """A line for `dist2 policy`."""
    seen = [described(segmentation, {"obj_id": key, **info}) for key, info in objects.items()]
    return {
        "id": name, "prompt": prompt, "assets": assets(prompt_assets), "tool": "spatula" if spatula else "suction",
        "objects": [o for o in seen if o], "history": history,
    }


def save(pixels, path):
    """Writes the front view, [3, H, W], as a PNG file."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.moveaxis(np.asarray(pixels), 0, -1)).save(path)


class Policy:
    """`dist2 policy` as a process."""

    def __init__(self, *arguments, program="dist2"):
        self.process = subprocess.Popen(
            [program, "policy", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, observation):
        self.process.stdin.write(json.dumps(observation) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def play(env, policy, name, limit=8, pictures=None):
    """One episode; LLaRA's record of it. An answer without an action is replaced by a random one, as LLaRA does.
    With a folder for pictures the policy is shown the front view."""
    obs, queue, history, answers, info, step = env.reset(), [], [], [], {}, 0
    for step in range(1, limit + 1):
        if not queue:
            asked = observation(
                name, env.prompt, env.prompt_assets, obs["segm"]["front"], env.meta_info["obj_id_to_info"],
                obs["ee"] > 0, history)
            if pictures:
                asked["image"] = str(pathlib.Path(pictures, f"{name.replace('/', '-')}-{step}.png"))
                save(obs["rgb"]["front"], pathlib.Path(asked["image"]))
            answer = policy(asked)
            answers.append(answer["answer"])
            queue = answer["actions"]
        if queue:
            action = queue.pop(0)
            history.append({key: action[key] for key in ("start", "end", "rotation")})
            command = {key: np.array(action[key], dtype=np.float32) for key in action if key.startswith("pose")}
        else:
            command = env.action_space.sample()
        obs, _, _, info = env.step(command)
        if info["success"] or info["failure"]:
            break
    return {
        "prompt": env.prompt, "lm_answer_hist": answers, "step": step, "success": info["success"],
        "failure": info["failure"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--partition", default="placement_generalization")
    parser.add_argument("--seeds", default="200000-200019")
    parser.add_argument("--output", default="vimabench.json")
    parser.add_argument("--program", default="dist2")
    parser.add_argument("--pictures", help="folder for front views, for a model that sees")
    known, rest = parser.parse_known_args()
    from vima_bench import PARTITION_TO_SPECS, make

    low, high = (int(part) for part in known.seeds.split("-"))
    policy, results = Policy(known.run, *rest, program=known.program), {"global": vars(known)}
    for task, arguments in PARTITION_TO_SPECS["test"][known.partition].items():
        for seed in range(low, high + 1):
            name = f"{known.partition}/{task}/{seed}"
            env = make(task, task_kwargs=arguments, seed=seed)
            played = play(env, policy, name, pictures=known.pictures)
            results[name] = {"tid": name, "level": known.partition, "task": task, "seed": seed, **played}
            env.close()
            with open(known.output, "w") as file:
                json.dump(results, file, indent=2)
    policy.close()
    episodes = [value for key, value in results.items() if key != "global"]
    print(f"{sum(e['success'] for e in episodes)} of {len(episodes)} episodes solved")


if __name__ == "__main__":
    main()
