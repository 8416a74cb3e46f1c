"""A record file: many records, one after the other, and an index with the place and checksum of each.

A record is read whole and checked before any byte of it is used. That is why the file is not memory-mapped: the bytes
that were checked are the bytes that are used, and a file that another program truncates raises an error here, while a
mapping would kill the process.
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


def write_failure(folder: Path, reason: OSError) -> OutputError:
    """The error for a file that cannot be written to ``folder``."""
    return OutputError(
        f"The avatar cannot be written to {folder} ({reason.strerror}): make room there, or set LIPSMITH_AVATARS to "
        "another folder."
    )


@dataclass(frozen=True, slots=True, eq=False)
class RecordIndex:
    """Where each record of a file lies, and its checksum."""

    spans: Spans
    sums: Sums

    def __post_init__(self) -> None:
        right = self.spans.dtype == np.uint64 and self.sums.dtype == np.uint8 and self.spans.ndim == 2
        if not right or self.spans.shape[1:] != (2,) or self.sums.shape != (len(self.spans), SUM_BYTES):
            raise AvatarBroken("The index of a record file has the wrong shape.")
        if len(self.spans) and not bool((self.spans[:, 0] <= self.spans[:, 1]).all()):
            raise AvatarBroken("The index of a record file runs backward.")

    @property
    def size(self) -> int:
        """Bytes of the record file."""
        return int(self.spans[:, 1].max(initial=0))


class RecordFileWriter:
    """Appends records to a new file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")
        self._spans: list[tuple[int, int]] = []
        self._sums: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, data: bytes) -> int:
        """Append one record and return its number.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self._file.write(data)
        except OSError as reason:
            raise write_failure(self._path.parent, reason) from reason
        self._spans.append((self._size, self._size + len(data)))
        self._sums.append(checksum(data))
        self._size += len(data)
        return len(self._spans) - 1

    def repeat(self) -> int:
        """Add the last record once more without storing its bytes again, and return its number."""
        self._spans.append(self._spans[-1])
        self._sums.append(self._sums[-1])
        return len(self._spans) - 1

    def close(self) -> RecordIndex:
        """Sync the file to disk and return its index.

        Raises:
            OutputError: the disk is full.
        """
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as reason:
            raise write_failure(self._path.parent, reason) from reason
        sums = np.frombuffer(b"".join(self._sums), np.uint8).reshape(-1, SUM_BYTES)
        return RecordIndex(np.array(self._spans, np.uint64).reshape(-1, 2), sums)

    def abort(self) -> None:
        """Close the file without syncing it."""
        with contextlib.suppress(OSError):  # a full disk has no room for the bytes that are still buffered
            self._file.close()


class RecordFileReader:
    """Reads records in any order; several threads may use it at once.

    Raises:
        AvatarBroken: the file has another size than ``index`` says.
    """

    def __init__(self, path: Path, index: RecordIndex) -> None:
        self._index, self._lock = index, threading.Lock()
        self._file: BinaryIO = path.open("rb", buffering=0)
        self._name = path.name
        size = os.fstat(self._file.fileno()).st_size
        if size != index.size:
            self._file.close()
            raise AvatarBroken(f"{path.name} has {size} bytes and should have {index.size}.")

    def __len__(self) -> int:
        return len(self._index.spans)

    def read(self, number: int) -> bytes:
        """The bytes of record ``number``.

        Raises:
            AvatarBroken: the bytes do not match their checksum.
        """
        begin, end = (int(offset) for offset in self._index.spans[number])
        with self._lock:
            self._file.seek(begin)
            data = self._file.read(end - begin)
        if checksum(data) != bytes(self._index.sums[number]):
            raise AvatarBroken(f"{self._name} is damaged: record {number} is not what was written.")
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


__all__ = ["RecordFileReader", "RecordFileWriter", "RecordIndex", "checksum", "write_failure"]
