"""Where networks run and in which precision: what was requested, else what suits this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...errors import OptionError
from ...libraries import install_hint

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]
PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "accelerate")
_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}  # the last one is Arm's


def missing_packages() -> str | None:
    """Which of ``PACKAGES`` are not installed, and the command that brings them; None: all are here."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    them = "it" if len(absent) == 1 else "them"
    return f"{', '.join(absent)} not installed; this brings {them}: {install_hint('torch')}" if absent else None


def has_gpu() -> bool:
    """Whether torch can use a GPU here."""
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def resolve_device(asked: str) -> str:
    """A device by torch's name for it: what was asked for, or for ``auto`` a GPU, else the CPU.

    Raises:
        OptionError: torch has no such device here.
    """
    if asked == "cpu":
        return "cpu"
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=asked)
    except (RuntimeError, AssertionError) as problem:
        why = str(problem).splitlines()[0]
        raise OptionError(f"device is '{asked}', which torch cannot use here ({why}); try auto.") from problem
    return asked


def full_name(device: str) -> str:
    """A device that was resolved with its number, such as ``cuda:0`` for ``cuda``. It starts CUDA, so ask late."""
    import torch

    return str(torch.empty(1, device=device).device)


def resolve_precision(asked: Precision, device: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> Precision:
    """What was asked for, or for ``auto`` fp16 on GPUs, bf16 on CPUs that multiply in it, else fp32.

    Raises:
        OptionError: fp16 on a CPU.
    """
    if asked == "fp16" and device == "cpu":
        raise OptionError("fp16 on a CPU is slower than fp32 and overflows in the VAE; choose bf16, fp32 or auto.")
    if asked != "auto":
        return asked
    if device != "cpu":
        return "fp16"
    return "bf16" if _multiplies_in_bf16(cpuinfo) else "fp32"


def dtype_of(precision: Precision) -> torch.dtype:
    """torch's type for a precision that was resolved."""
    import torch

    dtype: torch.dtype = getattr(torch, _DTYPES[precision])
    return dtype


def _multiplies_in_bf16(cpuinfo: Path) -> bool:
    try:
        return bool(_BF16_FLAGS & set(cpuinfo.read_text().split()))
    except OSError:
        return False


__all__ = [
    "PACKAGES",
    "Precision",
    "dtype_of",
    "full_name",
    "has_gpu",
    "missing_packages",
    "resolve_device",
    "resolve_precision",
]
