"""Faces in an image: 478 landmarks each, from close-ups down to .06 of the short side.

Two detectors look over a small copy of the whole image; the landmark network then looks at each find at up to 384 px,
twice, the second time where the first landmarks say. Errors measured on the astronaut (pasted at several scales) are
below .01 of the eye distance for faces of 40 px and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from ..types import Array, Face, Image
from .graphs import Detection, Detector, LandmarkNet, Region

Box = tuple[int, int, int, int]
"""x0 y0 x1 y1 in whole px."""
SMALLEST = 32
"""px: an image with a shorter side has no face to be found."""
EYE_LEFT, EYE_RIGHT = 33, 263
"""Outer eye corners, as seen on the screen in an upright face."""

_DETECT_AT = 512  # px: the long side that the detectors look at; they shrink it to 192 without antialiasing
_LOOK_AT = (256, 384)  # px: a region is brought into this range before the network samples it at 192
_MARGIN = 1.5  # region side / face box side, as the network was trained
_LOOKS = 3  # at most, until the face is where the network looked
_STRAY = 0.03  # of the region's side: closer than this the landmarks no longer depend on where one looked
_CONFIRM_MARGIN = 1.8  # side of the enlarged look at a suspect / its box side
_CONFIRMED = 0.7  # short-range score of a suspect seen enlarged: true faces reach .87 and more, others .55 at most
_SUSPECTS = 6  # per look: the detector sees ghosts in busy pictures
_PROBE_EVERY = 10  # frames between looks for newcomers while known faces are followed


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
        self._near = Detector(full_range=False, confidence=0.4)
        self._far = Detector(full_range=True, confidence=0.2)
        self._known: list[Face] = []
        self._frame = 0

    def find(self, image: Image) -> list[Face]:
        """Faces in (H, W, 3) uint8 RGB, largest first. An image with a side below 32 px has none."""
        if min(image.shape[:2]) < SMALLEST:
            return []
        if not self._tracking:
            return self.detect(image)
        faces = [face for face in self.follow(image, self._known) if face is not None]
        if not faces or len(faces) < len(self._known) or self._frame % _PROBE_EVERY == 0:
            faces = distinct([*faces, *self.detect(image, faces)])
        self._known = faces[: self._max_faces]
        self._frame += 1
        return list(self._known)

    def detect(self, image: Image, known: Sequence[Face] = (), tiles: bool = True) -> list[Face]:
        """Look over the whole image, largest first; faces that are one of ``known`` are left out.

        ``tiles``: where the whole image shows nobody, look again at its parts, enlarged (about 0.1 s).
        """
        faces: list[Face] = []
        for find in (self._near_faces, self._far_faces):
            if len(faces) + len(known) < self._max_faces:
                faces = distinct([*faces, *find(image, (*known, *faces))])
        if tiles and not faces and not known:
            for corner in _tiles(image):
                faces = distinct([*faces, *self._far_faces(image, faces, corner)])
        return faces[: max(0, self._max_faces - len(known))]

    def follow(self, image: Image, faces: Sequence[Face]) -> list[Face | None]:
        """Each of ``faces`` (of the frame before) where it is in this image, or None where it is gone."""
        return [self._settle(image, region_of(face.landmarks), face.track) for face in faces]

    def refine(self, image: Image, face: Face) -> Face:
        """The same face from the mean of several looks, each a little wider, narrower or aside: steadier landmarks."""
        region = region_of(face.landmarks)
        shifts = [(0.0, 0.0, 1.0), (0.02, 0.0, 1.06), (-0.02, 0.0, 0.94), (0.0, 0.02, 0.97), (0.0, -0.02, 1.03)]
        looks = [
            self._at(
                image, Region(region.x + dx * region.side, region.y + dy * region.side, region.side * k, region.angle)
            )
            for dx, dy, k in shifts
        ]
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

    def _near_faces(self, image: Image, known: Sequence[Face]) -> list[Face]:
        small, scale = _shrunk(image)
        return [face for seen in self._near(small) for face in self._settled(image, seen.moved(1 / scale), known)]

    def _far_faces(self, image: Image, known: Sequence[Face], part: Box | None = None) -> list[Face]:
        """What the full-range detector suspects and the short-range one, seeing it enlarged, confirms."""
        x0, y0, x1, y1 = part or (0, 0, image.shape[1], image.shape[0])
        small, scale = _shrunk(image[y0:y1, x0:x1])
        suspects = (seen.moved(1 / scale, (x0, y0)) for seen in self._far(small)[:_SUSPECTS])
        return [face for suspect in suspects for face in self._confirmed(image, suspect, known)]

    def _confirmed(self, image: Image, suspect: Detection, known: Sequence[Face]) -> list[Face]:
        picture, zoom, corner = _cut(image, region_around(suspect.box, None, _CONFIRM_MARGIN))
        if picture is None or any(_same(suspect.box, face.box) for face in known):
            return []
        seen = [found.moved(1 / zoom, corner) for found in self._near(picture) if found.score >= _CONFIRMED]
        return [face for one in seen if _same(one.box, suspect.box) for face in self._settled(image, one, known)]

    def _settled(self, image: Image, seen: Detection, known: Sequence[Face]) -> list[Face]:
        """Look twice; a result that left the detector's box was no face."""
        if any(_same(seen.box, face.box) for face in known):
            return []
        face = self._settle(image, region_around(seen.box, seen.eyes))
        return [face] if face and _same(face.box, seen.box) else []

    def _settle(self, image: Image, region: Region, track: int = 0) -> Face | None:
        """Look, and look again where the landmarks say, until that is where one looked."""
        for _ in range(_LOOKS):
            face = self._at(image, region, track)
            if face is None:
                return None
            looked, region = region, region_of(face.landmarks)
            if _strayed(looked, region) < _STRAY:
                break
        return face

    def _at(self, image: Image, region: Region, track: int = 0) -> Face | None:
        picture, zoom, corner = _cut(image, region)
        if picture is None:
            return None
        x, y = (np.array([region.x, region.y]) - corner + 0.5) * zoom - 0.5  # pixel centres are whole numbers
        found = self._net(picture, Region(float(x), float(y), region.side * float(zoom[0]), region.angle))
        if found is None:
            return None
        landmarks, score = found
        landmarks[:, :2] = (landmarks[:, :2] + 0.5) / zoom - 0.5 + corner
        landmarks[:, 2] /= zoom[0]
        return Face(box_of(landmarks), landmarks, score, track)


