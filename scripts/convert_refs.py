#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns RefCOCO, RefCOCO+ or RefCOCOg into the rows that `dist2 new-data grounding` reads.

    python scripts/convert_refs.py refcoco/refs(unc).p refcoco/instances.json --name refcoco -o rows/refcoco.jsonl

Every sentence becomes one line: image, sent, bbox_xywh, width, height, split, id. The .p file is a pickle: it is read by a
reader that knows lists, dictionaries, numbers and text, and refuses whatever would run or load anything. Needs Python
alone.
"""
import argparse
import io
import json
import os
import pickle
import sys
import tempfile


def fail(problem):
    sys.exit(f"convert_refs: {problem}")


class PlainReader(pickle.Unpickler):
    """Plain data only: a class or function in the file is refused before it is looked up."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")

    def persistent_load(self, _):
        raise pickle.UnpicklingError("it refers to objects outside the file")


def read_refs(path):
    try:
        with open(path, "rb") as file:
            refs = PlainReader(io.BytesIO(file.read()), encoding="utf-8").load()
    except FileNotFoundError:
        fail(f"{path}: expected the pickled references, found no such file.")
    except Exception as error:
        fail(f"{path}: expected pickled lists, dictionaries, numbers and text: {error}")
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        fail(f"{path}: expected a list of references, found {type(refs).__name__}.")
    return refs


def read_instances(path):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        images = {image["id"]: image for image in data["images"]}
        boxes = {annotation["id"]: annotation["bbox"] for annotation in data["annotations"]}
    except FileNotFoundError:
        fail(f"{path}: expected COCO's instances, found no such file.")
    except ValueError:
        fail(f"{path}: expected COCO's instances, found no JSON.")
    except (KeyError, TypeError) as error:
        fail(f"{path}: expected COCO's instances with images and annotations: {error} is missing.")
    return images, boxes


def rows(refs, images, boxes, name):
    for ref in refs:
        try:
            image, box = images[ref["image_id"]], boxes[ref["ann_id"]]
            for number, sentence in enumerate(ref["sentences"]):
                yield {
                    "id": f"{name} {ref['ref_id']}.{number}", "image": image["file_name"],
                    "sent": sentence["sent"] if isinstance(sentence, dict) else sentence,
                    "bbox_xywh": [float(value) for value in box], "width": image["width"], "height": image["height"],
                    "split": f"{name}-{ref['split']}" if name and ref["split"] != "train" else ref["split"],
                }
        except (KeyError, TypeError) as error:
            fail(f"reference {ref.get('ref_id')}: {error} is missing; do references and instances belong together?")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("refs", help="refs(unc).p, refs(google).p or refs(umd).p")
    parser.add_argument("instances", help="instances.json of the same data set")
    parser.add_argument("--name", default="", help="name of the data set, put before the names of its test splits")
    parser.add_argument("-o", "--output", required=True, help="the .jsonl file to write")
    options = parser.parse_args()
    images, boxes = read_instances(options.instances)
    found = list(rows(read_refs(options.refs), images, boxes, options.name))
    folder = os.path.dirname(os.path.abspath(options.output))
    os.makedirs(folder, exist_ok=True)
    counts = {}
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
        for row in found:
            counts[row["split"]] = counts.get(row["split"], 0) + 1
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(file.name, options.output)
    print(f"{options.output}: " + ", ".join(f"{split} {count}" for split, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
