"""Official weights: which files there are, where they lie on this machine, and how they are read.

``find(part)`` or raise WeightsMissing with the one command that helps; ``read_state("vae", found.path)`` with every
key and shape checked; ``fill(network, state, found.path)``, where a network built on the device "meta" will do;
``read_network`` is both.
"""

from __future__ import annotations

from .catalogue import Catalogue, OfficialFile, Part, joined
from .keys import official_keys
from .loading import check, check_shapes, fill, read_config, read_network, read_state, shapes
from .lookup import FoundPart, amount, cache_folder, find, find_all, lacking, missing_sentence, search, search_folders

__all__ = [
    "Catalogue",
    "FoundPart",
    "OfficialFile",
    "Part",
    "amount",
    "cache_folder",
    "check",
    "check_shapes",
    "fill",
    "find",
    "find_all",
    "joined",
    "lacking",
    "missing_sentence",
    "official_keys",
    "read_config",
    "read_network",
    "read_state",
    "search",
    "search_folders",
    "shapes",
]
