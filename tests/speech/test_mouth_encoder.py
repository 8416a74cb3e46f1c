"""The laws of the encoder for each way of hearing, and what each does with speech whose phone times are known."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lipsmith.corpus.store import load_utterances
from lipsmith.errors import SoundError
from lipsmith.speech.curve_streams import StudentStream, curve_stream
from lipsmith.speech.lips import lip_opening
from lipsmith.speech.mouth_encoder import MouthEncoder, step_at
from lipsmith.speech.mouth_heads import load_heads
from lipsmith.speech.student import LOOK_AHEAD, MIDDLE, STEP, load_student
from lipsmith.timing import frame_count
from tests.support import chunked

SPOKEN = load_utterances(Path(__file__).parent / "spoken.npz")
SPEECH = np.concatenate([utterance.samples for utterance in SPOKEN])[:48_000]
NTSC = Fraction(30_000, 1001)


def drives(samples, fps=Fraction(25), sizes=(), hearing="small"):
    return chunked.drives(MouthEncoder(fps, curve_stream(hearing)), samples, sizes)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24), NTSC, Fraction(60)])
@pytest.mark.parametrize("sizes", [[1] * 300 + [640] * 20, [331] * 80, [16_000, 1, 1, 15_000], [0, 0, 25_600]])
def test_any_chunking_gives_the_same_bits(fps, sizes):
    assert np.array_equal(drives(SPEECH, fps, sizes), drives(SPEECH, fps))


@pytest.mark.parametrize("hearing", ["file", "live"])
@pytest.mark.parametrize("sizes", [[1] * 300 + [640] * 20, [331] * 80, [16_000, 1, 1, 15_000], [0, 0, 25_600]])
def test_the_recogniser_hears_the_same_whatever_the_chunks(hearing, sizes):
    whole = drives(SPEECH, NTSC, hearing=hearing)
    assert np.array_equal(drives(SPEECH, NTSC, sizes, hearing), whole)
    assert whole.std(axis=0)[:6].min() > 0.01


@pytest.mark.parametrize("hearing", ["small", "file", "live"])
@pytest.mark.parametrize("fps", [Fraction(25), Fraction(10), Fraction(24), NTSC, Fraction(50), Fraction(60)])
@pytest.mark.parametrize("count", [1, 2, 533, 534, 640, 641, 1279, 1280, 1281, 9999])
def test_exactly_one_drive_per_frame_of_the_sound(fps, count, hearing):
    given = drives(SPEECH[:count], fps, hearing=hearing)
    assert given.shape == (frame_count(count, fps), 8)
    assert given.dtype == np.float32


@pytest.mark.parametrize("hearing", ["small", "file", "live"])
def test_no_sound_gives_no_drives(hearing):
    motion = MouthEncoder(Fraction(25), curve_stream(hearing))
    assert motion.push(np.zeros(0, np.float32)) == []
    assert motion.flush() == []


@pytest.mark.parametrize("hearing", ["small", "file", "live"])
def test_every_drive_is_in_the_range_of_its_control(hearing):
    given = drives(SPEECH, NTSC, hearing=hearing)
    assert np.all(np.isfinite(given))
    assert np.delete(given, 1, axis=1).min() >= 0
    assert np.abs(given).max() <= 1


def test_the_future_beyond_the_look_ahead_changes_nothing():
    """A drive of frame 30 is decided by the sound up to 75 ms past the frame's middle, and by nothing later."""
    end = 30 * STEP + MIDDLE + LOOK_AHEAD
    assert LOOK_AHEAD <= 0.12 * 16_000
    other = SPEECH.copy()
    other[end:] = 0.3
    assert np.array_equal(drives(SPEECH)[:31], drives(other)[:31])
    other[end - 200 :] = 0.3
    assert not np.array_equal(drives(SPEECH)[30], drives(other)[30])


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24), NTSC, Fraction(60)])
def test_drives_are_given_as_soon_as_their_sound_is_there(fps):
    """Look-ahead past the frame's middle: 75 ms at 25 fps, under 115 ms elsewhere."""
    motion, given, heard = MouthEncoder(fps, curve_stream("small")), 0, 0
    for start in range(0, 32_000, 16):
        new = motion.push(SPEECH[start : start + 16])
        heard += 16
        for frame in range(given, given + len(new)):
            middle = float(Fraction(2 * frame + 1, 2) / fps * 16_000)
            assert heard - middle <= (LOOK_AHEAD if fps == 25 else 0.115 * 16_000) + 16
        given += len(new)
    assert given > 40


