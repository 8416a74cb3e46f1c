"""All avatars below one folder. Many processes may make, open, rename, delete and collect them at the same time.

Each avatar is a folder with a manifest and one data folder that the manifest names. A new manifest replaces an old one
by one rename, after all its data is on the disk. So an avatar is there whole or not at all, even if the process that
makes it is killed. Readers take no lock. Makers hold one lock per avatar, so that two processes that want the same
avatar make it once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines import Engine
from ..errors import AvatarBroken, AvatarMissing, AvatarStale, InputError, OutputError
from ..options import nearest
from ..stopwatch import Progress, Stage
from . import archive
from .avatar import Avatar
from .builder import AvatarBuilder
from .manifest import NAME, AvatarInfo, Fingerprint, Manifest, changes, missing_file, read_manifest, write_manifest
from .options import FIRST_CLIP, AvatarOptions, bare_engine, fingerprint_of, refuse_other, stored_options
from .paths import AVATAR_FOLDER, LOCKS, VARIABLE, check_name, data_folder, leftovers, remove

if TYPE_CHECKING:
    from filelock import BaseFileLock

_ATTEMPTS = 20
"""How often an avatar is opened again because it was remade in between."""
_BUILD, _SWITCH = "making", "switching"
"""The two locks of an avatar, by their names on disk: held for minutes while it is made, and for the moment in which it
changes."""


class AvatarStore:
    """The avatars below one folder.

    Args:
        root: the folder. None: the one that LIPSMITH_AVATARS names, else the platform's. It need not exist.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or data_folder()

    def create(
        self,
        name: str,
        picture: Path,
        engine: Engine,
        options: AvatarOptions | None = None,
        *,
        refresh: bool = False,
        progress: Progress | None = None,
    ) -> AvatarInfo:
        """Make the avatar ``name`` of ``picture``, unless it was already made of the same source with the same options.

        Args:
            picture: an image, a video, or a folder of numbered images.
            engine: prepares the faces. Its name and options are stored, so that the same engine can be loaded later.
            options: which faces, which frame rate, which further clips.
            refresh: make it again even if it exists.
            progress: called after every frame.

        Raises:
            AvatarStale: it was made of something else, and ``refresh`` is off. The message says what changed.
            OptionError: ``name`` is not a valid name.
            InputError: the picture cannot be used.
            OutputError: the avatar cannot be written.
        """
        options = options or AvatarOptions()
        check_name(name)
        sources = {FIRST_CLIP: Path(picture), **{clip: Path(path) for clip, path in options.clips.items()}}
        fingerprint = fingerprint_of(sources, engine, options)
        with self._locked(name, _BUILD):
            existing = None if refresh else self._existing(name, fingerprint)
            if existing is not None:
                return self._update_options(name, existing, stored_options(engine), options.key)
            with self._new_data(name) as folder:
                manifest = AvatarBuilder(sources, folder, engine, options, progress or _no_progress).run(fingerprint)
                self._publish(name, manifest)
        return manifest.info(name)

    def open(self, name: str) -> Avatar:
        """Open the avatar ``name``. Its frames are read later, one by one.

        Raises:
            AvatarMissing: there is none.
            AvatarBroken: it is damaged or of another version.
            AvatarStale: the installed engine does not know its options.
            EngineUnavailable: its engine is not installed.
        """
        for _ in range(_ATTEMPTS):
            manifest = self._manifest(name)
            info = manifest.info(name)
            try:
                avatar = Avatar(info, manifest, self._home(name) / manifest.data, bare_engine(info))
            except AvatarBroken:
                if self._try_manifest(name) == manifest:
                    raise
                continue  # it was remade in between
            with contextlib.suppress(OSError):  # a read-only store does not record when avatars are used
                os.utime(self._home(name) / NAME)
            return avatar
        raise AvatarBroken(f"The avatar {name} changes faster than it can be opened: try again.")

    def info(self, name: str) -> AvatarInfo:
        """What is known of one avatar. Raises AvatarMissing, AvatarBroken."""
        return self._manifest(name).info(name)

    def list(self) -> Sequence[AvatarInfo]:
        """Every avatar whose manifest is whole and whose files exist, sorted by name."""
        return [manifest.info(name) for name, manifest in self._manifests() if self._fault(name, manifest) is None]

    def broken(self) -> dict[str, str]:
        """The avatars that ``list`` leaves out: name -> what is wrong."""
        found: dict[str, str] = {}
        for name in self._names():
            try:
                fault = self._fault(name, self._manifest(name))
            except AvatarBroken as problem:
                found[name] = str(problem)
            except AvatarMissing:
                continue
            else:
                found |= {name: f"{fault}: make the avatar again, or delete it."} if fault else {}
        return found

    def check(self, name: str) -> AvatarInfo:
        """Read every byte of an avatar and decode every frame.

        Raises:
            AvatarMissing: there is none.
            AvatarBroken: something is damaged; the message says what.
            AvatarStale: the engine that is here is of another version.
        """
        with self.open(name) as avatar:
            refuse_other(avatar.info, bare_engine(avatar.info))
            avatar.check()
            return avatar.info

    def require(self, name: str) -> None:
        """Raise AvatarMissing unless there is an avatar ``name``, whole or damaged."""
        self._required(name)

    def delete(self, name: str) -> None:
        """Remove an avatar; where it is open it stays readable. Raises AvatarMissing."""
        with self._locked(self._required(name), _SWITCH):
            home = self._home(name)
            existing = self._try_manifest(name)
            try:
                (home / NAME).unlink()
            except FileNotFoundError:
                raise self._missing(name) from None
            remove([home / existing.data] if existing else leftovers(home))
            with contextlib.suppress(OSError):  # another process is making it again
                home.rmdir()

    def set_title(self, name: str, title: str) -> AvatarInfo:
        """Set what people call an avatar; its name and its data stay, so who has it open is not disturbed.

        Raises:
            AvatarMissing: there is no avatar ``name``.
            AvatarBroken: it is damaged or of another version.
        """
        with self._locked(self._required(name), _SWITCH):
            manifest = replace(self._manifest(name), title=title)
            write_manifest(self._home(name), manifest)
        return manifest.info(name)

    def rename(self, name: str, new: str) -> AvatarInfo:
        """Rename an avatar to ``new``.

        Raises:
            AvatarMissing: there is no avatar ``name``.
            InputError: there is an avatar ``new`` already, or something else in its place.
            OptionError: ``new`` is not a valid name.
        """
        check_name(new)
        with ExitStack() as locks:
            for one in sorted({self._required(name), new}):
                locks.enter_context(self._locked(one, _BUILD))
                locks.enter_context(self._locked(one, _SWITCH))
            self._manifest(name)
            self._refuse_existing(new)
            remove(leftovers(self._home(new)))
            try:
                self._home(name).rename(self._home(new))
            except OSError as reason:
                raise InputError(f"{self._home(new)} is in the way ({reason.strerror}): move it away.") from reason
        return self.info(new)

    def export(self, name: str, path: Path, overwrite: bool = True) -> Path:
        """Write an avatar to one portable file and return its path. Raises AvatarMissing, AvatarBroken, OutputError.

        Without ``overwrite`` a file that is there is an error; see ``whole_file.place`` for one that appears meanwhile.
        """
        with self._locked(self._required(name), _SWITCH):
            manifest = self._manifest(name)
            return archive.write_archive(self._home(name), manifest, path, overwrite)

    def import_archive(self, path: Path, name: str | None = None, *, refresh: bool = False) -> AvatarInfo:
        """Import an avatar that ``export`` wrote. Everything in it is checked before the avatar appears.

        Args:
            path: the file.
            name: of the avatar; None: the file's.
            refresh: replace an avatar of that name.

        Raises:
            AvatarBroken: the file is no exported avatar, damaged, or of another version.
            InputError: there is an avatar of that name, and ``refresh`` is off; or there is no such file.
        """
        name = check_name(path.stem if name is None else name)
        with self._locked(name, _BUILD):
            if not refresh:
                self._refuse_existing(name)
            with self._new_data(name) as folder:
                manifest = replace(archive.read_archive(path, folder), data=folder.name)
                info = manifest.info(name)
                with Avatar(info, manifest, folder, bare_engine(info)) as avatar:
                    avatar.check()
                self._publish(name, manifest)
        return info

    def add(self, name: str, write: Callable[[Path], Manifest], *, refresh: bool = False) -> AvatarInfo:
        """Add an avatar that was prepared elsewhere.

        Args:
            name: of the avatar.
            write: writes the avatar's data into the empty folder that it is given, and returns the manifest.
            refresh: replace an avatar of that name.

        Raises:
            InputError: there is an avatar of that name, and ``refresh`` is off.
            OptionError: ``name`` is not a valid name.
            LipsmithError: whatever ``write`` raises.
        """
        with self._locked(check_name(name), _BUILD):
            if not refresh:
                self._refuse_existing(name)
            with self._new_data(name) as folder:
                manifest = write(folder)
                self._publish(name, manifest)
        return manifest.info(name)

    def collect_garbage(self, max_bytes: int | None = None) -> Sequence[str]:
        """Remove what killed processes left, then the least recently used avatars until ``max_bytes`` remain.

        Returns the names of the avatars that were removed.
        """
        for name in self._names():
            with contextlib.suppress(_lock_timeout()), self._locked(name, _BUILD, wait=False):
                self._sweep(name)
        infos = [manifest.info(name) for name, manifest in self._manifests()]
        infos.sort(key=lambda info: self._last_used(info.id))
        total, deleted = sum(info.bytes for info in infos), []
        for info in infos:
            if max_bytes is None or total <= max_bytes:
                break
            with contextlib.suppress(AvatarMissing):
                self.delete(info.id)
                deleted.append(info.id)
            total -= info.bytes
        return deleted

    def _home(self, name: str) -> Path:
        return self.root / name

    def _names(self) -> Sequence[str]:
        if not self.root.is_dir():
            return []
        return sorted(one.name for one in self.root.iterdir() if one.is_dir() and AVATAR_FOLDER.fullmatch(one.name))

    def _required(self, name: str) -> str:
        """Return ``name``, or raise AvatarMissing; called before a lock file is made for the name."""
        if not AVATAR_FOLDER.fullmatch(name) or not (self._home(name) / NAME).exists():
            raise self._missing(name)
        return name

    def _manifest(self, name: str) -> Manifest:
        if not AVATAR_FOLDER.fullmatch(name):
            raise self._missing(name)
        try:
            return read_manifest(self._home(name) / NAME)
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing(name) from None
        except OSError as reason:
            raise AvatarBroken(f"The avatar {name} cannot be read ({reason.strerror}).") from reason

    def _try_manifest(self, name: str) -> Manifest | None:
        """The manifest, or None if it is missing or damaged."""
        try:
            return read_manifest(self._home(name) / NAME)
        except (OSError, AvatarBroken):
            return None

    def _manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Every manifest that is whole, with its avatar's name."""
        for name in self._names():
            manifest = self._try_manifest(name)
            if manifest is not None:
                yield name, manifest

    def _existing(self, name: str, fingerprint: Fingerprint) -> Manifest | None:
        """The manifest of a whole avatar, if there is one. Raises AvatarStale if it has another ``fingerprint``."""
        existing = self._try_manifest(name)
        changed = changes(existing.fingerprint, fingerprint) if existing else ()
        if changed:
            raise _stale(name, changed)
        return existing if existing and self._fault(name, existing) is None else None

    def _fault(self, name: str, manifest: Manifest) -> str | None:
        """What is missing of an avatar; None if nothing is, or if it was remade or deleted meanwhile."""
        fault = missing_file(self._home(name), manifest)
        return fault if fault and self._try_manifest(name) == manifest else None

    def _missing(self, name: str) -> AvatarMissing:
        known = [one for one in self._names() if (self._home(one) / NAME).exists()]
        remedy = nearest(name, known) if known else f"`lipsmith avatar create {name} PICTURE` makes one."
        return AvatarMissing(f"There is no avatar '{name}' in {self.root}. {remedy}")

    def _refuse_existing(self, name: str) -> None:
        if (self._home(name) / NAME).exists():
            raise InputError(f"There is an avatar '{name}' already: give another name, or delete that one first.")

    def _last_used(self, name: str) -> float:
        """When the avatar was last opened, in seconds since the epoch."""
        try:
            return (self._home(name) / NAME).stat().st_mtime
        except OSError:
            return 0.0

    @contextmanager
    def _new_data(self, name: str) -> Iterator[Path]:
        """An empty folder for an avatar's data; removed if an error comes before the manifest is published."""
        self._sweep(name)
        folder = self._home(name) / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
        except OSError as reason:
            raise OutputError(f"{folder.parent} cannot be written to ({reason.strerror}): set {VARIABLE}.") from reason
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # an older avatar is there
                self._home(name).rmdir()
            raise

    def _update_options(self, name: str, manifest: Manifest, options: Mapping[str, Any], key: str) -> AvatarInfo:
        """Store the options that do not shape what is prepared and the key, where they differ."""
        from ..media.background import check_key

        if (options, key) != (manifest.options, manifest.key):
            if key not in ("none", manifest.key):
                with self.open(name) as avatar:
                    check_key(key, avatar.source_frame(0).image, avatar.alphas)
            manifest = replace(manifest, options=options, key=key)
            with self._locked(name, _SWITCH):
                if (self._home(name) / manifest.data).is_dir():
                    write_manifest(self._home(name), manifest)
        return manifest.info(name)

    def _publish(self, name: str, manifest: Manifest) -> None:
        """Switch the avatar to ``manifest`` and remove its old data; the caller holds the build lock."""
        with self._locked(name, _SWITCH):
            old = self._try_manifest(name)
            write_manifest(self._home(name), replace(manifest, title=manifest.title or (old.title if old else "")))
        if old is not None:
            shutil.rmtree(self._home(name) / old.data, ignore_errors=True)

    def _sweep(self, name: str) -> None:
        """Remove data that no manifest names; the caller holds the build lock."""
        home = self._home(name)
        with self._locked(name, _SWITCH):
            existing = self._try_manifest(name)
            damaged = existing is None and (home / NAME).exists()  # its data is evidence: only `delete` removes it
            if not damaged:
                remove(one for one in leftovers(home) if existing is None or one.name != existing.data)
            with contextlib.suppress(OSError):
                home.rmdir()

    @contextmanager
    def _locked(self, name: str, purpose: str, wait: bool = True) -> Iterator[None]:
        """Hold one of an avatar's locks, ``_BUILD`` or ``_SWITCH``, against other processes and threads."""
        with self._lock(name, purpose, wait):
            yield

    def _lock(self, name: str, purpose: str, wait: bool) -> BaseFileLock:
        from filelock import FileLock

        folder = self.root / LOCKS
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise OutputError(f"{self.root} cannot be written to ({reason.strerror}): set {VARIABLE}.") from reason
        return FileLock(folder / f"{name}.{purpose}", timeout=-1 if wait else 0)


def _stale(name: str, changed: Sequence[str]) -> AvatarStale:
    return AvatarStale(f"The avatar {name} was made of something else: {'; '.join(changed)}. --refresh makes it again.")


def _no_progress(_: Stage) -> None:
    """Progress where the caller wants none."""


def _lock_timeout() -> type[Exception]:
    from filelock import Timeout

    return Timeout


__all__ = ["AvatarOptions", "AvatarStore"]
