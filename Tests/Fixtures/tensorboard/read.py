# SPDX-License-Identifier: Apache-2.0
"""What TensorBoard sees in a folder of event files, as JSON on standard output.

    pip install tensorboard==2.21.0
    python Tests/Fixtures/tensorboard/read.py FOLDER

Under "files": what its reader for Python finds. Under "server": what the web server answers, which reads with a second,
independent reader. TensorBoardTests runs this where DIST2_PYTHON names a Python that has the package.
"""

import json
import sys
import time
import urllib.parse
import urllib.request

from tensorboard import program
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util


def files(folder):
    events = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    return {
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "texts": {
            tag: [[e.step, tensor_util.make_ndarray(e.tensor_proto)[0].decode()] for e in events.Tensors(tag)]
            for tag in tags["tensors"]
        },
        "histograms": {
            tag: [[e.step, e.histogram_value.bucket_limit, e.histogram_value.bucket] for e in events.Histograms(tag)]
            for tag in tags["histograms"]
        },
        "images": {tag: [[e.step, e.width, e.height] for e in events.Images(tag)] for tag in tags["images"]},
    }


def server(folder):
    board = program.TensorBoard()
    board.configure(argv=[None, "--logdir", folder, "--port", "0", "--host", "127.0.0.1"])
    url = board.launch()

    def get(path):
        with urllib.request.urlopen(url.rstrip("/") + path, timeout=10) as answer:
            return json.load(answer)

    for _ in range(100):
        tags = get("/data/plugin/scalars/tags").get(".", {})
        if tags:
            break
        time.sleep(0.1)
    query = [urllib.parse.urlencode({"run": ".", "tag": tag}) for tag in tags]
    return {tag: [row[1:] for row in get(f"/data/plugin/scalars/scalars?{q}")] for tag, q in zip(tags, query)}


if __name__ == "__main__":
    print(json.dumps({"files": files(sys.argv[1]), "server": server(sys.argv[1])}))
