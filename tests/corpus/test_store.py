"""A corpus on disk."""

import secrets
from pathlib import Path

import numpy as np
import pytest

from lipsmith.corpus.store import load_utterances, read_summary, save_utterances, write_summary
from lipsmith.corpus.utterance import LabelledUtterance
from lipsmith.errors import InputError, OutputError
from lipsmith.speech.phones import Segment


def test_what_was_saved_is_loaded(tmp_path):
    sound = np.linspace(-1, 1, 500).astype(np.float32)
    said = [
        LabelledUtterance("fake:a", "Élan", sound, (Segment(0, 100, "sil"), Segment(100, 500, "ɑ"))),
        LabelledUtterance("fake:b", "ba", sound[:50], (Segment(0, 50, "b"),)),
    ]
    save_utterances(tmp_path / "x.npz", said)
    found = load_utterances(tmp_path / "x.npz")
    assert [(each.voice, each.text, each.segments) for each in found] == [
        (each.voice, each.text, each.segments) for each in said
    ]
    assert all(np.abs(a.samples - b.samples).max() <= 1 / 32_767 for a, b in zip(found, said, strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_what_is_not_a_corpus_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4 and no more")
    for name in ("text.npz", "missing.npz", "empty.npz", "cut.npz"):
        with pytest.raises(InputError, match="not a corpus file"):
            load_utterances(tmp_path / name)
    with pytest.raises(InputError, match="holds no corpus"):
        read_summary(tmp_path)


def test_a_disk_without_room_is_told_of(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OutputError, match=r"corpus.json cannot be written: "):
        write_summary(tmp_path / "taken", {"seed": 1})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_leaves_no_half_summary(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda _: "full")
    (tmp_path / ".corpus.json.full.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"corpus.json cannot be written: No space left on device"):
        write_summary(tmp_path, {"seed": 1})
    assert list(tmp_path.iterdir()) == []
