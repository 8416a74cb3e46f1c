"""How well the default engine's mouth follows its controls, on the shipped portrait or a picture of your own."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

from ..assets import DEMO_SPEECH, TEST_PICTURE, asset
from ..errors import FaceError
from ..metrics.control_accuracy import ControlAccuracy, measure_control_accuracy
from ..types import Array

TALK = 6.0
"""Seconds of speech in which jumps are counted."""


def control_accuracy_of(picture: Path | None = None) -> ControlAccuracy:
    """Draw 48 mouths with known controls over ``picture``, and measure the mouths that came out.

    Then the picture says the beginning of the demo's speech, and jumps of the mouth are counted.

    Raises:
        LipsmithError: the picture cannot be read, shows no face, or shows one that the engine cannot draw.
    """
    from ..face.landmarks import Landmarker
    from ..media.video import open_video_source

    talk = _drives_of_demo_speech()
    image = next(open_video_source(picture or asset(TEST_PICTURE)).frames())
    with closing(Landmarker(max_faces=1)) as landmarker:
        faces = landmarker.find(image)
        if not faces:
            raise FaceError(f"No face was found in {picture}: give a picture of one.")
        return measure_control_accuracy(
            image, faces[0], lambda drawn: next(iter(landmarker.find(drawn)), None), talk=talk
        )


def _drives_of_demo_speech() -> list[Array]:
    """The (17,) drives of the first ``TALK`` seconds of the demo's speech at 25 fps; the head stays still."""
    from ..drive.speech import SpeechDrive
    from ..engines.warp import WarpEngine, WarpOptions
    from ..media.sound import open_speech
    from ..pipeline.film import first_samples

    sound = open_speech(asset(DEMO_SPEECH))
    speech = SpeechDrive(WarpEngine(WarpOptions(idle=False)), Fraction(25), sound.rate)
    drives = [
        drive for block in first_samples(sound.blocks(), round(TALK * sound.rate)) for drive in speech.push(block, 0)
    ]
    return drives + speech.finish(round(25 * TALK))[: round(25 * TALK) - len(drives)]
