"""The speech encoder's features of training chunks, kept on disk in parts, so that a stopped training goes on there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ...errors import OutputError
from ...speech.encoder_windows import Windows, features
from ...types import Array
from .chunks import Chunk
from .dataset import Progress

_PART = 16  # chunks in a file


def chunk_features(chunks: Sequence[Chunk], windows: Windows, folder: Path, progress: Progress) -> list[Array]:
    """(T, 384) features of every chunk, from ``folder`` as far as they are there already.

    A part's name has a digest of its sound and windows, so other chunks never find it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Array] = []
    for start in range(0, len(chunks), _PART):
        progress(f"hearing in {type(windows).__name__}, chunk {start} of {len(chunks)}", start / len(chunks))
        found += list(_part(chunks[start : start + _PART], windows, folder))
    return found


def _part(chunks: Sequence[Chunk], windows: Windows, folder: Path) -> Array:
    """(chunks, T, 384), with the precision of 16 bits."""
    path = folder / f"{_digest(chunks, windows)}.npy"
    if (kept := _kept(path)) is not None:
        return kept
    heard = np.stack([features(chunk.samples, windows) for chunk in chunks]).astype(np.float16)
    partial = path.with_suffix(f".{os.getpid()}.part.npy")  # another training may work in this folder
    try:
        np.save(partial, heard)
        partial.replace(path)
    except OSError as problem:
        raise OutputError(f"{path} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        partial.unlink(missing_ok=True)
    return heard.astype(np.float32)


def _kept(path: Path) -> Array | None:
    """The part in ``path``; None: it is not there, or damaged."""
    try:
        with path.open("rb") as file:
            kept: Array = np.load(file, allow_pickle=False).astype(np.float32)
    except (OSError, EOFError, ValueError):
        return None
    return kept


def _digest(chunks: Sequence[Chunk], windows: Windows) -> str:
    digest = hashlib.sha256(json.dumps([type(windows).__name__, asdict(windows)]).encode())
    for chunk in chunks:
        digest.update(chunk.samples.tobytes())
    return digest.hexdigest()[:24]
