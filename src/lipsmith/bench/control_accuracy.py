"""How well the default engine's mouth follows its controls, on the shipped portrait or a picture of your own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ..assets import TEST_PICTURE, asset
from ..errors import FaceError
from ..metrics.control_accuracy import ControlAccuracy, measure_control_accuracy


def control_accuracy_of(picture: Path | None = None) -> ControlAccuracy:
    """Draw 48 mouths with known controls over ``picture``, and measure the mouths that came out.

    Raises:
        LipsmithError: the picture cannot be read, shows no face, or shows one that the engine cannot draw.
    """
    from ..face.landmarks import Landmarker
    from ..media.video import open_video_source

    image = next(open_video_source(picture or asset(TEST_PICTURE)).frames())
    with closing(Landmarker(max_faces=1)) as landmarker:
        faces = landmarker.find(image)
        if not faces:
            raise FaceError(f"No face was found in {picture}: give a picture of one.")
        return measure_control_accuracy(image, faces[0], lambda drawn: next(iter(landmarker.find(drawn)), None))
