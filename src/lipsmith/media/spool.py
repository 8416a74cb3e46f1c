"""Stores frames in a temporary file and reads them back one by one, bit for bit: needed to play a video backward.

A spool is one unnamed file in a folder that the caller chooses. It keeps a few bytes per frame in memory. The file is
not memory-mapped, so it does not count as memory of the process.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zlib
from array import array
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, Self

import av
import numpy as np

from ..errors import OutputError
from .video import VideoFileSource

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image
    from .chroma_key import Alpha
    from .video import VideoSource

RESERVED_BYTES = 64 << 20
"""Bytes of the disk that a spool leaves free."""
LOSSLESS_FORMATS = ("yuv420p", "yuv422p", "yuv444p")
"""Pixel formats that FFVHuff stores losslessly: a real 1080x1920 frame in 0.9 MB and 3 ms; its RGB is 6.2 MB."""


def open_spool(source: VideoSource, frames: int, folder: Path, image: Image, decoded: Any) -> Spool:
    """Choose the smallest spool that returns the frames of ``source`` exactly.

    Args:
        source: where the frames come from.
        frames: how many will be stored.
        folder: for the temporary file.
        image, decoded: the first frame, as ``Spool.put`` takes it; used to test that the copy is exact.

    Raises:
        OutputError: the disk of ``folder`` has no room for them.
    """
    if isinstance(source, VideoFileSource) and source.coded[2] in LOSSLESS_FORMATS:
        spool = CompressedSpool(folder, source)
        spool.put(image, decoded)
        if np.array_equal(spool.get(0), image):  # else the frame has metadata beside pixels, as the chroma position
            return spool
        spool.__exit__()
    return RawSpool(folder, frames, source.info.size)


class Spool(Protocol):
    """Frames stored in order and read in any order."""

    def put(self, image: Image, decoded: Any) -> int:
        """Store one frame: its image (H, W, 3) RGB uint8 and PyAV's decoded frame, or None. Return its position."""
        ...

    def get(self, position: int) -> Image:
        """Return the image stored at ``position``, bit for bit."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class _TemporaryRecords:
    """Byte strings of any length, one after another in a temporary file."""

    def __init__(self, folder: Path, least_bytes: int) -> None:
        self._folder = folder
        try:
            self._require_space(least_bytes)
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


class RawSpool:
    """Stores images of one size, uncompressed."""

    def __init__(self, folder: Path, frames: int, size: tuple[int, int]) -> None:
        self._shape = (size[1], size[0], 3)
        self._records = _TemporaryRecords(folder, frames * size[0] * size[1] * 3)

    def put(self, image: Image, decoded: Any) -> int:
        """Write the image's bytes."""
        return self._records.append(np.ascontiguousarray(image).data.cast("B"))

    def get(self, position: int) -> Image:
        """Read them back."""
        return np.frombuffer(self._records.read(position), np.uint8).reshape(self._shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()


class CompressedSpool:
    """Stores the decoded frames of a ``VideoFileSource`` losslessly compressed (FFVHuff)."""

    def __init__(self, folder: Path, video: VideoFileSource) -> None:
        self._video, self._records = video, _TemporaryRecords(folder, 0)
        width, height, pixels = video.coded
        self._encoder: Any = av.CodecContext.create("ffvhuff", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, pixels
        self._encoder.time_base, self._encoder.thread_count = Fraction(1, 25), 1
        self._encoder.open()
        self._decoder: Any = av.CodecContext.create("ffvhuff", "r")
        self._decoder.width, self._decoder.height, self._decoder.pix_fmt = width, height, pixels
        self._decoder.extradata, self._decoder.thread_count = self._encoder.extradata, 1

    def put(self, image: Image, decoded: Any) -> int:
        """Encode the decoded frame."""
        (packet,) = self._encoder.encode(decoded)
        return self._records.append(memoryview(packet))

    def get(self, position: int) -> Image:
        """Decode the frame and convert it to the same image again."""
        (decoded,) = self._decoder.decode(av.Packet(bytes(self._records.read(position))))
        return self._video.to_image(decoded)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()


class AlphaSpool:
    """Stores alphas (H, W) uint8 of one size, losslessly compressed, until it is no longer used."""

    def __init__(self, folder: Path) -> None:
        self._records = _TemporaryRecords(folder, 0)
        self._shape: tuple[int, ...] = (0, 0)
        weakref.finalize(self, self._records.close)

    def put(self, alpha: Alpha) -> int:
        """Store ``alpha`` and return its position."""
        self._shape = alpha.shape
        return self._records.append(memoryview(zlib.compress(alpha.tobytes(), 1)))

    def get(self, position: int) -> Alpha:
        """Return the alpha stored at ``position``."""
        return np.frombuffer(zlib.decompress(self._records.read(position)), np.uint8).reshape(self._shape)
