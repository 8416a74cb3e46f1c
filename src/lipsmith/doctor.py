"""Checks this machine: versions, libraries, codecs, hardware, engines, voices, weights, files. Names remedies."""

from __future__ import annotations

import operator
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from .assets import DEMO_PICTURE, DEMO_SPEECH, MEAN_FACE, MOUTH_HEADS, SPEECH_ENCODER, STUDENT, TEST_PICTURE, asset
from .errors import LipsmithError
from .libraries import (
    DEBIAN_PACKAGES,
    blocking_libraries,
    install_command,
    install_hint,
    missing_libraries,
    pip_install,
)
from .version import __version__

PYTHONS = ((3, 11), (3, 12))
COMPARISONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne
}  # fmt: skip
OPENCV = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless")
ENCODERS = ("libx264", "aac", "libvpx-vp9", "libopus")
DECODERS = ("h264", "hevc", "vp9", "mp3", "flac")
BF16_FLAGS = ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16")  # the last one is Arm's
SPOOL_BYTES = 2 << 30  # over a minute of 1080p, losslessly compressed: what playing a video backward stores


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    topic: str
    name: str
    value: str
    good: bool = True  # False: something will not work
    remedy: str | None = None  # what to do if not ``good``


def examine() -> list[Finding]:
    """Run all checks; takes about a second."""
    looks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _versions, _opencv, _system, _codecs, _processor, _graphics, _engines, _voices, _weights, _files
    )  # fmt: skip
    return [finding for look in looks for finding in look()]


def opencv_owners(distributions: Iterable[metadata.Distribution] | None = None) -> list[str]:
    """The installed distributions that contain the package ``cv2``; several overwrite each other."""
    found = metadata.distributions() if distributions is None else distributions
    names = {one.metadata["Name"].lower().replace("_", "-") for one in found}
    return sorted(names & set(OPENCV))


def _versions() -> Iterator[Finding]:
    wanted = requirements()
    note = "" if wanted else " (not installed as a package, so its requirements are not known)"
    yield Finding("versions", "lipsmith", __version__ + note)
    right = sys.version_info[:2] in PYTHONS
    yield Finding("versions", "python", platform.python_version(), right, None if right else "Use Python 3.11 or 3.12.")
    yield Finding("versions", "platform", platform.platform())
    yield from (_package(one) for one in wanted)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that Lipsmith depends on."""

    name: str
    bounds: str  # such as "<2,>=1.26"; empty: any version
    extra: str = ""  # the extras that need it, such as "torch, train"; empty: always needed


def requirements() -> list[Requirement]:
    """The requirements in Lipsmith's package metadata; none if it is not installed as a package."""
    try:
        lines = metadata.requires("lipsmith") or []
    except metadata.PackageNotFoundError:
        return []
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        one = re.match(r"([\w.-]+)(?:\[.*?\])?\s*\(?([^;()]*)", line)
        if one:
            extras = found.setdefault((one[1], one[2].replace(" ", "")), [])
            extras += re.findall(r"extra == [\"']([\w.-]+)", line)
    return [Requirement(name, bounds, ", ".join(sorted(extras))) for (name, bounds), extras in found.items()]


def within(version: str, bounds: str) -> bool:
    """Whether a version lies in bounds such as ``<2,>=1.26``; clauses with other operators are ignored."""
    clauses = [re.fullmatch(r"(<=|>=|==|!=|<|>)([\d.]+)", bound) for bound in bounds.split(",")]
    return all(COMPARISONS[one[1]](_numbers(version), _numbers(one[2])) for one in clauses if one)


