"""What this machine has and lacks: findings that people and programs can read, each with its remedy."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from . import __version__
from .assets import DEMO_PICTURE, DEMO_SPEECH, asset
from .errors import LipsmithError
from .libraries import WANTED, missing_libraries, remedy

PYTHONS = ((3, 11), (3, 12))
NEEDED = ("numpy", "av", "opencv-contrib-python", "mediapipe", "onnxruntime", "pillow")
WELCOME = ("torch", "onnx", "espeakng-loader")  # only training wants them
OPENCV = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless")
ENCODERS = ("libx264", "aac", "libvpx-vp9", "libopus")
DECODERS = ("h264", "hevc", "vp9", "mp3", "flac")
BF16_FLAGS = ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16")  # the last one is Arm's
SPOOL_BYTES = 2 << 30  # a minute of 1080p lies there uncompressed while a short video is played again and again


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    name: str
    value: str
    good: bool = True  # False: something will not work
    remedy: str | None = None  # what to do, when not good


def examine() -> list[Finding]:
    """Look at everything; takes about a second."""
    looks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _versions, _opencv, _system, _codecs, _processor, _graphics, _engines, _weights, _files
    )  # fmt: skip
    return [finding for look in looks for finding in look()]


def opencv_owners(distributions: Iterable[metadata.Distribution] | None = None) -> list[str]:
    """Names of the installed distributions that own the folder ``cv2``; more than one overwrite each other."""
    found = metadata.distributions() if distributions is None else distributions
    names = {one.metadata["Name"].lower().replace("_", "-") for one in found}
    return sorted(names & set(OPENCV))


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "lipsmith", __version__)
    right = sys.version_info[:2] in PYTHONS
    yield Finding("versions", "python", platform.python_version(), right, None if right else "Use Python 3.11 or 3.12.")
    yield Finding("versions", "platform", platform.platform())
    for name in NEEDED:
        version = _version(name)
        yield Finding("versions", name, version or "missing", bool(version), None if version else f"pip install {name}")
    for name in WELCOME:
        yield Finding("versions", name, _version(name) or "not installed (only training wants it)")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _opencv() -> Iterator[Finding]:
    owners = opencv_owners()
    others = [name for name in owners if name != OPENCV[0]]
    again = f"pip install --force-reinstall --no-deps '{OPENCV[0]}<4.12'"
    if len(owners) > 1:
        repair = f"pip uninstall -y {' '.join(others)} && {again}"
        yield Finding("opencv", "cv2", f"claimed by {' and '.join(owners)}, which overwrite each other", False, repair)
        return
    try:
        import cv2

        version = getattr(cv2, "__version__", None)
    except ImportError as problem:
        missing = missing_libraries()
        yield Finding("opencv", "cv2", f"does not load: {problem}", False, remedy(missing) if missing else again)
        return
    owner = owners[0] if owners else "no distribution"
    value = f"{version} from {owner}" if version else f"an empty shell from {owner}"
    yield Finding("opencv", "cv2", value, bool(version), None if version else again)


def _system() -> Iterator[Finding]:
    missing = missing_libraries()
    for library, package in WANTED.items():
        bad = package in missing
        yield Finding("system", library, "missing" if bad else "found", not bad, remedy([package]) if bad else None)


def _codecs() -> Iterator[Finding]:
    if util.find_spec("av") is None:
        return
    for name in ENCODERS:
        yield _codec(name, "encodes", _opens(name, "w"))
    for name in DECODERS:
        yield _codec(name, "decodes", _opens(name, "r"))


def _codec(name: str, word: str, there: bool) -> Finding:
    repair = None if there else "pip install --force-reinstall av"
    return Finding("codecs", name, word if there else "missing", there, repair)


def _opens(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.Codec(name, mode)
    except (ValueError, av.FFmpegError):
        return False
    return True


def _processor() -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("processor", "threads", f"{usable} usable of {os.cpu_count()}")
    yield Finding("processor", "bf16", bf16_support(Path("/proc/cpuinfo")))


def bf16_support(cpuinfo: Path) -> str:
    """Whether the processor multiplies in bf16, read from Linux's ``cpuinfo``; only the big engines care."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return "not known: this system has no /proc/cpuinfo"
    flags = {word for line in text.splitlines() if line.startswith(("flags", "Features")) for word in line.split()}
    found = [flag for flag in BF16_FLAGS if flag in flags]
    return f"yes ({', '.join(found)})" if found else "no"


def _graphics() -> Iterator[Finding]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    path = shutil.which(command[0])
    if path is None:
        yield Finding("graphics", "GPU", "none seen (nvidia-smi is not there); the default engine wants none")
        return
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)  # noqa: S603
    for number, line in enumerate(done.stdout.splitlines() or [f"nvidia-smi failed: {done.stderr.strip()}"]):
        yield Finding("graphics", f"GPU {number}", line)


def _engines() -> Iterator[Finding]:
    from .engines import engine_table

    for entry in engine_table().values():
        lacks = entry.lacks()
        yield Finding("engines", entry.name, "can run" if lacks is None else f"cannot run: {lacks}")


def _weights() -> Iterator[Finding]:
    from .weights import search
    from .weights.catalogue import NEEDED, PARTS
    from .weights.reading import sniff

    for name, part in PARTS.items():
        found = search(name)
        if found is None:
            wanted = " and ".join(engine for engine, names in NEEDED.items() if name in names)
            yield Finding("weights", name, f"not here, needed by {wanted}" if wanted else "not here, but of use")
            continue
        try:
            sniff(found.path)
            yield Finding("weights", name, f"{found.path}, {found.path.stat().st_size / 1e6:.0f} MB")
        except LipsmithError as problem:
            yield Finding("weights", name, str(problem), False, f"delete it, then: lipsmith weights fetch {part.name}")


def _files() -> Iterator[Finding]:
    for name in (DEMO_PICTURE, DEMO_SPEECH):
        try:
            yield Finding("files", name, f"{asset(name).stat().st_size // 1024} KiB")
        except LipsmithError as problem:
            yield Finding("files", name, "missing", False, str(problem))
    for name, folder in (("temporary folder", Path(tempfile.gettempdir())), ("this folder", Path.cwd())):
        free = shutil.disk_usage(folder).free
        enough = free >= SPOOL_BYTES
        repair = None if enough else "Free some space, or set TMPDIR to a folder with more."
        yield Finding("files", name, f"{folder}, {free / 2**30:.1f} GiB free", enough, repair)


__all__ = ["Finding", "bf16_support", "examine", "opencv_owners"]
