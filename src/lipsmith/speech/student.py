"""The network that hears, as it is shipped: one step per 40 ms, its memory held by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..assets import STUDENT, asset
from ..types import Array
from .student_mel import BANDS, HOP, SILENT, WINDOW

if TYPE_CHECKING:
    import onnxruntime

STEP = 640
"""Samples at 16 kHz from one step to the next: 25 a second."""
MIDDLE = 320
"""Step j says what the mouth does at sample 640 j + 320, the middle of video frame j at 25 fps."""
FRAMES_AHEAD = 5
"""Mel rows from the instant that a step describes to the last row it sees: that row's window ends 75 ms later."""
FRAMES_PER_STEP = STEP // HOP
LAST_FRAME = MIDDLE // HOP + FRAMES_AHEAD
"""Step j sees mel frames up to 4 j + LAST_FRAME."""
LOOK_AHEAD = LAST_FRAME * HOP + WINDOW - MIDDLE
"""Samples heard past the described instant before a step is decided: 1200, 75 ms."""
_SETTLING_STEPS = 50  # steps of silence before a stream


@dataclass(frozen=True, slots=True, eq=False)
class Student:
    """A loaded network. It has no memory of its own: one serves any number of streams."""

    session: onnxruntime.InferenceSession
    width: int  # mel frames that one step sees
    initial_state: Array  # its memory after a while of silence: where every stream begins

    def step(self, frames: Array, state: Array) -> tuple[Array, Array]:
        """One step: (width, 40) normalised mel frames and the memory -> (8,) drive and the new memory."""
        drive, after = self.session.run(["drive", "next_state"], {"mel": frames.reshape(1, -1), "state": state})
        return drive[0], after


@cache
def load_student() -> Student:
    """The shipped network, loaded once per process."""
    return read_student(asset(STUDENT).read_bytes())


def read_student(model: bytes) -> Student:
    """A network from the bytes of its ONNX file. One thread: a step is far too small to share."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    dims = {given.name: given.shape for given in session.get_inputs()}
    width, state = dims["mel"][1] // BANDS, np.zeros(dims["state"], np.float32)
    unsettled = Student(session, width, state)
    for _ in range(_SETTLING_STEPS):
        _, state = unsettled.step(silent_frames(width), state)
    return Student(session, width, state)


def silent_frames(count: int) -> Array:
    """(count, 40) normalised frames in which nothing sounds."""
    return np.full((count, BANDS), SILENT, np.float32)
