"""Rows from overlapping windows, live and in blocks, with a network of numpy whose rows also depend on their window."""

import numpy as np
import pytest

from lipsmith.speech.feature_streams import HIDDEN, BlockFeatures, LiveFeatures, OverlappingFeatures
from lipsmith.speech.whisper_mel import segment_mel
from tests.support.goldens import synth_audio

SPEECH = synth_audio(11.0, seed=3).astype(np.float32) / 32_768


class Ear:
    """150 rows (3 s) at once. A row knows five frames around it, and a little of everything in its window."""

    steps = 150

    def __init__(self, everything=0.5):
        self.calls = 0
        self.positions = []
        self._everything = everything

    def hidden(self, mel, position=0):
        self.calls += 1
        count = mel.shape[1] // 2
        assert mel.shape == (80, 2 * count)
        assert position + count <= self.steps
        self.positions.append(position)
        padded = np.pad(mel, ((0, 0), (2, 2)), mode="edge")
        around = sum(padded[:, k : k + 2 * count : 2] for k in range(5))  # frames 2t-2 .. 2t+2
        known = around[:48].T + self._everything * mel.mean()
        return np.ascontiguousarray(np.broadcast_to(np.tile(known, 8)[:, None], (count, *HIDDEN)), np.float32)


def heard(hearing, samples, sizes=(), step=10):
    """Rows 0 .. n, asked for ten by ten as soon as they may be there, and how many came before the end."""
    found, at, count = [], 0, len(samples) // 320

    def ask():
        while (first := step * len(found)) < count:
            rows = hearing.rows(first, min(first + step, count))
            if rows is None:
                return
            found.append(rows)

    for size in [*sizes, len(samples)]:
        hearing.push(samples[at : at + size])
        at += size
        ask()
    early = len(found)
    hearing.end()
    ask()
    return np.concatenate(found), early


@pytest.mark.parametrize("make", [OverlappingFeatures, BlockFeatures, LiveFeatures])
@pytest.mark.parametrize("sizes", [[640] * 240, [7, 100_000, 1, 1], [331] * 80])
def test_any_chunking_gives_the_same_bits(make, sizes):
    rows, _ = heard(make(Ear()), SPEECH, sizes)
    assert rows.shape == (550, *HIDDEN)
    assert np.array_equal(rows, heard(make(Ear()), SPEECH)[0])


