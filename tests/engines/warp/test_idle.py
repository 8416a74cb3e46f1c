"""Idle motion of a portrait."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.warp.idle import IDLE_CONTROLS, IdleCurves


def motion(seed: int, fps: Fraction = Fraction(25), frames: int = 750, jaw: np.ndarray | None = None) -> np.ndarray:
    idle = IdleCurves(fps, seed)
    jaw = np.zeros(frames) if jaw is None else jaw
    return np.stack([idle.next(np.array([opening, 0, 0, 0, 0, 0, 0, 0], np.float32)) for opening in jaw])


def test_the_first_frame_does_not_move() -> None:
    assert motion(3)[0] == pytest.approx(0)


def test_the_same_seed_gives_the_same_motion() -> None:
    assert np.array_equal(motion(3), motion(3))
    assert not np.array_equal(motion(3), motion(4))


def test_eyes_blink_every_few_seconds_and_shut() -> None:
    lids = motion(1)[:, IDLE_CONTROLS.index("blink")]
    blinks = int(((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum())
    assert 4 <= blinks <= 16
    assert lids.max() > 0.95
    assert np.mean(lids > 0) < 0.15


def test_the_head_moves_slightly_and_slowly() -> None:
    head = motion(2)[:, 1:]
    assert np.abs(head).max() < 0.06
    assert np.abs(head[:, 0]).max() > 0.01
    assert np.abs(np.diff(head, axis=0)).max() < 0.003


def test_the_motion_does_not_depend_on_the_frame_rate() -> None:
    slow, quick = motion(5, Fraction(25), 250), motion(5, Fraction(50), 500)
    assert quick[::2] == pytest.approx(slow, abs=1e-6)


def test_the_head_nods_with_the_speech_after_it_is_heard() -> None:
    silent, jaw = np.zeros(100), np.zeros(100)
    jaw[50:60] = 0.7
    difference = motion(0, jaw=jaw)[:, 2] - motion(0, jaw=silent)[:, 2]
    assert difference[:50] == pytest.approx(0)
    assert difference.max() > 0.005


def test_a_motion_begun_at_a_later_frame_continues_the_same_curve() -> None:
    whole, later = motion(5), IdleCurves(Fraction(25), 5)
    later.begin_at(400)
    rest = np.stack([later.next(np.zeros(8, np.float32)) for _ in range(350)])
    assert np.array_equal(rest, whole[400:])
