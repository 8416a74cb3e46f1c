"""Stores images in a temporary file and reads them back one by one, bit for bit: needed to play a video backward.

A spool is one unnamed file in a folder that the caller chooses. It keeps a few bytes per image in memory. The file is
not memory-mapped, so it does not count as memory of the process.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zlib
from array import array
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import av
import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image
    from .chroma_key import Alpha

RESERVED_BYTES = 64 << 20
"""Bytes of the disk that a spool leaves free."""


class Spool:
    """Images of one size, stored in order and read in any order.

    They are compressed losslessly as RGB (FFVHuff), so what comes back does not depend on the pixel format, the colours
    or the orientation of the video that they come from. A real 1080x1920 image takes 1.9 MB instead of 6.2.

    Raises:
        OutputError: the disk of ``folder`` has no room, or the folder may not be written.
    """

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self._records = _TemporaryRecords(folder)
        self._encoder, self._decoder = _codec("w", size), _codec("r", size)
        self._encoder.time_base = Fraction(1, 25)
        self._encoder.open()
        self._decoder.extradata = self._encoder.extradata

    def put(self, image: Image) -> int:
        """Store one image (H, W, 3) RGB uint8 and return its position."""
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24")
        (packet,) = self._encoder.encode(frame)
        return self._records.append(memoryview(packet))

    def get(self, position: int) -> Image:
        """The image stored at ``position``, bit for bit."""
        (frame,) = self._decoder.decode(av.Packet(bytes(self._records.read(position))))
        image: Image = frame.reformat(format="rgb24").to_ndarray()
        return image

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()


def _codec(mode: str, size: tuple[int, int]) -> Any:
    codec: Any = av.CodecContext.create("ffvhuff", mode)  # type: ignore[call-overload]
    codec.width, codec.height = size
    codec.pix_fmt, codec.thread_count = "rgb24", 1
    return codec


class _TemporaryRecords:
    """Byte strings of any length, one after another in a temporary file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._require_space(0)
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".lipsmith-", buffering=0)  # noqa: SIM115
        except OSError as reason:
            raise OutputError(
                f"{folder} cannot hold temporary frames ({reason.strerror}): choose another folder."
            ) from reason
        self._ends = array("Q", [0])

    def append(self, data: memoryview) -> int:
        try:
            self._require_space(len(data))
            self._file.seek(self._ends[-1])
            self._ends.append(self._ends[-1] + len(data))
            while data:
                data = data[self._file.write(data) :]
        except OSError as reason:
            raise OutputError(
                f"Temporary frames cannot be written to {self._folder} ({reason.strerror}): make room on its disk."
            ) from reason
        return len(self._ends) - 2

    def read(self, position: int) -> bytearray:
        begin, end = self._ends[position], self._ends[position + 1]
        data = bytearray(end - begin)
        self._file.seek(begin)
        view = memoryview(data)
        while view:
            view = view[self._file.readinto(view) :]
        return data

    def close(self) -> None:
        self._file.close()

    def _require_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if needed + RESERVED_BYTES > free:
            raise OutputError(
                f"Playing this film backward needs {_readable_size(needed + RESERVED_BYTES)} free in {self._folder} "
                f"but only {_readable_size(free)} are: make room, or use a shorter speech or a smaller film."
            )


def _readable_size(size: int) -> str:
    """Bytes for display: "1.25 GB", "67 MB"."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


class AlphaSpool:
    """Stores alphas (H, W) uint8 of one size, losslessly compressed, until it is no longer used."""

    def __init__(self, folder: Path) -> None:
        self._records = _TemporaryRecords(folder)
        self._shape: tuple[int, ...] = (0, 0)
        weakref.finalize(self, self._records.close)

    def put(self, alpha: Alpha) -> int:
        """Store ``alpha`` and return its position."""
        self._shape = alpha.shape
        return self._records.append(memoryview(zlib.compress(alpha.tobytes(), 1)))

    def get(self, position: int) -> Alpha:
        """Return the alpha stored at ``position``."""
        return np.frombuffer(zlib.decompress(self._records.read(position)), np.uint8).reshape(self._shape)
