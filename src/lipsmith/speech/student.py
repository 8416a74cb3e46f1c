"""The shipped student network at run time: one step per 40 ms of speech, with the state kept by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..assets import STUDENT, asset
from ..errors import InputError
from ..types import Array
from .student_mel import BANDS, HOP, SILENT, WINDOW

if TYPE_CHECKING:
    import onnxruntime

STEP = 640
"""Samples at 16 kHz from one step to the next: 25 steps per second."""
MIDDLE = 320
"""Step j describes the mouth at sample 640 j + 320, the middle of video frame j at 25 fps."""
FRAMES_AHEAD = 5
"""Mel frames from the described instant to the last frame of a step's input, whose samples end 75 ms after it."""
FRAMES_PER_STEP = STEP // HOP
LAST_FRAME = MIDDLE // HOP + FRAMES_AHEAD
"""The input of step j ends with mel frame 4 j + LAST_FRAME."""
LOOK_AHEAD = LAST_FRAME * HOP + WINDOW - MIDDLE
"""Samples needed after the described instant: 1200, 75 ms."""
_SETTLING_STEPS = 50  # of silence, after which the state is that of a stream's start


@dataclass(frozen=True, slots=True, eq=False)
class Student:
    """A loaded network. It keeps no state: one serves any number of streams."""

    session: onnxruntime.InferenceSession
    width: int  # mel frames in the input of a step
    initial_state: Array  # (layers, hidden) the state after some silence, with which a stream starts

    def step(self, frames: Array, state: Array) -> tuple[Array, Array]:
        """Run one step: (width, 40) normalised mel frames and the state -> (8,) drive and the new state."""
        drive, after = self.session.run(["drive", "next_state"], {"mel": frames.reshape(1, -1), "state": state})
        return drive[0], after


@cache
def load_student() -> Student:
    """The shipped network, loaded once per process."""
    return read_student(asset(STUDENT).read_bytes())


def read_student(model: bytes) -> Student:
    """Load a network from the bytes of its ONNX file. It uses one thread: a step is too small for more.

    Raises:
        InputError: they are no network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime's own errors share no other base
        raise InputError(f"What should be the small speech network is none ({str(problem)[:120]}).") from problem
    dims = {given.name: given.shape for given in session.get_inputs()}
    width, state = dims["mel"][1] // BANDS, np.zeros(dims["state"], np.float32)
    unsettled = Student(session, width, state)
    for _ in range(_SETTLING_STEPS):
        _, state = unsettled.step(silent_frames(width), state)
    return Student(session, width, state)


def silent_frames(count: int) -> Array:
    """(count, 40) normalised mel frames of silence."""
    return np.full((count, BANDS), SILENT, np.float32)
