"""Downloads official files from the Hugging Face hub or a mirror, or links them from a local folder."""

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
STAGING_FOLDER = ".fetching"  # in the folder of models: incomplete downloads, which can be continued
Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Hub:
    """The server to download from, and instructions for the case that it cannot be reached."""

    endpoint: str
    manual_steps: str


def resolve_names(names: Iterable[str], everything: bool = False) -> list[str]:
    """Convert names of engines or networks to names of networks; ``everything`` adds the optional ones.

    Raises:
        OptionError: an unknown name; names the nearest.
    """
    found: dict[str, None] = {}
    for name in names:
        if name not in NEEDED and name not in PARTS:
            raise OptionError(f"There are no weights called '{name}'. {nearest(name, [*NEEDED, *PARTS])}")
        wanted = NEEDED.get(name, (name,))
        found |= dict.fromkeys((*wanted, *(WELCOME.get(name, ()) if everything else ())))
    return list(found)


def models_folder(to: Path | None = None) -> Path:
    """The folder to download to: ``to``, else the folder that LIPSMITH_MODELS names, else this platform's cache."""
    given = os.environ.get(MODELS_VARIABLE)
    return to or (Path(given).expanduser() if given else cache_folder())


def fetch(
    names: Sequence[str], to: Path | None = None, endpoint: str | None = None, report: Report = str
) -> list[FoundPart]:
    """Download the networks that are missing. An interrupted download continues where it stopped.

    Args:
        names: of networks.
        to: the folder of models; see ``models_folder``.
        endpoint: a mirror of the hub; None: the one that HF_ENDPOINT names, else the hub.
        report: called with one line of text for each step.

    Returns:
        All networks ``names``, with checksums compared if they are known.

    Raises:
        WeightsMissing: the hub cannot be reached; says which files to save where by hand.
        InputError: a downloaded file is not the official one, or an existing file is damaged.
        OutputError: the disk is full.
        EngineUnavailable: huggingface_hub is not installed.
    """
    folder, found = models_folder(to), []
    endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    missing = [part(name) for name in names if search(name, to) is None]
    for number, wanted in enumerate(missing):
        _fetch_part(wanted, folder, Hub(endpoint, manual_steps(missing[number:], folder, endpoint)), report)
    for name in names:
        here = search(name, to) or find(name, folder)
        with suppress(EngineUnavailable):  # without torch nothing more can be checked
            check(here)
        report(f"{name}: {here.path}")
        found.append(here)
    return found


def manual_steps(parts: Iterable[Part], folder: Path, endpoint: str = HUB) -> str:
    """Which file to save where, one per line, for machines that cannot download."""
    return "".join(
        f"\n  {endpoint}/{one.repository}/resolve/main/{one.path}\n    as {folder / wanted.folders[0] / one.name}"
        for wanted in parts
        for one in (wanted.weights[0], *wanted.companions)
    )


def import_folder(folder: Path, to: Path | None = None, copy: bool = False, report: Report = str) -> list[FoundPart]:
    """Link (or ``copy``) the official files in MuseTalk's ``models/`` folder, or in its checkout, to our folder.

    Raises:
        InputError: the folder contains none of them.
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
    """Compare the weights' SHA-256: None if it is right or unknown, else what is wrong. Reads the whole file."""
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
    """Download one file; return its path and the SHA-256 that the hub states for it.

    We keep incomplete downloads ourselves: since version 2, the hub library starts a new file on every attempt.
    """
    try:
        from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
    except ImportError as problem:
        raise EngineUnavailable('huggingface_hub is not installed: pip install "lipsmith[torch]"') from problem
    refused: type[Exception] = getattr(errors, "HTTPError", OSError)  # the hub library raises it; it is not an OSError
    try:
        url = hf_hub_url(one.repository, one.path, endpoint=hub.endpoint)
        head = get_hf_file_metadata(url, token=False, endpoint=hub.endpoint)
        tag = re.sub(r"\W", "", head.etag or "")
        staging.mkdir(parents=True, exist_ok=True)
        downloaded = staging / f"{one.name}.{tag[:16]}.part"  # so that another version of the file starts anew
        with downloaded.open("ab") as file:
            plain = {"Accept-Encoding": "identity"}
            here = file.tell()
            http_get(head.location, file, resume_size=here, headers=plain, expected_size=head.size)
    except (refused, OSError) as problem:
        raise WeightsMissing(
            f"{one.repository}/{one.path} cannot be downloaded from {hub.endpoint} ({_root_cause(problem)}). "
            "Try again, and it goes on where it stopped; name a mirror with --endpoint; or save by hand"
            f"{hub.manual_steps}"
        ) from problem
    return downloaded, tag if re.fullmatch("[0-9a-f]{64}", tag) else None


def _root_cause(problem: BaseException) -> str:
    """The message of the first error in the chain, shortened; the hub library wraps it in general advice."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return " ".join(str(problem).split())[:SHOWN_CHARACTERS] or type(problem).__name__


def _verify(one: OfficialFile, downloaded: Path, stated_sha256: str | None) -> None:
    """Delete the file and raise InputError unless its SHA-256 is the official or the stated one."""
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
            f"{folder} has {readable_size(free)} free, {readable_size(size)} are needed: "
            "free some, or name another with --to."
        )


def _link(source: Path, target: Path, copy: bool) -> None:
    """Make a symbolic link, else a hard link, else a copy; an existing file stays."""
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
