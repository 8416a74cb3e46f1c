"""Official weights: which files there are, where they lie on this machine, and how they are read.

``find("vae")`` or raise WeightsMissing with the one command that helps; ``read_state("vae", found.path)`` with every
key and shape checked; ``load_strictly(network, state, found.path)``, where a network built on the device "meta" will do;
``read_network`` is both.
"""

from __future__ import annotations

from .catalogue import OfficialFile, Part
from .keys import official_keys
from .loading import check, check_shapes, load_strictly, read_config, read_network, read_state, shapes
from .lookup import (
    FoundPart,
    cache_folder,
    find,
    find_all,
    lacking,
    missing_sentence,
    readable_size,
    search,
    search_folders,
)

__all__ = [
    "FoundPart",
    "OfficialFile",
    "Part",
    "cache_folder",
    "check",
    "check_shapes",
    "find",
    "find_all",
    "lacking",
    "load_strictly",
    "missing_sentence",
    "official_keys",
    "read_config",
    "read_network",
    "read_state",
    "readable_size",
    "search",
    "search_folders",
    "shapes",
]