def box_of(landmarks: Array) -> Array:
    """(4,) px around (478, 3) landmarks; it may lie partly outside the image."""
    return np.array([*landmarks[:, :2].min(0), *landmarks[:, :2].max(0)], np.float32)


def region_of(landmarks: Array) -> Region:
    """Where the landmark network should look to see this face again, upright and centred."""
    return region_around(box_of(landmarks), landmarks[[EYE_LEFT, EYE_RIGHT], :2])


def region_around(box: Array, eyes: Array | None, margin: float = _MARGIN) -> Region:
    """The square around a (4,) px box, ``margin`` times its longer side, turned with the (2, 2) px eyes."""
    x0, y0, x1, y1 = (float(value) for value in box)
    dx, dy = (0.0, 0.0) if eyes is None else (float(value) for value in eyes[1] - eyes[0])
    return Region((x0 + x1) / 2, (y0 + y1) / 2, margin * max(x1 - x0, y1 - y0), float(np.arctan2(dy, dx)))


def _strayed(a: Region, b: Region) -> float:
    """How far two regions are apart: in place and size, of their side."""
    return max(abs(a.x - b.x), abs(a.y - b.y), abs(a.side - b.side)) / max(b.side, 1.0)


def distinct(faces: Sequence[Face]) -> list[Face]:
    """Each face once, largest first; of two that are the same, the earlier in ``faces`` stays."""
    kept: list[Face] = []
    for face in faces:
        if not any(_same(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -_size(face.box))


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = float(width * height)
    return shared / (_area(a) + _area(b) - shared)


def _area(box: Array) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _size(box: Array) -> float:
    return float(np.sqrt(max(_area(box), 0.0)))


def _same(a: Array, b: Array) -> bool:
    """Two boxes on one face: they overlap well, or one sits inside the other's middle."""
    return overlap(a, b) > 0.3


def _tiles(image: Image) -> list[Box]:
    """Squares of .6 of the short side that cover the image, each overlapping the next by half or more."""
    height, width = image.shape[:2]
    side = max(SMALLEST, round(0.6 * min(height, width)))

    def starts(length: int) -> list[int]:
        return [round(at) for at in np.linspace(0, length - side, 1 + -(-2 * (length - side) // side))]

    return [(x, y, x + side, y + side) for y in starts(height) for x in starts(width)]


def _shrunk(image: Image) -> tuple[Image, float]:
    """The image at most ``_DETECT_AT`` px long, antialiased, and its scale."""
    import cv2

    height, width = image.shape[:2]
    scale = _DETECT_AT / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(image), 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _cut(image: Image, region: Region) -> tuple[Image | None, Array, Array]:
    """The upright box around a region, brought to a good size: picture, zoom (2,) and corner (2,) px in the image."""
    import cv2

    height, width = image.shape[:2]
    half = region.side / 2 * (abs(np.cos(region.angle)) + abs(np.sin(region.angle))) + 2
    x0, y0 = max(0, int(region.x - half)), max(0, int(region.y - half))
    x1, y1 = min(width, int(region.x + half) + 1), min(height, int(region.y + half) + 1)
    corner = np.array([x0, y0], np.float32)
    if x1 - x0 < 2 or y1 - y0 < 2 or region.side < 2:
        return None, np.ones(2, np.float32), corner
    picture = image[y0:y1, x0:x1]
    scale = min(max(1.0, _LOOK_AT[0] / region.side), max(_LOOK_AT[1] / region.side, 1e-3))
    if scale != 1:
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(picture, size, interpolation=kernel), np.uint8)
    zoom = np.array([picture.shape[1] / (x1 - x0), picture.shape[0] / (y1 - y0)], np.float32)
    return np.ascontiguousarray(picture), zoom, corner
