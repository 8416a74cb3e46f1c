"""One portable file per avatar: an uncompressed zip of its manifest and data. Nothing in it is used unchecked."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from pathlib import Path

from ..errors import AvatarBroken, InputError, OutputError
from ..whole_file import place
from .manifest import LARGEST, NAME, Manifest, parse_manifest
from .paths import FILES

SUFFIX = ".lipsmith"
_BLOCK = 1 << 20


def write_archive(home: Path, manifest: Manifest, path: Path, overwrite: bool = True) -> Path:
    """Write the avatar at ``home`` to ``path``, whole or not at all; return where it is, see ``whole_file.place``.

    Raises:
        OutputError: ``path`` cannot be written, or does not end in ``SUFFIX``; or there is a file, and not
            ``overwrite``.
        AvatarBroken: a file of the avatar is missing.
    """
    if path.suffix != SUFFIX:
        raise OutputError(f"{path} does not end in {SUFFIX}: an avatar is exported to a file such as face{SUFFIX}.")
    if not overwrite:
        from ..media.writer import check_free

        check_free(path)
    temporary = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with zipfile.ZipFile(temporary, "x") as file:
            file.write(home / NAME, NAME)
            for name in FILES:
                file.write(home / manifest.data / name, name)
        return place(temporary, path, overwrite)
    except FileNotFoundError as reason:
        if temporary.parent.is_dir():
            raise AvatarBroken(f"The avatar is not whole: {reason.filename} is missing.") from reason
        raise OutputError(f"The folder {temporary.parent} does not exist: make it first.") from reason
    except OSError as reason:
        raise OutputError(f"{path} cannot be written ({reason.strerror}): choose a folder that has room.") from reason
    finally:
        temporary.unlink(missing_ok=True)


def read_archive(path: Path, folder: Path) -> Manifest:
    """Copy the data of the avatar in ``path`` into the empty ``folder`` and return its manifest.

    Only the five files of an avatar are accepted, each of the size that the manifest names. The caller checks their
    content.

    Raises:
        InputError: there is no such file.
        AvatarBroken: it is no avatar's archive, or damaged.
        OutputError: there is no room.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        with zipfile.ZipFile(path) as file:
            members = {one.filename: one for one in file.infolist()}
            if len(members) != len(file.infolist()) or set(members) != {NAME, *FILES}:
                raise AvatarBroken(f"{path} does not hold an avatar: it should have {', '.join((NAME, *FILES))}.")
            if any(one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1 for one in members.values()):
                raise AvatarBroken(f"{path} is compressed or encrypted; an avatar's archive is not.")
            manifest = parse_manifest(_manifest_bytes(file, members[NAME], path), str(path))
            for name in FILES:
                stored = manifest.files.get(name)
                if stored is None or stored.bytes != members[name].file_size:
                    raise AvatarBroken(f"{path}: {name} does not have the size that the manifest names.")
                _copy(file, members[name], folder / name)
    except EOFError as problem:
        raise AvatarBroken(f"{path} ends too early: copy it once more.") from problem
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as problem:
        raise AvatarBroken(
            f"{path} is not an exported avatar, or is damaged ({problem}): 'lipsmith avatar export' makes one."
        ) from problem
    except OSError as reason:
        raise OutputError(f"{path} cannot be unpacked to {folder} ({reason.strerror}): make room there.") from reason
    return manifest


def _manifest_bytes(file: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    if member.file_size > LARGEST:
        raise AvatarBroken(f"{path}: its manifest has {member.file_size} bytes, and at most {LARGEST} are allowed.")
    return file.read(member)


def _copy(file: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    free = shutil.disk_usage(target.parent).free
    if member.file_size > free:
        raise OutputError(
            f"{member.filename} needs {member.file_size} bytes and {target.parent} has {free}: make room."
        )
    with file.open(member) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, _BLOCK)


__all__ = ["SUFFIX", "read_archive", "write_archive"]
