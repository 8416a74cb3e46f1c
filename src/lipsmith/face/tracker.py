"""Follows every face through a film, frame by frame. The same person keeps the same number.

A face is followed by running the landmark network where the face was. The detectors search the whole frame at the
start, after a cut, when somebody is lost, and every tenth frame. When identities are ambiguous (new or returning faces,
people who cross), position and appearance decide together, so that two people do not swap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import numpy as np

from ..types import Array, Face, Image
from .appearance import Appearance, describe
from .cuts import SceneCutDetector
from .landmark_file import LandmarkFile
from .landmarks import Landmarker
from .regions import MIN_SIDE, iou
from .tracks import MAX_GAP, Track, Tracks

_PROBE_EVERY = 10  # frames between detections of new faces while all known ones are followed
_SEARCH_EVERY = 3  # ... while one of several people is missing
_SEARCH_SECONDS = 2  # for how long a missing person is searched that often
_DESCRIBE_EVERY = 5  # frames between descriptors that are added to a person's appearance
_CLOSE_DISTANCE = 1.6  # in face sides: nearer faces could be confused with each other
_QUIET_DIFFERENCE = 0.05  # frame difference below which a followed face needs no check
_MAX_COST = 1.0  # of a match with a person of the previous frame; see ``Person.cost``
_MAX_COST_LATER = 0.82  # ... with a person seen earlier
_HIDDEN_MAX_DISTANCE = 0.8  # largest appearance distance of a half-hidden face that counts
_SAME_FACE_IOU = 0.5  # above it, two detections are one face


@dataclass(slots=True, eq=False)
class Person:
    """One tracked person."""

    number: int
    appearance: Appearance
    face: Face  # last seen
    frame: int  # ... in this frame
    velocity: Array  # (2,) px per frame
    scene: int

    def cost(self, face: Face, descriptor: Array, frame: int, scene: int, hidden: bool) -> float:
        """Cost of matching ``face`` with this person: 0 is a certain match.

        It is the appearance distance plus half the distance to the expected position, in face sides. ``hidden``: the
        face is partly behind another one, so the appearance distance is limited if the person was in the last frame.
        """
        missing = frame - self.frame
        expected = _centre(self.face) + self.velocity * min(missing, MAX_GAP)
        travel = float(np.linalg.norm(_centre(face) - expected)) / _side(self.face)
        growth = abs(float(np.log(_side(face) / _side(self.face))))
        place_trust = 0.1 if scene != self.scene else max(0.1, 1 - missing / 15)
        distance = self.appearance.distance(descriptor)
        if hidden and missing == 1:
            distance = min(distance, _HIDDEN_MAX_DISTANCE)
        return distance + 0.5 * place_trust * min(travel + growth, 2.0)

    def update(self, face: Face, frame: int, scene: int) -> None:
        """Set the person's position, frame and scene, and update the velocity."""
        steps = frame - self.frame
        moved = (_centre(face) - _centre(self.face)) / max(steps, 1)
        steady = scene == self.scene and 0 < steps <= MAX_GAP
        self.velocity = 0.6 * self.velocity + 0.4 * moved if steady else np.zeros(2, np.float32)
        self.face, self.frame, self.scene = face, frame, scene


