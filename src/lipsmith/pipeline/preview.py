"""A look before time is spent: who is in the first picture, and that picture saying the loudest moment of a speech."""

from __future__ import annotations

import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..options import GenerateOptions
from ..types import Face, Image, Samples
from .film import Report
from .generate import generate

if TYPE_CHECKING:
    from ..media.sound import Speech

TRIED = 0.4  # seconds of speech that are spoken
SEARCHED = 20.0  # seconds from the speech's beginning in which they are looked for
SHEET = "sheet.png"


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What was seen."""

    image: Image  # (H, W, 3) RGB uint8, the first picture
    faces: tuple[Face, ...]
    speakers: tuple[int, ...]  # tracks of the faces that the options choose
    report: Report | None  # of the sheet, if there was speech and somebody to say it


def preview(picture: Path, speech: Path | None, options: GenerateOptions, folder: Path) -> Preview:
    """Find the faces of ``picture``'s first frame; with ``speech`` write a sheet of it speaking.

    Args:
        folder: gets the sheet, ``SHEET``, and what it is made of.

    Raises:
        LipsmithError: as ``generate``.
    """
    from ..face.tracker import Tracker
    from ..media.stills import write_png
    from ..media.video import open_video_source

    image = next(iter(open_video_source(picture).frames()))
    with Tracker(25, still=True) as tracker:
        found = tuple(tracker.push(image))
        chosen = tuple(tracker.finish().choose(options.faces)) if found else ()
    report = None
    if speech is not None and chosen:
        write_png(folder / "first.png", image)
        _write_moment(folder / "moment.wav", speech)
        tried = replace(options, length="speech", fps="25")
        report = generate(folder / "first.png", folder / "moment.wav", folder / SHEET, tried, preview=True)
    return Preview(image, found, chosen, report)


def _write_moment(path: Path, speech: Path) -> None:
    """The loudest ``TRIED`` seconds of the speech's beginning, as a mono WAV."""
    from ..media.sound import open_speech

    sound = open_speech(speech)
    heard = _beginning(sound)
    width = min(len(heard), round(TRIED * sound.rate))
    energy = np.cumsum(np.concatenate([[0.0], heard.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[width:] - energy[: len(energy) - width]))
    pcm = (np.clip(heard[start : start + width], -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sound.rate, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


def _beginning(sound: Speech) -> Samples:
    most = round(SEARCHED * sound.rate)
    taken: list[Samples] = []
    count = 0
    for block in sound.blocks():
        taken.append(block)
        count += len(block)
        if count >= most:
            break
    return np.concatenate(taken)[:most]


__all__ = ["Preview", "preview"]
