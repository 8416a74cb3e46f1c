"""What the engine keeps of one face in one picture. All px are of the material's picture, not of the whole image.

These classes are stored in avatars under their ``STORED_AS`` or class names and with these field names, which
therefore cannot change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .eyelids import Eye
from .head_motion import HeadField
from .interior import Interior
from .mesh import MeshLayer, MouthMesh, Placement
from .neutral import NeutralFace
from .palette import Palette
from .teeth import Teeth


@dataclass(frozen=True, slots=True, eq=False)
class HeadMaterial:
    """What only a portrait with idle motion has: a head that moves and lids that close."""

    STORED_AS: ClassVar[str] = "Still"  # in the avatars on disk
    head: HeadField
    eyes: tuple[Eye, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class WarpMaterial:
    """One face, prepared."""

    STORED_AS: ClassVar[str] = "Material"  # in the avatars on disk
    picture: Image  # (h, w, 3) a view of the source image where the face is drawn
    pose: Pose
    landmarks: Points  # (468, 3) px; closed lips meet on the lip line, open lips end where their colour ends
    own: Points  # (468, 3) eye distances: the landmarks in the head's frame
    neutral: NeutralFace
    sheets: MouthMesh
    placement: Placement
    source: Array | None  # (468, 2) the landmarks' displacement on the plane; None: they are the mesh's centres
    interior: Interior
    still: HeadMaterial | None = None  # None: a video's frame, or a portrait without idle motion
    jaw_angle: float | None = None  # rad by which the jaw is open in this frame of a video; None: a portrait
    strength: float = 1.0  # 1 draws the target, 0 shows the source


MATERIAL_TYPES = (
    WarpMaterial,
    HeadMaterial,
    HeadField,
    Eye,
    Interior,
    Palette,
    Teeth,
    Placement,
    MouthMesh,
    MeshLayer,
    NeutralFace,
    Pose,
)
"""Every class that a stored material may hold."""
