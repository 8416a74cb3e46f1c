"""Avatars on disk hold these classes and fields by name."""

from __future__ import annotations

from dataclasses import fields

from lipsmith.engines.warp.material import MATERIAL_TYPES

STORED = {
    "Material": "picture pose landmarks own neutral sheets placement source interior still jaw_angle strength",
    "Still": "head eyes",
    "HeadField": "nodes motions",
    "Eye": "box scale pixels height lid gap opening iris lift skin lid_share lashes",
    "Interior": "palette middle teeth light",
    "Palette": "skin lip teeth tongue cavity shadow bright slant softness",
    "Teeth": "picture alpha corners",
    "Placement": "forward inverse box start window",
    "Sheets": "centres layers",
    "Layer": "points basis",
    "Neutral": "shape relax smile",
    "Pose": "scale rotation shift",
}


def test_what_avatars_hold_keeps_its_names() -> None:
    names = {
        getattr(kind, "STORED_AS", kind.__name__): " ".join(field.name for field in fields(kind))
        for kind in MATERIAL_TYPES
    }
    assert names == STORED
