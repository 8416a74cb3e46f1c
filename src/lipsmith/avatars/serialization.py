"""Trees of values to bytes and back. Reading builds only the classes that the caller lists.

A tree is made of numbers, text, None, tuples, lists, dicts with text keys, numpy arrays of numbers, and dataclasses. It
becomes JSON and arrays in one safetensors blob; reading refuses anything else in the blob. Values come back equal,
bit for bit, and arrays in their order in memory. Three things take less room: an array that is a view of the frame's
own picture is stored as its box and becomes a view of the loaded picture again; an array that occurs twice is stored
once; float32 values that are all exactly n / 255 are stored as n.
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

StoredClasses = Mapping[str, "type[DataclassInstance]"]
"""Name on disk -> class that may be built."""
SharedNumber = Callable[[object], "int | None"]
"""Number of the shared record that holds an object; None: the object belongs into this tree."""

TREE = "tree"
"""Name of the JSON in the blob."""
MAX_DEPTH = 32
NUMBER_TYPES = {"bool", "float16", "float32", "float64"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""dtypes that arrays may have."""
# Keys of the JSON objects on disk. Each object has one of them first; it says what the object stands for.
_ARRAY, _IMAGE_VIEW, _DATACLASS, _SHARED, _NON_FINITE = "array", "part", "record", "shared", "odd"
_TUPLE, _LIST, _DICT = "tuple", "list", "dict"
# Keys that may follow ``array``: a numpy scalar, a transposed array, and the divisor of whole levels.
_SCALAR, _TRANSPOSED, _LEVELS = "number", "turned", "of"


def stored_name(cls: type[object]) -> str:
    """The name of a class on disk: its ``STORED_AS`` where it has one, so that old avatars survive a renaming."""
    return str(getattr(cls, "STORED_AS", cls.__name__))


def stored_classes(classes: Sequence[type[DataclassInstance]]) -> StoredClasses:
    """The classes by their names on disk. Raises ValueError if two have the same name."""
    by_name = {stored_name(cls): cls for cls in classes}
    if len(by_name) != len(classes):
        raise ValueError(f"stored classes need different names; these are {sorted(map(stored_name, classes))}")
    return by_name


def serialize(
    tree: object,
    classes: StoredClasses,
    image: Image | None = None,
    shared_number: SharedNumber = lambda _: None,
) -> bytes:
    """A tree as bytes.

    Args:
        tree: see the module.
        classes: the dataclasses that it may hold.
        image: (H, W, 3) uint8; arrays that are views of it are stored as boxes.
        shared_number: called for every dataclass instance and array.

    Raises:
        ValueError: the tree holds something else.
    """
    from safetensors.numpy import save

    encoder = _Encoder(classes, image, shared_number)
    text = json.dumps(encoder.encode(tree), ensure_ascii=False, separators=(",", ":")).encode()
    return save({TREE: np.frombuffer(text, np.uint8), **encoder.arrays})


