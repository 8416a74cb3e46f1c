"""Trees of frozen records to bytes and back, building nothing but the classes that an engine lists.

A tree is made of numbers, text, None, tuples, lists, dicts with text keys, numpy arrays of plain types, dataclasses. It
becomes JSON and arrays in one safetensors blob; whatever else is in the blob is refused. Bits survive: a record
comes back equal to what it was, an array in the order of memory it had. Three things are kept smaller than they are:
an array that is a part of the plate's own picture is kept as its box, and becomes a part of the loaded picture again;
an array met twice is kept once; float32 that is exactly n / 255 is kept as n.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ..errors import AvatarBroken
from ..types import Image

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Kinds = Mapping[str, "type[DataclassInstance]"]
"""Name on disk -> class that may be built."""
Share = Callable[[object], "int | None"]
"""Number under which an object is kept once for many trees; None: it belongs into this one."""

TREE = "tree"
DEEPEST = 32
PLAIN = {"bool", "float16", "float32", "float64"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""Types of numbers that arrays may have."""
_ARRAY, _PART, _RECORD, _SHARED, _ODD = "array", "part", "record", "shared", "odd"
_TUPLE, _LIST, _DICT = "tuple", "list", "dict"


def stored_name(kind: type[object]) -> str:
    """The name of a class on disk: its ``STORED_AS`` where it has one, so that old avatars outlive a renaming."""
    return str(getattr(kind, "STORED_AS", kind.__name__))


def kinds_of(material_types: Sequence[type[DataclassInstance]]) -> Kinds:
    """The classes by their names on disk. Raises ValueError when two have the same."""
    kinds = {stored_name(kind): kind for kind in material_types}
    if len(kinds) != len(material_types):
        raise ValueError(f"records need different names; these are {sorted(map(stored_name, material_types))}")
    return kinds


def keep(tree: object, kinds: Kinds, image: Image | None = None, shared: Share = lambda _: None) -> bytes:
    """A tree as bytes.

    Args:
        tree: see the module.
        kinds: the dataclasses that it may hold.
        image: (H, W, 3) uint8 whose parts are kept as boxes.
        shared: asked for every record and array.

    Raises:
        ValueError: the tree holds something else.
    """
    from safetensors.numpy import save

    keeping = _Keeping(kinds, image, shared)
    text = json.dumps(keeping.keep(tree), ensure_ascii=False, separators=(",", ":")).encode()
    return save({TREE: np.frombuffer(text, np.uint8), **keeping.arrays})