def test_live_drives_are_decided_within_the_look_ahead_of_their_windows():
    """Frame 31 is the last of its block of two: it hears 80 ms and a mel frame beyond its end, and nothing later."""
    windows = load_heads().live.windows
    steps = (31 // windows.block + 1) * windows.block + windows.ahead + load_heads().live.after
    motion = MouthEncoder(Fraction(25), curve_stream("live"))
    end = steps * STEP + 40
    assert len(motion.push(SPEECH[:end])) >= 32
    other = SPEECH.copy()
    other[end:] = 0.3
    assert np.array_equal(drives(SPEECH, hearing="live")[:32], drives(other, hearing="live")[:32])
    assert (end - 31 * STEP) / 16_000 <= 0.25


def test_at_25_fps_a_drive_is_the_students_own_step():
    steps = StudentStream().push(SPEECH)
    assert np.array_equal(np.stack(steps), drives(SPEECH)[: len(steps)])


def test_an_hour_at_30000_1001_does_not_drift():
    """The middle of every frame of an hour lies between the two steps that make it, to the exact fraction."""
    for frame in [*range(50), *range(0, 107_892, 997), 107_891]:
        step, share = step_at(frame, NTSC)
        middle = (frame + Fraction(1, 2)) * 1001 / 30_000
        assert (step + share) * Fraction(1, 25) + Fraction(1, 50) == middle
        assert 0 <= share < 1


def test_sound_that_is_not_numbers_is_refused():
    with pytest.raises(SoundError, match="not numbers"):
        MouthEncoder(Fraction(25), curve_stream("small")).push(np.array([0.0, np.nan], np.float32))


def near(drives, segment):
    middles = np.arange(len(drives)) * STEP + MIDDLE
    return drives[(middles >= segment.start - 320) & (middles < segment.stop + 320)]


@cache
def heard(index, hearing):
    """The drives of an utterance that follows .2 s of silence."""
    return drives(np.concatenate([np.zeros(5 * STEP, np.float32), SPOKEN[index].samples]), hearing=hearing)[5:]


def share(symbols, hit, hearing="small"):
    found = []
    for index, utterance in enumerate(SPOKEN):
        given = heard(index, hearing)
        found += [hit(near(given, segment)) for segment in utterance.segments if segment.symbol in symbols]
    assert len(found) >= 4
    return np.mean(found)


def test_lips_meet_on_p_b_m():
    assert share("pbm", lambda given: given[:, 5].max() >= 0.5) >= 0.8
    assert share("pbm", lambda given: lip_opening(given).min() <= 0.02) >= 0.8


def test_the_lower_lip_touches_the_teeth_on_f_v():
    assert share("fv", lambda given: given[:, 6].max() >= 0.4) >= 0.75


def test_the_mouth_rounds_on_u_o_w_and_not_on_open_vowels():
    assert share("uow", lambda given: given[:, 2].max() >= 0.4) >= 0.7
    assert share("æɑɛ", lambda given: given[:, 2].mean() < 0.4) >= 0.75


def test_open_vowels_open():
    assert share("æɑ", lambda given: lip_opening(given).max() >= 0.07) >= 0.85


@pytest.mark.parametrize("hearing", ["file", "live"])
def test_the_recogniser_hears_closures_and_open_vowels(hearing):
    assert share("pbm", lambda given: given[:, 5].max() >= 0.4, hearing) >= 0.7
    assert share("uow", lambda given: given[:, 2].max() >= 0.4, hearing) >= 0.7
    assert share("æɑ", lambda given: lip_opening(given).max() >= 0.07, hearing) >= 0.85


@pytest.mark.parametrize("hearing", ["small", "file", "live"])
@pytest.mark.parametrize("kind", ["silence", "hiss", "noise", "tone"])
def test_the_mouth_stays_shut_where_nobody_speaks(kind, hearing):
    generator = np.random.default_rng(5)
    time = np.arange(64_000) / 16_000
    sound = {
        "silence": np.zeros(64_000),
        "hiss": generator.normal(0, 0.003, 64_000),
        "noise": generator.normal(0, 0.1, 64_000),
        "tone": 0.2 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 880 * time),
    }[kind]
    opening = lip_opening(drives(sound.astype(np.float32), hearing=hearing)).mean()
    assert opening <= (0.01 if hearing == "small" else 0.02)


@pytest.mark.parametrize("hearing", ["small", "file", "live"])
def test_the_mouth_is_shut_half_a_second_after_the_speech(hearing):
    given = drives(np.concatenate([SPEECH[:32_000], np.zeros(16_000, np.float32)]), hearing=hearing)
    assert lip_opening(given[63:]).max() <= (0.015 if hearing == "small" else 0.03)


def test_the_shipped_file_is_small_and_loaded_once():
    assert load_student() is load_student()
    path = Path(__file__).parents[2] / "src/lipsmith/assets/voice2mouth.onnx"
    assert path.stat().st_size <= 2_000_000
