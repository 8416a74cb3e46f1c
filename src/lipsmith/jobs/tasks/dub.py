"""The job kind ``dub``: an uploaded picture, or an avatar, says an uploaded speech in a film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...avatars.store import AvatarStore
from ...options import GenerateOptions, build
from ...pipeline.film import Report
from ...pipeline.generate import generate
from ...pipeline.speak import SpeakOptions, speak
from ..folders import uploads_in
from ..registry import JobPolicy, TaskContext, TaskSpec

FILMS = {"mp4": "film.mp4", "mov": "film.mov", "webm": "film.webm"}
"""Format -> name of the film."""


@dataclass(frozen=True, slots=True)
class DubOptions:
    """How a film is dubbed."""

    format: Literal["mp4", "mov", "webm"] = "mp4"
    avatar: str | None = None  # None: the uploaded picture speaks
    options: Mapping[str, Any] = field(default_factory=dict)  # of GenerateOptions; with an avatar of SpeakOptions


def dub(options: DubOptions, context: TaskContext) -> Report:
    """Make the film in the output folder."""
    uploads, film = uploads_in(context.uploads), FILMS[options.format]
    if options.avatar:
        assert uploads.speech
        how = build(SpeakOptions, options.options)
        with AvatarStore(context.avatars).open(options.avatar) as avatar:
            report = speak(avatar, uploads.speech, context.output / film, how, progress=context.progress)
    else:
        assert uploads.picture
        given = build(GenerateOptions, options.options)
        report = generate(uploads.picture, uploads.speech, context.output / film, given, progress=context.progress)
    return replace(report, output=Path(film))


TASK = TaskSpec("dub", DubOptions, dub, JobPolicy(lambda options: FILMS[options["format"]]))
