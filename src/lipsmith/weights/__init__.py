"""Official weights: lists the known files, finds and downloads them, and reads them with checks.

``find(part)`` returns a file, or raises WeightsMissing with the one command that helps. ``read_state("vae",
found.path)`` reads it and checks every key and shape. ``load_strictly(network, state, found.path)`` loads it into a
network, which may be built on the device "meta". ``read_network`` does both.
"""

from __future__ import annotations

from .catalogue import Catalogue, OfficialFile, Part, joined
from .keys import official_keys
from .loading import check, check_shapes, load_strictly, read_config, read_network, read_state, shapes
from .lookup import (
    FoundPart,
    cache_folder,
    find,
    find_all,
    missing_parts,
    missing_recommended,
    missing_sentence,
    nothing_here_sentence,
    readable_size,
    search,
    search_folders,
)

__all__ = [
    "Catalogue",
    "FoundPart",
    "OfficialFile",
    "Part",
    "cache_folder",
    "check",
    "check_shapes",
    "find",
    "find_all",
    "joined",
    "load_strictly",
    "missing_parts",
    "missing_recommended",
    "missing_sentence",
    "nothing_here_sentence",
    "official_keys",
    "read_config",
    "read_network",
    "read_state",
    "readable_size",
    "search",
    "search_folders",
    "shapes",
]
