"""Measures how a mouth moves in a film: the lips and the jaw that FaceMesh finds in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from ..face.landmarks import Landmarker
from ..speech.curves import Curve
from ..types import Array, Image

_FEWEST = 10  # frames with a face, below which there is nothing to score
_INNER = ((13, 14), (82, 87), (312, 317))  # upper and lower inner lip: the middle, and halfway to the corners
_CORNERS, _NOSE_CHIN, _EYES = (78, 308), (2, 152), (33, 263)


@dataclass(frozen=True, slots=True, eq=False)
class MouthTrace:
    """A mouth over time. Lengths are multiples of the distance between the outer eye corners.

    Frames without a face are interpolated.
    """

    aperture: Curve  # (n,) distance of the inner lips
    jaw: Curve  # (n,) from the base of the nose to the chin
    width: Curve  # (n,) between the inner corners
    found: NDArray[np.bool_]  # (n,) whether a face was found

    @property
    def curves(self) -> tuple[Curve, Curve, Curve]:
        """Aperture, jaw and width."""
        return self.aperture, self.jaw, self.width


def measure_mouth(frames: Iterator[Image]) -> MouthTrace:
    """Measure the mouth of the largest face in (H, W, 3) RGB uint8 frames of one film.

    Raises:
        FaceError: fewer than ten frames show a face.
    """
    rows: list[tuple[float, float, float]] = []
    with closing(Landmarker(max_faces=1, tracking=True)) as landmarker:
        for image in frames:
            faces = landmarker.find(image)
            rows.append(mouth_of(faces[0].landmarks) if faces else (np.nan,) * 3)
    measured = np.array(rows, np.float64).reshape(-1, 3)
    found = np.isfinite(measured[:, 0])
    if found.sum() < _FEWEST:
        raise FaceError(
            f"A face was seen in {int(found.sum())} of {len(rows)} frames; scoring needs {_FEWEST}. "
            "Give a film of a face."
        )
    at = np.arange(len(measured))
    aperture, jaw, width = (np.interp(at, at[found], measured[found, k]) for k in range(3))
    return MouthTrace(aperture, jaw, width, found)


def mouth_of(landmarks: Array) -> tuple[float, float, float]:
    """Aperture, jaw and width of (478, 3) px landmarks, each divided by the distance of the outer eye corners."""

    def distance(one: int, other: int) -> float:
        return float(np.linalg.norm(landmarks[one].astype(np.float64) - landmarks[other]))

    eyes = max(1e-6, distance(*_EYES))
    return (
        sum(distance(*pair) for pair in _INNER) / len(_INNER) / eyes,
        distance(*_NOSE_CHIN) / eyes,
        distance(*_CORNERS) / eyes,
    )