def deserialize(
    data: bytes,
    classes: StoredClasses,
    image: Image | None = None,
    read_shared: Callable[[int], object] | None = None,
) -> object:
    """The tree that ``serialize`` was given.

    Args:
        data: what ``serialize`` returned.
        classes: the dataclasses that may be built.
        image: (H, W, 3) uint8 of which stored boxes become views.
        read_shared: from the number of a shared record to its object.

    Raises:
        AvatarBroken: the bytes hold no such tree, or one with other classes, fields or types.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        tree = json.loads(bytes(arrays.pop(TREE)))
        return _Decoder(classes, image, read_shared, arrays).decode(tree)
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError) as problem:
        raise AvatarBroken(f"A stored record cannot be read ({problem}).") from problem


@dataclass(slots=True)
class _Encoder:
    """Turns values into what JSON can hold, and collects their arrays."""

    classes: StoredClasses
    image: Image | None
    shared_number: SharedNumber
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    encoded: dict[int, object] = field(default_factory=dict)  # id of an array -> its JSON
    references: list[object] = field(default_factory=list)  # keep arrays alive, so that their ids stay unique

    def encode(self, value: object) -> object:
        """The JSON for ``value``."""
        if value is None or isinstance(value, (str, bool)) or type(value) is int:
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {_NON_FINITE: repr(value)}
        if isinstance(value, (tuple, list)):
            return {_TUPLE if isinstance(value, tuple) else _LIST: [self.encode(item) for item in value]}
        if isinstance(value, dict) and all(isinstance(name, str) for name in value):
            return {_DICT: {name: self.encode(item) for name, item in value.items()}}
        number = self.shared_number(value)
        if number is not None:
            return {_SHARED: number}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value)
        if is_dataclass(value) and self.classes.get(stored_name(type(value))) is type(value):
            return {
                _DATACLASS: stored_name(type(value)),
                "fields": {f.name: self.encode(getattr(value, f.name)) for f in fields(value)},
            }
        raise ValueError(
            f"a {type(value).__name__} cannot be stored: the engine's material types are {', '.join(self.classes)}"
        )

    def _array(self, value: NDArray[Any] | np.generic) -> object:
        if id(value) not in self.encoded:
            self.references.append(value)
            self.encoded[id(value)] = self._new_array(value)
        return self.encoded[id(value)]

    def _new_array(self, value: NDArray[Any] | np.generic) -> object:
        array = np.asarray(value)
        if array.dtype.name not in NUMBER_TYPES or not array.dtype.isnative:
            raise ValueError(f"an array of {array.dtype} cannot be stored")
        box = None if self.image is None else view_box(array, self.image)
        if box is not None:
            return {_IMAGE_VIEW: list(box)}
        name = str(len(self.arrays))
        attributes: dict[str, object] = {}
        if isinstance(value, np.generic):
            attributes[_SCALAR] = True
        if array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous:
            array, attributes[_TRANSPOSED] = array.T, True
        levels = _whole_levels(array)
        if levels is not None:
            array, attributes[_LEVELS] = levels, 255
        self.arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        return {_ARRAY: name, **attributes}


@dataclass(slots=True)
class _Decoder:
    """Turns JSON and arrays back into values, and checks every class, field and type."""

    classes: StoredClasses
    image: Image | None
    read_shared: Callable[[int], object] | None
    arrays: dict[str, NDArray[Any]]
    decoded: dict[str, object] = field(default_factory=dict)  # name of an array or view -> the value

    def decode(self, node: Any, depth: int = 0) -> object:
        """The value that the JSON ``node`` stands for."""
        if depth > MAX_DEPTH:
            raise ValueError("its values are nested too deep")
        if not isinstance(node, dict):
            if node is None or isinstance(node, (str, bool, int, float)):
                return node
            raise ValueError(f"a bare {type(node).__name__}")
        return self._object(node, depth + 1)

    def _object(self, node: dict[str, Any], depth: int) -> object:
        key = next(iter(node), "")
        content: Any = node.get(key)
        if key == _ARRAY:
            return self._array(content, node)
        if key == _DATACLASS:
            return self._dataclass(content, node["fields"], depth)
        if key == _TUPLE and isinstance(content, list):
            return tuple(self.decode(item, depth) for item in content)
        if key == _LIST and isinstance(content, list):
            return [self.decode(item, depth) for item in content]
        if key == _DICT and isinstance(content, dict):
            return {str(name): self.decode(item, depth) for name, item in content.items()}
        if key == _IMAGE_VIEW and self.image is not None:
            return self._image_view(content, self.image)
        if key == _SHARED and self.read_shared is not None and type(content) is int:
            return self.read_shared(content)
        if key == _NON_FINITE and content in ("nan", "inf", "-inf"):
            return float(content)
        raise ValueError(f"an unknown '{key}'")

    def _image_view(self, box: Any, image: Image) -> Image:
        name = f"view {box}"
        x0, y0, x1, y1 = box
        if not (0 <= x0 <= x1 <= image.shape[1] and 0 <= y0 <= y1 <= image.shape[0]):
            raise ValueError(f"the box {box} in a picture of {image.shape[1]}x{image.shape[0]} px")
        if name not in self.decoded:
            self.decoded[name] = image[y0:y1, x0:x1]
        return self.decoded[name]  # type: ignore[return-value]

    def _array(self, name: str, attributes: Mapping[str, Any]) -> object:
        if name not in self.decoded:
            array = self.arrays[name]
            if array.dtype.name not in NUMBER_TYPES:
                raise ValueError(f"an array of {array.dtype}")
            if attributes.get(_LEVELS):
                array = array.astype(np.float32) / np.float32(255)
            array = array.T if attributes.get(_TRANSPOSED) else array
            array.flags.writeable = False
            self.decoded[name] = array[()] if attributes.get(_SCALAR) else array
        return self.decoded[name]

    def _dataclass(self, name: str, given: Mapping[str, Any], depth: int) -> object:
        cls = self.classes[name]
        hints = _field_types(cls)
        if set(given) != set(hints):
            raise ValueError(f"{name} has the fields {', '.join(hints)}, not {', '.join(given)}")
        values = {key: self.decode(item, depth) for key, item in given.items()}
        for key, value in values.items():
            if not fits(value, hints[key]):
                raise ValueError(f"{name}.{key} is a {type(value).__name__}")
        return cls(**values)


def view_box(array: NDArray[Any], image: Image) -> tuple[int, int, int, int] | None:
    """px x0 y0 x1 y1 of the box of ``image`` that ``array`` is a view of; None if it is no such view."""
    if array.dtype != np.uint8 or array.ndim != 3 or array.strides != image.strides or array.shape[2] != 3:
        return None
    offset = array.__array_interface__["data"][0] - image.__array_interface__["data"][0]
    y0, rest = divmod(offset, image.strides[0])
    x0 = rest // image.strides[1]
    box = x0, y0, x0 + array.shape[1], y0 + array.shape[0]
    inside = y0 >= 0 and box[2] <= image.shape[1] and box[3] <= image.shape[0]
    return box if inside and rest % image.strides[1] == 0 and np.may_share_memory(array, image) else None


def _whole_levels(array: NDArray[Any]) -> NDArray[np.uint8] | None:
    """n of a float32 array whose values are all exactly n / 255; None for any other array, and for small ones."""
    if array.dtype != np.float32 or array.size < 256 or not (array.min() >= 0 and array.max() <= 1):
        return None
    levels = np.rint(array * np.float32(255)).astype(np.uint8)
    again = levels.astype(np.float32) / np.float32(255)
    return levels if np.array_equal(again.view(np.uint32), np.ascontiguousarray(array).view(np.uint32)) else None


@cache
def _field_types(cls: type[DataclassInstance]) -> Mapping[str, Any]:
    hints = get_type_hints(cls)
    return {one.name: hints[one.name] for one in fields(cls)}


def fits(value: object, hint: Any) -> bool:
    """Whether ``value`` matches the annotation ``hint``: plain types, unions, tuples, classes, arrays by dtype."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is np.ndarray:
        dtype = get_args(inner[1])[0]
        return isinstance(value, np.ndarray) and (not isinstance(dtype, type) or issubclass(value.dtype.type, dtype))
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


__all__ = ["SharedNumber", "StoredClasses", "deserialize", "fits", "serialize", "stored_classes", "view_box"]
