"""Features of chunks: those of the run time, made once."""

import errno

import numpy as np
import pytest

from lipsmith.errors import OutputError
from lipsmith.speech.encoder_windows import SlidingWindows, features
from lipsmith.speech.phones import SILENCE, Segment
from lipsmith.training.voice2mouth import chunk_features as module
from lipsmith.training.voice2mouth.chunks import Chunk

WINDOWS = SlidingWindows(width=20, block=8, ahead=2)


def chunk(seed):
    samples = np.random.default_rng(seed).normal(0, 0.1, 16 * 640).astype(np.float32)
    return Chunk(samples, (Segment(0, len(samples), SILENCE),), (1.0,))


def test_they_are_the_run_times_and_are_heard_once(tmp_path, monkeypatch):
    made = [chunk(1), chunk(2)]
    heard = module.chunk_features(made, WINDOWS, tmp_path, lambda *_: None)
    assert np.allclose(heard[1], features(made[1].samples, WINDOWS), atol=0.01)
    monkeypatch.setattr(module, "features", None)  # nothing is heard again
    again = module.chunk_features(made, WINDOWS, tmp_path, lambda *_: None)
    assert np.array_equal(heard, again)


def test_other_sound_or_windows_are_not_taken_for_them(tmp_path):
    first, other = (module.chunk_features([chunk(seed)], WINDOWS, tmp_path, lambda *_: None) for seed in (1, 2))
    wider = module.chunk_features([chunk(1)], SlidingWindows(width=24, block=8, ahead=2), tmp_path, lambda *_: None)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, wider)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("content", [b"", b"cut", None])
def test_a_damaged_part_is_heard_again(content, tmp_path):
    first = module.chunk_features([chunk(1)], WINDOWS, tmp_path, lambda *_: None)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    assert np.array_equal(module.chunk_features([chunk(1)], WINDOWS, tmp_path, lambda *_: None), first)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, _):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        module.chunk_features([chunk(1)], WINDOWS, tmp_path, lambda *_: None)
    assert list(tmp_path.iterdir()) == []
