"""Small files that take long to read."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image


def tiny_packets(path: Path, count: int, milliseconds: float) -> Path:
    """An FLV of ``count`` packets of one sample each, which states that each lasts ``milliseconds``."""
    body = b"\x3e\0\0"  # 16-bit mono PCM
    with path.open("wb") as file:
        file.write(b"FLV\x01\x04" + struct.pack(">II", 9, 0))
        for index in range(count):
            time = int(index * milliseconds)
            tag = struct.pack(">II", 0x08000000 | len(body), (time & 0xFFFFFF) << 8 | time >> 24) + b"\0\0\0" + body
            file.write(tag + struct.pack(">I", len(tag)))
    return path


def vast_film(path: Path, frames: int, size: tuple[int, int] = (7680, 4320)) -> Path:
    """A film of one grey picture, of some hundred bytes a frame."""
    options = {"preset": "ultrafast", "crf": "51", "x264-params": "keyint=9999:scenecut=0"}
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height = size
        frame = av.VideoFrame(*size, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for index in range(frames):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def vast_gif(path: Path, pictures: int, side: int = 6000) -> Path:
    """A GIF of one grey picture, many times."""
    file = io.BytesIO()
    Image.new("P", (side, side), 1).save(file, "GIF", optimize=False)
    data = file.getvalue()
    start = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    first = data.index(b",", start)
    delay = b"!\xf9\x04\0\x0a\0\0\0"
    path.write_bytes(data[:start] + (delay + data[first:-1]) * pictures + b";")
    return path
