"""Where MuseTalk draws: a box in whole px around 68 landmarks. The lower half of the box is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...face.points68 import points68
from ...types import Array, Face
from .options import MuseTalkOptions

Box = tuple[int, int, int, int]
"""px: x0 y0 x1 y1, half-open; it may leave the image."""

_ABOVE, _BORDER, _BELOW = 28, 29, 30  # the nose bridge: the border lies at 29
_RANGE = "Total frame:「{frames}」 Manually adjust range : [ -{low}~{high} ] , the current value: {shift}"


def face_box(points: Array, detected: Array, shift: int = 0) -> Box:
    """The box that upstream gives to a face.

    As wide as the landmarks; as far below point 29 as above it, where 29 is first moved down by ``shift`` px. More
    shift opens the mouth more. Where this leaves nothing, or begins left of the image, it is the detector's box.

    Args:
        points: (68, 2) px, which are cut to whole ones.
        detected: (4,) px, the detector's box.
    """
    whole = np.asarray(points, np.float32)[:, :2].astype(np.int32)
    border = int(whole[_BORDER, 1]) + shift
    across, down = whole[:, 0], whole[:, 1].copy()
    down[_BORDER] = border
    x0, x1, y1 = int(across.min()), int(across.max()), int(down.max())
    y0 = max(0, 2 * border - y1)
    if y1 <= y0 or x1 <= x0 or x0 < 0:
        return detector_box(detected)
    return x0, y0, x1, y1


def detector_box(detected: Array) -> Box:
    """A detector's (4,) px box as upstream takes it: not above or left of the image, cut to whole px."""
    x0, y0, x1, y1 = (int(max(0.0, float(value))) for value in detected)
    return x0, y0, x1, y1


def with_margin(box: Box, margin: int, height: int) -> Box:
    """The box ``margin`` px longer at the chin, but not beyond the image's ``height``."""
    x0, y0, x1, y1 = box
    return x0, y0, x1, min(y1 + margin, height)


@dataclass(slots=True)
class ShiftRange:
    """How far ``bbox_shift`` can move the border before it leaves the nose: the mean over the frames seen so far."""

    frames: int = 0
    faces: int = 0
    _low: int = 0  # px, summed over the faces
    _high: int = 0

    def add(self, points: Array | None) -> None:
        """One frame: its face's (68, 2) px, before any shift; None: it shows no face."""
        self.frames += 1
        if points is None:
            return
        down = np.asarray(points, np.float32)[:, 1].astype(np.int32)
        self.faces += 1
        self._low += int(down[_BELOW] - down[_BORDER])
        self._high += int(down[_BORDER] - down[_ABOVE])

    def text(self, shift: int) -> str | None:
        """What upstream prints after a run; None: no frame showed a face."""
        if not self.faces:
            return None
        low, high = int(self._low / self.faces), int(self._high / self.faces)
        return _RANGE.format(frames=self.frames, low=low, high=high, shift=shift)


def face_notes(options: MuseTalkOptions, faces: Sequence[Face]) -> tuple[str, ...]:
    """How far ``bbox_shift`` can be moved for the first of ``faces``, in upstream's words."""
    found = ShiftRange()
    for face in faces[:1]:
        found.add(points68(face.landmarks))
    text = found.text(options.bbox_shift)
    return (f"bbox_shift: {text}",) if text else ()


__all__ = ["Box", "ShiftRange", "detector_box", "face_box", "face_notes", "with_margin"]
