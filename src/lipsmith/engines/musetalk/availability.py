"""Whether MuseTalk can run here: what it lacks, packages or weights, and the one command that helps."""

from __future__ import annotations

from pathlib import Path

from ...weights import missing_parts, missing_sentence, readable_size, search
from ..torch_runtime.device import has_gpu, missing_packages
from .options import MuseTalkOptions
from .weights import BISENET, CATALOGUE, DWPOSE, V1, V15

RANDOM_WEIGHTS = ("random", "tiny")
"""Weights that are seeded noise: full size, or small enough for tests."""
WITHOUT_BISENET = (
    "BiSeNet's weights are not here, so masks are polygons around the landmarks: hair, beard, glasses and hands before "
    "the mouth are drawn over. `lipsmith weights fetch bisenet{to}` brings them ({size})."
)


def unavailable_reason(options: MuseTalkOptions) -> str | None:
    """What is missing here for MuseTalk with ``options``, and the one command that helps; None: it can run."""
    absent = missing_packages()
    if absent:
        return absent
    version, only = catalogue_name(options), models_folder(options.weights)
    missing = [] if options.weights in RANDOM_WEIGHTS else missing_parts(CATALOGUE, version, only)
    asked = [version] if missing else []
    if options.landmarks == "dwpose" and search(DWPOSE, only) is None:
        missing.append(DWPOSE)
        asked.append(DWPOSE.name)
    return missing_sentence(missing, only, " ".join(asked)) if missing else None


def limited_reason(options: MuseTalkOptions) -> str | None:
    """What MuseTalk does worse here than it could, and the one command that helps; None: nothing."""
    only = models_folder(options.weights)
    if options.weights in RANDOM_WEIGHTS or search(BISENET, only) is not None:
        return None
    return WITHOUT_BISENET.format(to=f" --to {only}" if only else "", size=readable_size(BISENET.size))


def slow_reason(options: MuseTalkOptions) -> str | None:
    """Why ``auto`` passes MuseTalk over here, though it could run; None: it does not."""
    if options.weights == "tiny" or has_gpu():
        return None
    return "there is no GPU, and a frame would take seconds; --engine musetalk insists"


def catalogue_name(options: MuseTalkOptions) -> str:
    """What the catalogue of weights calls this version."""
    return V1 if options.version == "v1" else V15


def models_folder(weights: str) -> Path | None:
    """The one folder to look in, if one was named."""
    return None if weights in ("official", *RANDOM_WEIGHTS) else Path(weights)
