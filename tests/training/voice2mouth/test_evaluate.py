"""Scores: a student that knows everything gets full marks, one that says nothing gets none."""

from pathlib import Path

import numpy as np
import pytest

from lipsmith.corpus.store import load_utterances
from lipsmith.speech.curve_streams import StudentStream
from lipsmith.training.voice2mouth import evaluate

SPOKEN = load_utterances(Path(__file__).parents[2] / "speech" / "spoken.npz")


def scored(monkeypatch, drives_for):
    truths = iter([drives_for(utterance) for utterance in SPOKEN])
    monkeypatch.setattr(evaluate, "predict_drives", lambda _curves, _samples: next(truths))
    return evaluate.score_speech(StudentStream, SPOKEN)


def frames(utterance):
    return -(-len(utterance.samples) // 640)


def test_the_truth_itself_is_right_in_everything(monkeypatch):
    score = scored(monkeypatch, lambda utterance: evaluate.target_curves(utterance, frames(utterance)))
    assert score.jaw == pytest.approx(1)
    assert score.closure_hits >= 0.95
    assert score.bite_hits >= 0.9
    assert score.rounding_hits >= 0.9
    assert score.false_closures <= 0.05
    assert score.lag_frames == 0
    assert score.closures == 18


def test_a_silent_mouth_hits_nothing(monkeypatch):
    score = scored(monkeypatch, lambda utterance: np.zeros((frames(utterance), 8), np.float32))
    assert (score.jaw, score.closure_hits, score.bite_hits, score.false_closures) == (0, 0, 0, 0)


def test_a_mouth_always_pressed_hits_all_and_is_caught(monkeypatch):
    score = scored(monkeypatch, lambda utterance: np.ones((frames(utterance), 8), np.float32))
    assert score.closure_hits == 1
    assert score.false_closures > 0.2


def test_the_shipped_student_on_voices_it_never_heard():
    score = evaluate.score_speech(StudentStream, SPOKEN)
    assert score.jaw >= 0.7
    assert abs(score.lag_frames) <= 1
    assert max(evaluate.score_stillness(StudentStream, 5, seconds=3).values()) <= 0.05
