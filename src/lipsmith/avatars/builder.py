"""Make an avatar: analyze each clip once, then store and prepare its frames one by one, in constant memory."""

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
from .transitions import Thumbnails, find_transitions, visible_jumps

if TYPE_CHECKING:
    from ..media.video import VideoSource

CLOSED = 0.03
"""A mouth is closed while its opening is below this; see ``mouth_opening``."""
SHORTEST_IDLE = 0.4
"""Seconds; a mouth that is closed for less is speaking."""
_UPPER_LIP, _LOWER_LIP, _EYE_CORNERS = 13, 14, (33, 263)  # FaceMesh landmarks: inner lips, outer eye corners
_THUMBNAIL = (32, 18)
"""px, width and height of the small copies by which frames are compared."""


@dataclass(slots=True)
class AvatarBuilder:
    """Makes one avatar.

    Args:
        sources: clip name -> picture, video or folder of pictures; the first clip plays by default.
        folder: empty; the record files are written here.
    """

    sources: Mapping[str, Path]
    folder: Path
    engine: Engine
    options: AvatarOptions
    progress: Progress
    speaking_frames: int = 0  # frames with a face that can speak
    unable: str = ""  # why a face cannot speak
    notices: list[str] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    thumbnails: list[Thumbnails] = field(default_factory=list)  # per clip
    scenes: int = 0

    def run(self, fingerprint: Fingerprint) -> Manifest:
        """Write everything but the manifest, and return the manifest.

        Raises:
            PictureError: a source cannot be read, or has another size or rate than the first.
            FaceError: a clip shows no face, or no face that can speak.
            OutputError: the disk is full.
        """
        videos = self._open()
        self._check_key(next(iter(videos.values())))
        people = {name: self._preparation().track_people(video) for name, video in videos.items()}
        first = next(iter(videos.values())).info
        has_stills = any(video.info.kind != "video" for video in videos.values())
        writer = AvatarWriter(self.folder, self.engine.material_types, "rgb" if has_stills else "yuv420p", first.size)
        try:
            total = sum(one.frames for one in people.values())
            for name, video in videos.items():
                self._write_clip(name, video, people[name], writer, total)
            files = writer.close()
        finally:
            writer.abort()
        if not self.speaking_frames:
            raise FaceError(f"No frame shows a face that can be made to speak: {self.unable}. Try another picture.")
        faces = max(len(one.chosen) for one in people.values())
        return self._manifest(videos, writer, files, fingerprint, faces)

    def _manifest(
        self,
        videos: Mapping[str, VideoSource],
        writer: AvatarWriter,
        files: Mapping[str, StoredFile],
        fingerprint: Fingerprint,
        faces: int,
    ) -> Manifest:
        first = next(iter(videos.values())).info
        self.notices += visible_jumps(self.clips, self.thumbnails)
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
            transitions=find_transitions(self.clips, self.thumbnails, float(first.fps)),
            fingerprint=fingerprint,
            files=files,
            key=self.options.key,
            notices=tuple(dict.fromkeys([*self.notices, *self.engine.notices])),
        )

    def _open(self) -> dict[str, VideoSource]:
        from ..media.video import open_video_source

        videos: dict[str, VideoSource] = {}
        for name, path in self.sources.items():
            videos[name] = video = open_video_source(path, self.options.fps)
            first = next(iter(videos.values()))
            if (video.info.size, video.info.fps) != (first.info.size, first.info.fps):
                raise PictureError(
                    f"{path} is {_shape(video)} and the first clip {_shape(first)}: all clips of an avatar need one "
                    "size and rate."
                )
        return videos

    def _check_key(self, video: VideoSource) -> None:
        """Raise now, rather than when the avatar speaks, if the picture does not show the screen to be keyed."""
        from ..media.background import check_key, open_alpha

        if self.options.key != "none":
            check_key(self.options.key, next(iter(video.frames())), open_alpha(video))

    def _preparation(self) -> FacePreparation:
        return FacePreparation(self.engine, self.options.faces, Stopwatch(), self.progress)

    def _write_clip(
        self, name: str, video: VideoSource, people: TrackedPeople, writer: AvatarWriter, total: int
    ) -> None:
        """Store and prepare every frame of one clip; ``total`` frames are in all clips together."""
        from ..media.background import open_alpha

        start = self.clips[-1].stop if self.clips else 0
        preparation, closed, thumbnails = self._preparation(), [], []
        alphas = open_alpha(video)
        for index, image in enumerate(islice(video.frames(), people.frames)):
            picture = writer.add_picture(image, alphas(index) if alphas else None)
            source_frame = preparation.source_frame(picture, index, people)
            source_frame = replace(source_frame, index=start + index, scene=self.scenes + source_frame.scene)
            writer.add_faces(source_frame, people.identities.values())
            self.speaking_frames += any(face.unable is None for face in source_frame.faces)
            self.unable = next((face.unable for face in source_frame.faces if face.unable), self.unable)
            faces = people.tracks.faces(index, people.chosen)
            closed.append(bool(faces) and all(mouth_opening(face) < CLOSED for face in faces))
            if len(self.sources) > 1:
                thumbnails.append(_thumbnail(picture))
            self.progress(Stage("prepare", start + index + 1, total))
        self.unable = next(iter(preparation.refusals.values()), self.unable)
        self.notices += [*video.info.notices, *preparation.silent]
        cuts = tuple(start + cut for cut in people.tracks.cuts if 0 < cut < len(closed))
        clip = Clip(name, start, start + len(closed), cuts)
        shortest = round(SHORTEST_IDLE * video.info.fps) if video.info.frames > 1 else 1
        self.clips.append(replace(clip, idle=idle_ranges(clip, closed, shortest)))
        self.thumbnails.append(np.array(thumbnails, np.uint8))
        self.scenes += len(cuts) + 1


def mouth_opening(face: Face) -> float:
    """Distance of the inner lips, divided by that of the outer eye corners."""
    points = face.landmarks[:, :2]
    eyes = float(np.linalg.norm(points[_EYE_CORNERS[0]] - points[_EYE_CORNERS[1]]))
    return float(np.linalg.norm(points[_UPPER_LIP] - points[_LOWER_LIP])) / max(eyes, 1e-6)


def idle_ranges(clip: Clip, closed: Sequence[bool], shortest: int) -> tuple[tuple[int, int], ...]:
    """The longest ranges of frames with a closed mouth, each within one scene and at least ``shortest`` frames long.

    ``closed`` has one value per frame of the clip.
    """
    found: list[tuple[int, int]] = []
    begin, cuts = clip.start, set(clip.cuts)
    for index in range(clip.start, clip.stop + 1):
        ends = index == clip.stop or not closed[index - clip.start]
        if (ends or index in cuts) and index - begin >= shortest:
            found.append((begin, index))
        if ends or index in cuts:
            begin = index + 1 if ends else index
    return tuple(found)


def _thumbnail(image: Image) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8).ravel()


def _shape(video: VideoSource) -> str:
    return f"{video.info.size[0]}x{video.info.size[1]} at {video.info.fps} fps"


__all__ = ["AvatarBuilder", "idle_ranges", "mouth_opening"]
