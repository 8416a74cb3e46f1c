"""Read ``.pkl`` and ``.pt`` files safely, without Python's unpickler and without torch.

Unpickling runs whatever code a file names. This reader runs none: it builds numbers, text, lists, tuples, dicts, numpy
arrays and tensors, and refuses a file that asks for anything else. It also refuses files that would take much more
memory than they have bytes: sizes are checked before anything is built, arrays are views of the mapped file, and what
must be copied is counted against a budget in proportion to the file.

A ``.pt`` file is a zip archive since torch 1.6 and was a sequence of pickles before. A tensor inside a plain pickle is
a file of that older kind, as bytes.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from .builders import BUILDERS, CopyBudget, RefusedPickle, TensorStorage, item_size, tensor_storage
from .opcodes import Builders, ByteReader, Interpreter, check_plain

BUDGET_FACTOR, BUDGET_MINIMUM = 4, 1 << 20
"""A file may make us copy this many times its own bytes, plus this many bytes."""
DAMAGE_ERRORS = (
    ValueError, LookupError, TypeError, AttributeError, OverflowError, EOFError, RuntimeError, OSError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""The errors that reading a damaged file may raise."""
_ADVICE = "Only numbers, text, lists, tuples, dicts, numpy arrays and tensors are read; prepare the avatar again"
_ARCHIVE = b"PK\x03\x04"
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch's files before 1.6
_COUNT = struct.Struct("<q")


def read_pickle(path: Path) -> Any:
    """The value in a ``.pkl`` file. Bytes come as memoryviews, arrays and tensors as read-only numpy arrays.

    Raises:
        InputError: the file is missing, damaged, or asks for anything but plain values.
    """
    return _read_mapped(path, lambda data, budget: _plain_value(ByteReader(data), budget, _WITH_TENSORS))


def read_tensors(path: Path) -> Any:
    """The value in a ``.pt`` file, its tensors as read-only numpy arrays.

    Raises:
        InputError: the file is missing, damaged, or asks for anything but plain values.
    """

    def read(data: memoryview, budget: CopyBudget) -> Any:
        value = _archive(path, budget) if data[:4] == _ARCHIVE else _legacy_file(data, budget)
        check_plain(value)
        return value

    return _read_mapped(path, read)


def _read_mapped(path: Path, read: Callable[[memoryview, CopyBudget], Any]) -> Any:
    """Map a file and call ``read`` with its bytes; every failure becomes an InputError."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:  # an empty file cannot be mapped
        raise InputError(f"{path} is empty; a pickle or a file of torch was expected.") from problem
    try:
        return read(data, CopyBudget(BUDGET_FACTOR * len(data) + BUDGET_MINIMUM))
    except RefusedPickle as refusal:
        raise InputError(f"{path} is refused: {refusal}. {_ADVICE}.") from refusal
    except DAMAGE_ERRORS as problem:
        said = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise InputError(f"{path} is damaged, or not the file it should be: {said}.") from problem


def _plain_value(source: ByteReader, budget: CopyBudget, builders: Builders) -> Any:
    """The value of the next pickle in ``source``."""
    value = Interpreter(source, budget, builders, None).run()
    check_plain(value)
    return value


def _archive(path: Path, budget: CopyBudget) -> Any:
    """A torch archive: ``<any>/data.pkl``, and for each storage an uncompressed member with its numbers."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise RefusedPickle("it is a compressed archive, as torch never writes one")
        root = next((name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")), None)
        if root is None:
            raise ValueError("an archive without data.pkl")
        if f"{root}byteorder" in members and _member(archive, members[f"{root}byteorder"], budget) != b"little":
            raise RefusedPickle("its numbers are big-endian")
        storages: dict[str, TensorStorage] = {}

        def persistent(given: Any) -> TensorStorage:
            _, kind, key, _, count = given
            if key not in storages:
                raw = _member(archive, members[f"{root}data/{key}"], budget)
                storages[key] = tensor_storage(budget, kind, memoryview(raw)[: count * item_size(kind)])
            return storages[key]

        data = memoryview(_member(archive, members[f"{root}data.pkl"], budget))
        return Interpreter(ByteReader(data), budget, BUILDERS, persistent).run()


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: CopyBudget) -> bytes:
    """The bytes of a member, counted against the budget: overlapping members may be larger than the file."""
    budget.spend(info.file_size)
    return archive.read(info)


def _legacy_file(data: memoryview, budget: CopyBudget) -> Any:
    """A torch file from before 1.6: magic number, protocol, system, value, keys of the storages, and their numbers.

    The numbers come last, so the value is built twice: first to learn which storages it has.
    """
    source = ByteReader(data)
    head = [_plain_value(source, budget, BUILDERS) for _ in range(3)]
    if head[:2] != [_MAGIC, _PROTOCOL] or not isinstance(head[2], Mapping) or head[2].get("little_endian") is not True:
        raise ValueError("it does not begin as torch's files do")
    declared: dict[str, tuple[object, int]] = {}  # key of a storage -> its class, its number of items
    storages: dict[str, TensorStorage] = {}

    def persistent(given: Any) -> TensorStorage:
        _, kind, key, _, count, view = (*given, None)[:6]
        if view is not None:
            raise RefusedPickle("its storages are views of others, as in files before torch 0.4")
        declared[key] = (kind, count)
        return storages.get(key, TensorStorage(None))

    start = source.position
    Interpreter(source, budget, BUILDERS, persistent).run()
    for key in _plain_value(source, budget, BUILDERS):
        kind, count = declared[key]
        (stored,) = _COUNT.unpack(source.read(_COUNT.size))
        size = count * item_size(kind)
        raw = source.read(size)
        if stored != count or len(raw) != size:
            raise ValueError(f"{stored} numbers are stored, {count} are named, and {len(raw)} bytes are there")
        storages[key] = tensor_storage(budget, kind, raw)
    if storages.keys() != declared.keys():
        raise ValueError(f"{len(declared)} storages are named, and {len(storages)} are there")
    return Interpreter(ByteReader(data, start), budget, BUILDERS, persistent).run()


def _load_from_bytes(budget: CopyBudget, raw: Any) -> Any:
    """A storage inside a plain pickle, counted against the budget because a pickle may repeat it."""
    budget.spend(len(raw))
    return _legacy_file(memoryview(raw), budget)


_WITH_TENSORS: Builders = {**BUILDERS, ("torch.storage", "_load_from_bytes"): _load_from_bytes}

__all__ = ["read_pickle", "read_tensors"]