def _numbers(version: str) -> tuple[int, ...]:
    """(4, 11) of 4.11.0 or 4.11.0+cpu; trailing zeros are dropped."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", release[0]).split(".")) if release else ()


def _package(wanted: Requirement) -> Finding:
    version, exact = _version(wanted.name), wanted.name + wanted.bounds
    if version is not None and within(version, wanted.bounds):
        return Finding("versions", wanted.name, version)
    if wanted.extra:
        whose = f"the extra {wanted.extra}"
        value = f"{version} ({whose} needs {exact})" if version else f"not installed (only {whose} needs it)"
        return Finding("versions", wanted.name, value)
    value = f"{version}, but {exact} is needed" if version else "missing"
    return Finding("versions", wanted.name, value, False, f"{pip_install()} '{exact}'")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _opencv() -> Iterator[Finding]:
    owners = opencv_owners()
    others = [name for name in owners if name != OPENCV[0]]
    again = f"{pip_install()} --force-reinstall --no-deps '{OPENCV[0]}<4.12'"
    if len(owners) > 1:
        repair = f"pip uninstall -y {' '.join(others)} && {again}"
        yield Finding("opencv", "cv2", f"claimed by {' and '.join(owners)}, which overwrite each other", False, repair)
        return
    try:
        import cv2

        version = getattr(cv2, "__version__", None)
    except ImportError as problem:
        missing = missing_libraries()
        yield Finding(
            "opencv", "cv2", f"does not load: {problem}", False, install_command(missing) if missing else again
        )
        return
    owner = owners[0] if owners else "no distribution"
    value = f"{version} from {owner}" if version else f"an empty shell from {owner}"
    yield Finding("opencv", "cv2", value, bool(version), None if version else again)


def _system() -> Iterator[Finding]:
    missing, blocking = missing_libraries(), blocking_libraries()
    for library, package in DEBIAN_PACKAGES.items():
        if package in blocking:
            yield Finding("system", library, "missing", False, install_command([package]))
        else:
            value = "missing, but OpenCV loads without it" if package in missing else "found"
            yield Finding("system", library, value)


def _codecs() -> Iterator[Finding]:
    if util.find_spec("av") is None:
        return
    for name in ENCODERS:
        yield _codec(name, "encodes", _opens(name, "w"))
    for name in DECODERS:
        yield _codec(name, "decodes", _opens(name, "r"))


def _codec(name: str, word: str, there: bool) -> Finding:
    repair = None if there else f"{pip_install()} --force-reinstall av"
    return Finding("codecs", name, word if there else "missing", there, repair)


def _opens(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.Codec(name, mode)
    except (ValueError, av.FFmpegError):
        return False
    return True


def _processor() -> Iterator[Finding]:
    from .engines.torch_runtime.threads import suitable_threads, usable_cores

    now = suitable_threads()
    yield Finding("processor", "threads", f"{usable_cores()} usable of {os.cpu_count()}, {now} for torch at this load")
    yield Finding("processor", "bf16", bf16_support(Path("/proc/cpuinfo")))


def bf16_support(cpuinfo: Path) -> str:
    """Whether the processor computes in bf16, from Linux's ``cpuinfo``; it matters to the torch engines only."""
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
        yield Finding("graphics", "GPU", "none found (nvidia-smi is missing); the default engine needs none")
        return
    try:
        done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as problem:
        yield Finding("graphics", "GPU", f"not known: {problem}")
        return
    for number, line in enumerate(done.stdout.splitlines() or [f"nvidia-smi failed: {done.stderr.strip()}"]):
        yield Finding("graphics", f"GPU {number}", line)


def _engines() -> Iterator[Finding]:
    from .engines import engine_table

    for spec in engine_table().values():
        reason = spec.unavailable_reason(spec.options())
        limited = spec.limited_reason(spec.options()) if reason is None else None
        can = f"can run, but: {limited}" if limited else "can run"
        yield Finding("engines", spec.name, can if reason is None else f"cannot run: {reason}")


def _voices() -> Iterator[Finding]:
    from .tts.espeak_library import has_espeak
    from .tts.kokoro import unavailable_reason

    absent = None if has_espeak() else f"this brings it: {install_hint('voice')}"
    for name, reason in (("espeak", absent), ("kokoro", unavailable_reason())):
        yield Finding("voices", name, "can speak" if reason is None else f"cannot speak: {reason}")


def _weights() -> Iterator[Finding]:
    from .engines import weight_catalogue
    from .weights import search
    from .weights.loading import check_header

    catalogue = weight_catalogue()
    for part in catalogue.parts:
        found = search(part)
        if found is None:
            needed = " and ".join(catalogue.consumers(part)[0])
            worse = " and ".join(name for name, parts in catalogue.recommended.items() if part.name in parts)
            without = f"{worse} run worse without it: lipsmith weights fetch {part.name}" if worse else ""
            value = f"not here, needed by {needed}" if needed else f"not here; {without or 'engines run without it'}"
            yield Finding("weights", part.name, value)
            continue
        try:
            check_header(found.path)
            yield Finding("weights", part.name, f"{found.path}, {found.path.stat().st_size / 1e6:.0f} MB")
        except LipsmithError as problem:
            remedy = f"delete it, then: lipsmith weights fetch {part.name}"
            yield Finding("weights", part.name, str(problem), False, remedy)


def _files() -> Iterator[Finding]:
    for name in (DEMO_PICTURE, TEST_PICTURE, DEMO_SPEECH, MEAN_FACE, STUDENT, SPEECH_ENCODER, MOUTH_HEADS):
        try:
            yield Finding("files", name, f"{asset(name).stat().st_size // 1024} KiB")
        except LipsmithError as problem:
            yield Finding("files", name, "missing", False, str(problem))
    for name, folder in (("temporary folder", Path(tempfile.gettempdir())), ("this folder", Path.cwd())):
        free = shutil.disk_usage(folder).free
        enough = free >= SPOOL_BYTES
        repair = None if enough else "Free some space, or set TMPDIR to a folder with more."
        yield Finding("files", name, f"{folder}, {free / 2**30:.1f} GiB free", enough, repair)


__all__ = ["Finding", "Requirement", "bf16_support", "examine", "opencv_owners", "requirements", "within"]
