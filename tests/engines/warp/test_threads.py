"""Drawing keeps to its own thread: threads of OpenBLAS gain nothing for such small products and wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import time
import cv2
import numpy as np
from lipsmith.assets import TEST_PICTURE, asset
from lipsmith.engines.warp import WarpEngine
from lipsmith.face.landmarks import Landmarker
from lipsmith.media.video import open_video_source

cv2.setNumThreads(1)
image = next(open_video_source(asset(TEST_PICTURE)).frames())
with Landmarker() as landmarker:
    face = landmarker.find(image)[0]
engine = WarpEngine()
analysis = engine.analyze(still=True)
analysis.add(image, face)
material = engine.prepare(image, face, analysis.identity()).material
drive = np.array([0.5, 0.2, 0, 0.2, 0.2, 0, 0, 0.5, 0, 0.1, 0.1, 0.05, 0.1, 0.05, 0.5, 0, 0], np.float32)
engine.render([[material]], [[drive]])
time.sleep(0.5)  # what loading started has come to rest
before = time.process_time() - time.thread_time()
own = time.thread_time()
for _ in range(40):
    engine.render([[material]], [[drive]])
print((time.process_time() - time.thread_time() - before) / (time.thread_time() - own))
"""


def test_drawing_wakes_no_other_threads() -> None:
    limits = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **limits},
        cwd=Path(__file__).parents[3],
    )
    assert float(ran.stdout.split()[-1]) < 0.1
