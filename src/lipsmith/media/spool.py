"""Frames laid aside on the disk and read back one by one, bit for bit: what a backward sweep needs.

Both spools live in one temporary file without a name in a folder of the caller's, and keep a few bytes per frame in
memory. Neither maps the file, so it does not count as memory of the process.
"""

from __future__ import annotations

import shutil
import tempfile
from array import array
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, Self

import av
import numpy as np

from ..errors import OutputError
from .video import FileSource

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image
    from .video import VideoSource

SPARE_BYTES = 64 << 20
"""Left free on the disk beside the spool."""
COMPRESSED = ("yuv420p", "yuv422p", "yuv444p")
"""Pixels that FFVHuff stores without loss: a real 1080x1920 frame in 0.9 MB and 3 ms instead of 6.2 MB of RGB."""


def open_spool(footage: VideoSource, frames: int, folder: Path, image: Image, decoded: Any) -> Spool:
    """The best spool for ``frames`` frames of ``footage``, of which ``image`` and ``decoded`` are the first.

    Raises:
        OutputError: the disk of ``folder`` has no room for them.
    """
    if isinstance(footage, FileSource) and footage.coded[2] in COMPRESSED:
        film = FilmSpool(folder, footage)
        film.put(image, decoded)
        if np.array_equal(film.get(0), image):  # else the decoder knew more than pixels, such as where chroma lies
            return film
        film.__exit__()
    return RawSpool(folder, frames, footage.info.size)


class Spool(Protocol):
    """Numbered frames, put in order, got in any."""

    def put(self, image: Image, decoded: Any) -> int:
        """Lay one frame aside: its image (H, W, 3) RGB uint8, and what that was made of. Returns its position."""
        ...

    def get(self, position: int) -> Image:
        """The image that was put at ``position``, equal to it in every bit."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class _Rolls:
    """Byte strings of any length, one after the other in a temporary file."""

    def __init__(self, folder: Path, least_bytes: int) -> None:
        self._folder = folder
        try:
            self._refuse_without(least_bytes)
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".lipsmith-", buffering=0)  # noqa: SIM115
        except OSError as reason:
            raise OutputError(
                f"{folder} cannot hold temporary frames ({reason.strerror}): choose another folder."
            ) from reason
        self._ends = array("Q", [0])

    def append(self, data: memoryview) -> int:
        try:
            self._refuse_without(len(data))
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

    def _refuse_without(self, needed: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if needed + SPARE_BYTES > free:
            raise OutputError(
                f"Playing this film backward needs {_amount(needed + SPARE_BYTES)} free in {self._folder} but only "
                f"{_amount(free)} are: make room, or use a shorter speech or a smaller film."
            )


def _amount(size: int) -> str:
    """Bytes for people: "1.25 GB", "67 MB"."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


class RawSpool:
    """Any images of one size, as they are."""

    def __init__(self, folder: Path, frames: int, size: tuple[int, int]) -> None:
        self._shape = (size[1], size[0], 3)
        self._rolls = _Rolls(folder, frames * size[0] * size[1] * 3)

    def put(self, image: Image, decoded: Any) -> int:
        """Write the image's bytes."""
        return self._rolls.append(np.ascontiguousarray(image).data.cast("B"))

    def get(self, position: int) -> Image:
        """Read them back."""
        return np.frombuffer(self._rolls.read(position), np.uint8).reshape(self._shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rolls.close()


class FilmSpool:
    """Frames of a ``FileSource`` as the decoder gave them, squeezed without loss; the video makes the same image
    again.
    """

    def __init__(self, folder: Path, video: FileSource) -> None:
        self._video, self._rolls = video, _Rolls(folder, 0)
        width, height, pixels = video.coded
        self._encoder: Any = av.CodecContext.create("ffvhuff", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, pixels
        self._encoder.time_base, self._encoder.thread_count = Fraction(1, 25), 1
        self._encoder.open()
        self._decoder: Any = av.CodecContext.create("ffvhuff", "r")
        self._decoder.width, self._decoder.height, self._decoder.pix_fmt = width, height, pixels
        self._decoder.extradata, self._decoder.thread_count = self._encoder.extradata, 1

    def put(self, image: Image, decoded: Any) -> int:
        """Encode what the decoder gave."""
        (packet,) = self._encoder.encode(decoded)
        return self._rolls.append(memoryview(packet))

    def get(self, position: int) -> Image:
        """Decode it and make its image again."""
        (decoded,) = self._decoder.decode(av.Packet(bytes(self._rolls.read(position))))
        return self._video.develop(decoded)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rolls.close()
