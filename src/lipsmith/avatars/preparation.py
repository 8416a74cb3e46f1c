"""From a video to prepared faces: track its people over all frames once, then prepare the faces of any frame."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..engines import Analysis, Engine
from ..errors import FaceError
from ..face.mouth_view import MIN_INSIDE, OUTSIDE, mouth_inside
from ..stopwatch import Progress, Stage, Stopwatch
from ..types import Face, Image, PreparedFace, SourceFrame

if TYPE_CHECKING:
    from ..face.tracker import Tracks
    from ..media.video import VideoSource

MAX_ANALYSES = 12
"""Most people analysed at a time. An analysis takes some MB; this is twice the number of faces tracked at a time."""


@dataclass(frozen=True, slots=True)
class TrackedPeople:
    """The people of a whole video, and which of them speak."""

    tracks: Tracks
    chosen: tuple[int, ...]  # track numbers of those who speak
    identities: dict[int, object]  # track number -> the engine's identity of the person
    frames: int  # of the video that were read

    @property
    def gaps_filled(self) -> int:
        """Frames in which a speaker was not detected and the face was interpolated."""
        return self.tracks.gaps_filled(self.chosen)

    def shows_others(self, index: int) -> bool:
        """Whether a frame shows somebody, but nobody of those who speak."""
        return not self.tracks.shows(index, self.chosen) and self.tracks.shows(index, self.tracks.numbers)

    def scene(self, index: int) -> int:
        """Number of the scene that a frame belongs to."""
        return bisect_right(self.tracks.cuts, index)


@dataclass(slots=True)
class Analyses:
    """The engine's analyses of a video's people while it is read; of a crowd the ``MAX_ANALYSES`` largest people."""

    begin: Callable[[], Analysis]
    running: dict[int, Analysis] = field(default_factory=dict)  # track number -> analysis of every frame so far
    sizes: Counter[int] = field(default_factory=Counter)  # track number -> sum of its boxes' areas, px

    def add(self, image: Image, faces: Sequence[Face]) -> None:
        """Analyze one frame. A person who was dropped is not begun again: half an analysis would mislead."""
        for face in faces:
            if face.track not in self.sizes:
                self.running[face.track] = self.begin()
            x0, y0, x1, y1 = (round(float(value)) for value in face.box)
            self.sizes[face.track] += (x1 - x0) * (y1 - y0)
            if face.track in self.running:
                self.running[face.track].add(image, face)
        while len(self.running) > MAX_ANALYSES:
            candidates = self.running.keys() - {face.track for face in faces} or self.running.keys()
            del self.running[min(candidates, key=self.sizes.__getitem__)]


@dataclass(slots=True)
class FacePreparation:
    """Prepares the faces of one video for one engine."""

    engine: Engine
    faces: str  # who speaks: largest, all, left, right, or a number counted from the left
    watch: Stopwatch
    progress: Progress
    refusals: dict[int, str] = field(default_factory=dict)  # track number -> why the engine cannot use the face

    def track_people(self, video: VideoSource, limit: int | None = None) -> TrackedPeople:
        """Read the video once, up to ``limit`` frames: track the faces and analyze every person.

        Raises:
            FaceError: no frame shows a face.
            OptionError: ``faces`` is not a valid choice, or names a face that is not there.
        """
        with self.watch.stage("load"):
            from ..face.tracker import Tracker

            tracker = Tracker(video.info.fps, still=video.info.kind == "image")
        analyses = Analyses(lambda: self.engine.analyze(still=video.info.frames == 1))
        total = min(limit or video.info.frames, video.info.frames)
        count = 0
        with tracker:
            for image in self.watch.each("decode", video.frames()):
                with self.watch.stage("detect"):
                    faces = tracker.push(image)
                with self.watch.stage("study"):
                    analyses.add(image, faces)
                count += 1
                self.progress(Stage("look", count, total))
                if count == total:
                    break
            with self.watch.stage("detect"):
                tracks = tracker.finish()
        chosen = tracks.choose(self.faces)
        with self.watch.stage("study"):
            identities = {track: analyses.running[track].identity() for track in chosen if track in analyses.running}
        missing = [track for track in chosen if track not in identities]
        for start in range(0, len(missing), MAX_ANALYSES):
            identities |= self._analyze_again(video, tracks, missing[start : start + MAX_ANALYSES], count)
        return TrackedPeople(tracks, chosen, identities, count)

    def source_frame(self, image: Image, index: int, people: TrackedPeople) -> SourceFrame:
        """One frame with its prepared faces. A face that the engine refuses stays silent; the others speak.

        A face whose mouth is not in the picture stays as it is, whatever the engine.
        """
        prepared: list[PreparedFace] = []
        for face in people.tracks.faces(index, people.chosen):
            try:
                one = self.engine.prepare(image, face, people.identities[face.track])
            except FaceError as refusal:
                self.refusals.setdefault(face.track, str(refusal))
            else:
                outside = mouth_inside(face.landmarks, (image.shape[1], image.shape[0])) < MIN_INSIDE
                prepared.append(replace(_unchanged(one) if outside else one, track=face.track))
        return SourceFrame(index, image, tuple(prepared), people.scene(index))

    @property
    def silent(self) -> tuple[str, ...]:
        """A sentence for each person whom the engine refused."""
        return tuple(f"Face {track} stays silent: {reason}" for track, reason in self.refusals.items())

    def _analyze_again(self, video: VideoSource, tracks: Tracks, chosen: list[int], frames: int) -> dict[int, object]:
        """The identities of people whose analyses were dropped in a crowd; the video is decoded again."""
        analyses = {track: self.engine.analyze(still=False) for track in chosen}
        for index, image in enumerate(self.watch.each("decode", islice(video.frames(), frames))):
            with self.watch.stage("study"):
                for face in tracks.faces(index, chosen, smooth=False):
                    analyses[face.track].add(image, face)
            self.progress(Stage("look", index + 1, frames))
        with self.watch.stage("study"):
            return {track: analysis.identity() for track, analysis in analyses.items()}


def _unchanged(face: PreparedFace) -> PreparedFace:
    """The face with a mask that pastes nothing, because its mouth is outside the picture."""
    return replace(face, mask=np.zeros(face.crop.size[::-1], np.float32), unable=face.unable or OUTSIDE)


__all__ = ["Analyses", "FacePreparation", "TrackedPeople"]
