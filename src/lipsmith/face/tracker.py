"""Follow every face through a film, frame by frame: the same person keeps the same number.

A face is followed by looking where it was. The detectors look over the whole frame at the start, after a cut, when
somebody is lost, and every tenth frame. Whenever it is not plain who is who (newcomers, returns, people crossing),
place and likeness decide together, so that two people do not swap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import numpy as np

from ..types import Array, Face, Image
from .appearance import Appearance, describe
from .cuts import SceneCuts
from .landmarks import Landmarker
from .regions import SMALLEST, overlap
from .tracks import LONGEST_GAP, LandmarkFile, Track, Tracks

_PROBE_EVERY = 10  # frames between looks for newcomers while every known face is followed
_SEARCH_EVERY = 3  # ... while somebody is missing beside others
_SEARCH_SECONDS = 2  # how long a missing person is searched like that
_LEARN_EVERY = 5  # frames between looks that are kept of a person
_CLOSE = 1.6  # two faces nearer than this, in face sides, could be taken for each other
_DOUBT = 0.05  # difference of the small picture from which a followed face is looked at again
_STRANGER = 1.0  # cost (likeness distance plus half the way, in face sides) above which it is not whom was just there
_STRANGER_LATER = 0.82  # ... not whom was there earlier
_ODD = 0.8  # likeness distance that half-hidden faces are charged at most
_SAME_PLACE = 0.5  # overlap above which two finds are one face


@dataclass(slots=True, eq=False)
class Person:
    """One person while the film runs."""

    number: int
    likeness: Appearance
    face: Face  # last seen
    frame: int  # ... in this frame
    pace: Array  # (2,) px per frame
    scene: int

    def cost(self, face: Face, seen: Array, frame: int, scene: int, hidden: bool) -> float:
        """How unlikely it is that ``face``, looking like ``seen``, is this person; 0 = surely.

        ``hidden``: the face is half behind another one, so an odd look counts little against whom was just there.
        """
        missing = frame - self.frame
        there = _middle(self.face) + self.pace * min(missing, LONGEST_GAP)
        way = float(np.linalg.norm(_middle(face) - there)) / _side(self.face)
        growth = abs(float(np.log(_side(face) / _side(self.face))))
        trust = 0.1 if scene != self.scene else max(0.1, 1 - missing / 15)  # in the last place
        odd = self.likeness.distance(seen)
        return (min(odd, _ODD) if hidden and missing == 1 else odd) + 0.5 * trust * min(way + growth, 2.0)

    def seen_at(self, face: Face, frame: int, scene: int) -> None:
        """Take over where the person is now."""
        steps = frame - self.frame
        moved = (_middle(face) - _middle(self.face)) / max(steps, 1)
        steady = scene == self.scene and 0 < steps <= LONGEST_GAP
        self.pace = 0.6 * self.pace + 0.4 * moved if steady else np.zeros(2, np.float32)
        self.face, self.frame, self.scene = face, frame, scene


class Tracker:
    """Takes a film's frames in order; ``finish`` gives the faces of the whole film.

    ``fps``: of the film. ``still``: each frame is a picture worth a more careful, slower describe. ``max_faces``: at a
    time, the largest. Close it, or use it in a ``with``; the Tracks live on. Raises EngineUnavailable like Landmarker.
    """

    def __init__(self, fps: Fraction | int = 25, still: bool = False, max_faces: int = 6) -> None:
        self._search = int(_SEARCH_SECONDS * fps)
        self._still = still
        self._landmarker = Landmarker(max_faces)
        self._cuts = SceneCuts()
        self._scene = 0
        self._people: list[Person] = []
        self._tracks: dict[int, Track] = {}
        self._landmarks = LandmarkFile()
        self._frame = 0

    def push(self, image: Image) -> list[Face]:
        """The faces of the next (H, W, 3) uint8 RGB frame, not smoothed, with their track numbers; largest first."""
        frame = self._frame
        self._frame += 1
        if min(image.shape[:2]) < SMALLEST:
            return []
        scene, self._scene = self._scene, self._cuts.push(image)
        followed = self._follow(image, frame)
        finds = self._finds(image, frame, [face for _, face in followed], fresh=frame == 0 or scene != self._scene)
        if not finds and self._is_plain(followed):
            return self._kept(image, frame, followed)
        return self._kept(image, frame, self._who_is_who(image, frame, [*(face for _, face in followed), *finds]))

    def finish(self) -> Tracks:
        """The faces of all frames pushed so far. Tracks seen once or twice, small or unsure, are dropped."""
        return Tracks(self._frame, self._cuts.starts, self._tracks.values(), self._landmarks)

    def close(self) -> None:
        """Free the networks."""
        self._landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _follow(self, image: Image, frame: int) -> list[tuple[Person, Face]]:
        """Where the people of the last frames are now, by looking where they were; never across a cut."""
        near = [
            person for person in self._people if person.scene == self._scene and frame - person.frame <= LONGEST_GAP
        ]
        found = self._landmarker.follow(image, [person.face for person in near])
        return [
            (person, face)
            for person, face in zip(near, found, strict=True)
            if face is not None and _went_on(person.face, face)
        ]

    def _finds(self, image: Image, frame: int, known: Sequence[Face], fresh: bool) -> list[Face]:
        """What the detectors see beside the ``known``, in the frames where they look."""
        regular = frame % _PROBE_EVERY == 0
        missing = self._missing(frame)
        searching = len(known) < missing and frame % _SEARCH_EVERY == 0
        just_lost = any(person.frame == frame - 1 for person in self._people) and len(known) < missing
        if not (fresh or regular or searching or just_lost or not known):
            return []
        finds = self._landmarker.detect(image, known, tiles=fresh or regular)
        return [self._landmarker.refine(image, face) for face in finds] if self._still else finds

    def _is_plain(self, followed: Sequence[tuple[Person, Face]]) -> bool:
        """Nobody is near anybody, and the picture went on quietly: who was followed is who it is."""
        faces = [face for _, face in followed]
        apart = all(not _close(a, b) for index, a in enumerate(faces) for b in faces[:index])
        return apart and self._cuts.difference < _DOUBT

    def _who_is_who(self, image: Image, frame: int, faces: Sequence[Face]) -> list[tuple[Person, Face]]:
        """Give every face its person, cheapest pair first; strangers become new people."""
        apart = _apart(faces)
        looks = [describe(image, face.landmarks) for face in apart]
        hidden = [any(_close(face, other) for other in apart if other is not face) for face in apart]
        costs = sorted(
            (person.cost(apart[place], looks[place], frame, self._scene, hidden[place]), place, at)
            for place in range(len(apart))
            for at, person in enumerate(self._people)
        )
        named: dict[int, Person] = {}
        for cost, place, at in costs:
            person = self._people[at]
            limit = _STRANGER if frame - person.frame == 1 and person.scene == self._scene else _STRANGER_LATER
            if cost < limit and place not in named and person not in named.values():
                named[place] = person
        missing = self._missing(frame) > len(named)
        for place, face in enumerate(apart):
            if place not in named and not (missing and hidden[place]):  # who comes from behind another shows fully soon
                named[place] = self._welcome(face, looks[place], frame)
        return [(person, apart[place]) for place, person in named.items()]

    def _missing(self, frame: int) -> int:
        """How many people were in this scene a short while ago, or are still."""
        return sum(person.scene == self._scene and frame - person.frame <= self._search for person in self._people)

    def _welcome(self, face: Face, seen: Array, frame: int) -> Person:
        person = Person(len(self._people) + 1, Appearance(seen), face, frame, np.zeros(2, np.float32), self._scene)
        self._people.append(person)
        self._tracks[person.number] = Track(person.number)
        return person

    def _kept(self, image: Image, frame: int, named: Sequence[tuple[Person, Face]]) -> list[Face]:
        faces = [replace(face, track=person.number, frame=frame, scene=self._scene) for person, face in named]
        for (person, _), face in zip(named, faces, strict=True):
            alone = not any(_close(face, other) for other in faces if other is not face)
            if frame % _LEARN_EVERY == 0 and alone:
                person.likeness.learn(describe(image, face.landmarks))
            person.seen_at(face, frame, self._scene)
            self._tracks[person.number].add(frame, face, self._landmarks.append(face.landmarks))
        return sorted(faces, key=lambda face: -_side(face))


def _middle(face: Face) -> Array:
    x0, y0, x1, y1 = face.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32)


def _side(face: Face) -> float:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return max(1.0, float(np.sqrt((x1 - x0) * (y1 - y0))))


def _close(a: Face, b: Face) -> bool:
    return float(np.linalg.norm(_middle(a) - _middle(b))) < _CLOSE * max(_side(a), _side(b))


def _went_on(before: Face, now: Face) -> bool:
    """The step from one frame to the next is one that a head can make."""
    size = _side(now) / _side(before)
    return 0.6 < size < 1.6 and float(np.linalg.norm(_middle(now) - _middle(before))) < 0.8 * _side(before)


def _apart(faces: Sequence[Face]) -> list[Face]:
    """Each face once: two people who were followed onto one face leave one."""
    kept: list[Face] = []
    for face in faces:
        if all(overlap(face.box, other.box) < _SAME_PLACE for other in kept):
            kept.append(face)
    return kept


__all__ = ["Tracker", "Tracks"]
