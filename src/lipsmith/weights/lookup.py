"""Finds official files on this machine; explains what is missing and how to get it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from ..errors import InputError, WeightsMissing
from .catalogue import Catalogue, OfficialFile, Part

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


def search(wanted: Part, only: Path | None = None) -> FoundPart | None:
    """The network's files in the first place that has them all, or None."""
    for folder in _folders(wanted, only):
        if all((folder / one.name).is_file() for one in wanted.companions):
            for file in wanted.weights:
                if (folder / file.name).is_file():
                    return FoundPart(wanted, folder, file)
    return None


def find(wanted: Part, only: Path | None = None) -> FoundPart:
    """The network's files in the first place that has them all.

    Raises:
        WeightsMissing: no folder has them; says which files are needed, and the command that downloads them.
    """
    found = search(wanted, only)
    if found is None:
        raise WeightsMissing(missing_sentence([wanted], only, wanted.name))
    return found


def missing_parts(catalogue: Catalogue, consumer: str, only: Path | None = None) -> list[Part]:
    """The networks that ``consumer`` cannot run without and that are not on this machine."""
    wanted = [catalogue.part(name) for name in catalogue.needed[consumer]]
    return [part for part in wanted if search(part, only) is None]


def missing_recommended(catalogue: Catalogue, only: Path | None = None) -> list[tuple[str, Part]]:
    """(consumer, part) where a consumer has all that it needs, but lacks what is recommended."""
    ready = [name for name in catalogue.recommended if not missing_parts(catalogue, name, only)]
    pairs = [(name, catalogue.part(part)) for name in ready for part in catalogue.recommended[name]]
    return [(name, part) for name, part in pairs if search(part, only) is None]


def nothing_here_sentence(catalogue: Catalogue, only: Path | None = None) -> str:
    """The message for a machine without any official file."""
    to = f" --to {only}" if only else ""
    return (
        f"No official weights are in {', '.join(map(str, search_folders(only)))}; "
        f"`lipsmith weights fetch NAME{to}` downloads them, for NAME one of {', '.join(catalogue.needed)}."
    )


def find_all(catalogue: Catalogue, consumer: str, only: Path | None = None) -> dict[str, FoundPart]:
    """Everything that ``consumer`` cannot run without, by the network's name.

    Raises:
        WeightsMissing: some are missing; names them, and the command that downloads them.
        InputError: a file belongs to another version.
    """
    missing = missing_parts(catalogue, consumer, only)
    if missing:
        raise WeightsMissing(missing_sentence(missing, only, consumer))
    found = {name: find(catalogue.part(name), only) for name in catalogue.needed[consumer]}
    for one in found.values():
        refuse_swapped(one, catalogue.parts)
    return found


def refuse_swapped(found: FoundPart, parts: Iterable[Part]) -> None:
    """Refuse a file that lies in the place of another of ``parts``.

    Versions of one network have the same keys and shapes (MuseTalk's have); the file's size tells them apart.

    Raises:
        InputError: the file's size is not its own, but that of another network of the same kind.
    """
    size = found.path.stat().st_size
    if found.part.net is None or size == found.file.size:
        return
    for other in parts:
        twins = [one for one in other.weights if one.size == size]
        if other.net == found.part.net and other.name != found.part.name and twins:
            raise InputError(
                f"{found.path} has the size of {other.name}'s {twins[0].name}: files of two versions are mixed up. "
                "`lipsmith weights check --checksums` makes sure. Move it away, then "
                f"`lipsmith weights fetch {found.part.name}` brings the right one."
            )


def missing_sentence(parts: Iterable[Part], only: Path | None, asked: str) -> str:
    """The message for missing networks: files, folders searched, and commands. ``asked``: the name for ``fetch``."""
    wanted = list(parts)
    missing = [f"{one.name} ({readable_size(one.size)}: {_missing_files(one, only) or _files(one)})" for one in wanted]
    whose = "the models folder of a MuseTalk that you have"
    if all(one.assemble for one in wanted):
        whose = "the files that you have, or the packages that hold them in pieces (docs/weights.md)"
    looked, to = ", ".join(map(str, search_folders(only))), f" --to {only}" if only else ""
    return (
        f"The weights {', '.join(missing)} are not in {looked}. `lipsmith weights fetch {asked}{to}` downloads them; "
        f"`lipsmith weights import FOLDER{to}` takes over {whose}."
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
    if wanted.torch_hub and only is None:
        yield _torch_hub()


def _torch_hub() -> Path:
    """Where torch keeps what it downloads itself."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    return Path(home) / "hub" / "checkpoints"


__all__ = [
    "FoundPart",
    "cache_folder",
    "find",
    "find_all",
    "missing_parts",
    "missing_recommended",
    "missing_sentence",
    "nothing_here_sentence",
    "refuse_swapped",
    "search",
    "search_folders",
]
