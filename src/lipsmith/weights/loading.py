"""Reads official files strictly: tensors only, with every key and shape checked."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from ..errors import EngineUnavailable, InputError
from ..libraries import install_hint
from .catalogue import Part
from .keys import Shape, mismatch, official_key, official_keys
from .lookup import FoundPart, refuse_swapped

if TYPE_CHECKING:
    import torch

SCALING = 0.18215
"""``scaling_factor`` of the VAE that MuseTalk was trained with; another value means another VAE."""

_FULL_CHECKPOINTS = ("dwpose",)  # mmengine's checkpoints also contain the state of the training
_WRAPPER_KEYS = ("state_dict", "model_state_dict", "model")
_HEADER_LIMIT = 100_000_000  # bytes; safetensors' own
SHOWN_CHARACTERS = 160  # of another library's message
_FETCH_AGAIN = "Delete it, then `lipsmith weights fetch` brings it again."
_READ_ERRORS = (  # what torch's reader raises on damaged or foreign files
    RuntimeError, UnpicklingError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError,
    zipfile.BadZipFile, struct.error,
)  # fmt: skip


def read_state(net: str, path: Path, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """The tensors of one official file by their official keys, in ``dtype`` or as stored.

    ``net`` is unet, vae, whisper (its encoder only, keys ``encoder.*``), bisenet, s3fd or dwpose. Zipped torch files
    and safetensors are memory-mapped: a 3.4 GB file takes no memory until it is used.

    Raises:
        InputError: damaged, not a file of weights, or another network; names the key or shape that differs.
        EngineUnavailable: torch or safetensors is not installed.
    """
    stored = _tensors(path, "cpu", net in _FULL_CHECKPOINTS)
    check_shapes(net, path, {key: tuple(tensor.shape) for key, tensor in stored.items()})
    wanted, state = official_keys(net), {}
    for key, tensor in stored.items():
        name = official_key(net, key)
        if name is not None:
            tensor = tensor.reshape(wanted[name])
            state[name] = tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
    return state


def load_strictly(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> torch.nn.Module:
    """Load ``state`` strictly into ``module``, which may be on the device ``meta``; return it in inference mode.

    Raises:
        InputError: keys or shapes differ; the message names ``path``.
    """
    meta = any(tensor.is_meta for tensor in module.state_dict().values())
    try:
        module.load_state_dict(dict(state), strict=True, assign=meta)
    except RuntimeError as problem:
        raise InputError(f"{path} does not fit {type(module).__name__}: {_shortened(problem)}") from problem
    return module.requires_grad_(False).eval()


def read_network(net: str, path: Path, build: Callable[[], torch.nn.Module], device: str = "cpu") -> torch.nn.Module:
    """Build a network with ``build`` and load one official file, on ``device`` and in inference mode.

    The file is read first, so ``build`` may import torch.

    Raises:
        InputError, EngineUnavailable: as ``read_state``.
    """
    state = read_state(net, path)
    import torch

    with torch.device("meta"):
        network = build()
    return load_strictly(network, state, path).to(device)


def check(found: FoundPart, parts: Iterable[Part] = ()) -> str:
    """Look at one network's files without reading the tensors; returns what was looked at.

    ``parts`` are those that it could be mixed up with.

    Raises:
        InputError: damaged, or another network.
        EngineUnavailable: torch, which reads this format, is not installed.
    """
    check_header(found.path)
    refuse_swapped(found, parts)
    net = found.part.net
    if net is None or found.path.suffix == ".onnx":
        return "its first bytes"
    check_shapes(net, found.path, shapes(found.path, net in _FULL_CHECKPOINTS))
    read_config(found)
    return "every key and shape"


def check_shapes(net: str, path: Path, stored: Mapping[str, Shape]) -> None:
    """Compare a file's own keys and shapes with the official ones.

    Raises:
        InputError: they differ; says which, and what the file probably is.
    """
    named = {official_key(net, key): shape for key, shape in stored.items()}
    wrong = mismatch(net, {key: shape for key, shape in named.items() if key is not None})
    if wrong:
        raise InputError(f"{path} is not the official {net}: {wrong}. {_FETCH_AGAIN}")


def shapes(path: Path, full_checkpoint: bool = False) -> dict[str, Shape]:
    """A file's own keys and shapes, from its header. For safetensors, torch is not needed.

    ``full_checkpoint``: the file may contain other objects beside tensors; they are ignored.

    Raises:
        InputError: damaged, or not a file of weights.
        EngineUnavailable: torch, which reads this format, is not installed.
    """
    if path.suffix == ".safetensors":
        return _safetensors_header(path)
    return {key: tuple(tensor.shape) for key, tensor in _tensors(path, "meta", full_checkpoint).items()}


def read_config(found: FoundPart) -> dict[str, Any]:
    """The ``config.json`` beside the weights; empty if there is none.

    Raises:
        InputError: not JSON, or the configuration of another kind of VAE.
    """
    path = found.folder / "config.json"
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        scaling = float(config.get("scaling_factor", SCALING))
    except (ValueError, TypeError, AttributeError) as problem:
        raise InputError(f"{path} is not a configuration in JSON: {problem}. {_FETCH_AGAIN}") from problem
    if found.part.net == "vae" and abs(scaling - SCALING) > 1e-6:
        raise InputError(
            f"{path} is of another VAE: its scaling_factor is {scaling}, that of sd-vae-ft-mse is {SCALING}. "
            f"Another VAE makes black or false mouths. Move {path.parent} away, then `lipsmith weights fetch vae`."
        )
    return dict(config)


def check_header(path: Path) -> None:
    """Check a file's first bytes.

    Raises:
        InputError: it is missing, empty, a web page, or a Git LFS pointer.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from problem
    if not start:
        raise InputError(f"{path} is empty. {_FETCH_AGAIN}")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path} is a pointer of Git LFS, not the file itself: run `git lfs pull` there. {_FETCH_AGAIN}"
        )
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(f"{path} is a web page, not a file of weights: the download was refused. {_FETCH_AGAIN}")


