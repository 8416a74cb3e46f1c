"""The job kind ``dub``: an uploaded picture, or an avatar, says an uploaded speech or a text in a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...avatars.store import AvatarStore
from ...options import GenerateOptions, build
from ...pipeline.film import Report
from ...pipeline.generate import generate
from ...pipeline.speak import SpeakOptions, speak
from ...tts.protocols import SpeechStyle
from ...tts.text_to_file import TextToFile
from ..folders import uploads_in
from ..registry import JobPolicy, TaskContext, TaskSpec

FILMS = {"mp4": "film.mp4", "mov": "film.mov", "webm": "film.webm"}
"""Format -> name of the film."""


@dataclass(frozen=True, slots=True)
class DubOptions:
    """How a film is dubbed."""

    format: Literal["mp4", "mov", "webm"] = "mp4"
    avatar: str | None = None  # None: the uploaded picture speaks
    text: str = ""  # that a voice reads aloud; "": the uploaded speech, or the picture's own, is said
    voice: str = "auto"  # that of the server: a name for ``tts.registry.open_voice``
    style: Mapping[str, Any] = field(default_factory=dict)  # fields of ``tts.protocols.SpeechStyle``
    options: Mapping[str, Any] = field(default_factory=dict)  # of GenerateOptions; with an avatar of SpeakOptions


def dub(options: DubOptions, context: TaskContext) -> Report:
    """Make the film in the output folder."""
    with speech_of(options, context) as speech:
        report = _with_avatar(options, context, speech) if options.avatar else _with_picture(options, context, speech)
    return replace(report, output=Path(FILMS[options.format]))


@contextmanager
def speech_of(options: DubOptions, context: TaskContext) -> Iterator[Path | None]:
    """What is said: the uploaded speech, or the text in a file that is there meanwhile; None: the picture's own."""
    if not options.text:
        yield uploads_in(context.uploads).speech
        return
    spoken = context.output / "spoken.wav"
    try:
        TextToFile(options.text, options.voice, SpeechStyle(**options.style)).write(spoken)
        yield spoken
    finally:
        spoken.unlink(missing_ok=True)


def _with_avatar(options: DubOptions, context: TaskContext, speech: Path | None) -> Report:
    assert options.avatar
    assert speech
    film, how = context.output / FILMS[options.format], build(SpeakOptions, options.options)
    with AvatarStore(context.avatars).open(options.avatar) as avatar:
        return speak(avatar, speech, film, how, progress=context.progress)


def _with_picture(options: DubOptions, context: TaskContext, speech: Path | None) -> Report:
    picture = uploads_in(context.uploads).picture
    assert picture
    film, how = context.output / FILMS[options.format], build(GenerateOptions, options.options)
    return generate(picture, speech, film, how, progress=context.progress)


TASK = TaskSpec("dub", DubOptions, dub, JobPolicy(lambda options: FILMS[options["format"]]))
