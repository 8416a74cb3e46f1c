"""All avatars of a machine: made, found, opened, renamed, deleted and collected by many processes at once.

Each avatar is a folder with a manifest and one folder of data that the manifest names. A new manifest takes the place
of an old one by one rename, when all its data is on the disk: an avatar is there whole or not at all, whenever a maker
is killed. Readers need no lock; makers hold one per avatar, so that two who want the same make it once.
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
from .manifest import NAME, AvatarInfo, Fingerprint, Manifest, changes, read_manifest, what_lacks, write_manifest
from .options import FIRST_CLIP, AvatarOptions, bare_engine, fingerprint_of, stored_options
from .paths import FOLDER, LOCKS, VARIABLE, check_name, data_folder, left_behind, remove

if TYPE_CHECKING:
    from filelock import BaseFileLock

_ATTEMPTS = 20
"""Times that an avatar is opened again because it was made anew in between."""


class AvatarStore:
    """The avatars below one folder.

    Args:
        root: the folder; None: the one that LIPSMITH_AVATARS names, else the platform's. It need not exist.
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
        """Make the avatar ``name`` of ``picture``, or find it made already of just this.

        Args:
            picture: an image, a video, or a folder of numbered images.
            engine: prepares the faces; later its name and options load it again.
            options: which faces, which rate, which further clips.
            refresh: make it again, whatever is there.
            progress: called after every frame.

        Raises:
            AvatarStale: it is there, but made of something else, and ``refresh`` is off; says what changed.
            OptionError: it cannot be called so.
            InputError: the picture cannot be used.
            OutputError: it cannot be written.
        """
        options = options or AvatarOptions()
        check_name(name)
        sources = {FIRST_CLIP: Path(picture), **{clip: Path(path) for clip, path in options.clips.items()}}
        fingerprint = fingerprint_of(sources, engine, options)
        with self._held(name, "making"):
            there = None if refresh else self._made_of(name, fingerprint)
            if there is not None:
                return self._with_options(name, there, stored_options(engine), options.key)
            with self._new_data(name) as folder:
                manifest = AvatarBuilder(sources, folder, engine, options, progress or _say_nothing).run(fingerprint)
                self._publish(name, manifest)
        return manifest.info(name)

    def open(self, name: str) -> Avatar:
        """The avatar ``name``, its plates not yet read.

        Raises:
            AvatarMissing: there is none.
            AvatarBroken: it is damaged or of another version.
            AvatarStale: the engine that is here does not know its options.
            EngineUnavailable: its engine is not installed.
        """
        for _ in range(_ATTEMPTS):
            manifest = self._manifest(name)
            info = manifest.info(name)
            try:
                avatar = Avatar(info, manifest, self._home(name) / manifest.data, bare_engine(info))
            except AvatarBroken:
                if self._found(name) == manifest:
                    raise
                continue  # it was made anew in between
            with contextlib.suppress(OSError):  # a shelf that may only be read has no order of use
                os.utime(self._home(name) / NAME)
            return avatar
        raise AvatarBroken(f"The avatar {name} changes faster than it can be opened: try again.")

    def info(self, name: str) -> AvatarInfo:
        """What is known of one avatar. Raises AvatarMissing, AvatarBroken."""
        return self._manifest(name).info(name)

    def list(self) -> Sequence[AvatarInfo]:
        """Every avatar whose manifest is whole and whose files are there, by name."""
        return [manifest.info(name) for name, manifest in self._manifests() if self._lack(name, manifest) is None]

    def broken(self) -> dict[str, str]:
        """The other avatars, and why."""
        found: dict[str, str] = {}
        for name in self._names():
            try:
                lack = self._lack(name, self._manifest(name))
            except AvatarBroken as problem:
                found[name] = str(problem)
            except AvatarMissing:
                continue
            else:
                found |= {name: f"{lack}: make the avatar again, or delete it."} if lack else {}
        return found

    def check(self, name: str) -> AvatarInfo:
        """Read every byte of an avatar and decode every plate.

        Raises:
            AvatarMissing: there is none.
            AvatarBroken: something is damaged; says what.
        """
        with self.open(name) as avatar:
            avatar.check()
            return avatar.info

    def expect(self, name: str) -> None:
        """Raises AvatarMissing unless there is an avatar ``name``, whole or not."""
        self._known(name)

    def delete(self, name: str) -> None:
        """Remove an avatar. Who has it open reads on. Raises AvatarMissing."""
        with self._held(self._known(name), "switching"):
            home = self._home(name)
            there = self._found(name)
            try:
                (home / NAME).unlink()
            except FileNotFoundError:
                raise self._missing(name) from None
            remove([home / there.data] if there else left_behind(home))
            with contextlib.suppress(OSError):  # somebody makes it anew
                home.rmdir()

    def rename(self, name: str, new: str) -> AvatarInfo:
        """Call an avatar ``new``.

        Raises:
            AvatarMissing: there is none called ``name``.
            InputError: there is one called ``new``, or something else in its place.
            OptionError: it cannot be called so.
        """
        check_name(new)
        with ExitStack() as held:
            for one in sorted({self._known(name), new}):
                held.enter_context(self._held(one, "making"))
                held.enter_context(self._held(one, "switching"))
            self._manifest(name)
            self._refuse_taken(new)
            remove(left_behind(self._home(new)))
            try:
                self._home(name).rename(self._home(new))
            except OSError as reason:
                raise InputError(f"{self._home(new)} is in the way ({reason.strerror}): move it away.") from reason
        return self.info(new)

    def export(self, name: str, path: Path) -> None:
        """Write one portable file. Raises AvatarMissing, AvatarBroken, OutputError."""
        with self._held(self._known(name), "switching"):
            manifest = self._manifest(name)
            archive.pack(self._home(name), manifest, path)

    def bring_in(self, path: Path, name: str | None = None, *, refresh: bool = False) -> AvatarInfo:
        """Take over an avatar that ``export`` wrote; everything in it is checked first.

        Args:
            path: the file.
            name: what it will be called; None: as the file.
            refresh: replace one that is there.

        Raises:
            AvatarBroken: it is no such file, damaged, or of another version.
            InputError: there is an avatar of that name.
        """
        name = check_name(path.stem if name is None else name)
        with self._held(name, "making"):
            if not refresh:
                self._refuse_taken(name)
            with self._new_data(name) as folder:
                manifest = replace(archive.unpack(path, folder), data=folder.name)
                info = manifest.info(name)
                with Avatar(info, manifest, folder, bare_engine(info)) as avatar:
                    avatar.check()
                self._publish(name, manifest)
        return info

    def adopt(self, name: str, write: Callable[[Path], Manifest], *, refresh: bool = False) -> AvatarInfo:
        """Put an avatar that was prepared elsewhere on the shelf: ``write`` lays its data into an empty folder.

        Raises:
            InputError: there is an avatar of that name, and ``refresh`` is off; or what ``write`` raises.
            OptionError: it cannot be called so.
        """
        with self._held(check_name(name), "making"):
            if not refresh:
                self._refuse_taken(name)
            with self._new_data(name) as folder:
                manifest = write(folder)
                self._publish(name, manifest)
        return manifest.info(name)

    def collect(self, max_bytes: int | None = None) -> Sequence[str]:
        """Remove what killed makers left, then the avatars used longest ago until ``max_bytes`` are left.

        Returns the names of those that went.
        """
        for name in self._names():
            with contextlib.suppress(_busy()), self._held(name, "making", wait=False):
                self._sweep(name)
        infos = [manifest.info(name) for name, manifest in self._manifests()]
        kept = sorted(infos, key=lambda info: self._used(info.id))
        total, gone = sum(info.bytes for info in kept), []
        for info in kept:
            if max_bytes is None or total <= max_bytes:
                break
            with contextlib.suppress(AvatarMissing):
                self.delete(info.id)
                gone.append(info.id)
            total -= info.bytes
        return gone

    def _home(self, name: str) -> Path:
        return self.root / name

    def _names(self) -> Sequence[str]:
        if not self.root.is_dir():
            return []
        return sorted(one.name for one in self.root.iterdir() if one.is_dir() and FOLDER.fullmatch(one.name))

    def _known(self, name: str) -> str:
        """``name``, if there is such an avatar; asked before a lock is made for it."""
        if not FOLDER.fullmatch(name) or not (self._home(name) / NAME).exists():
            raise self._missing(name)
        return name

    def _manifest(self, name: str) -> Manifest:
        if not FOLDER.fullmatch(name):
            raise self._missing(name)
        try:
            return read_manifest(self._home(name) / NAME)
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing(name) from None
        except OSError as reason:
            raise AvatarBroken(f"The avatar {name} cannot be read ({reason.strerror}).") from reason

    def _found(self, name: str) -> Manifest | None:
        """The manifest if it is there and whole."""
        try:
            return read_manifest(self._home(name) / NAME)
        except (OSError, AvatarBroken):
            return None

    def _manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Every manifest that is whole, by name."""
        for name in self._names():
            found = self._found(name)
            if found is not None:
                yield name, found

    def _made_of(self, name: str, fingerprint: Fingerprint) -> Manifest | None:
        """The manifest of an avatar that is whole; AvatarStale if it is of another ``fingerprint``."""
        there = self._found(name)
        told = changes(there.fingerprint, fingerprint) if there else ()
        if told:
            raise _stale(name, told)
        return there if there and self._lack(name, there) is None else None

    def _lack(self, name: str, manifest: Manifest) -> str | None:
        """What is missing of an avatar; nothing if it was made anew or deleted meanwhile."""
        lack = what_lacks(self._home(name), manifest)
        return lack if lack and self._found(name) == manifest else None

    def _missing(self, name: str) -> AvatarMissing:
        known = [one for one in self._names() if (self._home(one) / NAME).exists()]
        remedy = nearest(name, known) if known else f"`lipsmith avatar create {name} PICTURE` makes one."
        return AvatarMissing(f"There is no avatar '{name}' in {self.root}. {remedy}")

    def _refuse_taken(self, name: str) -> None:
        if (self._home(name) / NAME).exists():
            raise InputError(f"There is an avatar '{name}' already: give another name, or delete that one first.")

    def _used(self, name: str) -> float:
        try:
            return (self._home(name) / NAME).stat().st_mtime
        except OSError:
            return 0.0

    @contextmanager
    def _new_data(self, name: str) -> Iterator[Path]:
        """An empty folder for an avatar's data, gone again unless its manifest was published."""
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

    def _with_options(self, name: str, there: Manifest, options: Mapping[str, Any], key: str) -> AvatarInfo:
        """The same avatar, from now on drawn and keyed with these options: those that shape nothing may be others."""
        from ..media.background import check_key

        if (options, key) != (there.options, there.key):
            if key not in ("none", there.key):
                with self.open(name) as avatar:
                    check_key(key, avatar.source_frame(0).image, avatar.alphas)
            there = replace(there, options=options, key=key)
            with self._held(name, "switching"):
                if (self._home(name) / there.data).is_dir():
                    write_manifest(self._home(name), there)
        return there.info(name)

    def _publish(self, name: str, manifest: Manifest) -> None:
        """The one moment at which an avatar changes; the caller holds its making."""
        with self._held(name, "switching"):
            there = self._found(name)
            write_manifest(self._home(name), manifest)
        if there is not None:
            shutil.rmtree(self._home(name) / there.data, ignore_errors=True)

    def _sweep(self, name: str) -> None:
        """Remove what no manifest names; the caller holds the avatar's making."""
        home = self._home(name)
        with self._held(name, "switching"):
            there = self._found(name)
            damaged = there is None and (home / NAME).exists()  # its data is evidence: only `delete` removes it
            if not damaged:
                remove(one for one in left_behind(home) if there is None or one.name != there.data)
            with contextlib.suppress(OSError):
                home.rmdir()

    @contextmanager
    def _held(self, name: str, what: str, wait: bool = True) -> Iterator[None]:
        """The lock of one avatar: "making" for minutes, "switching" for moments; among processes and threads."""
        with self._lock(name, what, wait):
            yield

    def _lock(self, name: str, what: str, wait: bool) -> BaseFileLock:
        from filelock import FileLock

        folder = self.root / LOCKS
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise OutputError(f"{self.root} cannot be written to ({reason.strerror}): set {VARIABLE}.") from reason
        return FileLock(folder / f"{name}.{what}", timeout=-1 if wait else 0)


def _stale(name: str, told: Sequence[str]) -> AvatarStale:
    return AvatarStale(f"The avatar {name} was made of something else: {'; '.join(told)}. --refresh makes it again.")


def _say_nothing(_: Stage) -> None:
    """Progress that nobody wants."""


def _busy() -> type[Exception]:
    from filelock import Timeout

    return Timeout


__all__ = ["AvatarOptions", "AvatarStore"]
