"""Reads forms with uploads, ``multipart/form-data`` (RFC 7578): files are written while they come in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException

MOST_PARTS = 48
"""Fields and files of one form."""
MOST_HEAD, MOST_FIELDS = 16_000, 500_000
"""Bytes of the headers of one part, and of all fields together, which are held in memory."""

PARSE_SECONDS, PARSE_RATE = 1.0, 20e6
"""Processor time for any form, and the bytes for which it gets a second more: 25 times what forms need."""

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what clients send


class StoredUpload(UploadFile):
    """An uploaded file that lies at ``path``. It is moved or read there; ``file`` is empty."""

    def __init__(self, path: Path, size: int, filename: str) -> None:
        super().__init__(BytesIO(), size=size, filename=filename, headers=Headers())
        self.path = path


@dataclass
class _Part:
    """One part while it comes in."""

    name: bytes = b""
    filename: bytes | None = None  # None: it is a field
    value: bytearray = field(default_factory=bytearray)
    path: Path | None = None
    file: IO[bytes] | None = None
    size: int = 0


class FormReader:
    """Takes a form piece by piece.

    Args:
        content_type: the request's header.
        folder: gets the files, under names of our own.
        grow: called with the bytes of files before they are written; may raise.

    Raises:
        HTTPException: status 400; here and in ``feed`` and ``finish``.
    """

    def __init__(self, content_type: str, folder: Path, grow: Callable[[int], None]) -> None:
        self._folder, self._grow = folder, grow
        self._items: list[tuple[str, str | UploadFile]] = []
        self._part, self._head, self._headers = _Part(), [bytearray(), bytearray()], dict[bytes, bytes]()
        self._head_bytes = self._field_bytes = self._parts = 0
        self._bytes, self._spent = 0, 0.0
        self._whole = False
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _refused("its header Content-Type names no boundary")
        with _explained():
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._add_head(0, data[start:end]),
                    "on_header_value": lambda data, start, end: self._add_head(1, data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_head,
                    "on_part_data": self._add,
                    "on_part_end": self._end,
                    "on_end": self._end_form,
                },
            )

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        began = time.thread_time()
        with _explained():
            self._parser.write(data)
        self._bytes, self._spent = self._bytes + len(data), self._spent + time.thread_time() - began
        if self._spent > PARSE_SECONDS + self._bytes / PARSE_RATE:
            raise _refused("it is made of far too many pieces")

    def finish(self) -> FormData:
        """The form, when no more comes: names with text, or with a StoredUpload."""
        if not self._whole:
            raise _refused("it breaks off before its end")
        return FormData(self._items)

    def close(self) -> None:
        """Close the file that is being written."""
        if self._part.file is not None:
            with suppress(OSError):  # the disk is full; the file is not used
                self._part.file.close()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _refused(f"it has more than {MOST_PARTS} fields and files")
        self._part, self._head_bytes, self._headers = _Part(), 0, {}

    def _add_head(self, which: int, data: bytes) -> None:
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD:
            raise _refused("the name of a field or file is too long")
        self._head[which] += data

    def _end_header(self) -> None:
        name, value = (bytes(one) for one in self._head)
        self._headers[name.lower()] = value
        self._head = [bytearray(), bytearray()]

    def _end_head(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise _refused("a field has no name")
        self._part.name, self._part.filename = options[b"name"], options.get(b"filename")
        if self._part.filename is not None:
            self._part.path = self._folder / f"upload-{self._parts}"
            self._part.file = self._part.path.open("xb")

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._part.file is not None:
            self._part.size += end - start
            self._grow(end - start)
            self._part.file.write(memoryview(data)[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > MOST_FIELDS:
            raise _refused(f"its fields are larger than {MOST_FIELDS // 1000} kB")
        self._part.value += data[start:end]

    def _end(self) -> None:
        part, name = self._part, _text(self._part.name)
        if part.file is None or part.path is None:
            self._items.append((name, _text(part.value)))
            return
        part.file.close()
        self._items.append((name, StoredUpload(part.path, part.size, _text(part.filename or b""))))

    def _end_form(self) -> None:
        self._whole = True


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the parser's errors into ours."""
    try:
        yield
    except FormParserError as reason:
        raise _refused("it is not written as multipart/form-data") from reason


def _refused(why: str) -> HTTPException:
    return HTTPException(400, f"The form cannot be read: {why}.")


def _text(data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


__all__ = ["FormReader", "StoredUpload"]
