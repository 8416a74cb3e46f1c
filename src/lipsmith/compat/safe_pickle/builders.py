"""What a pickle may ask for, by name, and our own builders for it. Nothing of numpy's or torch's own is called.

A tensor comes as a numpy array: of its own dtype, bfloat16 as float32, which holds it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 8
_KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_ORDERS = ("<", ">", "=", "|")
_STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16", "ByteStorage": "u1",
    "CharStorage": "i1", "ShortStorage": "i2", "IntStorage": "i4", "LongStorage": "i8", "BoolStorage": "b1",
}  # fmt: skip


class Refusal(Exception):
    """Why a file is not read: it asks for more than plain values."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a pickle asks for. It stands for itself; nothing is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Budget:
    """Bytes that may still be copied."""

    left: int

    def spend(self, count: int) -> None:
        """Pay for ``count`` bytes; raise Refusal when they are more than are left."""
        self.left -= count
        if self.left < 0:
            raise Refusal("it blows up to far more bytes than it has")


@dataclass(slots=True, eq=False, kw_only=True)
class Unfinished:
    """Something whose state follows."""

    places: list[int] = field(default_factory=list)  # of the memo that hold it

    def finished(self, budget: Budget, state: Any) -> Any:
        """What it is with its state."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class DType(Unfinished):
    """A dtype of numbers."""

    dtype: np.dtype[Any]

    def finished(self, budget: Budget, state: Any) -> DType:
        """With its byte order: (version, order, no subdtype, no names, no fields, ...)."""
        if state[1] not in _ORDERS or any(part is not None for part in state[2:5]):
            raise Refusal("it holds an array of records, not of numbers")
        return DType(self.dtype.newbyteorder(state[1]), places=self.places)


@dataclass(slots=True, eq=False)
class Shell(Unfinished):
    """An array whose shape and bytes follow."""

    def finished(self, budget: Budget, state: Any) -> NDArray[Any]:
        """(version, shape, dtype, in Fortran's order, bytes)."""
        _, shape, kind, fortran, raw = state
        return _array(raw, kind, shape, "F" if fortran else "C")


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Numbers in a row that tensors look at."""

    flat: NDArray[Any] | None  # None: they come later in the file


def _dtype(_: Budget, code: object, *_flags: object) -> DType:
    if code not in _KINDS:
        raise Refusal(f"it holds an array of '{str(code)[:20]}', not of numbers")
    return DType(np.dtype(str(code)))


def _array(raw: object, kind: object, shape: object, order: object) -> NDArray[Any]:
    """(*shape) read-only view of ``raw``, which must be just as long."""
    if not isinstance(raw, (bytes, memoryview)) or not isinstance(kind, DType):
        raise Refusal("it holds an array of other things than numbers")
    size = _sizes(shape)
    if prod(size) * kind.dtype.itemsize != len(raw):
        raise ValueError(f"an array of {size} {kind.dtype} has {len(raw)} bytes")
    flat = np.frombuffer(raw, kind.dtype) if len(raw) else np.zeros(0, kind.dtype)
    return flat.reshape(size, order="F" if order == "F" else "C")


def _sizes(values: object) -> tuple[int, ...]:
    """Whole numbers, none negative, no more than an array may have."""
    if not isinstance(values, tuple) or len(values) > DIMENSIONS or not all(type(one) is int for one in values):
        raise ValueError("an array without a shape")
    if any(not 0 <= one < 1 << 40 for one in values):
        raise ValueError(f"an array of {values}")
    return values


def _scalar(_: Budget, kind: object, raw: object) -> object:
    return _array(raw, kind, (), "C").item()


def _reconstruct(_: Budget, *_begun: object) -> Shell:
    return Shell()


def _from_buffer(_: Budget, raw: object, kind: object, shape: object, order: object) -> NDArray[Any]:
    return _array(raw, kind, shape, order)


def _encode(budget: Budget, text: str, coding: str = "latin1") -> memoryview:
    """Bytes that protocols before 3 keep as text."""
    if coding not in ("latin1", "latin-1"):
        raise Refusal(f"it encodes text as '{coding[:20]}'")
    budget.spend(len(text))
    return memoryview(text.encode("latin-1"))


def _nothing(_: Budget) -> memoryview:
    return memoryview(b"")


def _tensor(_: Budget, storage: Storage, offset: int, size: Any, stride: Any, *_rest: object) -> NDArray[Any]:
    """A view of a storage: ``size`` numbers, ``stride`` apart, from ``offset``."""
    size, stride, (offset,) = _sizes(size), _sizes(stride), _sizes((offset,))
    flat = storage.flat
    if flat is None:
        return np.zeros(0, np.uint8)
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if prod(size) > len(flat) or (prod(size) and last >= len(flat)):
        raise ValueError(f"a tensor of {size} looks beyond its {len(flat)} numbers")
    if not prod(size):
        return np.zeros(size, flat.dtype)
    steps = tuple(step * flat.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(flat[offset:], size, steps, writeable=False)


def _parameter(_: Budget, tensor: NDArray[Any], *_rest: object) -> NDArray[Any]:
    return tensor


def _size(_: Budget, values: object) -> tuple[int, ...]:
    return _sizes(values)


def storage_of(budget: Budget, name: object, raw: memoryview) -> Storage:
    """The numbers of ``raw``, of the kind that the storage class ``name`` holds, little end first."""
    kind = kind_of(name)
    if kind != "bf16":
        return Storage(np.frombuffer(raw, np.dtype(kind).newbyteorder("<")) if len(raw) else np.zeros(0, kind))
    budget.spend(2 * len(raw))
    return Storage((np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32))


def kind_of(name: object) -> str:
    """What numbers a storage class holds."""
    if not isinstance(name, Name) or name.module != "torch" or name.name not in _STORAGES:
        raise Refusal(f"it holds a tensor of the unknown kind {name}")
    return _STORAGES[name.name]


def item_size(name: object) -> int:
    """Bytes of one number in a storage class."""
    kind = kind_of(name)
    return 2 if kind == "bf16" else np.dtype(kind).itemsize


Builder = Callable[..., Any]
_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
BUILDERS: Mapping[tuple[str, str], Builder] = {
    ("numpy", "dtype"): _dtype,
    **{(module, "scalar"): _scalar for module in _NUMPY},
    **{(module, "_reconstruct"): _reconstruct for module in _NUMPY},
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _nothing,
    ("builtins", "bytes"): _nothing,
    ("collections", "OrderedDict"): lambda _: {},
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}
"""(module, name) -> the builder that is called instead, with the budget first."""
PLAIN_NAMES = {("numpy", "ndarray"), *(("torch", name) for name in _STORAGES)}
"""Names that only stand beside a builder's other arguments."""
