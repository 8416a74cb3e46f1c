"""Stores a corpus: one ``.npz`` per source, without pickle, and ``corpus.json`` with the summary."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..speech.npz_file import write_npz, write_whole
from ..speech.phones import PHONES, Segment
from .utterance import LabelledUtterance

_SYMBOLS = tuple(PHONES)


def save_utterances(path: Path, utterances: Sequence[LabelledUtterance]) -> None:
    """Write utterances to ``path`` (.npz) atomically. Samples are stored as 16-bit integers."""
    segments = [segment for utterance in utterances for segment in utterance.segments]
    write_npz(
        path,
        samples=np.concatenate([_integers(utterance) for utterance in utterances] or [np.zeros(0, np.int16)]),
        lengths=np.array([len(utterance.samples) for utterance in utterances], np.int64),
        phones=np.array([len(utterance.segments) for utterance in utterances], np.int64),
        starts=np.array([segment.start for segment in segments], np.int64),
        stops=np.array([segment.stop for segment in segments], np.int64),
        symbols=np.array([_SYMBOLS.index(segment.symbol) for segment in segments], np.int16),
        names=np.array(_SYMBOLS),
        voices=np.array([utterance.voice for utterance in utterances], np.str_),
        texts=np.array([utterance.text for utterance in utterances], np.str_),
    )


def load_utterances(path: Path) -> list[LabelledUtterance]:
    """Read a file that ``save_utterances`` wrote.

    Raises:
        InputError: the file is missing or not a corpus file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            data = {name: stored[name] for name in stored.files}
        return list(_utterances(data))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is not a corpus file ({error}); make the corpus again.") from error


def _integers(utterance: LabelledUtterance) -> NDArray[np.int16]:
    whole: NDArray[np.int16] = np.round(np.clip(utterance.samples, -1, 1) * 32767).astype(np.int16)
    return whole


def _utterances(data: dict[str, np.ndarray]) -> Iterable[LabelledUtterance]:  # type: ignore[type-arg]
    names = [str(name) for name in data["names"]]
    rows = list(zip(data["starts"].tolist(), data["stops"].tolist(), data["symbols"].tolist(), strict=True))
    sound = spoken = 0
    for index, (length, phones) in enumerate(zip(data["lengths"].tolist(), data["phones"].tolist(), strict=True)):
        segments = tuple(Segment(start, stop, names[symbol]) for start, stop, symbol in rows[spoken : spoken + phones])
        samples = data["samples"][sound : sound + length].astype(np.float32) / 32767
        yield LabelledUtterance(str(data["voices"][index]), str(data["texts"][index]), samples, segments)
        sound, spoken = sound + length, spoken + phones


def write_summary(folder: Path, summary: dict[str, object]) -> None:
    """Write ``corpus.json`` atomically. Raises OutputError."""
    write_whole(folder / "corpus.json", (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())


def read_summary(folder: Path) -> dict[str, object]:
    """Read ``corpus.json``.

    Raises:
        InputError: there is no corpus in ``folder``.
    """
    try:
        summary: dict[str, object] = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no corpus ({error}); make one first.") from error
    return summary
