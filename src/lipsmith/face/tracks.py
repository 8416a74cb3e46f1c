"""The faces of a whole film: the smoothed landmarks of each person in each frame, with short gaps filled."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError, OptionError
from ..options import check_faces
from ..types import Array, Face
from .landmark_file import LandmarkFile
from .regions import box_of
from .smoothing import zero_phase_weights

MAX_GAP = 3
"""Frames without a detection that are interpolated, at most; a longer gap is a cutaway."""


@dataclass(slots=True, eq=False)
class Track:
    """The detections of one person, as columns with one entry per frame, in order."""

    number: int
    frames: array[int] = field(default_factory=lambda: array("i"))
    slots: array[int] = field(default_factory=lambda: array("i"))  # numbers in the LandmarkFile
    x: array[float] = field(default_factory=lambda: array("f"))  # px, centre of the box
    y: array[float] = field(default_factory=lambda: array("f"))
    side: array[float] = field(default_factory=lambda: array("f"))  # px, square root of the box's area
    score: array[float] = field(default_factory=lambda: array("f"))

    def add(self, frame: int, face: Face, slot: int) -> None:
        x0, y0, x1, y1 = (float(value) for value in face.box)
        self.frames.append(frame)
        self.slots.append(slot)
        self.x.append((x0 + x1) / 2)
        self.y.append((y0 + y1) / 2)
        self.side.append(((x1 - x0) * (y1 - y0)) ** 0.5)
        self.score.append(face.score)


@dataclass(frozen=True, slots=True)
class _Tracklet:
    """An uninterrupted part of a track: detections ``first`` .. ``stop`` - 1 in frames ``begin`` .. ``end`` - 1."""

    first: int
    stop: int
    begin: int
    end: int


class Tracks:
    """The faces of a film, frame by frame in any order. Not thread-safe."""

    def __init__(self, frames: int, cuts: Sequence[int], tracks: Iterable[Track], landmarks: LandmarkFile) -> None:
        kept = _without_false_tracks(list(tracks), frames)
        self.frames = frames
        """Number of frames."""
        self.cuts = tuple(cuts)
        """First frames of new scenes."""
        self._tracks = {track.number: track for track in kept}
        self._landmarks = landmarks
        self._tracklets = {track.number: _tracklets(track, self.cuts) for track in kept}

    @property
    def numbers(self) -> tuple[int, ...]:
        """All track numbers, in the order that ``choose`` counts."""
        return self._left_to_right()

    def gaps_filled(self, chosen: Sequence[int]) -> int:
        """Number of interpolated faces in the tracks ``chosen``."""
        return sum(
            tracklet.end - tracklet.begin - (tracklet.stop - tracklet.first)
            for number in chosen
            for tracklet in self._tracklets[number]
        )

    def shows(self, frame: int, chosen: Sequence[int]) -> bool:
        """Whether one of the tracks ``chosen`` has a face in the frame."""
        return any(one.begin <= frame < one.end for number in chosen for one in self._tracklets[number])

    def choose(self, which: str) -> tuple[int, ...]:
        """Select tracks, such as those of the people who shall speak.

        Args:
            which: ``largest`` (over the whole film), ``all``, ``left``, ``right``, or a number. 1 is the first from the
                left in the first frame with the most faces; people who are not in that frame come after it.

        Raises:
            OptionError: ``which`` is none of these, or there are fewer faces than the number says.
            FaceError: no frame shows a face.
        """
        check_faces(which)
        if not self._tracks:
            raise FaceError(
                f"No face was found in {_frames(self.frames)}. Expected a face, seen from the front or up to about "
                "45 degrees aside and at least 40 px wide; give a picture where one is larger, sharper or turned less."
            )
        ordered = self._left_to_right()
        if which == "all":
            return ordered
        if which == "largest":
            return (max(ordered, key=lambda number: float(np.square(self._tracks[number].side).sum())),)
        if which in ("left", "right"):
            there = self._in_reference_frame()
            return (there[0] if which == "left" else there[-1],)
        if not 1 <= int(which) <= len(ordered):
            known = "one face: give 1" if len(ordered) == 1 else f"{len(ordered)} faces: give 1 to {len(ordered)}"
            raise OptionError(f"There is no face {which}; the picture shows {known}, counted from the left.")
        return (ordered[int(which) - 1],)

    def faces(self, frame: int, chosen: Sequence[int], smooth: bool = True) -> tuple[Face, ...]:
        """The faces of the tracks ``chosen`` in one frame, smoothed within each tracklet. Empty: a cutaway."""
        found = (self._face(number, frame, smooth) for number in chosen)
        return tuple(face for face in found if face is not None)

    def _face(self, number: int, frame: int, smooth: bool) -> Face | None:
        for tracklet in self._tracklets[number]:
            if tracklet.begin <= frame < tracklet.end:
                return self._face_in(self._tracks[number], tracklet, frame, smooth)
        return None

    def _face_in(self, track: Track, tracklet: _Tracklet, frame: int, smooth: bool) -> Face:
        length = tracklet.end - tracklet.begin if smooth else 1
        around, weights = zero_phase_weights(frame - tracklet.begin if smooth else 0, length)
        begin = tracklet.begin if smooth else frame
        landmarks = np.zeros(self._landmarks.shape, np.float32)
        for at, weight in zip(around, weights.tolist(), strict=True):
            landmarks += np.float32(weight) * self._interpolated(track, begin + at)
        score = track.score[min(bisect_left(track.frames, frame), len(track.frames) - 1)]
        return Face(box_of(landmarks), landmarks, score, track.number, frame, bisect_right(self.cuts, frame))

    def _interpolated(self, track: Track, frame: int) -> Array:
        """Landmarks as detected, or interpolated between the detections before and after."""
        after = bisect_left(track.frames, frame)
        late = self._landmarks.read(track.slots[after])
        if track.frames[after] == frame:
            return late
        early = self._landmarks.read(track.slots[after - 1])
        span = track.frames[after] - track.frames[after - 1]
        return early + (late - early) * np.float32((frame - track.frames[after - 1]) / span)

    def _find_counts(self) -> Counter[int]:
        """Frame -> number of faces detected in it."""
        return Counter(frame for track in self._tracks.values() for frame in track.frames)

    def _reference_frame(self) -> int:
        seen = self._find_counts()
        most = max(seen.values())
        return min(frame for frame, count in seen.items() if count == most)

    def _sort_key(self, number: int, reference: int) -> tuple[int, float]:
        """Sort key: tracks in the reference frame first, the others by their first frame; each from the left."""
        track = self._tracks[number]
        at = bisect_left(track.frames, reference)
        if at < len(track.frames) and track.frames[at] == reference:
            return -1, track.x[at]
        return track.frames[0], track.x[0]

    def _left_to_right(self) -> tuple[int, ...]:
        if not self._tracks:
            return ()
        reference = self._reference_frame()
        return tuple(sorted(self._tracks, key=lambda number: self._sort_key(number, reference)))

    def _in_reference_frame(self) -> tuple[int, ...]:
        reference = self._reference_frame()
        return tuple(number for number in self._left_to_right() if self._sort_key(number, reference)[0] < 0)


def _frames(count: int) -> str:
    return "the picture" if count == 1 else f"any of {count} frames"


def _without_false_tracks(tracks: list[Track], frames: int) -> list[Track]:
    """Drop tracks of one or two frames whose face is small or unsure, but never all tracks."""
    largest = max((max(track.side) for track in tracks), default=0.0)

    def is_false(track: Track) -> bool:
        brief = len(track.frames) < MAX_GAP and frames >= 4 * MAX_GAP
        return brief and (max(track.side) < 0.5 * largest or max(track.score) < 0.9)

    return [track for track in tracks if not is_false(track)] or tracks


def _tracklets(track: Track, cuts: Sequence[int]) -> list[_Tracklet]:
    """Split a track at cuts, long gaps and jumps."""
    frames = np.array(track.frames)
    steps = np.diff(frames)
    scenes = np.searchsorted(np.array(cuts, np.int64), frames, side="right")
    broken = (np.diff(scenes) != 0) | (steps > MAX_GAP + 1) | _jumps(track, steps)
    edges = [0, *(np.flatnonzero(broken) + 1).tolist(), len(frames)]
    return [
        _Tracklet(first, stop, int(frames[first]), int(frames[stop - 1]) + 1)
        for first, stop in pairwise(edges)
        if stop > first
    ]


def _jumps(track: Track, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n - 1,) bool: the face moved implausibly far to the next detection, and not so before or after."""
    middle = np.stack([track.x, track.y], 1)
    side = np.array(track.side)
    moved = np.linalg.norm(np.diff(middle, axis=0), axis=1) / np.minimum(side[:-1], side[1:]) / np.sqrt(steps)
    resized = np.abs(np.diff(np.log(side)))
    padded = np.pad(moved, 1)
    usual = np.maximum(padded[:-2], padded[2:])
    return np.asarray((moved > 1.0) | ((moved > 0.15) & (moved > 3 * usual)) | (resized > 0.4))
