"""Finds official files on this machine; explains what is missing and how to get it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from ..errors import InputError, OptionError, WeightsMissing
from ..options import nearest
from .catalogue import NEEDED, PARTS, OfficialFile, Part

MODELS_VARIABLE = "LIPSMITH_MODELS"


@dataclass(frozen=True, slots=True)
class FoundPart:
    """One network's files on this machine."""

    part: Part
    folder: Path
    file: OfficialFile

    @property
    def path(self) -> Path:
        """The file of weights."""
        return self.folder / self.file.name


def cache_folder() -> Path:
    """Where this platform keeps what can be downloaded again."""
    return user_cache_path("lipsmith", appauthor=False, opinion=False) / "models"


def search_folders(only: Path | None = None) -> list[Path]:
    """Folders with the layout of upstream's ``models/``, in search order; they need not exist.

    ``only``: search in this folder alone.
    """
    if only is not None:
        return [only]
    given = os.environ.get(MODELS_VARIABLE)
    return [*([Path(given).expanduser()] if given else []), Path.cwd() / "models", cache_folder()]


def part(name: str) -> Part:
    """The network called ``name``.

    Raises:
        OptionError: an unknown name; names the nearest.
    """
    if name not in PARTS:
        raise OptionError(f"There are no weights called '{name}'. {nearest(name, PARTS)}")
    return PARTS[name]


def search(name: str, only: Path | None = None) -> FoundPart | None:
    """The network's files in the first folder that has all of them, or None."""
    wanted = part(name)
    for folder in _folders(wanted, only):
        if all((folder / one.name).is_file() for one in wanted.companions):
            for file in wanted.weights:
                if (folder / file.name).is_file():
                    return FoundPart(wanted, folder, file)
    return None


def find(name: str, only: Path | None = None) -> FoundPart:
    """The network's files in the first folder that has all of them.

    Raises:
        WeightsMissing: no folder has them; says which files are needed, and the command that downloads them.
    """
    found = search(name, only)
    if found is None:
        raise WeightsMissing(missing_sentence([part(name)], only, name))
    return found


def lacking(engine: str, only: Path | None = None) -> list[Part]:
    """The networks that ``engine`` needs and that are not on this machine."""
    return [PARTS[name] for name in NEEDED[engine] if search(name, only) is None]


def find_all(engine: str, only: Path | None = None) -> dict[str, FoundPart]:
    """All networks that ``engine`` needs, by name.

    Raises:
        WeightsMissing: some are missing; names them, and the command that downloads them.
        InputError: a file belongs to another version.
    """
    missing = lacking(engine, only)
    if missing:
        raise WeightsMissing(missing_sentence(missing, only, engine))
    found = {name: find(name, only) for name in NEEDED[engine]}
    for one in found.values():
        refuse_swapped(one)
    return found


def refuse_swapped(found: FoundPart) -> None:
    """Refuse a file of another MuseTalk version: their keys and shapes are equal, only the sizes differ.

    Raises:
        InputError: the file's size is not its own, but that of another network of the same kind.
    """
    size = found.path.stat().st_size
    if found.part.net is None or size == found.file.size:
        return
    for other in PARTS.values():
        twins = [one for one in other.weights if one.size == size]
        if other.net == found.part.net and other.name != found.part.name and twins:
            raise InputError(
                f"{found.path} has the size of {other.name}'s {twins[0].name}: files of two versions are mixed up. "
                "`lipsmith weights check --checksums` makes sure. Move it away, then "
                f"`lipsmith weights fetch {found.part.name}` brings the right one."
            )


def missing_sentence(parts: Iterable[Part], only: Path | None, asked: str) -> str:
    """The message for missing networks: files, folders searched, and commands. ``asked``: the name for ``fetch``."""
    missing = [f"{one.name} ({readable_size(one.size)}: {_missing_files(one, only) or _files(one)})" for one in parts]
    looked, to = ", ".join(map(str, search_folders(only))), f" --to {only}" if only else ""
    return (
        f"The weights {', '.join(missing)} are not in {looked}. `lipsmith weights fetch {asked}{to}` downloads them; "
        f"`lipsmith weights import FOLDER{to}` takes over the models folder of a MuseTalk that you have."
    )


def readable_size(size: int) -> str:
    """``size`` in bytes for display: "3.4 GB", "67 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _files(wanted: Part) -> str:
    names = [" or ".join(one.name for one in wanted.weights), *(one.name for one in wanted.companions)]
    return f"{wanted.folders[0]}/ with {', '.join(names)}"


def _missing_files(wanted: Part, only: Path | None) -> str | None:
    """The files that are missing in a folder that has some of them."""
    for folder in _folders(wanted, only):
        absent = [one.name for one in wanted.companions if not (folder / one.name).is_file()]
        if not any((folder / one.name).is_file() for one in wanted.weights):
            absent.insert(0, " or ".join(one.name for one in wanted.weights))
        if folder.is_dir() and absent and any(folder.iterdir()):
            return f"{folder} lacks {', '.join(absent)}"
    return None


def _folders(wanted: Part, only: Path | None) -> Iterator[Path]:
    for place in search_folders(only):
        yield from (place / folder for folder in wanted.folders)
    if wanted.name == "s3fd" and only is None:
        yield _torch_hub()


def _torch_hub() -> Path:
    """The folder in which torch, used by upstream, keeps the detector."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    return Path(home) / "hub" / "checkpoints"


__all__ = [
    "FoundPart",
    "cache_folder",
    "find",
    "find_all",
    "lacking",
    "missing_sentence",
    "part",
    "readable_size",
    "refuse_swapped",
    "search",
    "search_folders",
]
