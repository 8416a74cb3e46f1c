"""Avatars made in milliseconds: folders of drawn pictures, and faces whose places are known instead of found.

Also a program, for tests that need other processes: ``python drawn_people.py SHELF SOURCE...`` makes the avatar
``anna`` of one source after the other, again and again; ``python drawn_people.py SHELF`` deletes it again and again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from lipsmith.avatars import builder
from lipsmith.avatars.preparation import FacePreparation, TrackedPeople
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import AvatarMissing
from lipsmith.types import Face, Image

WIDTH, HEIGHT = 50, 37
LANDMARKS = 478


@dataclass(frozen=True)
class KnownTracks:
    """One face that stands still; its mouth is closed in frames 3 and 4 of every ten."""

    frames: int
    cuts: tuple[int, ...] = ()

    def faces(self, index: int, chosen: tuple[int, ...]) -> tuple[Face, ...]:
        landmarks = np.zeros((LANDMARKS, 3), np.float32)
        landmarks[263, 0] = 20
        landmarks[14, 1] = 0.1 if index % 10 in (3, 4) else 5
        return tuple(Face(np.array([5, 5, 35, 30], np.float32), landmarks, 1.0, track) for track in chosen)


class KnownFaces(FacePreparation):
    """Detects nothing."""

    def track_people(self, video, limit=None) -> TrackedPeople:
        frames = video.info.frames
        analysis = self.engine.analyze(still=frames == 1)
        return TrackedPeople(KnownTracks(frames, self.cuts), (1,), {1: analysis.identity()}, frames)  # type: ignore[arg-type]

    cuts: tuple[int, ...] = ()


def drawn(number: int, shade: int = 0) -> Image:
    """(HEIGHT, WIDTH, 3): no two alike."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    channels = [down * 5 + number * 7 + shade, across * 3 + number * 11, down * across + shade]
    return np.stack(channels, -1).astype(np.uint8)


def draw_folder(folder: Path, frames: int, shade: int = 0) -> Path:
    """PNG files of ``frames`` pictures."""
    from lipsmith.media.contact_sheet import write_png

    folder.mkdir(parents=True)
    for number in range(frames):
        write_png(folder / f"{number:03}.png", drawn(number, shade))
    return folder


def main(root: str, *sources: str) -> None:
    builder.FacePreparation = KnownFaces
    store = AvatarStore(Path(root))
    for source in cycle(sources or [""]):
        sys.stdout.write("again\n")
        sys.stdout.flush()
        if source:
            store.create("anna", Path(source), FakeEngine(), refresh=True)
            continue
        try:
            store.delete("anna")
        except AvatarMissing:
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
