"""Trains the shipped heads: corpus, chunks, features, one ridge for files and one for live streams, scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ...assets import SPEECH_ENCODER, asset
from ...corpus.store import load_utterances, read_summary
from ...corpus.utterance import LabelledUtterance
from ...errors import InputError
from ...speech.curve_streams import EncoderStream
from ...speech.encoder_windows import FILE, LIVE, Windows
from ...speech.mouth_heads import MouthHead, MouthHeads, write_heads
from ...speech.npz_file import write_whole
from ...timing import SPEECH_SAMPLE_RATE
from .chunk_features import chunk_features
from .chunks import Chunk, make_chunks
from .dataset import Progress, held_out_samples
from .evaluate import score_speech, score_stillness
from .ridge import RidgeOptions, fit_head
from .sound_augment import background_noises

MINUTES = {"kokoro": 10.0, "espeak": 8.0}
"""Minutes of speech, by synthesiser. flite and festival make the heads no better, so their speech stays out."""
_NAMES: tuple[Literal["file", "live"], ...] = ("file", "live")


@dataclass(frozen=True, slots=True)
class HeadOptions:
    """How the heads are trained."""

    folder: Path  # of the corpus and the features
    output: Path  # the .npz file; its scores are written beside it as .json
    seed: int = 2
    minutes: Mapping[str, float] = field(default_factory=lambda: MINUTES)
    share: float = 1.0  # of these minutes
    copies: int = 2  # of each sentence, for files; once for live streams, where a chunk costs more
    file: RidgeOptions = field(default_factory=lambda: RidgeOptions(before=2, after=2))
    live: RidgeOptions = field(default_factory=lambda: RidgeOptions(before=1, after=0, contact_gain=2.2))


def train_heads(options: HeadOptions, progress: Progress) -> dict[str, Any]:
    """Train both heads on the corpus in ``options.folder``; write the file and its scores; return the scores.

    Raises:
        InputError: there is no corpus, or none with speech of Kokoro or eSpeak NG.
    """
    utterances = _training_utterances(options)
    noises = background_noises(options.seed)
    parts = {
        name: _fit(make_chunks(utterances, noises, seed, copies), windows, ridge, options.folder, progress)
        for name, windows, ridge, seed, copies in (
            ("file", FILE, options.file, options.seed, options.copies),
            ("live", LIVE, options.live, options.seed + 1, 1),
        )
    }
    heads = MouthHeads(**parts)
    progress("scoring the heads", 0.0)
    scores = _scores(options, utterances, heads)
    write_heads(options.output, heads, scores["about"])
    written = {**scores, "bytes": options.output.stat().st_size}
    card = json.dumps(written, indent=1, ensure_ascii=False) + "\n"
    write_whole(options.output.with_suffix(".json"), card.encode())
    return written


def _fit(chunks: Sequence[Chunk], windows: Windows, ridge: RidgeOptions, folder: Path, progress: Progress) -> MouthHead:
    heard = chunk_features(chunks, windows, folder / "features", progress)
    progress("fitting", 0.0)
    return fit_head(heard, [chunk.targets() for chunk in chunks], windows, ridge)


def _training_utterances(options: HeadOptions) -> list[LabelledUtterance]:
    """Of each synthesiser's sources, in proportion to their length, the first sentences up to its minutes."""
    summary = read_summary(options.folder)
    spoken: dict[str, float] = summary["minutes"]  # type: ignore[assignment]
    chosen: list[LabelledUtterance] = []
    for name in summary["trained"]:  # type: ignore[attr-defined]
        family = name.split("-")[0]
        total = sum(spoken[other] for other in spoken if other.split("-")[0] == family)
        if family in options.minutes:
            wanted = options.minutes[family] * options.share * spoken[name] / total
            chosen += _first_minutes(load_utterances(options.folder / f"{name}.npz"), wanted)
    if not chosen:
        wanted_names = " or ".join(options.minutes)
        raise InputError(f"The corpus in {options.folder} has no speech by {wanted_names}; make it again with one.")
    return chosen


def _first_minutes(utterances: Sequence[LabelledUtterance], minutes: float) -> list[LabelledUtterance]:
    chosen: list[LabelledUtterance] = []
    left = minutes * 60 * SPEECH_SAMPLE_RATE
    for utterance in utterances:
        if left <= 0:
            break
        chosen.append(utterance)
        left -= len(utterance.samples)
    return chosen


def _scores(options: HeadOptions, utterances: Sequence[LabelledUtterance], heads: MouthHeads) -> dict[str, Any]:
    held_out = held_out_samples(options.folder)
    versions: dict[str, str] = read_summary(options.folder)["synthesisers"]  # type: ignore[assignment]
    about = {
        "encoder": hashlib.sha256(asset(SPEECH_ENCODER).read_bytes()).hexdigest(),
        "seed": options.seed,
        "minutes": {name: round(_minutes(utterances, name), 2) for name in options.minutes},
        "synthesisers": {name: version for name, version in versions.items() if name in options.minutes},
    }
    scores: dict[str, Any] = {"about": about, "fitted": {name: asdict(getattr(options, name)) for name in _NAMES}}
    for name in _NAMES:
        curves = partial(EncoderStream, name, getattr(heads, name))
        scores[name] = {
            "held_out_speech": asdict(score_speech(curves, held_out)),
            "mean_opening_without_speech": score_stillness(curves, options.seed),
        }
    return scores


def _minutes(utterances: Sequence[LabelledUtterance], family: str) -> float:
    samples = sum(len(each.samples) for each in utterances if each.voice.startswith(f"{family}:"))
    return samples / SPEECH_SAMPLE_RATE / 60
