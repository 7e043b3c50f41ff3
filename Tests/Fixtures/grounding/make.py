#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what scripts/convert_refs.py reads, as RefCOCO's files are made, and a pickle that would run something.

    python Tests/Fixtures/grounding/make.py
"""
import json
import pickle
from pathlib import Path

HERE = Path(__file__).parent


class Runs:
    def __reduce__(self):
        return (print, ("this must never be seen",))


refs = [
    {"ref_id": 5, "ann_id": 11, "image_id": 3, "split": "testA", "sentences": [{"sent": "the left cup"}, {"sent": "cup on left"}]},
    {"ref_id": 6, "ann_id": 12, "image_id": 3, "split": "train", "sentences": [{"sent": "spoon"}]},
]
(HERE / "refs.p").write_bytes(pickle.dumps(refs, protocol=2))
(HERE / "runs.p").write_bytes(pickle.dumps([Runs()], protocol=2))
(HERE / "instances.json").write_text(json.dumps({
    "images": [{"id": 3, "file_name": "a.jpg", "width": 640, "height": 480}],
    "annotations": [{"id": 11, "bbox": [10, 20, 30, 40.5]}, {"id": 12, "bbox": [1, 2, 3, 4]}],
}) + "\n")