def restore(
    data: bytes, kinds: Kinds, image: Image | None = None, shared: Callable[[int], object] | None = None
) -> object:
    """The tree that ``keep`` made into ``data``.

    Raises:
        AvatarBroken: these bytes hold no such tree, or one of other classes, fields or types.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        tree = json.loads(bytes(arrays.pop(TREE)))
        return _Restoring(kinds, image, shared, arrays).restore(tree)
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError) as problem:
        raise AvatarBroken(f"A stored record cannot be read ({problem}).") from problem


@dataclass(slots=True)
class _Keeping:
    kinds: Kinds
    image: Image | None
    shared: Share
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    met: dict[int, object] = field(default_factory=dict)  # id of an array -> what stands for it
    alive: list[object] = field(default_factory=list)  # so that ids stay theirs

    def keep(self, value: object) -> object:
        """What stands for ``value`` in JSON."""
        if value is None or isinstance(value, (str, bool)) or type(value) is int:
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {_ODD: repr(value)}
        if isinstance(value, (tuple, list)):
            return {_TUPLE if isinstance(value, tuple) else _LIST: [self.keep(item) for item in value]}
        if isinstance(value, dict) and all(isinstance(name, str) for name in value):
            return {_DICT: {name: self.keep(item) for name, item in value.items()}}
        number = self.shared(value)
        if number is not None:
            return {_SHARED: number}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value)
        if is_dataclass(value) and self.kinds.get(stored_name(type(value))) is type(value):
            return {
                _RECORD: stored_name(type(value)),
                "fields": {f.name: self.keep(getattr(value, f.name)) for f in fields(value)},
            }
        raise ValueError(f"a {type(value).__name__} cannot be kept: the engine's records are {', '.join(self.kinds)}")

    def _array(self, value: NDArray[Any] | np.generic) -> object:
        if id(value) not in self.met:
            self.alive.append(value)
            self.met[id(value)] = self._placed(value)
        return self.met[id(value)]

    def _placed(self, value: NDArray[Any] | np.generic) -> object:
        array = np.asarray(value)
        if array.dtype.name not in PLAIN or not array.dtype.isnative:
            raise ValueError(f"an array of {array.dtype} cannot be kept")
        box = None if self.image is None else part_of(array, self.image)
        if box is not None:
            return {_PART: list(box)}
        name = str(len(self.arrays))
        told: dict[str, object] = {}
        if isinstance(value, np.generic):
            told["number"] = True
        if array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous:
            array, told["turned"] = array.T, True
        levels = _levels(array)
        if levels is not None:
            array, told["of"] = levels, 255
        self.arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        return {_ARRAY: name, **told}


@dataclass(slots=True)
class _Restoring:
    kinds: Kinds
    image: Image | None
    shared: Callable[[int], object] | None
    arrays: dict[str, NDArray[Any]]
    made: dict[str, object] = field(default_factory=dict)

    def restore(self, node: Any, deep: int = 0) -> object:
        """The value that ``node`` stands for."""
        if deep > DEEPEST:
            raise ValueError("its records lie too deep in each other")
        if not isinstance(node, dict):
            if node is None or isinstance(node, (str, bool, int, float)):
                return node
            raise ValueError(f"a bare {type(node).__name__}")
        return self._built(node, deep + 1)

    def _built(self, node: dict[str, Any], deep: int) -> object:
        what = next(iter(node), "")
        held: Any = node.get(what)
        if what == _ARRAY:
            return self._array(held, node)
        if what == _RECORD:
            return self._record(held, node["fields"], deep)
        if what == _TUPLE and isinstance(held, list):
            return tuple(self.restore(item, deep) for item in held)
        if what == _LIST and isinstance(held, list):
            return [self.restore(item, deep) for item in held]
        if what == _DICT and isinstance(held, dict):
            return {str(name): self.restore(item, deep) for name, item in held.items()}
        if what == _PART and self.image is not None:
            return self._part(held, self.image)
        if what == _SHARED and self.shared is not None and type(held) is int:
            return self.shared(held)
        if what == _ODD and held in ("nan", "inf", "-inf"):
            return float(held)
        raise ValueError(f"an unknown '{what}'")

    def _part(self, box: Any, image: Image) -> Image:
        name = f"part {box}"
        x0, y0, x1, y1 = box
        if not (0 <= x0 <= x1 <= image.shape[1] and 0 <= y0 <= y1 <= image.shape[0]):
            raise ValueError(f"the part {box} of a picture of {image.shape[1]}x{image.shape[0]} px")
        if name not in self.made:
            self.made[name] = image[y0:y1, x0:x1]
        return self.made[name]  # type: ignore[return-value]

    def _array(self, name: str, told: Mapping[str, Any]) -> object:
        if name not in self.made:
            array = self.arrays[name]
            if array.dtype.name not in PLAIN:
                raise ValueError(f"an array of {array.dtype}")
            if told.get("of"):
                array = array.astype(np.float32) / np.float32(255)
            array = array.T if told.get("turned") else array
            array.flags.writeable = False
            self.made[name] = array[()] if told.get("number") else array
        return self.made[name]

    def _record(self, name: str, given: Mapping[str, Any], deep: int) -> object:
        kind = self.kinds[name]
        wanted = _hints(kind)
        if set(given) != set(wanted):
            raise ValueError(f"{name} has the fields {', '.join(wanted)}, not {', '.join(given)}")
        values = {key: self.restore(item, deep) for key, item in given.items()}
        for key, value in values.items():
            if not fits(value, wanted[key]):
                raise ValueError(f"{name}.{key} is a {type(value).__name__}")
        return kind(**values)


def part_of(array: NDArray[Any], image: Image) -> tuple[int, int, int, int] | None:
    """px x0 y0 x1 y1 of the box of ``image`` that ``array`` is a view of; None: it is none."""
    if array.dtype != np.uint8 or array.ndim != 3 or array.strides != image.strides or array.shape[2] != 3:
        return None
    away = array.__array_interface__["data"][0] - image.__array_interface__["data"][0]
    y0, along = divmod(away, image.strides[0])
    x0 = along // image.strides[1]
    box = x0, y0, x0 + array.shape[1], y0 + array.shape[0]
    inside = y0 >= 0 and box[2] <= image.shape[1] and box[3] <= image.shape[0]
    return box if inside and along % image.strides[1] == 0 and np.may_share_memory(array, image) else None


def _levels(array: NDArray[Any]) -> NDArray[np.uint8] | None:
    """n of an array of float32 that are all exactly n / 255, else None."""
    if array.dtype != np.float32 or array.size < 256 or not (array.min() >= 0 and array.max() <= 1):
        return None
    levels = np.rint(array * np.float32(255)).astype(np.uint8)
    again = levels.astype(np.float32) / np.float32(255)
    return levels if np.array_equal(again.view(np.uint32), np.ascontiguousarray(array).view(np.uint32)) else None


@cache
def _hints(kind: type[DataclassInstance]) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def fits(value: object, hint: Any) -> bool:
    """Whether ``value`` is what the annotation ``hint`` says: plain types, arrays by their dtype, tuples, records."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is np.ndarray:
        wanted = get_args(inner[1])[0]
        return isinstance(value, np.ndarray) and (not isinstance(wanted, type) or issubclass(value.dtype.type, wanted))
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        each = inner[:1] * len(value) if inner[-1:] == (...,) else inner
        return len(each) == len(value) and all(fits(item, one) for item, one in zip(value, each, strict=True))
    if origin is not None:
        return isinstance(value, origin)
    if hint is float:
        return isinstance(value, (int, float, np.floating)) and not isinstance(value, bool)
    return value is None if hint is type(None) else isinstance(value, hint)


__all__ = ["Kinds", "Share", "fits", "keep", "kinds_of", "part_of", "restore"]
