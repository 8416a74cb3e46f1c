"""Linear heads: a whole sound and a stream give the same bits, and a file that does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lipsmith.assets import MOUTH_HEADS, asset
from lipsmith.errors import InputError
from lipsmith.speech.encoder_windows import FILE, LIVE, SlidingWindows
from lipsmith.speech.mouth_heads import HeadStream, MouthHead, MouthHeads, load_heads, read_heads, write_heads
from lipsmith.types import Array

RANDOM = np.random.default_rng(3)


def head(before: int, after: int) -> MouthHead:
    weight = RANDOM.normal(0, 0.01, (before + 1 + after, 384, 8)).astype(np.float32)
    return MouthHead(weight, np.full(8, 0.3, np.float32), before, FILE)


def features(steps: int) -> Array:
    return RANDOM.normal(0, 1, (steps, 384)).astype(np.float32)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 2), (3, 0), (0, 1)])
def test_a_stream_gives_what_a_whole_sound_gives(before: int, after: int) -> None:
    one, steps = head(before, after), features(20)
    whole = one.curves(steps)
    for sizes in ([20], [1] * 20, [0, 7, 13]):
        stream, at, found = HeadStream(one), 0, list[Array]()
        for size in sizes:
            found.append(stream.push(steps[at : at + size]))
            at += size
        assert np.array_equal(np.concatenate(found), whole[: 20 - after])


def test_a_row_of_the_weight_belongs_to_its_step_and_controls_are_clipped() -> None:
    weight = np.zeros((4, 384, 8), np.float32)
    weight[3, 5, :] = 10  # one step after the described one, which is number 2
    steps = np.zeros((6, 384), np.float32)
    steps[3, 5], steps[4, 5] = 1, -1
    found = MouthHead(weight, np.zeros(8, np.float32), 2, LIVE).curves(steps)
    assert found[:, 0].tolist() == [0, 0, 1, 0, 0, 0]
    assert found[:, 1].tolist() == [0, 0, 1, -1, 0, 0]  # spread alone may be negative


def test_what_was_written_is_read(tmp_path: Path) -> None:
    live = MouthHead(head(1, 0).weight, np.arange(8, dtype=np.float32), 1, SlidingWindows(50, 3, 1))
    write_heads(tmp_path / "heads.npz", MouthHeads(head(2, 2), live), {"corpus": "none"})
    found = read_heads(tmp_path / "heads.npz")
    assert (found.live.before, found.live.after, found.live.windows) == (1, 0, SlidingWindows(50, 3, 1))
    assert np.array_equal(found.live.weight, live.weight)
    assert np.array_equal(found.live.bias, live.bias)
    assert list(tmp_path.iterdir()) == [tmp_path / "heads.npz"]
    with np.load(tmp_path / "heads.npz") as stored:
        assert json.loads(str(stored["about"]))["corpus"] == "none"


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heads.npz"
    path.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="no mouth heads"):
        read_heads(path)
    for content in (b"", b"PK\3\4 broken", asset(MOUTH_HEADS).read_bytes()[:9000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="no mouth heads"):
            read_heads(path)
    odd = MouthHead(np.zeros((3, 80, 8), np.float32), np.zeros(8, np.float32), 1, FILE)
    write_heads(path, MouthHeads(odd, odd), {})
    with pytest.raises(InputError, match="80"):
        read_heads(path)
    lost = MouthHead(np.full((3, 384, 8), np.nan, np.float32), np.zeros(8, np.float32), 1, FILE)
    write_heads(path, MouthHeads(lost, lost), {})
    with pytest.raises(InputError, match="not numbers"):
        read_heads(path)


def test_the_shipped_heads_are_small_and_wait_no_longer_than_sessions_can() -> None:
    heads = load_heads()
    live = heads.live.windows
    assert isinstance(live, SlidingWindows)
    assert live.block + live.ahead + heads.live.after <= 5  # steps of 40 ms
