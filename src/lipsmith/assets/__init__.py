"""The files that come with the package, and where they lie."""

from __future__ import annotations

from pathlib import Path

from ..errors import LipsmithError

DEMO_PICTURE = "astronaut.jpg"
DEMO_SPEECH = "demo_speech.flac"
MEAN_FACE = "mean_face.npz"
STUDENT = "voice2mouth.onnx"


def asset(name: str) -> Path:
    """Where the shipped file ``name`` lies.

    Raises:
        LipsmithError: this installation is not whole.
    """
    path = Path(__file__).with_name(name)
    if not path.is_file():
        raise LipsmithError(f"The file assets/{name} is missing from this installation: install lipsmith again.")
    return path
