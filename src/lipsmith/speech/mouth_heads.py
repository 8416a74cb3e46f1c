"""The shipped linear maps from the speech encoder's features to the eight mouth controls: one for files, one for live.

For each, ``mouth_heads.npz`` holds a weight (before + 1 + after, 384, 8), whose row i belongs to step j + i - before,
and a bias (8,). Its ``about`` is JSON with the windows, ``before``, and whatever the training notes.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..assets import MOUTH_HEADS, asset
from ..errors import InputError
from ..types import MOUTH_CONTROLS, Array
from .encoder_model import WIDTH
from .encoder_windows import SlidingWindows, WholeWindows, Windows
from .npz_file import write_npz

LOWEST: Array = np.array([-1.0 if name == "spread" else 0.0 for name in MOUTH_CONTROLS], np.float32)
"""(8,) the least value of each control; the largest is 1."""


@dataclass(frozen=True, slots=True, eq=False)
class MouthHead:
    """One linear map, and the windows whose features it was fitted to."""

    weight: Array  # (before + 1 + after, 384, 8)
    bias: Array  # (8,)
    before: int  # steps of context before the described one
    windows: Windows

    @property
    def after(self) -> int:
        """Steps of context after the described one."""
        return len(self.weight) - 1 - self.before

    def curves(self, features: Array) -> Array:
        """(n, 384) features of a whole sound -> (n, 8) controls; the first and last step are repeated as context."""
        around = np.pad(features, ((self.before, self.after), (0, 0)), mode="edge")
        return self.controls(around)

    def controls(self, features: Array) -> Array:
        """(before + n + after, 384) features -> (n, 8) controls, clipped to their ranges.

        Each step is computed by itself, so that its bits do not depend on n.
        """
        flat = self.weight.reshape(-1, len(MOUTH_CONTROLS))
        count = len(features) - len(self.weight) + 1
        steps = [features[step : step + len(self.weight)].reshape(-1) @ flat + self.bias for step in range(count)]
        found = np.array(steps, np.float32).reshape(-1, len(MOUTH_CONTROLS))
        clipped: Array = np.clip(found, LOWEST, np.float32(1))
        return clipped


@dataclass(frozen=True, slots=True, eq=False)
class MouthHeads:
    """The heads for files and for live streams."""

    file: MouthHead
    live: MouthHead


class HeadStream:
    """Applies a head to the features of one stream. The first step is repeated as the context before it."""

    def __init__(self, head: MouthHead) -> None:
        self._head = head
        self._steps: Array = np.zeros((0, WIDTH), np.float32)
        self._begun = False

    def push(self, features: Array) -> Array:
        """Take (k, 384) more steps; return the (m, 8) controls that are now decided."""
        if not len(features):
            return np.zeros((0, len(MOUTH_CONTROLS)), np.float32)
        if not self._begun:
            self._steps, self._begun = np.repeat(features[:1], self._head.before, axis=0), True
        self._steps = np.concatenate([self._steps, features])
        context = len(self._head.weight) - 1
        decided = self._head.controls(self._steps)
        self._steps = self._steps[max(0, len(self._steps) - context) :]
        return decided


@cache
def load_heads() -> MouthHeads:
    """The shipped heads, loaded once per process."""
    return read_heads(asset(MOUTH_HEADS))


def read_heads(path: Path) -> MouthHeads:
    """Read heads from an npz file.

    Raises:
        InputError: it is no such file, or its shapes do not fit together.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            return MouthHeads(*(_head(stored, about[name], name) for name in ("file", "live")))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as problem:
        raise InputError(f"{path} holds no mouth heads that fit: {problem}") from problem


def _head(stored: Mapping[str, Any], about: Mapping[str, Any], name: str) -> MouthHead:
    weight, bias = (np.asarray(stored[f"{name}_{part}"], np.float32) for part in ("weight", "bias"))
    drives, before = len(MOUTH_CONTROLS), int(about["before"])
    if weight.shape[1:] != (WIDTH, drives) or bias.shape != (drives,) or not 0 <= before < len(weight):
        raise ValueError(f"{name} has a weight {weight.shape} and a bias {bias.shape} with {before} steps before")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError(f"{name} has weights that are not numbers")
    kind = WholeWindows if name == "file" else SlidingWindows
    return MouthHead(weight, bias, before, kind(**about["windows"]))


def write_heads(path: Path, heads: MouthHeads, about: Mapping[str, Any]) -> None:
    """Write heads as ``read_heads`` reads them, in 32 bits; ``about``: whatever else should stand in their JSON."""
    arrays: dict[str, Array] = {}
    described = dict(about)
    for name, head in (("file", heads.file), ("live", heads.live)):
        arrays |= {f"{name}_weight": head.weight.astype(np.float32), f"{name}_bias": head.bias.astype(np.float32)}
        described[name] = {"before": head.before, "windows": asdict(head.windows)}
    write_npz(path, about=np.array(json.dumps(described)), **arrays)
