"""Finds faces in an image, with 478 landmarks each, down to .06 of the image's short side and smaller.

The short-range detector runs on a small copy of the image, then the full-range one; the short-range detector must
confirm the latter's candidates in an enlarged view. If they find nobody, both run on enlarged tiles. The landmark
network then runs on each detection until its region no longer moves. Measured on the astronaut pasted at many sizes:
landmarks are within .01 of the eye distance of the original's for faces at least 50 px wide, .02 at 30 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from ..types import Array, Face, Image
from .mediapipe_nets import Detection, FaceDetector, LandmarkNet
from .regions import MIN_SIDE, Region, RegionView, area, box_of, iou

_MAX_PASSES = 3  # of the landmark network over one face
_CONVERGED = 0.03  # of the region's side: change of the region below which it has converged
_CONFIRM_MARGIN = 1.8  # side of the enlarged view of a candidate / side of its box
_MIN_SCORE = 0.65  # short-range score: faces, also painted ones, reach .85 and more, false detections .57 at most
_MAX_CANDIDATES = 6  # candidates per view: the detector has false detections in busy pictures
_SAME_FACE_IOU = 0.3  # intersection over union above which two boxes are one face
_PROBE_EVERY = 10  # frames between detections of new faces while known ones are followed
_REFINE_SHIFTS = ((0.0, 0.0, 1.0), (0.02, 0.0, 1.06), (-0.02, 0.0, 0.94), (0.0, 0.02, 0.97), (0.0, -0.02, 1.03))


class Landmarker:
    """Finds faces in images. Not thread-safe. Close it, or use it in a ``with`` block.

    Args:
        max_faces: the largest ones are kept.
        tracking: whether the images are the frames of one film. Then known faces are followed, and the detectors run
            only when one is lost and every tenth frame. Otherwise no state is kept between calls.

    Raises:
        EngineUnavailable: mediapipe or a system library is missing.
    """

    def __init__(self, max_faces: int = 4, tracking: bool = False) -> None:
        self._max_faces = max_faces
        self._tracking = tracking
        self._net = LandmarkNet()
        self._short_range = FaceDetector(full_range=False, confidence=0.4)
        self._full_range = FaceDetector(full_range=True, confidence=0.2)
        self._known: list[Face] = []
        self._frame = 0

    def find(self, image: Image) -> list[Face]:
        """Faces in (H, W, 3) uint8 RGB, largest first. An image with a side below 32 px has none."""
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        if not self._tracking:
            return self.detect(image)
        faces = [face for face in self.follow(image, self._known) if face is not None]
        probe = self._frame % _PROBE_EVERY == 0
        if not faces or len(faces) < len(self._known) or probe:
            faces = without_duplicates([*faces, *self.detect(image, faces, tiles=probe)])
        self._known = without_duplicates(faces)[: self._max_faces]
        self._frame += 1
        return list(self._known)

    def detect(self, image: Image, known: Sequence[Face] = (), tiles: bool = True) -> list[Face]:
        """Run the detectors on the whole image. Faces, largest first, without those in ``known``.

        ``tiles``: if the whole image shows nobody, run on its enlarged parts too (about 0.1 s).
        """
        view = RegionView.overview(image)
        faces = self._short_range_faces(image, view, known)
        if len(faces) + len(known) < self._max_faces:
            faces += self._full_range_faces(image, view, [*known, *faces])
        if tiles and not faces and not known:
            for tile in RegionView.tiles(image):
                faces += self._full_range_faces(image, tile, faces)
        return without_duplicates(faces)[: max(0, self._max_faces - len(known))]

    def follow(self, image: Image, faces: Sequence[Face]) -> list[Face | None]:
        """Locate each of ``faces``, found in the previous frame, in this image; None if it is gone."""
        return [self._converge(image, Region.of(face.landmarks), face.track) for face in faces]

    def refine(self, image: Image, face: Face) -> Face:
        """Average the landmarks over five slightly shifted and scaled regions, which halves the error."""
        region = Region.of(face.landmarks)
        looks = [self._run_network(image, region.moved(*change)) for change in _REFINE_SHIFTS]
        landmarks = np.mean([seen.landmarks for seen in looks if seen] or [face.landmarks], 0, np.float32)
        return Face(box_of(landmarks), landmarks, face.score, face.track)

    def close(self) -> None:
        """Free the networks. Do not use the landmarker afterwards."""
        for part in (self._net, self._short_range, self._full_range):
            part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _short_range_faces(self, image: Image, view: RegionView, known: Sequence[Face]) -> list[Face]:
        """The short-range detector's faces; unsure ones must be confirmed in an enlarged view."""
        faces: list[Face] = []
        for seen in (found.to_image(view) for found in self._short_range(view.picture)):
            accept = self._located if seen.score >= _MIN_SCORE else self._confirm
            faces += accept(image, seen, known)
        return faces

    def _full_range_faces(self, image: Image, view: RegionView, known: Sequence[Face]) -> list[Face]:
        """The full-range detector's candidates that the short-range one confirms in an enlarged view."""
        candidates = [found.to_image(view) for found in self._full_range(view.picture)[:_MAX_CANDIDATES]]
        return [face for candidate in candidates for face in self._confirm(image, candidate, known)]

    def _confirm(self, image: Image, candidate: Detection, known: Sequence[Face]) -> list[Face]:
        view = RegionView.of(image, Region.around(candidate.box, margin=_CONFIRM_MARGIN))
        if view is None or any(_same_face(candidate.box, face.box) for face in known):
            return []
        seen = [found.to_image(view) for found in self._short_range(view.picture) if found.score >= _MIN_SCORE]
        return [face for one in seen if _same_face(one.box, candidate.box) for face in self._located(image, one, known)]

    def _located(self, image: Image, seen: Detection, known: Sequence[Face]) -> list[Face]:
        """The face of a detection; none if it is known, or if its landmarks leave the detector's box."""
        if any(_same_face(seen.box, face.box) for face in known):
            return []
        face = self._converge(image, Region.around(seen.box, seen.eyes))
        return [face] if face and _same_face(face.box, seen.box) else []

    def _converge(self, image: Image, region: Region, track: int = 0) -> Face | None:
        """Run the landmark network on ``region``, then on the region of its landmarks, until that no longer moves."""
        for _ in range(_MAX_PASSES):
            face = self._run_network(image, region, track)
            if face is None:
                return None
            previous, region = region, Region.of(face.landmarks)
            if previous.distance(region) < _CONVERGED:
                break
        return face

    def _run_network(self, image: Image, region: Region, track: int = 0) -> Face | None:
        view = RegionView.of(image, region)
        found = view and self._net(view.picture, view.to_view(region))
        if not view or not found:
            return None
        landmarks = view.to_image(found[0])
        return Face(box_of(landmarks), landmarks, found[1], track)


def without_duplicates(faces: Sequence[Face]) -> list[Face]:
    """Each face once, largest first; of two detections of one face, the first in ``faces`` stays."""
    kept: list[Face] = []
    for face in faces:
        if not any(_same_face(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -area(face.box))


def _same_face(a: Array, b: Array) -> bool:
    return iou(a, b) > _SAME_FACE_IOU
