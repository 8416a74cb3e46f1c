"""Official files brought to this machine: from the Hugging Face hub or a mirror, or from a folder that is here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineUnavailable, InputError, OptionError, OutputError, WeightsMissing
from ..options import nearest
from .catalogue import NEEDED, PARTS, WELCOME, OfficialFile, Part
from .loading import SHOWN_CHARACTERS, check, check_header
from .lookup import MODELS_VARIABLE, FoundPart, cache_folder, find, part, readable_size, search

HUB = "https://huggingface.co"
STAGING_FOLDER = ".fetching"  # below the folder of models: half downloads lie here, so that they can go on
Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Hub:
    """Where files come from, and what to do by hand when it cannot be reached."""

    endpoint: str
    manual_steps: str


def resolve_names(names: Iterable[str], everything: bool = False) -> list[str]:
    """Names of networks for names of engines or networks; ``everything`` adds what engines only welcome.

    Raises:
        OptionError: a name is neither; names the nearest.
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in NEEDED and name not in PARTS:
            raise OptionError(f"There are no weights called '{name}'. {nearest(name, [*NEEDED, *PARTS])}")
        wanted = NEEDED.get(name, (name,))
        found |= dict.fromkeys((*wanted, *(WELCOME.get(name, ()) if everything else ())))
    return list(found)


def models_folder(to: Path | None = None) -> Path:
    """Where files are brought: ``to``, else the folder that LIPSMITH_MODELS names, else this platform's cache."""
    given = os.environ.get(MODELS_VARIABLE)
    return to or (Path(given).expanduser() if given else cache_folder())


def fetch(
    names: Sequence[str], to: Path | None = None, endpoint: str | None = None, report: Report = str
) -> list[FoundPart]:
    """Download the networks ``names`` that are not here yet; a half download goes on where it stopped.

    ``endpoint`` is a mirror of the hub, by default what HF_ENDPOINT names. Checksums are compared when known.

    Raises:
        WeightsMissing: the hub cannot be reached; says which file to put where by hand.
        InputError: what came is not what was asked for, or what is here already is damaged.
        OutputError: there is no room.
        EngineUnavailable: huggingface_hub is not installed.
    """
    folder, found = models_folder(to), []
    endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    missing = [part(name) for name in names if search(name, to) is None]
    for number, wanted in enumerate(missing):
        _fetch_part(wanted, folder, Hub(endpoint, manual_steps(missing[number:], folder, endpoint)), report)
    for name in names:
        here = search(name, to) or find(name, folder)
        with suppress(EngineUnavailable):  # without torch nothing more can be looked at
            check(here)
        report(f"{name}: {here.path}")
        found.append(here)
    return found


def manual_steps(parts: Iterable[Part], folder: Path, endpoint: str = HUB) -> str:
    """Which file to put where, one a line, for machines that cannot download."""
    return "".join(
        f"\n  {endpoint}/{one.repository}/resolve/main/{one.path}\n    as {folder / wanted.folders[0] / one.name}"
        for wanted in parts
        for one in (wanted.weights[0], *wanted.companions)
    )


def import_folder(folder: Path, to: Path | None = None, copy: bool = False, report: Report = str) -> list[FoundPart]:
    """Link every official file of a MuseTalk's ``models/`` folder, or of the checkout around it, into ours.

    Raises:
        InputError: the folder holds none of them.
        OutputError: a link or copy cannot be made.
    """
    source = folder / "models" if (folder / "models").is_dir() else folder
    found_parts = [found for name in PARTS if (found := search(name, source))]
    if not found_parts:
        wanted = ", ".join(f"{one.folders[0]}/{one.weights[-1].name}" for one in PARTS.values())
        raise InputError(f"{source} holds no network that is known here; looked for {wanted}.")
    for found in found_parts:
        target = models_folder(to) / found.part.folders[0]
        for one in (found.file, *found.part.companions):
            _link((found.folder / one.name).resolve(), target / one.name, copy)
        report(f"{found.part.name}: {target / found.file.name}")
    return [found for one in found_parts if (found := search(one.part.name, models_folder(to)))]


def checksum_mismatch(found: FoundPart) -> str | None:
    """What is wrong with the weights' SHA-256, or None when it is right or not known. Reads the whole file."""
    if found.file.sha256 is None:
        return None
    seen = _sha256(found.path)
    if seen == found.file.sha256:
        return None
    twin = next((one.name for one in PARTS.values() for file in one.weights if file.sha256 == seen), None)
    return f"its SHA-256 is {seen}, not {found.file.sha256}" + (f": it is {twin}'s file" if twin else "")


