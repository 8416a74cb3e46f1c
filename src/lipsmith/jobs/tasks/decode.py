"""The task ``decode``: an uploaded speech as bare samples."""

from __future__ import annotations

from dataclasses import dataclass

from ..folders import uploads_in
from ..registry import TaskContext, TaskSpec

SAMPLES = "samples.f32"
"""Name of the file with the mono float32 samples."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """Nothing can be chosen."""


def decode(_: DecodeOptions, context: TaskContext) -> dict[str, int]:
    """Write the samples into the output folder; returns their rate in Hz."""
    from ...media.sound import open_speech

    speech = uploads_in(context.uploads).speech
    assert speech
    sound = open_speech(speech)
    with (context.output / SAMPLES).open("wb") as file:
        for block in sound.blocks():
            file.write(block.tobytes())
    return {"rate": sound.rate}


TASK = TaskSpec("decode", DecodeOptions, decode)
