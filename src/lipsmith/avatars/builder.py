"""Make an avatar: look at each clip once, then keep and prepare its plates one by one, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engines import Engine
from ..errors import FaceError, PictureError
from ..stopwatch import Progress, Stage, Stopwatch
from ..types import Face, Image
from .avatar import AvatarWriter
from .manifest import Fingerprint, Manifest, StoredFile
from .options import AvatarOptions, stored_options
from .playback import Clip
from .preparation import FacePreparation, TrackedPeople
from .transitions import Views, find_transitions, jumps

if TYPE_CHECKING:
    from ..media.video import VideoSource

CLOSED = 0.03
"""Gap of the inner lips by the distance of the outer eye corners, up to which a mouth is closed."""
SHORTEST = 0.4
"""Seconds: shorter closures belong to speaking."""
_UPPER, _LOWER, _EYES = 13, 14, (33, 263)
_SEEN = (32, 18)
"""px, width and height of the small copies that tell how alike two plates look."""


@dataclass(slots=True)
class AvatarBuilder:
    """One avatar in the making.

    Args:
        sources: clip name -> picture, video or folder; the first is the one that is walked.
        folder: empty; the rolls come here.
    """

    sources: Mapping[str, Path]
    folder: Path
    engine: Engine
    options: AvatarOptions
    progress: Progress
    able: int = 0  # plates in which a face can speak
    unable: str = ""  # why one cannot
    notices: list[str] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    views: list[Views] = field(default_factory=list)  # per clip
    scenes: int = 0

    def run(self, fingerprint: Fingerprint) -> Manifest:
        """Write everything but the manifest.

        Raises:
            PictureError: a source cannot be read, or has another size than the first.
            FaceError: a clip shows no face, or no face that can speak.
            OutputError: the disk is full.
        """
        footages = self._open()
        self._check_key(next(iter(footages.values())))
        casts = {name: self._preparation().look(footage) for name, footage in footages.items()}
        first = next(iter(footages.values())).info
        drawn = any(footage.info.kind != "video" for footage in footages.values())
        writer = AvatarWriter(self.folder, self.engine.material_types, "rgb" if drawn else "yuv420p", first.size)
        try:
            total = sum(cast.frames for cast in casts.values())
            for name, footage in footages.items():
                self._keep_clip(name, footage, casts[name], writer, total)
            files = writer.close()
        finally:
            writer.abandon()
        if not self.able:
            raise FaceError(f"No frame shows a face that can be made to speak: {self.unable}. Try another picture.")
        faces = max(len(cast.chosen) for cast in casts.values())
        return self._manifest(footages, writer, files, fingerprint, faces)

    def _manifest(
        self,
        footages: Mapping[str, VideoSource],
        writer: AvatarWriter,
        files: Mapping[str, StoredFile],
        fingerprint: Fingerprint,
        faces: int,
    ) -> Manifest:
        first = next(iter(footages.values())).info
        self.notices += jumps(self.clips, self.views)
        return Manifest(
            data=self.folder.name,
            size=first.size,
            fps=str(first.fps),
            engine=self.engine.info.name,
            engine_version=self.engine.info.version,
            options=stored_options(self.engine),
            source=next(iter(self.sources.values())).name,
            faces=faces,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            pixels=writer.format.pixels,
            header=writer.format.header.hex(),
            clips=tuple(self.clips),
            bridges=find_transitions(self.clips, self.views, float(first.fps)),
            fingerprint=fingerprint,
            files=files,
            key=self.options.key,
            notices=tuple(dict.fromkeys([*self.notices, *self.engine.notices])),
        )

    def _open(self) -> dict[str, VideoSource]:
        from ..media.video import open_picture

        footages: dict[str, VideoSource] = {}
        for name, path in self.sources.items():
            footages[name] = footage = open_picture(path, self.options.fps)
            self.notices += footage.info.notices
            first = next(iter(footages.values())).info
            if (footage.info.size, footage.info.fps) != (first.size, first.fps):
                raise PictureError(
                    f"{path} is {_shape(footage)} and the first clip {_shape(next(iter(footages.values())))}: "
                    "all clips of an avatar need one size and rate."
                )
        return footages

    def _check_key(self, footage: VideoSource) -> None:
        """Raise now, rather than when the avatar speaks, where no screen is seen that is to be."""
        from ..media.background import alphas_of, check_key

        if self.options.key != "none":
            check_key(self.options.key, next(iter(footage.frames())), alphas_of(next(iter(self.sources.values()))))

    def _preparation(self) -> FacePreparation:
        return FacePreparation(self.engine, self.options.faces, Stopwatch(), self.progress)

    def _keep_clip(
        self, name: str, footage: VideoSource, cast: TrackedPeople, writer: AvatarWriter, total: int
    ) -> None:
        from ..media.background import alphas_of

        start = self.clips[-1].stop if self.clips else 0
        preparation, closed, views = self._preparation(), [], []
        alphas = alphas_of(self.sources[name])
        for index, image in enumerate(islice(footage.frames(), cast.frames)):
            picture = writer.picture(image, alphas(index) if alphas else None)
            source_frame = preparation.source_frame(picture, index, cast)
            source_frame = replace(source_frame, index=start + index, scene=self.scenes + source_frame.scene)
            writer.faces(source_frame, cast.identities.values())
            self.able += any(target.unable is None for target in source_frame.faces)
            self.unable = next((one.unable for one in source_frame.faces if one.unable), self.unable)
            faces = cast.tracks.faces(index, cast.chosen)
            closed.append(bool(faces) and all(gap(face) < CLOSED for face in faces))
            if len(self.sources) > 1:
                views.append(_small(picture))
            self.progress(Stage("prepare", start + index + 1, total))
        self.unable = next(iter(preparation.refusals.values()), self.unable)
        self.notices += preparation.silent
        cuts = tuple(start + cut for cut in cast.tracks.cuts if 0 < cut < len(closed))
        clip = Clip(name, start, start + len(closed), cuts)
        least = round(SHORTEST * footage.info.fps) if footage.info.frames > 1 else 1
        self.clips.append(replace(clip, idle=idle_ranges(clip, closed, least)))
        self.views.append(np.array(views, np.uint8))
        self.scenes += len(cuts) + 1


def gap(face: Face) -> float:
    """How far the inner lips are apart, by the distance of the outer eye corners."""
    points = face.landmarks[:, :2]
    eyes = float(np.linalg.norm(points[_EYES[0]] - points[_EYES[1]]))
    return float(np.linalg.norm(points[_UPPER] - points[_LOWER])) / max(eyes, 1e-6)


def idle_ranges(clip: Clip, closed: Sequence[bool], least: int) -> tuple[tuple[int, int], ...]:
    """The longest stretches of ``closed`` source_frames, of at least ``least``, each within one scene."""
    found: list[tuple[int, int]] = []
    begin, cuts = clip.start, set(clip.cuts)
    for source_frame in range(clip.start, clip.stop + 1):
        ends = source_frame == clip.stop or not closed[source_frame - clip.start]
        if (ends or source_frame in cuts) and source_frame - begin >= least:
            found.append((begin, source_frame))
        if ends or source_frame in cuts:
            begin = source_frame + 1 if ends else source_frame
    return tuple(found)


def _small(image: Image) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.resize(image, _SEEN, interpolation=cv2.INTER_AREA), np.uint8).ravel()


def _shape(footage: VideoSource) -> str:
    return f"{footage.info.size[0]}x{footage.info.size[1]} at {footage.info.fps} fps"


__all__ = ["AvatarBuilder", "gap", "idle_ranges"]