class Tracker:
    """Takes a film's frames in order; ``finish`` returns the faces of the whole film.

    Close it, or use it in a ``with`` block; its ``Tracks`` stay usable.

    Args:
        fps: of the film.
        still: whether frames are independent pictures; then landmarks are refined, which is slower.
        max_faces: at a time; the largest are kept.

    Raises:
        EngineUnavailable: mediapipe or a system library is missing.
    """

    def __init__(self, fps: Fraction | int = 25, still: bool = False, max_faces: int = 6) -> None:
        self._search = int(_SEARCH_SECONDS * fps)
        self._still = still
        self._landmarker = Landmarker(max_faces)
        self._cuts = SceneCutDetector()
        self._scene = 0
        self._people: list[Person] = []
        self._tracks: dict[int, Track] = {}
        self._landmarks = LandmarkFile()
        self._frame = 0

    def push(self, image: Image) -> list[Face]:
        """Take the next frame, (H, W, 3) uint8 RGB; return its faces with track numbers, unsmoothed, largest first."""
        frame = self._frame
        self._frame += 1
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        scene, self._scene = self._scene, self._cuts.push(image)
        followed = self._follow_people(image, frame)
        finds = self._detect(image, frame, [face for _, face in followed], fresh=frame == 0 or scene != self._scene)
        if not finds and self._is_unambiguous(followed):
            return self._record(image, frame, followed)
        return self._record(image, frame, self._assign(image, frame, [*(face for _, face in followed), *finds]))

    def finish(self) -> Tracks:
        """The faces of all frames pushed so far, without very short tracks of small or unsure faces."""
        return Tracks(self._frame, self._cuts.starts, self._tracks.values(), self._landmarks)

    def close(self) -> None:
        """Free the networks."""
        self._landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _follow_people(self, image: Image, frame: int) -> list[tuple[Person, Face]]:
        """Locate the people of the last frames of this scene near their last positions."""
        near = [person for person in self._people if person.scene == self._scene and frame - person.frame <= MAX_GAP]
        found = self._landmarker.follow(image, [person.face for person in near])
        return [
            (person, face)
            for person, face in zip(near, found, strict=True)
            if face is not None and _plausible_step(person.face, face)
        ]

    def _detect(self, image: Image, frame: int, known: Sequence[Face], fresh: bool) -> list[Face]:
        """Faces that are not in ``known``; the detectors do not run in every frame."""
        regular = frame % _PROBE_EVERY == 0
        missing = self._missing(frame)
        searching = len(known) < missing and frame % _SEARCH_EVERY == 0
        just_lost = any(person.frame == frame - 1 for person in self._people) and len(known) < missing
        if not (fresh or regular or searching or just_lost or not known):
            return []
        finds = self._landmarker.detect(image, known, tiles=fresh or regular)
        return [self._landmarker.refine(image, face) for face in finds] if self._still else finds

    def _is_unambiguous(self, followed: Sequence[tuple[Person, Face]]) -> bool:
        """Whether no two faces are close and the frame changed little: then each followed face is the same person."""
        faces = [face for _, face in followed]
        distinct = all(not _are_close(a, b) for index, a in enumerate(faces) for b in faces[:index])
        return distinct and self._cuts.difference < _QUIET_DIFFERENCE

    def _assign(self, image: Image, frame: int, faces: Sequence[Face]) -> list[tuple[Person, Face]]:
        """Match faces with people, cheapest pair first; the remaining faces become new people."""
        distinct = _distinct(faces)
        descriptors = [describe(image, face.landmarks) for face in distinct]
        hidden = [any(_are_close(face, other) for other in distinct if other is not face) for face in distinct]
        costs = sorted(
            (
                person.cost(distinct[face_index], descriptors[face_index], frame, self._scene, hidden[face_index]),
                face_index,
                person_index,
            )
            for face_index in range(len(distinct))
            for person_index, person in enumerate(self._people)
        )
        assigned: dict[int, Person] = {}
        for cost, face_index, person_index in costs:
            person = self._people[person_index]
            limit = _MAX_COST if frame - person.frame == 1 and person.scene == self._scene else _MAX_COST_LATER
            if cost < limit and face_index not in assigned and person not in assigned.values():
                assigned[face_index] = person
        missing = self._missing(frame) > len(assigned)
        for face_index, face in enumerate(distinct):
            reappearing = missing and hidden[face_index]  # it may be a missing person, who will show fully soon
            if face_index not in assigned and not reappearing:
                assigned[face_index] = self._add_person(face, descriptors[face_index], frame)
        return [(person, distinct[face_index]) for face_index, person in assigned.items()]

    def _missing(self, frame: int) -> int:
        """How many people were in this scene recently, those in view included."""
        return sum(person.scene == self._scene and frame - person.frame <= self._search for person in self._people)

    def _add_person(self, face: Face, descriptor: Array, frame: int) -> Person:
        person = Person(
            len(self._people) + 1, Appearance(descriptor), face, frame, np.zeros(2, np.float32), self._scene
        )
        self._people.append(person)
        self._tracks[person.number] = Track(person.number)
        return person

    def _record(self, image: Image, frame: int, assigned: Sequence[tuple[Person, Face]]) -> list[Face]:
        faces = [replace(face, track=person.number, frame=frame, scene=self._scene) for person, face in assigned]
        for (person, _), face in zip(assigned, faces, strict=True):
            alone = not any(_are_close(face, other) for other in faces if other is not face)
            if frame % _DESCRIBE_EVERY == 0 and alone:
                person.appearance.add(describe(image, face.landmarks))
            person.update(face, frame, self._scene)
            self._tracks[person.number].add(frame, face, self._landmarks.append(face.landmarks))
        return sorted(faces, key=lambda face: -_side(face))


def _centre(face: Face) -> Array:
    x0, y0, x1, y1 = face.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32)


def _side(face: Face) -> float:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return max(1.0, float(np.sqrt((x1 - x0) * (y1 - y0))))


def _are_close(a: Face, b: Face) -> bool:
    return float(np.linalg.norm(_centre(a) - _centre(b))) < _CLOSE_DISTANCE * max(_side(a), _side(b))


def _plausible_step(before: Face, now: Face) -> bool:
    """Whether a head can move and grow like that from one frame to the next."""
    size = _side(now) / _side(before)
    return 0.6 < size < 1.6 and float(np.linalg.norm(_centre(now) - _centre(before))) < 0.8 * _side(before)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Each face once: of two people who were followed to one face, the first stays."""
    kept: list[Face] = []
    for face in faces:
        if all(iou(face.box, other.box) < _SAME_FACE_IOU for other in kept):
            kept.append(face)
    return kept


__all__ = ["Tracker", "Tracks"]
