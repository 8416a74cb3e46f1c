"""A preview before a film is made: the faces of the first frame, and that frame speaking for a moment."""

from __future__ import annotations

import tempfile
import wave
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..options import GenerateOptions
from ..types import Face, Image, Samples
from .film import Report, first_samples
from .generate import generate

if TYPE_CHECKING:
    from ..media.sound import Speech
    from ..media.video import VideoSource

SPOKEN = 0.4  # seconds of speech that are spoken
SEARCHED = 20.0  # seconds from the beginning of the speech in which the loudest moment is searched
SHEET = "sheet.png"
"""The contact sheet's name in the folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """The faces that were found, and how they speak."""

    image: Image  # (H, W, 3) RGB uint8, the first frame
    faces: tuple[Face, ...]  # all that were found
    speakers: tuple[int, ...]  # track numbers of the faces that the options choose
    report: Report | None  # of the contact sheet; None: there was no speech, or nobody to speak
    sheet: Image | None = None  # (H, W, 3) RGB uint8, the contact sheet of some frames that speak


def preview(
    picture: str | Path,
    speech: str | Path | None = None,
    options: GenerateOptions | None = None,
    folder: str | Path | None = None,
) -> Preview:
    """Find the faces of the first frame of ``picture``; with ``speech`` let it say the loudest moment.

    Args:
        picture: an image, a video, or a folder of numbered images.
        speech: any sound, or a video's soundtrack; None: only faces are found.
        options: see ``GenerateOptions``.
        folder: an existing folder that gets the contact sheet, ``sheet.png``, and the files that it is made from;
            None: no file is kept, and the path in ``report.output`` is no longer there.

    Raises:
        LipsmithError: as ``generate``.
    """
    options = options or GenerateOptions()
    with ExitStack() as stack:
        place = folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsmith-"))
        return _preview(Path(picture), None if speech is None else Path(speech), options, Path(place))


def _preview(picture: Path, speech: Path | None, options: GenerateOptions, folder: Path) -> Preview:
    from PIL import Image as Pillow

    from ..face.tracker import Tracker
    from ..media.video import open_video_source

    source = open_video_source(picture)
    image = next(iter(source.frames()))
    with Tracker(25, still=True) as tracker:
        found = tuple(tracker.push(image))
        chosen = tuple(tracker.finish().choose(options.faces)) if found else ()
    report, sheet = None, None
    if speech is not None and chosen:
        _write_first(folder / "first.png", source, image)
        _write_moment(folder / "moment.wav", speech, options.audio_track)
        short = replace(options, length="speech", fps="25", audio_track=None)
        report = generate(folder / "first.png", folder / "moment.wav", folder / SHEET, short, preview=True)
        sheet = np.asarray(Pillow.open(folder / SHEET).convert("RGB"))
    return Preview(image, found, chosen, report, sheet)


def _write_first(path: Path, source: VideoSource, image: Image) -> None:
    """Write ``image``, the first frame of ``source``, with its transparency."""
    from ..media.chroma_key import cut_out, matte_from_alpha
    from ..media.stills import write_png

    alpha = next(iter(source.alphas()), None)
    if alpha is not None and alpha.min() < 255:
        image = np.dstack([cut_out(image, matte_from_alpha(alpha)), alpha])
    write_png(path, image)


def _write_moment(path: Path, speech: Path, track: int | None) -> None:
    """Write the loudest ``SPOKEN`` seconds of the first ``SEARCHED`` seconds, as a mono WAV."""
    from ..media.sound import open_speech

    sound = open_speech(speech, track=track)
    samples = _beginning(sound)
    width = min(len(samples), round(SPOKEN * sound.rate))
    energy = np.cumsum(np.concatenate([[0.0], samples.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[width:] - energy[: len(energy) - width]))
    pcm = (np.clip(samples[start : start + width], -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sound.rate, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


def _beginning(sound: Speech) -> Samples:
    """The first ``SEARCHED`` seconds of the speech, (n,) samples at its own rate."""
    return np.concatenate(list(first_samples(sound.blocks(), round(SEARCHED * sound.rate))))


__all__ = ["Preview", "preview"]
