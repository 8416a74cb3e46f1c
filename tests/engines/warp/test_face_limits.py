"""Faces beyond the limits: portraits are refused, frames of a video fade to their source."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.face_limits import FADE, FaceView, Fading, drawing_strength, refusal

USUAL = {"scale": 80.0, "gap": 0.05, "yaw": 0.1, "pitch": 0.1}


def test_a_usual_face_is_drawn() -> None:
    assert refusal(FaceView(**USUAL)) is None
    assert drawing_strength(FaceView(**USUAL)) == (1.0, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": 9.0}, "too small"),
        ({"gap": 0.5}, "wide open"),
        ({"yaw": -1.0}, "turned"),
        ({"pitch": 0.9}, "turned"),
        ({"covered": 1.0}, "covered"),
    ],
)
def test_a_portrait_beyond_a_limit_is_refused_in_one_sentence(change: dict[str, float], words: str) -> None:
    sentence = refusal(FaceView(**USUAL | change))
    assert sentence is not None
    assert words in sentence
    assert "; give " in sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scale": 9.0}, "face too small"),
        ({"gap": 0.5}, "mouth wide open"),
        ({"yaw": -1.0}, "face turned too far"),
        ({"pitch": -0.9}, "face tilted too far"),
        ({"covered": 0.9}, "mouth covered"),
    ],
)
def test_a_video_frame_beyond_a_limit_keeps_its_source(change: dict[str, float], reason: str) -> None:
    assert drawing_strength(FaceView(**USUAL | change)) == (0.0, reason)


def test_a_video_fades_over_neighbouring_frames() -> None:
    drawn = [drawing_strength(FaceView(**USUAL | {"yaw": yaw}))[0] for yaw in np.deg2rad(np.arange(30, 55))]
    assert drawn[0] == 1
    assert drawn[-1] == 0
    assert np.all(np.diff(drawn) <= 0)
    assert np.abs(np.diff(drawn)).max() < 0.2


def test_a_mouth_that_opens_at_once_fades_before_and_after() -> None:
    fading = Fading({40: (0, 0.0, "mouth wide open"), 41: (0, 0.0, "mouth wide open")})
    strengths, reasons = zip(*(fading.strength(frame, 0) for frame in range(80)), strict=True)
    assert strengths[40 - FADE[0] : 42 + FADE[0]] == (0.0,) * (2 + 2 * FADE[0])
    assert strengths[40 - FADE[1]] == strengths[41 + FADE[1]] == 1
    assert np.abs(np.diff(strengths)).max() < 0.25
    assert {reason for strength, reason in zip(strengths, reasons, strict=True) if strength < 0.5} == {
        "mouth wide open"
    }


def test_a_cut_ends_a_fade() -> None:
    fading = Fading({40: (0, 0.0, "mouth wide open")})
    assert fading.strength(41, 0)[0] == 0
    assert fading.strength(41, 1) == (1.0, None)