def _fetch_part(wanted: Part, folder: Path, hub: Hub, report: Report) -> None:
    target = folder / wanted.folders[0]
    files = [one for one in (*wanted.companions, wanted.weights[0]) if not (target / one.name).is_file()]
    _require_space(folder, sum(one.size for one in files))
    report(f"{wanted.name}: {readable_size(wanted.size)}, {wanted.licence}")
    for one in files:
        downloaded, stated_sha256 = _download(one, folder / STAGING_FOLDER / wanted.name, hub)
        _verify(one, downloaded, stated_sha256)
        target.mkdir(parents=True, exist_ok=True)
        downloaded.replace(target / one.name)
    shutil.rmtree(folder / STAGING_FOLDER / wanted.name, ignore_errors=True)
    with suppress(OSError):
        (folder / STAGING_FOLDER).rmdir()  # unless another half download lies there


def _download(one: OfficialFile, staging: Path, hub: Hub) -> tuple[Path, str | None]:
    """The file, and the SHA-256 that the hub gives for it.

    Half downloads are ours to keep: the hub's own function gives every try a new file since its version 2.
    """
    try:
        from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
    except ImportError as problem:
        raise EngineUnavailable('huggingface_hub is not installed: pip install "lipsmith[torch]"') from problem
    refused: type[Exception] = getattr(errors, "HTTPError", OSError)  # the hub's own library raises it, no OSError
    try:
        url = hf_hub_url(one.repository, one.path, endpoint=hub.endpoint)
        head = get_hf_file_metadata(url, token=False, endpoint=hub.endpoint)
        tag = re.sub(r"\W", "", head.etag or "")
        staging.mkdir(parents=True, exist_ok=True)
        downloaded = staging / f"{one.name}.{tag[:16]}.part"  # another version does not go on where this one stopped
        with downloaded.open("ab") as file:
            plain = {"Accept-Encoding": "identity"}
            here = file.tell()
            http_get(head.location, file, resume_size=here, headers=plain, expected_size=head.size)
    except (refused, OSError) as problem:
        raise WeightsMissing(
            f"{one.repository}/{one.path} cannot be downloaded from {hub.endpoint} ({_root_cause(problem)}). Try again, and "
            f"it goes on where it stopped; name a mirror with --endpoint; or save by hand{hub.manual_steps}"
        ) from problem
    return downloaded, tag if re.fullmatch("[0-9a-f]{64}", tag) else None


def _root_cause(problem: BaseException) -> str:
    """The beginning of what first went wrong: the hub's library wraps it in general advice."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return " ".join(str(problem).split())[:SHOWN_CHARACTERS] or type(problem).__name__


def _verify(one: OfficialFile, downloaded: Path, stated_sha256: str | None) -> None:
    """Throw away what is not the official file, or not what the hub ``stated_sha256`` it would be."""
    wanted = one.sha256 or stated_sha256
    if wanted is not None and (seen := _sha256(downloaded)) != wanted:
        downloaded.unlink()
        raise InputError(
            f"What came as {one.repository}/{one.path} is another file: its SHA-256 is {seen}, expected was {wanted}. "
            "It was thrown away; try again, or another mirror with --endpoint."
        )
    check_header(downloaded)


def _require_space(folder: Path, size: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        raise OutputError(f"{folder} cannot be made: {problem.strerror}. Name another folder with --to.") from problem
    if free < size:
        raise OutputError(
            f"{folder} has {readable_size(free)} free, {readable_size(size)} are needed: free some, or name another with --to."
        )


def _link(source: Path, target: Path, copy: bool) -> None:
    """A symbolic link, a hard link where there are none, a copy where there is neither; what is there stays."""
    if target.exists():
        return
    ways: tuple[Callable[[Path, Path], object], ...] = (shutil.copy2,) if copy else (os.symlink, os.link, shutil.copy2)
    fresh = target.with_name(f"{target.name}.new")
    problem: OSError | None = None
    for way in ways:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            way(source, fresh)
            fresh.replace(target)
        except OSError as last:
            problem = last
        else:
            return
    raise OutputError(f"{target} cannot be linked to {source}: {problem}. Name another folder with --to.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = ["checksum_mismatch", "fetch", "import_folder", "manual_steps", "models_folder", "resolve_names"]
