"""A stand-in for Kokoro's files: a network of seven nodes in ONNX, written by hand, and a file of three voices.

Its symbols last one to three frames, its sound is as long as they are together, and each sample is the mean of the
style. Like the official file it does not return the durations.
"""

from pathlib import Path

import numpy as np

from lipsmith.tts.kokoro_model import DURATIONS, HOP, STYLE

INT64, FLOAT = 7, 1  # TensorProto.DataType
LEVELS = {"af_heart": 0.1, "af_sky": 0.3, "bf_emma": 0.2}
"""Voice -> mean of its style for one symbol; one for n symbols is larger by n / 10000."""


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number, payload):
    """A protobuf field: a number, or bytes."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def node(kind, inputs, output, **flags):
    attributes = [field(5, field(1, name.encode()) + field(3, value) + field(20, 2)) for name, value in flags.items()]
    return field(1, b"".join(field(1, one.encode()) for one in inputs) + field(2, output.encode())
                 + field(4, kind.encode()) + b"".join(attributes))  # fmt: skip


def constant(name, value):
    raw = np.array([value], "<i8").tobytes()
    return field(5, field(1, 1) + field(2, INT64) + field(8, name.encode()) + field(9, raw))


def value_info(number, name, kind, shape):
    sizes = b"".join(field(1, field(1, size) if size else field(2, b"n")) for size in shape)
    return field(number, field(1, name.encode()) + field(2, field(1, field(1, kind) + field(2, sizes))))


def network(durations=DURATIONS):
    """The bytes of the network; ``durations`` is its tensor's name."""
    graph = b"".join(
        (
            node("Mod", ["tokens", "three"], "rest"),
            node("Add", ["rest", "one"], durations),
            node("ReduceSum", [durations], "frames", keepdims=0),
            node("Mul", ["frames", "hop"], "length"),
            node("ReduceMean", ["style"], "mean", keepdims=0),
            node("Div", ["mean", "speed"], "level"),
            node("Expand", ["level", "length"], "audio"),
            field(2, b"stand-in"),
            constant("three", 3), constant("one", 1), constant("hop", HOP),
            value_info(11, "tokens", INT64, (1, 0)), value_info(11, "style", FLOAT, (1, 256)),
            value_info(11, "speed", FLOAT, (1,)), value_info(12, "audio", FLOAT, (0,)),
        )
    )  # fmt: skip
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def styles():
    rising = np.arange(STYLE[0], dtype=np.float32)[:, None, None] / 10_000
    return {name: np.zeros(STYLE, np.float32) + rising + level for name, level in LEVELS.items()}


def write_files(folder: Path):
    """Write both files into ``folder``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "kokoro-v1.0.int8.onnx", folder / "voices-v1.0.bin"
    paths[0].write_bytes(network())
    with paths[1].open("wb") as file:
        np.savez(file, **styles())
    return paths