@pytest.mark.parametrize("make", [OverlappingFeatures, BlockFeatures])
@pytest.mark.parametrize("count", [3_000, 16_000, 44_000, 47_360])
def test_a_clip_within_one_window_is_heard_once(make, count):
    ear = Ear()
    rows, _ = heard(make(ear), SPEECH[:count])
    assert ear.calls == 1
    np.testing.assert_allclose(rows, Ear().hidden(segment_mel(SPEECH[:count], 300))[: count // 320], atol=1e-6)


def test_every_window_is_heard_once():
    ear = Ear()
    heard(OverlappingFeatures(ear), SPEECH, [640] * 270, step=1)
    assert ear.calls == 4  # 0, 2.8, 5.6, 8.4 s; each 3 s
    ear = Ear()
    heard(BlockFeatures(ear), SPEECH, [640] * 270, step=7)
    assert ear.calls == 4


@pytest.mark.parametrize(("rows", "calls"), [(430, 3), (431, 4)])
def test_a_window_that_would_add_nothing_is_not_heard(rows, calls):
    ear = Ear()
    found, _ = heard(OverlappingFeatures(ear), SPEECH[: rows * 320], step=1)
    assert (len(found), ear.calls) == (rows, calls)


def test_no_seam_shows_where_windows_meet():
    """A steady tone that grows louder once: all that changes at a seam is what the windows know of the rest."""
    time = np.arange(11 * 16_000) / 16_000
    tone = (0.1 * np.sin(2 * np.pi * 440 * time) * np.where(time > 7, 1, 0.01)).astype(np.float32)
    blocks, _ = heard(BlockFeatures(Ear(20.0)), tone)
    ours, _ = heard(OverlappingFeatures(Ear(20.0)), tone)
    jump = np.abs(np.diff(blocks[:, 0, 0]))[149:451:150].max()  # rows 150, 300, 450: blocks meet
    ramps = [slice(140 * k - 1, 140 * k + 11) for k in (1, 2, 3)]
    largest = max(np.abs(np.diff(ours[:, 0, 0]))[ramp].max() for ramp in ramps)
    assert jump > 1
    assert largest < 0.3 * jump


def test_rows_away_from_the_overlap_are_their_window_s_own():
    rows, _ = heard(OverlappingFeatures(Ear()), SPEECH, [16_000] * 11)
    rows_again, _ = heard(OverlappingFeatures(Ear()), SPEECH[: int(5.9 * 16_000)])
    assert np.array_equal(rows[:140], rows_again[:140])
    assert np.array_equal(rows[150:280], rows_again[150:280])


def test_rows_come_when_their_window_is_full():
    assert heard(OverlappingFeatures(Ear()), SPEECH[:47_800])[1] == 0
    assert (
        heard(OverlappingFeatures(Ear()), SPEECH[:48_100])[1] == 14
    )  # 0 .. 140: what follows waits for the next window
    assert heard(BlockFeatures(Ear()), SPEECH[:47_999])[1] == 0
    assert heard(BlockFeatures(Ear()), SPEECH[:48_000])[1] == 15


@pytest.mark.parametrize("first", [0, 22, 148, 290, 418])
def test_live_rows_come_82_5_ms_after_their_block(first):
    """A window ends four rows after the block of the last one, and its spectrum 2.5 ms later."""
    hearing = LiveFeatures(Ear())
    needed = 320 * (-(-(first + 10) // 4) * 4 + 4) + 40
    hearing.push(SPEECH[: needed - 1])
    assert hearing.rows(first, first + 10) is None
    hearing.push(SPEECH[needed - 1 : needed])
    assert hearing.rows(first, first + 10).shape == (10, *HIDDEN)


def test_live_rows_know_nothing_of_what_comes_later():
    other = SPEECH.copy()
    other[320 * 64 + 200 :] = 0.3
    live, changed = (heard(LiveFeatures(Ear()), sound, [640] * 270)[0] for sound in (SPEECH, other))
    assert np.array_equal(live[:60], changed[:60])
    assert not np.array_equal(live[60:70], changed[60:70])


def test_a_block_is_heard_once_however_often_it_is_asked_for():
    ear = Ear()
    heard(LiveFeatures(ear), SPEECH, [640] * 270, step=2)
    assert ear.calls == 138  # 550 rows in blocks of four


def test_live_windows_keep_the_positions_of_whole_ones():
    """A window ends four rows after its block and has 120 rows, and every 140 rows positions begin anew."""
    ear = Ear()
    heard(LiveFeatures(ear), SPEECH, step=4)
    starts = [max(0, 8 + 4 * block - 120) for block in range(138)]
    assert ear.positions == [min(start % 140, 30) for start in starts]  # 150 rows - 120


def test_live_is_whole_for_a_network_that_knows_its_neighbourhood():
    loud = np.concatenate([SPEECH[16_000:17_600], SPEECH])  # the loudest value comes first
    live, _ = heard(LiveFeatures(Ear(0.0)), loud, [640] * 270)
    whole, _ = heard(OverlappingFeatures(Ear(0.0)), loud)
    assert np.abs(live - whole).max() < 0.2 * np.std(whole)


@pytest.mark.parametrize("make", [OverlappingFeatures, BlockFeatures, LiveFeatures])
def test_what_is_kept_does_not_grow_with_the_sound(make):
    hearing = make(Ear())
    for second in range(60):
        hearing.push(SPEECH[:16_000])
        for first in range(max(0, 50 * (second - 7)), max(0, 50 * (second - 6)), 10):
            assert hearing.rows(first, first + 10) is not None
    kept = sum(len(value) for value in vars(hearing).values() if isinstance(value, np.ndarray))
    assert kept < 11 * 16_000
    assert len(getattr(hearing, "_cache", ())) <= 2
    assert len(hearing._mel._frames if hasattr(hearing, "_mel") else ()) <= 1200
