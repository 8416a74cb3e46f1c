"""Idle motion of a portrait: blinks, gaze, brows, and a head that wanders slowly and moves with the speech."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...types import Array
from .blinks import BlinkSchedule, GazeSchedule
from .speech_rhythm import SpeechRhythm, Spring

IDLE_CONTROLS = ("blink", "yaw", "pitch", "roll", "across", "down", "brows", "gaze_across", "gaze_down")
"""The last numbers of a drive: blink 0..1; yaw, pitch, roll of the head in rad (positive: to the image's right, down,
clockwise); across, down in eye distances; brows 0..1 raised; gaze, the shift of the irises in eye distances."""
BLINK = 0
HEAD_CONTROLS = slice(1, 7)
"""yaw to brows: what ``HeadField`` moves."""
GAZE = slice(7, 9)
EASING = np.array([1, 6, 6, 6, 6, 6, 3, 1, 1], np.float32)
"""How many times as long as a mouth each control takes when another stream of speech, or silence, goes on with it."""
LIMITS = np.array([0.14, 0.12, 0.08, 0.13, 0.09])
"""Yaw to down stay below these, whatever life is: beyond, the background around the head bends visibly."""
_WAVES = (
    # For yaw to down: amplitude, and two angular frequencies in rad/s that do not fall into step.
    (0.062, 0.61, 1.37),
    (0.030, 0.53, 1.19),
    (0.027, 0.57, 1.03),
    (0.068, 0.47, 0.89),
    (0.022, 0.43, 1.11),
)
_POSES = np.array([0.062, 0.034, 0.030, 0.068, 0.025])
"""sd of the poses, yaw to down, between which a speaker's head moves from stress to stress."""
_TOGETHER = np.eye(5)
_TOGETHER[3] = (0.5, 0.0, 0.0, 0.85, 0.0)  # a head that turns to one side mostly moves there too, and leans there
_TOGETHER[2] = (0.0, 0.0, 0.85, 0.5, 0.0)
_POSE_SPEED = 5.0
"""1/s: a new pose is reached in about .7 s."""
_NOD = np.array([0.0, 0.085, 0.0, 0.0, 0.030])
"""How far the head drops on a stressed syllable."""
_NOD_SPEED, _BROW_SPEED = 11.0, 9.0
_COUNTER = 0.13
"""Eye distances by which the iris moves back per rad of the head's turn: the radius of the eyeball. The eyes stay on
the viewer while the head moves."""
_FADE_IN_SECONDS = 1.2


class IdleCurves:
    """(9,) idle controls of consecutive frames: a function of the seed, the frame number and the mouth so far.

    ``life`` scales them: 1 is natural, 2 is lively.
    """

    def __init__(self, fps: Fraction, seed: int, life: float = 1.0) -> None:
        self._step = float(1 / fps)
        self._life = life
        self._phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (len(_WAVES), 2))
        self._blinks, self._gaze = BlinkSchedule(seed, 0.5 + 0.5 * life), GazeSchedule(seed)
        self._choices = np.random.default_rng([seed, 3])  # asked by events of the speech alone
        self._rhythm = SpeechRhythm(self._step)
        self._pose, self._nod, self._brows = Spring(5, _POSE_SPEED), Spring(1, _NOD_SPEED), Spring(1, _BROW_SPEED)
        self._brows_until = 0.0
        self._frame = 0

    def next(self, mouth: Array) -> Array:
        """The next frame's (9,) controls beside its (8,) ``mouth`` controls; call it once per frame."""
        time = self._frame * self._step
        self._frame += 1
        self._rhythm.next(mouth)
        self._answer_speech(time)
        start = min(1.0, time / _FADE_IN_SECONDS)
        fade = start * start * (3 - 2 * start)
        head = fade * self._wander(time) + self._pose.next(self._step) + _NOD * self._nod.next(self._step)
        head = LIMITS * np.tanh(self._life * head / LIMITS)
        across, down = self._gaze.place(time)
        gaze = (self._life * fade * across - _COUNTER * head[0], self._life * fade * down - _COUNTER * head[1])
        brows = min(1.0, self._life * float(self._brows.next(self._step)[0]))
        return np.array([self._blinks.closing(time), *head, brows, *gaze], np.float32)

    def begin_at(self, frame: int) -> None:
        """Continue as if ``frame`` frames of silence had been drawn; it must not lie before frames already given."""
        self._frame = frame

    def _wander(self, time: float) -> Array:
        waves = zip(_WAVES, self._phases, strict=True)
        share = 0.7 + 0.3 * self._rhythm.speaking
        return share * np.array([
            amplitude * (0.7 * np.sin(slow * time + p) + 0.3 * np.sin(fast * time + q))
            for (amplitude, slow, fast), (p, q) in waves
        ])  # fmt: skip

    def _answer_speech(self, time: float) -> None:
        """Set the springs' targets by what the speech does now; a pause may bring a blink and a look aside."""
        rhythm, random = self._rhythm, self._choices
        self._nod.target[:] = min(1.0, 1.5 * rhythm.emphasis)
        if rhythm.stress is not None:
            if random.random() < 0.7:
                chance = np.clip(random.standard_normal(5), -1.8, 1.8)
                self._pose.target = _POSES * (_TOGETHER @ chance)
            if random.random() < 0.25 + 0.4 * rhythm.stress:
                self._brows.target[:], self._brows_until = 0.5 + 0.5 * rhythm.stress, time + 0.30
        if time >= self._brows_until:
            self._brows.target[:] = 0
        if rhythm.phrase_ended:
            self._pose.target = 0.3 * self._pose.target
            if random.random() < 0.6:
                self._blinks.ask(time)
            if random.random() < 0.5:
                self._gaze.look_aside(time, random)
