"""Films that end anywhere within a frame have MuseTalk's features up to the last frame.

``goldens/musetalk/audio_ends.npz``: the last three frames' features, every sixteenth channel, of MuseTalk's own
``AudioProcessor`` (commit 0a89dec4, librosa 0.11.0, transformers 5.23.0, torch 2.13.0 on a CPU) with a Whisper tiny
whose encoder is key-seeded, for the first n samples of ``synth_audio(32.0)`` at 25 fps; or the kind of its failure.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import repeat
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from lipsmith.engines.protocols import Engine
from lipsmith.errors import SoundError
from lipsmith.pipeline.timeline import Timeline
from lipsmith.speech.whisper import WhisperEncoder, random_whisper
from lipsmith.timing import frame_count
from lipsmith.types import Array, EngineInfo, Image, Samples, SourceFrame
from tests.support.goldens import golden_arrays, load_key_seeded, synth_audio
from tests.support.remembering import Remembering

GOLDEN = golden_arrays("audio_ends")
SPEECH = synth_audio(32.0).astype(np.float32) / 32_768
PAL = Fraction(25)
HEARD = (1280, 4000, 51_360, 66_080, 480_001, 496_123)  # of nine golden ones; each costs a pass of 30 s
FAILED = sorted(int(name[6:]) for name in GOLDEN if name.startswith("error_"))


@pytest.fixture(scope="module")
def whisper() -> Remembering:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    made = random_whisper()
    load_key_seeded(made.encoder, keep=("embed_positions",))
    return Remembering(made)


def film_drives(model: Any, blocks: Iterable[Samples], strict: bool = True, frames: int | None = None) -> Array:
    """The drives of a whole film of the sound in ``blocks``, through the timeline that every film has."""
    image: Image = np.zeros((16, 16, 3), np.uint8)
    engine = SimpleNamespace(
        info=EngineInfo("stub", "1"), speech_encoder=lambda fps, use: WhisperEncoder(fps, model, strict=strict)
    )
    timeline = Timeline.of_speech(repeat(SourceFrame(0, image, ())), cast(Engine, engine), PAL)
    windows = [window for block in blocks for window in timeline.push(block)] + timeline.end(frames)
    return np.stack([driven.drive for window in windows for driven in window])


def cut(samples: Samples, size: int) -> Iterator[Samples]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


@pytest.mark.parametrize("count", HEARD)
def test_the_last_frames_are_musetalk_s(count: int, whisper: Remembering) -> None:
    theirs, frames = GOLDEN[f"last_{count}"], int(GOLDEN[f"frames_{count}"])
    given = film_drives(whisper, cut(SPEECH[:count], 1777 if count % 640 else count))
    assert frames <= len(given) == frame_count(count, PAL) <= frames + 1
    ours = given[max(0, frames - 3) : frames, :, ::16]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert np.array_equal(ours == 0, theirs == 0)  # rows after the sound are zeros, not silence


@pytest.mark.parametrize("count", [4000, 66_080])
def test_the_default_hears_the_same_within_one_window(count: int, whisper: Remembering) -> None:
    theirs, frames = GOLDEN[f"last_{count}"], int(GOLDEN[f"frames_{count}"])
    given = film_drives(whisper, [SPEECH[:count]], strict=False)
    np.testing.assert_allclose(given[frames - 3 : frames, :, ::16], theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [4000, 66_080])
def test_a_last_part_of_a_frame_hears_on_and_then_zeros(count: int, whisper: Remembering) -> None:
    """MuseTalk has no such frame: its window goes on by two rows, and rows after the sound are zeros."""
    given = film_drives(whisper, [SPEECH[:count]]).reshape(-1, 10, 5 * 384)
    assert len(given) == int(GOLDEN[f"frames_{count}"]) + 1
    assert np.array_equal(given[-1, :8], given[-2, 2:])
    assert not given[-1, 8:].any()


def test_a_film_that_goes_on_after_its_sound_hears_silence(whisper: Remembering) -> None:
    given = film_drives(whisper, [SPEECH[:4000]], frames=12)
    padded = np.concatenate([SPEECH[:4000], np.zeros(12 * 640 - 4000, np.float32)])
    assert np.array_equal(given, film_drives(whisper, [padded]))


@pytest.mark.parametrize("count", FAILED)
def test_sounds_on_which_musetalk_fails_are_refused(count: int, whisper: Remembering) -> None:
    with pytest.raises(SoundError, match=str(GOLDEN[f"error_{count}"])):
        film_drives(whisper, [SPEECH[:count]])
