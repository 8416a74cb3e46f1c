"""Many records, one after the other in one file, each with its place and its checksum; nothing is mapped.

A record is read whole and checked before anybody sees a byte of it. That is why the file is not memory-mapped: what is
checked is what is used, and a file cut short by somebody else is an error here and would be a dead process there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import AvatarBroken, OutputError

SUM_BYTES = 16
Sums = NDArray[np.uint8]
"""(n, 16): BLAKE2b."""
Spans = NDArray[np.uint64]
"""(n, 2) bytes: begin, end."""


def checksum(data: bytes | memoryview) -> bytes:
    """16 bytes of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=SUM_BYTES).digest()


def full(folder: Path, reason: OSError) -> OutputError:
    """What to say when a file cannot be written to ``folder``."""
    return OutputError(
        f"The avatar cannot be written to {folder} ({reason.strerror}): make room there, or set LIPSMITH_AVATARS to "
        "another folder."
    )


@dataclass(frozen=True, slots=True, eq=False)
class RecordIndex:
    """Where each record of a roll lies, and what its bytes sum up to."""

    spans: Spans
    sums: Sums

    def __post_init__(self) -> None:
        right = self.spans.dtype == np.uint64 and self.sums.dtype == np.uint8 and self.spans.ndim == 2
        if not right or self.spans.shape[1:] != (2,) or self.sums.shape != (len(self.spans), SUM_BYTES):
            raise AvatarBroken("The index of a roll has the wrong shape.")
        if len(self.spans) and not bool((self.spans[:, 0] <= self.spans[:, 1]).all()):
            raise AvatarBroken("The index of a roll runs backward.")

    @property
    def end(self) -> int:
        """Bytes of the roll."""
        return int(self.spans[:, 1].max(initial=0))


class RecordFileWriter:
    """Appends records to a new file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")
        self._spans: list[tuple[int, int]] = []
        self._sums: list[bytes] = []
        self._end = 0

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, data: bytes) -> int:
        """Keep one record; its number.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self._file.write(data)
        except OSError as reason:
            raise full(self._path.parent, reason) from reason
        self._spans.append((self._end, self._end + len(data)))
        self._sums.append(checksum(data))
        self._end += len(data)
        return len(self._spans) - 1

    def add_again(self) -> int:
        """Keep the last record once more, without its bytes; its number."""
        self._spans.append(self._spans[-1])
        self._sums.append(self._sums[-1])
        return len(self._spans) - 1

    def close(self) -> RecordIndex:
        """Have all on the disk; where everything lies.

        Raises:
            OutputError: the disk is full.
        """
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as reason:
            raise full(self._path.parent, reason) from reason
        sums = np.frombuffer(b"".join(self._sums), np.uint8).reshape(-1, SUM_BYTES)
        return RecordIndex(np.array(self._spans, np.uint64).reshape(-1, 2), sums)

    def abandon(self) -> None:
        """Close without more."""
        with contextlib.suppress(OSError):  # there is no room for what was not yet written
            self._file.close()


class RecordFileReader:
    """Reads records in any order; for several threads at once."""

    def __init__(self, path: Path, index: RecordIndex) -> None:
        self._index, self._lock = index, threading.Lock()
        self._file: BinaryIO = path.open("rb", buffering=0)
        self._name = path.name
        size = os.fstat(self._file.fileno()).st_size
        if size != index.end:
            self._file.close()
            raise AvatarBroken(f"{path.name} has {size} bytes and should have {index.end}.")

    def __len__(self) -> int:
        return len(self._index.spans)

    def read(self, number: int) -> bytes:
        """The bytes of one record.

        Raises:
            AvatarBroken: they are not those that were written.
        """
        begin, end = (int(place) for place in self._index.spans[number])
        with self._lock:
            self._file.seek(begin)
            data = self._file.read(end - begin)
        if checksum(data) != bytes(self._index.sums[number]):
            raise AvatarBroken(f"{self._name} is damaged: record {number} is not what was written.")
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


__all__ = ["RecordFileReader", "RecordFileWriter", "RecordIndex", "checksum", "full"]
