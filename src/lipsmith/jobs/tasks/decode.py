"""The task ``decode``: an uploaded speech as bare samples."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import SoundError
from ..folders import uploads_in
from ..registry import TaskContext, TaskSpec

SAMPLES = "samples.f32"
"""Name of the file with the mono float32 samples."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """The most that is accepted."""

    samples: int


def decode(options: DecodeOptions, context: TaskContext) -> dict[str, int]:
    """Write the samples into the output folder; returns their rate in Hz. Raises SoundError for too many."""
    from ...media.sound import open_speech

    speech = uploads_in(context.uploads).speech
    assert speech
    sound = open_speech(speech)
    if sound.samples > options.samples:
        seconds = options.samples // sound.rate
        raise SoundError(
            f"{speech} is longer than {seconds} s, the most at {sound.rate} Hz: export it at 48 kHz, or cut it."
        )
    with (context.output / SAMPLES).open("wb") as file:
        for block in sound.blocks():
            file.write(block.tobytes())
    return {"rate": sound.rate}


TASK = TaskSpec("decode", DecodeOptions, decode)
