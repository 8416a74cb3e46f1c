from __future__ import annotations

import cv2
import pytest

from lipsmith.types import Image
from tests.support.pasted_faces import Head


@pytest.fixture(scope="session")
def head(astronaut: Image) -> Head:
    cv2.setNumThreads(1)
    return Head.of(astronaut)
