"""What the engine keeps of one face in one picture. All px are of the picture, not of the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .head import Eye, HeadField
from .interior import Interior, Teeth
from .mesh import MeshLayer, MouthMesh, Placement
from .palette import Palette
from .target import Neutral


@dataclass(frozen=True, slots=True, eq=False)
class HeadMaterial:
    """What only a still portrait has: a head that moves and lids that close."""

    STORED_AS: ClassVar[str] = "Still"  # in the avatars on disk
    head: HeadField
    eyes: tuple[Eye, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WarpMaterial:
    """One face made ready."""

    STORED_AS: ClassVar[str] = "Material"  # in the avatars on disk
    picture: Image  # (h, w, 3) a view of the source where the face is drawn
    pose: Pose
    landmarks: Points  # (468, 3) px, lip line snapped, inner lips inset where they are open
    own: Points  # (468, 3) eye distances: the same in the head's own frame
    neutral: Neutral
    sheets: MouthMesh
    placement: Placement
    source: Array | None  # (468, 2) the landmarks' displacement on the plane; None: they are its centres
    interior: Interior
    still: HeadMaterial | None = None
    jaw_angle: float | None = None  # rad the jaw hangs in this frame of a film; None for a still
    strength: float = 1.0  # 0 shows the source


RECORDS = (
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
    Neutral,
    Pose,
)
"""What a stored material is built of."""
