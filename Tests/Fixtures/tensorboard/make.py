# SPDX-License-Identifier: Apache-2.0
"""A TensorBoard event file as the tensorboard package itself writes it.

    pip install tensorboard==2.21.0
    python Tests/Fixtures/tensorboard/make.py

writes events.bin beside this file. TensorBoardTests writes the same events and must get the same bytes.
"""

import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1767225600.25


def event(step=0, **what):
    return event_pb2.Event(wall_time=TIME, step=step, **what)


def summary(*values):
    return summary_pb2.Summary(value=values)


def main():
    Value = summary_pb2.Summary.Value
    events = [
        event(file_version="brain.Event:2"),
        event(step=8, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
        event(
            step=8,
            summary=summary(
                Value(tag="train/loss", simple_value=0.5),
                Value(tag="train/norm", simple_value=float("nan")),
            ),
        ),
        event(step=300, summary=summary(Value(tag="train/loss", simple_value=-1e-7))),
        event(
            step=300,
            summary=summary(
                Value(
                    tag="sample",
                    metadata=summary_pb2.SummaryMetadata(
                        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
                    ),
                    tensor=tensor_pb2.TensorProto(
                        dtype=7,
                        tensor_shape=tensor_shape_pb2.TensorShapeProto(
                            dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)]
                        ),
                        string_val=["y = 0.39 – “ß”".encode()],
                    ),
                )
            ),
        ),
        event(
            step=300,
            summary=summary(
                Value(
                    tag="picture",
                    image=summary_pb2.Summary.Image(
                        height=1, width=2, colorspace=3, encoded_image_string=bytes(range(20))
                    ),
                )
            ),
        ),
    ]
    path = pathlib.Path(__file__).with_name("events.bin")
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for one in events:
            writer.write(one.SerializeToString())
        writer.flush()


if __name__ == "__main__":
    main()
