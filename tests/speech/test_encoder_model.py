"""The shipped encoder: the file that its page describes, loaded once, the same numbers in any company."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from lipsmith.assets import SPEECH_ENCODER, asset
from lipsmith.errors import InputError
from lipsmith.speech.encoder_model import WIDTH, load_encoder, read_encoder
from lipsmith.speech.student import read_student
from lipsmith.speech.whisper_mel import BANDS
from lipsmith.types import Array


def mel(frames: int, seed: int) -> Array:
    return np.random.default_rng(seed).normal(0, 0.5, (BANDS, frames)).astype(np.float32)


def test_the_page_beside_it_names_this_very_file_and_its_licence() -> None:
    path = asset(SPEECH_ENCODER)
    page = path.with_suffix(".md").read_text()
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() in page
    assert f"{len(content):,} bytes" in page
    assert "Copyright (c) 2022 OpenAI" in page
    assert "Permission is hereby granted" in page
    assert SPEECH_ENCODER in Path(__file__).parents[2].joinpath("NOTICE").read_text()
    assert len(content) <= 11_000_000


@pytest.mark.parametrize("frames", [2, 240, 960])
def test_windows_of_any_even_length_give_half_as_many_rows(frames: int) -> None:
    features = load_encoder().encode(mel(frames, 0))
    assert features.shape == (frames // 2, WIDTH)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.std() > 0.5


def test_it_is_loaded_once_and_remembers_nothing() -> None:
    assert load_encoder() is load_encoder()
    alone = load_encoder().encode(mel(240, 1))
    load_encoder().encode(mel(240, 2))
    assert np.array_equal(load_encoder().encode(mel(240, 1)), alone)


def test_a_call_of_several_windows_would_mix_them() -> None:
    """Why sessions do not share a call: the 8-bit products are scaled by the largest value of all windows in it."""
    quiet, loud = mel(240, 1), 4 * mel(240, 2)
    together = load_encoder().session.run(["features"], {"mel": np.stack([quiet, loud])})[0]
    assert not np.array_equal(together[0], load_encoder().encode(quiet))


@pytest.mark.parametrize("content", [b"", b"no network", asset(SPEECH_ENCODER).read_bytes()[:100_000]])
def test_a_damaged_file_is_told(content: bytes) -> None:
    with pytest.raises(InputError, match=r"damaged; install lipsmith again"):
        read_encoder(content)
    with pytest.raises(InputError, match="no student network"):
        read_student(content)
