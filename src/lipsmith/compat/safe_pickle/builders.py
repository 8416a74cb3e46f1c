"""The names that a pickle may use, and our own builder for each. No function of numpy or torch is called instead.

A pickle names a class or function by its module, and calls it. ``BUILDERS`` lists the few calls that
make arrays, tensors and containers; any other name is refused. A tensor becomes a numpy array of its own dtype, but
bfloat16, which numpy lacks, becomes float32, which holds it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_DIMENSIONS = 8
_NUMBER_TYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_BYTE_ORDERS = ("<", ">", "=", "|")
_STORAGE_TYPES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16", "ByteStorage": "u1",
    "CharStorage": "i1", "ShortStorage": "i2", "IntStorage": "i4", "LongStorage": "i8", "BoolStorage": "b1",
}  # fmt: skip


class RefusedPickle(Exception):
    """The file asks for more than plain values, or for too much memory. The text says for what."""


@dataclass(frozen=True, slots=True)
class GlobalName:
    """A class or function that a pickle asks for. Only the name is kept; nothing is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class CopyBudget:
    """How many bytes may still be copied. It stops small files that unpack to huge values."""

    left: int

    def spend(self, count: int) -> None:
        """Take ``count`` bytes off; raise RefusedPickle if fewer are left."""
        self.left -= count
        if self.left < 0:
            raise RefusedPickle("it blows up to far more bytes than it has")


@dataclass(slots=True, eq=False, kw_only=True)
class StatefulObject:
    """An object that a BUILD instruction completes later, by giving it its state."""

    memo_keys: list[int] = field(default_factory=list)  # where the memo holds this object

    def with_state(self, state: Any) -> Any:
        """The complete object."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class NumberType(StatefulObject):
    """A numpy dtype of numbers; its state is the byte order."""

    dtype: np.dtype[Any]

    def with_state(self, state: Any) -> NumberType:
        """State: (version, byte order, subdtype, names, fields, ...); the last three must be None."""
        if state[1] not in _BYTE_ORDERS or any(part is not None for part in state[2:5]):
            raise RefusedPickle("it holds an array of records, not of numbers")
        return NumberType(self.dtype.newbyteorder(state[1]), memo_keys=self.memo_keys)


@dataclass(slots=True, eq=False)
class EmptyArray(StatefulObject):
    """A numpy array without content; its state holds the shape, dtype and bytes."""

    def with_state(self, state: Any) -> NDArray[Any]:
        """State: (version, shape, dtype, whether in Fortran order, bytes)."""
        _, shape, number_type, fortran, raw = state
        return _array(raw, number_type, shape, "F" if fortran else "C")


@dataclass(frozen=True, slots=True, eq=False)
class TensorStorage:
    """The flat numbers that one or more tensors are views of."""

    flat: NDArray[Any] | None  # None: they come later in the file


def _dtype(_: CopyBudget, code: object, *_flags: object) -> NumberType:
    """``numpy.dtype(code, ...)``, for numbers only."""
    if code not in _NUMBER_TYPES:
        raise RefusedPickle(f"it holds an array of '{str(code)[:20]}', not of numbers")
    return NumberType(np.dtype(str(code)))


def _array(raw: object, number_type: object, shape: object, order: object) -> NDArray[Any]:
    """A read-only array over ``raw``, which must have exactly as many bytes as the ``shape`` needs."""
    if not isinstance(raw, (bytes, memoryview)) or not isinstance(number_type, NumberType):
        raise RefusedPickle("it holds an array of other things than numbers")
    size, dtype = _sizes(shape), number_type.dtype
    if prod(size) * dtype.itemsize != len(raw):
        raise ValueError(f"an array of {size} {dtype} has {len(raw)} bytes")
    flat = np.frombuffer(raw, dtype) if len(raw) else np.zeros(0, dtype)
    return flat.reshape(size, order="F" if order == "F" else "C")


def _sizes(values: object) -> tuple[int, ...]:
    """A valid shape: a tuple of at most ``MAX_DIMENSIONS`` whole numbers, none negative or huge."""
    if not isinstance(values, tuple) or len(values) > MAX_DIMENSIONS or not all(type(one) is int for one in values):
        raise ValueError("an array without a shape")
    if any(not 0 <= one < 1 << 40 for one in values):
        raise ValueError(f"an array of {values}")
    return values


def _scalar(_: CopyBudget, number_type: object, raw: object) -> object:
    """A numpy scalar, as Python's own number."""
    return _array(raw, number_type, (), "C").item()


def _reconstruct(_: CopyBudget, *_arguments: object) -> EmptyArray:
    return EmptyArray()


def _from_buffer(_: CopyBudget, raw: object, number_type: object, shape: object, order: object) -> NDArray[Any]:
    return _array(raw, number_type, shape, order)


def _encode(budget: CopyBudget, text: str, encoding: str = "latin1") -> memoryview:
    """Bytes, which pickle protocols before 3 store as text."""
    if encoding not in ("latin1", "latin-1"):
        raise RefusedPickle(f"it encodes text as '{encoding[:20]}'")
    budget.spend(len(text))
    return memoryview(text.encode("latin-1"))


def _no_bytes(_: CopyBudget) -> memoryview:
    return memoryview(b"")


def _tensor(_: CopyBudget, storage: TensorStorage, offset: int, size: Any, stride: Any, *_rest: object) -> NDArray[Any]:
    """A read-only view of a storage: shape ``size``, ``stride`` in numbers, beginning at number ``offset``."""
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


def _parameter(_: CopyBudget, tensor: NDArray[Any], *_rest: object) -> NDArray[Any]:
    return tensor


def _size(_: CopyBudget, values: object) -> tuple[int, ...]:
    return _sizes(values)


def tensor_storage(budget: CopyBudget, name: object, raw: memoryview) -> TensorStorage:
    """The storage with the little-endian bytes ``raw``; ``name`` is the torch class that says its dtype."""
    code = _storage_type(name)
    if code != "bf16":
        return TensorStorage(np.frombuffer(raw, np.dtype(code).newbyteorder("<")) if len(raw) else np.zeros(0, code))
    budget.spend(2 * len(raw))
    return TensorStorage((np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32))


def item_size(name: object) -> int:
    """Bytes of one number in a torch storage class."""
    code = _storage_type(name)
    return 2 if code == "bf16" else np.dtype(code).itemsize


def _storage_type(name: object) -> str:
    """The dtype code of a torch storage class."""
    if not isinstance(name, GlobalName) or name.module != "torch" or name.name not in _STORAGE_TYPES:
        raise RefusedPickle(f"it holds a tensor of the unknown kind {name}")
    return _STORAGE_TYPES[name.name]


Builder = Callable[..., Any]
_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")  # numpy 1 and 2
BUILDERS: Mapping[tuple[str, str], Builder] = {
    ("numpy", "dtype"): _dtype,
    **{(module, "scalar"): _scalar for module in _NUMPY},
    **{(module, "_reconstruct"): _reconstruct for module in _NUMPY},
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    ("collections", "OrderedDict"): lambda _: {},
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}
"""(module, name) -> the function to call in its place: first the budget, then the pickle's arguments."""
PLAIN_NAMES = {("numpy", "ndarray"), *(("torch", name) for name in _STORAGE_TYPES)}
"""Further names that may occur, as arguments of a builder; they are never called."""
