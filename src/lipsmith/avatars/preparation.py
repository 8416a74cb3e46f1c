"""From footage to faces made ready: one look over all of it, then the targets of any of its frames."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from ..engines import Analysis, Engine
from ..errors import FaceError
from ..stopwatch import Progress, Stage, Stopwatch
from ..types import Face, Image, PreparedFace, SourceFrame

if TYPE_CHECKING:
    from ..face.tracker import Tracks
    from ..media.video import VideoSource

STUDIES = 12
"""Most people studied at a time: some MB each, and twice as many as are followed at a time."""


@dataclass(frozen=True, slots=True)
class TrackedPeople:
    """Who is in the picture and who speaks: what one look over the whole footage gives."""

    tracks: Tracks
    chosen: tuple[int, ...]  # track numbers of those who speak
    identities: dict[int, object]  # track number -> what the engine keeps of the person
    frames: int  # of the footage that were looked at

    @property
    def gaps_filled(self) -> int:
        """Frames of those who speak in which they were not found but are known to be."""
        return self.tracks.gaps_filled(self.chosen)

    def scene(self, index: int) -> int:
        """Number of the scene that a frame belongs to."""
        return bisect_right(self.tracks.cuts, index)


@dataclass(slots=True)
class Analyses:
    """The studies of a film's people while it is looked at; a crowd keeps ``STUDIES`` of them, of the largest."""

    begin: Callable[[], Analysis]
    kept: dict[int, Analysis] = field(default_factory=dict)  # track number -> a study of every frame so far
    sizes: Counter[int] = field(default_factory=Counter)  # track number -> sum of its boxes' areas, px

    def add(self, image: Image, faces: Sequence[Face]) -> None:
        """See one frame. Who was dropped and comes back is not begun again: half a study would mislead."""
        for face in faces:
            if face.track not in self.sizes:
                self.kept[face.track] = self.begin()
            x0, y0, x1, y1 = (round(float(value)) for value in face.box)
            self.sizes[face.track] += (x1 - x0) * (y1 - y0)
            if face.track in self.kept:
                self.kept[face.track].add(image, face)
        while len(self.kept) > STUDIES:
            gone = self.kept.keys() - {face.track for face in faces} or self.kept.keys()
            del self.kept[min(gone, key=self.sizes.__getitem__)]


@dataclass(slots=True)
class FacePreparation:
    """Makes the faces of one footage ready for one engine."""

    engine: Engine
    faces: str  # who speaks: largest, all, left, right, or a number counted from the left
    watch: Stopwatch
    progress: Progress
    refusals: dict[int, str] = field(default_factory=dict)  # track number -> why the engine takes no such face

    def look(self, footage: VideoSource, limit: int | None = None) -> TrackedPeople:
        """See every frame of the footage once, up to ``limit``: follow the faces, study every person.

        Raises:
            FaceError: no frame shows a face.
            OptionError: ``faces`` is no choice, or names a face that is not there.
        """
        with self.watch.stage("load"):
            from ..face.tracker import Tracker

            tracker = Tracker(footage.info.fps, still=footage.info.kind == "image")
        analyses = Analyses(lambda: self.engine.analyze(still=footage.info.frames == 1))
        total = min(limit or footage.info.frames, footage.info.frames)
        looked = 0
        with tracker:
            for image in self.watch.each("decode", footage.frames()):
                with self.watch.stage("detect"):
                    faces = tracker.push(image)
                with self.watch.stage("study"):
                    analyses.add(image, faces)
                looked += 1
                self.progress(Stage("look", looked, total))
                if looked == total:
                    break
            with self.watch.stage("detect"):
                tracks = tracker.finish()
        chosen = tracks.choose(self.faces)
        with self.watch.stage("study"):
            identities = {track: analyses.kept[track].identity() for track in chosen if track in analyses.kept}
        missing = [track for track in chosen if track not in identities]
        for start in range(0, len(missing), STUDIES):
            identities |= self._look_again(footage, tracks, missing[start : start + STUDIES], looked)
        return TrackedPeople(tracks, chosen, identities, looked)

    def source_frame(self, image: Image, index: int, cast: TrackedPeople) -> SourceFrame:
        """One frame with the faces that the engine takes; one that it refuses stays silent, and the others speak."""
        made: list[PreparedFace] = []
        for face in cast.tracks.faces(index, cast.chosen):
            try:
                target = self.engine.prepare(image, face, cast.identities[face.track])
            except FaceError as refusal:
                self.refusals.setdefault(face.track, str(refusal))
            else:
                made.append(replace(target, track=face.track))
        return SourceFrame(index, image, tuple(made), cast.scene(index))

    @property
    def silent(self) -> tuple[str, ...]:
        """A sentence for each person whom the engine refused."""
        return tuple(f"Face {track} stays silent: {reason}" for track, reason in self.refusals.items())

    def _look_again(self, footage: VideoSource, tracks: Tracks, chosen: list[int], frames: int) -> dict[int, object]:
        """The characters of people whose studies a crowd pushed out, for another decoding."""
        analyses = {track: self.engine.analyze(still=False) for track in chosen}
        for index, image in enumerate(self.watch.each("decode", islice(footage.frames(), frames))):
            with self.watch.stage("study"):
                for face in tracks.faces(index, chosen, smooth=False):
                    analyses[face.track].add(image, face)
            self.progress(Stage("look", index + 1, frames))
        with self.watch.stage("study"):
            return {track: analysis.identity() for track, analysis in analyses.items()}


__all__ = ["Analyses", "FacePreparation", "TrackedPeople"]