class _Inert:
    """Replaces the classes that a checkpoint names beside tensors: accepts anything and does nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


def _inert_globals(path: Path) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """An inert replacement for each name in a zipped torch file that torch would refuse."""
    from torch.serialization import get_unsafe_globals_in_checkpoint

    return [(_Inert, name) for name in get_unsafe_globals_in_checkpoint(path)]


def _tensors(path: Path, device: str, full_checkpoint: bool) -> dict[str, torch.Tensor]:
    """The tensors of a file by its own keys, memory-mapped if the format allows."""
    check_header(path)
    try:
        import torch
        from safetensors.torch import load_file
    except ImportError as problem:
        raise EngineUnavailable(
            f"{problem.name} is not installed; this brings it: {install_hint('torch')}"
        ) from problem
    try:
        if path.suffix == ".safetensors":
            _safetensors_header(path)
            return dict(load_file(path, device))
        zipped = _zipped(path)
        with torch.serialization.safe_globals(_inert_globals(path) if full_checkpoint and zipped else []):
            loaded = torch.load(path, map_location=device, weights_only=True, mmap=zipped)
    except _READ_ERRORS as problem:
        raise InputError(
            f"{path} cannot be read as tensors alone: it is damaged, cut off or holds other things. "
            f"{_FETCH_AGAIN} (torch says: {_shortened(problem)})"
        ) from problem
    return _unwrapped(path, loaded)


def _zipped(path: Path) -> bool:
    """Whether the file is a zip archive, as torch writes since 1.6."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _unwrapped(path: Path, loaded: object) -> dict[str, torch.Tensor]:
    import torch

    for name in _WRAPPER_KEYS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not isinstance(loaded, Mapping) or not all(isinstance(one, torch.Tensor) for one in loaded.values()):
        raise InputError(f"{path} holds a {type(loaded).__name__}, not tensors by name: it is no file of weights.")
    return dict(loaded)


def _safetensors_header(path: Path) -> dict[str, Shape]:
    """Keys and shapes from the header (8 bytes of length, then JSON). Raises InputError if the file is cut off."""
    check_header(path)
    try:
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(min(length, _HEADER_LIMIT)))
        entries = {key: value for key, value in header.items() if key != "__metadata__"}
        end = 8 + length + max(value["data_offsets"][1] for value in entries.values())
        found = {key: tuple(value["shape"]) for key, value in entries.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputError(f"{path} is not a safetensors file, or its head is damaged.") from problem
    size = path.stat().st_size
    if size < end:
        raise InputError(f"{path} is cut off: it has {size} bytes of {end}. {_FETCH_AGAIN}")
    return found


def _shortened(problem: BaseException) -> str:
    """The beginning of another library's message, on one line."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS].rpartition(' ')[0]} ..."


__all__ = ["check", "check_header", "check_shapes", "load_strictly", "read_config", "read_state", "shapes"]
