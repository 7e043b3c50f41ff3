# SPDX-License-Identifier: Apache-2.0
"""python -m pytest test_vimabench_policy.py: everything that can be seen without VIMABench, with a table made up here.

DIST2 names the program, DIST2_MODEL a model's folder; without them the process is left out.
"""

import os

import numpy as np
import pytest
from PIL import Image

from vimabench_policy import Policy, box, observation, play


def table():
    picture = np.zeros((128, 256), dtype=np.uint8)
    picture[60:81, 40:65] = 5
    picture[20:50, 100:150] = 7
    return picture


INFO = {"obj_name": "ring", "texture_name": "red"}
BOWL = {"obj_name": "bowl", "texture_name": "gray"}


def test_boxes_are_llaras():
    assert box(table() == 5) == [52 / 256, 70 / 128, 24 / 256, 20 / 128]
    assert box(table() == 9) is None


def asked(history=()):
    prompts = {
        "a": {"segm": {"obj_info": {"obj_id": 5, "obj_color": "red", "obj_name": "ring"}, "front": table()}},
        "s": {"segm": {"obj_info": [{"obj_id": 7, **BOWL}, {"obj_id": 9, **BOWL}], "front": table()}},
    }
    return observation("e", "Put {a} where {s} shows.", prompts, table(), {"5": INFO, "7": BOWL}, False, list(history))


def test_observations_name_what_is_seen():
    line = asked()
    assert line["assets"]["a"] == {"name": "red ring", "box": [52 / 256, 70 / 128, 24 / 256, 20 / 128]}
    assert [o["name"] for o in line["assets"]["s"]] == ["gray bowl"]
    assert [o["name"] for o in line["objects"]] == ["red ring", "gray bowl"] and line["tool"] == "suction"


class Table:
    """An environment that is content with the second action."""

    prompt, meta_info = "Put {a}.", {"obj_id_to_info": {"5": INFO}}
    prompt_assets = {"a": {"segm": {"obj_info": {"obj_id": 5, **INFO}, "front": table()}}}

    def __init__(self):
        self.commands = []

    def reset(self):
        picture = np.stack([table(), table() * 2, table() * 3])
        return {"segm": {"front": table()}, "rgb": {"front": picture}, "ee": 0}

    def step(self, command):
        self.commands.append(command)
        return self.reset(), 0, False, {"success": len(self.commands) == 2, "failure": False}


def test_all_actions_of_an_answer_are_taken():
    action = {"start": [0.2, 0.5], "end": [0.4, 0.6], "rotation": 30, "pose0_position": [0.4, 0.1],
              "pose1_position": [0.5, 0.2], "pose0_rotation": [0, 0, 0, 1], "pose1_rotation": [0, 0, -0.26, 0.97]}
    env = Table()
    record = play(env, lambda line: {"answer": "…", "actions": [dict(action), dict(action)]}, "e")
    assert record["success"] and record["step"] == 2 and len(record["lm_answer_hist"]) == 1
    assert set(env.commands[0]) == {"pose0_position", "pose1_position", "pose0_rotation", "pose1_rotation"}


def test_models_that_see_are_shown_the_front_view(tmp_path):
    lines = []

    def policy(line):
        lines.append(line)
        return {"answer": "", "actions": [dict(start=[0, 0], end=[1, 1], rotation=0)]}

    play(Table(), policy, "L1/rotate/3", pictures=tmp_path / "seen")
    assert [line["image"] for line in lines] == [str(tmp_path / "seen" / f"L1-rotate-3-{n}.png") for n in (1, 2)]
    picture = np.asarray(Image.open(lines[0]["image"]))
    assert picture.shape == (128, 256, 3) and picture[70, 50].tolist() == [5, 10, 15]
    assert "image" not in asked()


@pytest.mark.skipif("DIST2" not in os.environ or "DIST2_MODEL" not in os.environ, reason="DIST2 or DIST2_MODEL is not set")
def test_the_process_answers():
    policy = Policy(os.environ["DIST2_MODEL"], "--set", "evaluate.maxNewTokens=8", program=os.environ["DIST2"])
    answer = policy(asked([{"start": [0.2, 0.5], "end": [0.4, 0.6], "rotation": 30}]))
    assert answer["id"] == "e" and isinstance(answer["actions"], list) and answer["answer"]
    with pytest.raises(ValueError, match="task|prompt"):
        policy({"id": "f"})
    assert policy.close() == 0
