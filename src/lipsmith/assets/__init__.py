"""Finds the files that come with the package."""

from __future__ import annotations

from pathlib import Path

from ..errors import LipsmithError

DEMO_PICTURE = "demo_portrait.jpg"
DEMO_SPEECH = "demo_speech.flac"
TEST_PICTURE = "astronaut.jpg"
"""The whole portrait, of which the demo's is a part: test material."""
MEAN_FACE = "mean_face.npz"
STUDENT = "voice2mouth.onnx"
SPEECH_ENCODER = "speech_encoder.onnx"
MOUTH_HEADS = "mouth_heads.npz"


def asset(name: str) -> Path:
    """The path of the shipped file ``name``.

    Raises:
        LipsmithError: the file is missing from this installation.
    """
    path = Path(__file__).with_name(name)
    if not path.is_file():
        raise LipsmithError(f"The file assets/{name} is missing from this installation: install lipsmith again.")
    return path
