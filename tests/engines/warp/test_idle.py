"""Idle motion of a portrait."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.warp import WarpEngine, WarpOptions
from lipsmith.engines.warp.idle import IDLE_CONTROLS, IdleCurves

HEAD = slice(1, 6)  # yaw to down
BROWS, GAZE = IDLE_CONTROLS.index("brows"), slice(7, 9)


def motion(
    seed: int, fps: Fraction = Fraction(25), frames: int = 750, jaw: np.ndarray | None = None, life: float = 1.0
) -> np.ndarray:
    idle = IdleCurves(fps, seed, life)
    jaw = np.zeros(frames) if jaw is None else jaw
    return np.stack([idle.next(np.array([opening, 0, 0, 0, 0, 0, 0, 0], np.float32)) for opening in jaw])


def talk(frames: int = 500, pause: slice = slice(0, 0)) -> np.ndarray:
    """(frames,) openings of a mouth that says four syllables a second, every third one stressed."""
    time = np.arange(frames) / 25
    syllable = np.maximum(0, np.sin(2 * np.pi * 4 * time)) * np.where((time * 4).astype(int) % 3, 0.25, 0.6)
    syllable[pause] = 0
    return syllable


def blinks(lids: np.ndarray) -> np.ndarray:
    """The frames in which lids close past the half."""
    return np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5))


def test_the_first_frame_does_not_move() -> None:
    assert motion(3)[0] == pytest.approx(0)


def test_the_same_seed_gives_the_same_motion() -> None:
    assert np.array_equal(motion(3, jaw=talk()), motion(3, jaw=talk()))
    assert not np.array_equal(motion(3), motion(4))


def test_eyes_blink_every_few_seconds_and_shut() -> None:
    lids = motion(1)[:, IDLE_CONTROLS.index("blink")]
    assert 4 <= len(blinks(lids)) <= 16
    assert lids.max() > 0.95
    assert np.mean(lids > 0) < 0.15


def test_blinks_are_irregular_and_now_and_then_double() -> None:
    intervals = np.concatenate([np.diff(blinks(motion(seed, frames=1500)[:, 0])) for seed in range(12)]) / 25
    single = intervals[intervals > 1]
    assert 0 < len(intervals) - len(single) < 0.3 * len(intervals)
    assert single.min() > 1.9
    assert single.max() < 8.5
    assert single.std() > 0.25 * single.mean()


def test_pauses_bring_blinks_and_looks_aside() -> None:
    pauses = [slice(begin, begin + 20) for begin in range(100, 1400, 100)]
    jaw = talk(1500)
    for pause in pauses:
        jaw[pause] = 0
    paused, through = [0, 0], [0, 0]
    for seed in range(4):
        for counts, moved in ((paused, motion(seed, jaw=jaw)), (through, motion(seed, jaw=talk(1500)))):
            at = blinks(moved[:, 0])
            counts[0] += sum(bool(((at >= one.start) & (at < one.stop)).any()) for one in pauses)
            aside = np.abs(moved[:, GAZE.start] + 0.13 * moved[:, 1])  # without what the head's turn explains
            counts[1] += sum(aside[one].max() > 0.017 for one in pauses)
    assert paused[0] > through[0] + 8
    assert paused[1] > through[1] + 8


def test_a_silent_head_moves_slowly() -> None:
    head = np.concatenate([motion(seed)[:, HEAD] for seed in range(4)])
    assert 0.02 < np.abs(head[:, 0]).max() < 0.1
    assert np.ptp(head[:, 2]) > np.radians(1)
    assert np.abs(np.diff(motion(2)[:, HEAD], axis=0)).max() < 0.003


def test_a_speaking_head_moves_as_far_as_peoples_do() -> None:
    spreads, rolls = [], []
    for seed in range(8):
        _, yaw, _, roll, across, _ = motion(seed, jaw=talk(250))[:, :6].T
        spreads.append(np.std(across + 0.75 * yaw + 1.7 * roll))  # of the nose's bridge, in eye distances
        rolls.append(np.degrees(np.ptp(roll)))
    assert 0.05 < np.mean(spreads) < 0.13
    assert 2.5 < np.mean(rolls) < 7


def test_a_head_never_jumps() -> None:
    head = motion(7, jaw=talk(), life=2)[:, HEAD]
    assert np.abs(np.diff(head, axis=0)).max() < 0.03


def test_the_motion_does_not_depend_on_the_frame_rate() -> None:
    slow, quick = motion(5, Fraction(25), 250), motion(5, Fraction(50), 500)
    assert quick[::2] == pytest.approx(slow, abs=1e-6)


def test_the_head_nods_and_the_brows_rise_with_the_speech_after_it_is_heard() -> None:
    silent, jaw = np.zeros(100), np.zeros(100)
    jaw[50:60] = 0.7
    difference = np.stack([motion(seed, jaw=jaw) - motion(seed, jaw=silent) for seed in range(6)])
    assert difference[:, :50] == pytest.approx(0)
    assert difference[:, 50:65, 2].max(1).min() > 0.01
    assert (difference[:, :, BROWS].max(1) > 0.3).sum() > 0
    assert difference[:, :, BROWS].min() >= 0


def test_the_eyes_stay_on_the_viewer_while_the_head_turns() -> None:
    moved = motion(3, frames=1500)
    assert np.corrcoef(moved[:, 1], moved[:, GAZE.start])[0, 1] < -0.2


def test_irises_jump_and_then_rest() -> None:
    moved = motion(3, frames=750)
    eyes = moved[:, GAZE.start] + 0.13 * moved[:, 1]  # what the head's turn does not explain
    steps = np.abs(np.diff(eyes[50:]))
    assert np.mean(steps < 1e-5) > 0.7
    assert 10 < np.sum(steps > 0.003) < 150
    assert np.abs(eyes).max() < 0.04


def test_life_scales_the_motion_within_limits() -> None:
    slight, usual, lively = (np.abs(motion(4, jaw=talk(), life=life)[:, HEAD]) for life in (0.5, 1, 2))
    assert slight.mean() == pytest.approx(0.5 * usual.mean(), rel=0.15)
    assert 1.3 * usual.mean() < lively.mean() < 2 * usual.mean()
    assert np.all(lively.max(0) < (0.141, 0.121, 0.081, 0.131, 0.091))


def test_without_life_nothing_moves() -> None:
    for options in (WarpOptions(life=0), WarpOptions(idle=False)):
        encoder = WarpEngine(options).speech_encoder(Fraction(25))
        encoder.seed_motion(5)
        assert not encoder.moves_in_silence
        assert not np.stack([*encoder.push(np.zeros(16_000, np.float32)), *encoder.flush()])[:, 8:].any()


def test_every_picture_has_its_own_motion_unless_a_seed_is_given() -> None:
    def drives(seed: int | None, picture: int | None) -> np.ndarray:
        encoder = WarpEngine(WarpOptions(seed=seed)).speech_encoder(Fraction(25))
        if picture is not None:
            encoder.seed_motion(picture)
        return np.stack([*encoder.push(np.zeros(32_000, np.float32)), *encoder.flush()])

    assert np.array_equal(drives(None, 11), drives(11, None))
    assert not np.array_equal(drives(None, 11), drives(None, 12))
    assert np.array_equal(drives(7, 11), drives(7, 12))


def test_a_motion_begun_at_a_later_frame_continues_the_same_curve() -> None:
    whole, later = motion(5), IdleCurves(Fraction(25), 5)
    later.begin_at(400)
    rest = np.stack([later.next(np.zeros(8, np.float32)) for _ in range(350)])
    assert np.array_equal(rest, whole[400:])
