"""What is kept of a person over a whole film: DWPose's points, smoothed, and how far the mask's border can be moved.

DWPose reads every frame alone, so its points tremble, and a box made of them shakes the picture. They are kept while
the film is analyzed, and smoothed like FaceMesh's: without delay, over short gaps, never across a cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...face.landmark_file import LandmarkFile
from ...face.points68 import POINTS
from ...face.regions import box_of
from ...face.tracks import Track, Tracks
from ...types import Array, Face, Image
from .box import ShiftRange
from .landmarks import LandmarkSource, by_mesh


@dataclass(frozen=True, slots=True, eq=False)
class MuseTalkIdentity:
    """One person of a film."""

    shift_range: ShiftRange
    tracks: Tracks | None = None  # of DWPose's 68 points; None: FaceMesh's are used
    smooth: bool = True

    def points(self, face: Face) -> Array | None:
        """The (68, 2) px of this person in the frame of ``face``, or None where nothing was kept."""
        if self.tracks is None:
            return None
        found = self.tracks.faces(face.frame, (face.track,), self.smooth)
        return found[0].landmarks[:, :2] if found else None


class MuseTalkAnalysis:
    """One pass over one person's frames. Without ``smooth``, DWPose's points stay as they are, as in upstream."""

    def __init__(self, landmarks: LandmarkSource = by_mesh, smooth: bool = True) -> None:
        self._landmarks, self._smooth = landmarks, smooth
        self._range = ShiftRange()
        self._points = LandmarkFile(POINTS)
        self._track: Track | None = None
        self._cuts: list[int] = []
        self._scene = 0

    def add(self, image: Image, face: Face) -> None:
        """See one frame with its face. Points are kept where the number of the frame is known."""
        own = None if self._landmarks is by_mesh else self._landmarks(image, face)
        for _ in range(self._range.frames, face.frame):
            self._range.add(None)
        self._range.add(by_mesh(image, face) if own is None else own)
        if own is not None and face.frame >= 0:
            self._keep(own, face)

    def identity(self) -> MuseTalkIdentity:
        """What the frames showed."""
        if self._track is None:
            return MuseTalkIdentity(self._range)
        return MuseTalkIdentity(
            self._range, Tracks(self._range.frames, self._cuts, [self._track], self._points), self._smooth
        )

    def _keep(self, points: Array, face: Face) -> None:
        if self._track is None:
            self._track, self._scene = Track(face.track), face.scene
        if face.scene != self._scene:
            self._cuts.append(face.frame)
            self._scene = face.scene
        flat = np.concatenate([points, np.zeros((POINTS, 1), np.float32)], 1).astype(np.float32)
        seen = Face(box_of(flat), flat, face.score, face.track)
        self._track.add(face.frame, seen, self._points.append(flat))
