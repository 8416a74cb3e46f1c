"""Pickles and torch's files, read without unpickling and without torch: plain values, arrays, and nothing else.

Sizes are checked before anything is made: arrays are views into the mapped file, and what must be copied is paid from a
budget that grows with the file. A ``.pt`` is an archive since torch 1.6 and a row of pickles before; tensors inside a
plain pickle are files of that old kind, as bytes.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from .builders import BUILDERS, Budget, Refusal, Storage, item_size, storage_of
from .opcodes import Builders, ByteReader, Interpreter, Persistent, check_plain

SHARE, SLACK = 4, 1 << 20
"""Bytes that a file may make us copy: this many times its own, and some."""
DAMAGE = (
    ValueError, LookupError, TypeError, AttributeError, OverflowError, EOFError, RuntimeError, OSError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What reading a file that is not what it says may raise."""
_ADVICE = "Only numbers, text, lists, tuples, dicts, numpy arrays and tensors are read; make the avatar anew instead"
_ARCHIVE = b"PK\x03\x04"
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_COUNT = struct.Struct("<q")


def read_pickle(path: Path) -> Any:
    """The value that a ``.pkl`` holds. Bytes come as memoryviews, arrays and tensors as read-only numpy arrays.

    Raises:
        InputError: missing, damaged, or asking for anything but plain values.
    """
    return _guarded(path, lambda data, budget: _value(ByteReader(data), budget, _WITH_TENSORS))


def read_tensors(path: Path) -> Any:
    """The value that a ``.pt`` holds, its tensors as read-only numpy arrays.

    Raises:
        InputError: missing, damaged, or asking for anything but plain values.
    """

    def read(data: memoryview, budget: Budget) -> Any:
        found = _archive(path, budget) if data[:4] == _ARCHIVE else _row(data, budget)
        check_plain(found)
        return found

    return _guarded(path, read)


def _guarded(path: Path, read: Callable[[memoryview, Budget], Any]) -> Any:
    """What ``read`` makes of a file's bytes; everything that can go wrong becomes one sentence."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:  # nothing of nothing cannot be mapped
        raise InputError(f"{path} is empty; a pickle or a file of torch was expected.") from problem
    try:
        return read(data, Budget(SHARE * len(data) + SLACK))
    except Refusal as refusal:
        raise InputError(f"{path} is refused: {refusal}. {_ADVICE}.") from refusal
    except DAMAGE as problem:
        said = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise InputError(f"{path} is damaged, or not the file it should be: {said}.") from problem


def _value(source: ByteReader, budget: Budget, builders: Builders, persistent: Persistent | None = None) -> Any:
    """The next pickle's value, which is plain."""
    found = Interpreter(source, budget, builders, persistent).run()
    check_plain(found)
    return found


def _archive(path: Path, budget: Budget) -> Any:
    """torch's archive: ``<any>/data.pkl`` and one member of numbers for each storage, uncompressed."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise Refusal("it is a compressed archive, as torch never writes one")
        root = next((name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")), None)
        if root is None:
            raise ValueError("an archive without data.pkl")
        if f"{root}byteorder" in members and _member(archive, members[f"{root}byteorder"], budget) != b"little":
            raise Refusal("its numbers are stored big end first")
        known: dict[str, Storage] = {}

        def persistent(given: Any) -> Storage:
            _, kind, key, _, count = given
            if key not in known:
                raw = _member(archive, members[f"{root}data/{key}"], budget)
                known[key] = storage_of(budget, kind, memoryview(raw)[: count * item_size(kind)])
            return known[key]

        data = memoryview(_member(archive, members[f"{root}data.pkl"], budget))
        return Interpreter(ByteReader(data), budget, BUILDERS, persistent).run()


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    """A member's bytes, paid for: members that lie over each other would be more than the file."""
    budget.spend(info.file_size)
    return archive.read(info)


def _row(data: memoryview, budget: Budget) -> Any:
    """torch's old files: magic, version, machine, value, names of storages, and their numbers.

    The numbers come last, so the value is built twice: first to learn which storages there are.
    """
    source = ByteReader(data)
    head = [_value(source, budget, BUILDERS) for _ in range(3)]
    if head[:2] != [_MAGIC, _PROTOCOL] or not isinstance(head[2], Mapping) or head[2].get("little_endian") is not True:
        raise ValueError("it does not begin as torch's files do")
    kinds: dict[str, tuple[object, int]] = {}
    known: dict[str, Storage] = {}

    def persistent(given: Any) -> Storage:
        _, kind, key, _, count, view = (*given, None)[:6]
        if view is not None:
            raise Refusal("its tensors look at parts of others, as files before torch 0.4 had it")
        kinds[key] = (kind, count)
        return known.get(key, Storage(None))

    start = source.at
    Interpreter(source, budget, BUILDERS, persistent).run()
    for key in _value(source, budget, BUILDERS):
        kind, count = kinds[key]
        (stored,) = _COUNT.unpack(source.read(_COUNT.size))
        size = count * item_size(kind)
        raw = source.read(size)
        if stored != count or len(raw) != size:
            raise ValueError(f"{stored} numbers are stored, {count} are named, and {len(raw)} bytes are there")
        known[key] = storage_of(budget, kind, raw)
    if known.keys() != kinds.keys():
        raise ValueError(f"{len(kinds)} storages are named, and {len(known)} are there")
    return Interpreter(ByteReader(data, start), budget, BUILDERS, persistent).run()


def _inner(budget: Budget, raw: Any) -> Any:
    """A storage inside a plain pickle; reading the same bytes again is paid for."""
    budget.spend(len(raw))
    return _row(memoryview(raw), budget)


_WITH_TENSORS: Builders = {**BUILDERS, ("torch.storage", "_load_from_bytes"): _inner}

__all__ = ["read_pickle", "read_tensors"]
