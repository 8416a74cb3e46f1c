"""Made mouths: one that follows, one that follows late, one of somebody else, and one that hardly moves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.speech.curves import Curve, smoothed
from lipsmith.speech.verdict import judge

FPS = Fraction(25)
Curves = list[Curve]


def talk(seed: int, seconds: float = 12, fps: Fraction = FPS) -> Curves:
    """Three curves that move about as fast as syllables."""
    random = np.random.default_rng(seed)
    return [smoothed(random.normal(size=round(seconds * fps)), float(fps * 2 / 25)) for _ in range(3)]


def mouth_of(sound: Curves, late: int = 0, noise: float = 1.0, seed: int = 9) -> Curves:
    """A mouth that follows, ``late`` frames after the sound, with as much noise as signal, and a slow smile."""
    random = np.random.default_rng(seed)
    own = [smoothed(random.normal(size=len(one)), 2.0) for one in sound]
    smile = np.linspace(0, 6, len(sound[0]))
    return [np.roll(one, late) + noise * other + smile for one, other in zip(sound, own, strict=True)]


@pytest.mark.parametrize("fps", [FPS, Fraction(30_000, 1001), Fraction(50)])
def test_a_mouth_that_follows_is_in_sync(fps: Fraction) -> None:
    sound = talk(1, fps=fps)
    found = judge(sound, mouth_of(sound, noise=0.5), fps)
    assert found.words == "in sync"
    assert found.lag_ms == pytest.approx(0, abs=25)
    assert found.confidence > 0.9


@pytest.mark.parametrize(("late", "words"), [(-7, "late"), (7, "early"), (3, "early"), (-4, "late")])
def test_an_offset_is_told_in_words(late: int, words: str) -> None:
    sound = talk(2)
    found = judge(sound, mouth_of(sound, late), FPS)
    assert found.words == f"sound {words} by {abs(found.lag_ms):.0f} ms"
    assert found.lag_ms == pytest.approx(40 * late, abs=20)


def test_sound_that_is_a_little_late_is_still_in_sync_and_as_early_is_not() -> None:
    """Sound that comes early is noticed sooner: in nature it never does."""
    sound = talk(3)
    assert judge(sound, mouth_of(sound, -2), FPS).words == "in sync"
    assert judge(sound, mouth_of(sound, 2), FPS).words.startswith("sound early by")


def test_the_mouth_of_somebody_else_does_not_follow() -> None:
    found = [judge(talk(seed), mouth_of(talk(seed + 100)), FPS) for seed in range(20)]
    assert sum(one.words == "does not follow" for one in found) >= 19
    assert np.mean([one.confidence for one in found]) > 0.8


def test_longer_films_are_surer() -> None:
    long = talk(4, 20)
    mouth = mouth_of(long, noise=2.0)
    whole, part = judge(long, mouth, FPS), judge([one[:75] for one in long], [one[:75] for one in mouth], FPS)
    assert whole.words == "in sync"
    assert whole.score > part.score


def test_a_mouth_that_does_not_move_does_not_follow_and_a_moment_is_too_short() -> None:
    sound = talk(5)
    assert judge(sound, [np.full(300, 0.1)] * 3, FPS).words == "does not follow"
    assert judge([one[:50] for one in sound], [one[:50] for one in sound], FPS).words == "too short to tell"
