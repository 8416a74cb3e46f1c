"""Faces in an image: 478 landmarks each, from close-ups down to .06 of the short side and less.

The short-range detector looks over a small copy of the image, then the full-range one, whose suspects the first must
confirm in an enlarged view; where nobody shows, both look again at enlarged parts. The landmark network then looks at
each find until the face is where it looked. Measured on the astronaut pasted at many sizes: landmarks are within .01 of
the eye distance of those of the original for faces 50 px wide and more, .02 at 30 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from ..types import Array, Face, Image
from .mediapipe_nets import Detection, FaceDetector, LandmarkNet
from .regions import SMALLEST, Region, RegionView, area, box_of, overlap

_LOOKS = 3  # at most, until the face is where the network looked
_STRAY = 0.03  # of the region's side: closer than this the landmarks no longer depend on where one looked
_CONFIRM_MARGIN = 1.8  # side of the enlarged look at a suspect / its box side
_SURE = 0.65  # short-range score: faces, painted and drawn ones too, reach .85 and more, ghosts .57 at most
_SUSPECTS = 6  # per look: the detector sees ghosts in busy pictures
_SAME = 0.3  # overlap above which two boxes are on one face
_PROBE_EVERY = 10  # frames between looks for newcomers while known faces are followed
_REFINING = ((0.0, 0.0, 1.0), (0.02, 0.0, 1.06), (-0.02, 0.0, 0.94), (0.0, 0.02, 0.97), (0.0, -0.02, 1.03))


class Landmarker:
    """Finds faces in images. Not for several threads at once; close it, or use it in a ``with``.

    ``max_faces``: the largest ones are kept. ``tracking``: images are frames of one film; known faces are followed,
    and the detectors look only when one is lost and every tenth frame. Otherwise nothing is remembered between calls.
    Raises EngineUnavailable when mediapipe or a system library is missing.
    """

    def __init__(self, max_faces: int = 4, tracking: bool = False) -> None:
        self._max_faces = max_faces
        self._tracking = tracking
        self._net = LandmarkNet()
        self._near = FaceDetector(full_range=False, confidence=0.4)
        self._far = FaceDetector(full_range=True, confidence=0.2)
        self._known: list[Face] = []
        self._frame = 0

    def find(self, image: Image) -> list[Face]:
        """Faces in (H, W, 3) uint8 RGB, largest first. An image with a side below 32 px has none."""
        if min(image.shape[:2]) < SMALLEST:
            return []
        if not self._tracking:
            return self.detect(image)
        faces = [face for face in self.follow(image, self._known) if face is not None]
        probe = self._frame % _PROBE_EVERY == 0
        if not faces or len(faces) < len(self._known) or probe:
            faces = distinct([*faces, *self.detect(image, faces, tiles=probe)])
        self._known = distinct(faces)[: self._max_faces]
        self._frame += 1
        return list(self._known)

    def detect(self, image: Image, known: Sequence[Face] = (), tiles: bool = True) -> list[Face]:
        """Look over the whole image, largest first; faces that are one of ``known`` are left out.

        ``tiles``: where the whole image shows nobody, look again at its parts, enlarged (about 0.1 s).
        """
        view = RegionView.over(image)
        faces = self._near_faces(image, view, known)
        if len(faces) + len(known) < self._max_faces:
            faces += self._far_faces(image, view, [*known, *faces])
        if tiles and not faces and not known:
            for tile in RegionView.tiles(image):
                faces += self._far_faces(image, tile, faces)
        return distinct(faces)[: max(0, self._max_faces - len(known))]

    def follow(self, image: Image, faces: Sequence[Face]) -> list[Face | None]:
        """Each of ``faces`` (of the frame before) where it is in this image, or None where it is gone."""
        return [self._settle(image, Region.of(face.landmarks), face.track) for face in faces]

    def refine(self, image: Image, face: Face) -> Face:
        """The same face from the mean of five looks, each a little wider, narrower or aside: half the error."""
        region = Region.of(face.landmarks)
        looks = [self._look(image, region.moved(*change)) for change in _REFINING]
        landmarks = np.mean([seen.landmarks for seen in looks if seen] or [face.landmarks], 0, np.float32)
        return Face(box_of(landmarks), landmarks, face.score, face.track)

    def close(self) -> None:
        """Free the networks. The landmarker cannot be used after."""
        for part in (self._net, self._near, self._far):
            part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _near_faces(self, image: Image, view: RegionView, known: Sequence[Face]) -> list[Face]:
        """What the short-range detector is sure of, or becomes sure of when it sees it enlarged."""
        faces: list[Face] = []
        for seen in (found.outward(view) for found in self._near(view.picture)):
            accept = self._settled if seen.score >= _SURE else self._confirmed
            faces += accept(image, seen, known)
        return faces

    def _far_faces(self, image: Image, view: RegionView, known: Sequence[Face]) -> list[Face]:
        """What the full-range detector suspects and the short-range one, seeing it enlarged, confirms."""
        suspects = [found.outward(view) for found in self._far(view.picture)[:_SUSPECTS]]
        return [face for suspect in suspects for face in self._confirmed(image, suspect, known)]

    def _confirmed(self, image: Image, suspect: Detection, known: Sequence[Face]) -> list[Face]:
        view = RegionView.of(image, Region.around(suspect.box, margin=_CONFIRM_MARGIN))
        if view is None or any(_same(suspect.box, face.box) for face in known):
            return []
        seen = [found.outward(view) for found in self._near(view.picture) if found.score >= _SURE]
        return [face for one in seen if _same(one.box, suspect.box) for face in self._settled(image, one, known)]

    def _settled(self, image: Image, seen: Detection, known: Sequence[Face]) -> list[Face]:
        """The landmarks of a detection; none when it is known, or when they leave the detector's box: no face."""
        if any(_same(seen.box, face.box) for face in known):
            return []
        face = self._settle(image, Region.around(seen.box, seen.eyes))
        return [face] if face and _same(face.box, seen.box) else []

    def _settle(self, image: Image, region: Region, track: int = 0) -> Face | None:
        """Look, and look again where the landmarks say, until that is where one looked."""
        for _ in range(_LOOKS):
            face = self._look(image, region, track)
            if face is None:
                return None
            looked, region = region, Region.of(face.landmarks)
            if looked.strayed(region) < _STRAY:
                break
        return face

    def _look(self, image: Image, region: Region, track: int = 0) -> Face | None:
        view = RegionView.of(image, region)
        found = view and self._net(view.picture, view.inward(region))
        if not view or not found:
            return None
        landmarks = view.outward(found[0])
        return Face(box_of(landmarks), landmarks, found[1], track)


def distinct(faces: Sequence[Face]) -> list[Face]:
    """Each face once, largest first; of two that are the same, the earlier in ``faces`` stays."""
    kept: list[Face] = []
    for face in faces:
        if not any(_same(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -area(face.box))


def _same(a: Array, b: Array) -> bool:
    return overlap(a, b) > _SAME
