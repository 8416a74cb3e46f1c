"""Official weights: which files there are, where they lie on this machine, and how they are read.

``find("vae")`` or raise WeightsMissing with the one command that helps; ``read_state("vae", found.path)`` with every
key and shape checked; ``fill(network, state, found.path)``, where a network built on the device "meta" will do;
``read_network`` is both.
"""

from __future__ import annotations

from .catalogue import OfficialFile, Part
from .keys import official_keys
from .places import Found, amount, cache_folder, find, find_all, lacking, missing_sentence, places, search
from .reading import check, check_shapes, fill, read_config, read_network, read_state, shapes

__all__ = [
    "Found",
    "OfficialFile",
    "Part",
    "amount",
    "cache_folder",
    "check",
    "check_shapes",
    "fill",
    "find",
    "find_all",
    "lacking",
    "missing_sentence",
    "official_keys",
    "places",
    "read_config",
    "read_network",
    "read_state",
    "search",
    "shapes",
]
