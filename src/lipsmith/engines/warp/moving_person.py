"""A person in a video: one neutral face, and one mesh for each way the head is turned."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .mesh import MouthMesh, make_mesh
from .neutral import NeutralFace, lip_line_middle

TURN_STEP = np.deg2rad(7.0)
"""rad: yaw and pitch are rounded to this step, and heads of the same rounded turn share a mesh."""
MAX_MESHES = 16
"""Most meshes kept in memory, about 3 MB each; the oldest goes first and is solved again when it is needed."""
_NEAR_MOUTH = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class MovingPerson:
    """What belongs to a person in a video, not to a single frame. The meshes are a cache."""

    neutral: NeutralFace
    _meshes: dict[tuple[int, int], MouthMesh] = field(default_factory=dict)

    @property
    def middle(self) -> Points:
        """(3,) eye distances: the middle of the closed lip line, head's frame."""
        return lip_line_middle(self.neutral.shape)

    def mesh(self, pose: Pose) -> MouthMesh:
        """The mesh whose plane is the neutral face seen with the yaw and pitch of ``pose``, rounded, without roll."""
        yaw, pitch, _ = pose.angles
        turn = (round(yaw / TURN_STEP), round(pitch / TURN_STEP))
        if turn not in self._meshes:
            if len(self._meshes) >= MAX_MESHES:
                self._meshes.pop(next(iter(self._meshes)))
            seen = (self.neutral.shape - self.middle) @ _rotation(turn[0] * TURN_STEP, turn[1] * TURN_STEP).T
            self._meshes[turn] = make_mesh(seen)
        return self._meshes[turn]

    def plane_to_image(self, pose: Pose, mesh: MouthMesh) -> Array:
        """(2, 3) affine map from the mesh's plane to image px.

        It carries the mesh's centres onto the neutral face under ``pose``: weighted least squares, the mouth's
        surroundings counting most.
        """
        centres = mesh.centres.astype(np.float64)
        weights = np.exp(-(centres**2).sum(1) / (2 * _NEAR_MOUTH**2))[:, None]
        terms = np.hstack([centres, np.ones((len(centres), 1))])
        target = pose.to_image(self.neutral.shape)[:, :2]
        return np.asarray(np.linalg.solve(terms.T @ (weights * terms), terms.T @ (weights * target)).T, np.float32)


def _rotation(yaw: float, pitch: float) -> Points:
    """(3, 3) rotation of a head turned by ``yaw`` and ``pitch`` rad, in the sense of ``Pose.angles``, without roll."""
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    right = np.cross([0.0, 1.0, 0.0], -ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(-ahead, right), -ahead], 1)
