"""A preview before a film is made: the faces of its first frame with faces, and that frame speaking for a moment."""

from __future__ import annotations

import math
import tempfile
import time
import wave
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OptionError
from ..options import GenerateOptions, parse_time
from ..types import Face, Image, Samples
from .film import Report, first_samples
from .generate import generate
from .part import FilmPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..media.sound import Speech
    from ..media.video import VideoSource

SPOKEN = 0.4  # seconds of speech that are spoken
SEARCHED = 20.0  # seconds from the beginning of the speech in which the loudest moment is searched
LOOKED_AT = ((3.0, 0.2), (60.0, 3.0))
"""Where faces are looked for in a video: up to so many seconds in such steps, at 35 frames in all."""
SHEET = "sheet.png"
"""The contact sheet's name in the folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """The faces that were found, and how they speak."""

    image: Image  # (H, W, 3) RGB uint8, the first frame with the faces that speak; else with any face; else the first
    faces: tuple[Face, ...]  # all that were found
    speakers: tuple[int, ...]  # track numbers of the faces that the options choose
    report: Report | None  # of the contact sheet; None: there was no speech, or nobody to speak
    sheet: Image | None = None  # (H, W, 3) RGB uint8, the contact sheet of some frames that speak
    seconds: float = 0.0  # when ``image`` shows in a video


def preview(
    picture: str | Path,
    speech: str | Path | None = None,
    options: GenerateOptions | None = None,
    folder: str | Path | None = None,
    seconds: float = math.inf,
) -> Preview:
    """Find the faces of ``picture``; with ``speech`` let it say the loudest moment.

    Of a video the first frame with faces is taken, of some in its first minute: it may fade in.

    Args:
        picture: an image, a video, or a folder of numbered images.
        speech: any sound, or a video's soundtrack; None: only faces are found.
        options: see ``GenerateOptions``.
        folder: an existing folder that gets the contact sheet, ``sheet.png``, and the files that it is made from;
            None: no file is kept, and the path in ``report.output`` is no longer there.
        seconds: how long faces may be looked for in a video; then the frames that were seen decide.

    Raises:
        LipsmithError: as ``generate``.
    """
    options = options or GenerateOptions()
    with ExitStack() as stack:
        place = folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsmith-"))
        return _preview(Path(picture), None if speech is None else Path(speech), options, Path(place), seconds)


def _preview(picture: Path, speech: Path | None, options: GenerateOptions, folder: Path, seconds: float) -> Preview:
    from PIL import Image as Pillow

    from ..media.video import open_video_source

    video, skipped = _from_start(open_video_source(picture), options)
    seen = _look(video, options.faces, seconds)
    report, sheet = None, None
    if speech is not None and seen.speakers:
        _write_frame(folder / "first.png", video, seen)
        _write_moment(folder / "moment.wav", speech, options)
        short = replace(options, length="speech", fps="25", audio_track=None, start="0", duration=None)
        report = generate(folder / "first.png", folder / "moment.wav", None, short, sheet=folder / SHEET)
        sheet = np.asarray(Pillow.open(folder / SHEET).convert("RGB"))
    return replace(seen, report=report, sheet=sheet, seconds=seen.seconds + float(skipped / video.info.fps))


def _from_start(video: VideoSource, options: GenerateOptions) -> tuple[VideoSource, int]:
    """The video from the options' start on, and how many frames were left out; a shorter one as a whole."""
    part, frames = FilmPart.of(options, video.info.fps), video.info.frames
    if not 0 < part.first < frames:
        return video, 0
    return part.picture(video, frames - part.first)[0], part.first


def _look(video: VideoSource, faces: str, seconds: float) -> Preview:
    """The first frame with the faces that speak, else the first with any face, else the first.

    Raises:
        OptionError: no frame has the face that ``faces`` names.
    """
    from ..face.tracker import Tracker

    first: Preview | None = None
    missing: OptionError | None = None
    for index, image in _looked_at(video, seconds):
        with Tracker(25, still=True) as tracker:
            found = tuple(tracker.push(image))
            seen = Preview(image, found, (), None, seconds=float(index / video.info.fps))
            try:
                if found:
                    return replace(seen, speakers=tuple(tracker.finish().choose(faces)))
            except OptionError as problem:  # a later frame may show more people
                missing = missing or problem
        first = first or seen
    if missing is not None:
        raise missing
    assert first is not None
    return first


def _looked_at(video: VideoSource, seconds: float) -> Iterator[tuple[int, Image]]:
    """The frames of ``LOOKED_AT``, with their numbers, as far as ``seconds`` of work reach."""
    wanted, at, deadline = {0}, Fraction(0), time.monotonic() + seconds
    for end, step in LOOKED_AT:
        while at < Fraction(end):
            wanted.add(round(at * video.info.fps))
            at += Fraction(step).limit_denominator(100)
    for index, image in enumerate(video.frames()):
        if index in wanted:
            yield index, image
        if index >= max(wanted) or time.monotonic() > deadline:
            return


def _write_frame(path: Path, video: VideoSource, seen: Preview) -> None:
    """Write the frame of ``video`` that was looked at, with its transparency."""
    from ..media.chroma_key import cut_out, matte_from_alpha
    from ..media.stills import write_png

    image, index = seen.image, round(seen.seconds * float(video.info.fps))
    alpha = next(islice(video.alphas(), index, None), None)
    if alpha is not None and alpha.min() < 255:
        image = np.dstack([cut_out(image, matte_from_alpha(alpha)), alpha])
    write_png(path, image)


def _write_moment(path: Path, speech: Path, options: GenerateOptions) -> None:
    """Write the loudest ``SPOKEN`` seconds of the part's first ``SEARCHED`` seconds, as a mono WAV."""
    from ..media.sound import open_speech

    whole = open_speech(speech, track=options.audio_track)
    sound = whole.since(round(parse_time("start", options.start) * whole.rate))
    sound = sound if sound.samples else whole
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
