"""A person who moves: one neutral face, and sheets for each way the head is turned."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .mesh import MouthMesh, make_mesh
from .target import Neutral

TURN = np.deg2rad(7.0)
"""rad: heads turned less apart than this share one pair of sheets."""
KEPT = 16
"""Most pairs of sheets kept, about 3 MB each; the first made goes first, and can be made again."""
_NEAR = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class MovingPerson:
    """What belongs to a person who moves, not to a frame. The sheets are only remembered, never changed."""

    neutral: Neutral
    _sheets: dict[tuple[int, int], MouthMesh] = field(default_factory=dict)

    @property
    def middle(self) -> Points:
        """(3,) eye distances: the middle of the closed lip line, own frame."""
        return np.asarray((self.neutral.shape[13] + self.neutral.shape[14]) / 2)

    def sheets(self, pose: Pose) -> MouthMesh:
        """Sheets whose plane is the neutral face seen as a head turned about like ``pose`` shows it, upright."""
        yaw, pitch, _ = pose.angles
        turned = (round(yaw / TURN), round(pitch / TURN))
        if turned not in self._sheets:
            if len(self._sheets) >= KEPT:
                self._sheets.pop(next(iter(self._sheets)))
            seen = (self.neutral.shape - self.middle) @ _upright(turned[0] * TURN, turned[1] * TURN).T
            self._sheets[turned] = make_mesh(seen)
        return self._sheets[turned]

    def plane(self, pose: Pose, sheets: MouthMesh) -> Array:
        """(2, 3): the affine way that best carries the sheets' centres onto the neutral face under ``pose``, px."""
        centres = sheets.centres.astype(np.float64)
        near = np.exp(-(centres**2).sum(1) / (2 * _NEAR**2))[:, None]
        terms = np.hstack([centres, np.ones((len(centres), 1))])
        goal = pose.to_image(self.neutral.shape)[:, :2]
        return np.asarray(np.linalg.solve(terms.T @ (near * terms), terms.T @ (near * goal)).T, np.float32)


def _upright(yaw: float, pitch: float) -> Points:
    """(3, 3) rotation of a head turned by ``yaw`` and ``pitch`` rad without roll."""
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    right = np.cross([0.0, 1.0, 0.0], -ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(-ahead, right), -ahead], 1)
