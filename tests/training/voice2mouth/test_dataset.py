"""What training reads: rows in step with the encoder's own."""

import numpy as np
import pytest

from lipsmith.corpus.utterance import LabelledUtterance
from lipsmith.speech.phones import Segment
from lipsmith.speech.student import LAST_FRAME, LOOK_AHEAD, MIDDLE, STEP
from lipsmith.speech.student_mel import StudentMelStream
from lipsmith.training.voice2mouth.batches import Dataset, make_batch
from lipsmith.training.voice2mouth.dataset import Sample, make_sample, speed_perturbed, window_rows

SAID = LabelledUtterance(
    "fake:a",
    "am",
    np.random.default_rng(1).normal(0, 0.1, 32_000).astype(np.float32),
    (Segment(0, 16_000, "a"), Segment(16_000, 32_000, "m")),
)


def test_a_lesson_has_a_row_of_each_for_every_mel_frame():
    made = make_sample("one", SAID)
    assert made.mel.shape == (198, 40)
    assert made.curves.shape == (198, 8)
    assert made.classes.shape == (198,)


def test_retuned_speech_keeps_its_phones_in_proportion():
    faster = speed_perturbed(SAID, 1.25)
    assert len(faster.samples) == 25_600
    assert [(each.start, each.stop, each.symbol) for each in faster.segments] == [
        (0, 12_800, "a"),
        (12_800, 25_600, "m"),
    ]


def test_a_step_sees_as_far_in_training_as_in_the_stream():
    """The last row of step j's window ends LOOK_AHEAD samples past the middle of the step, here and there."""
    rows = window_rows(3, MIDDLE // 160, 24)
    assert rows[:, -1].tolist() == [LAST_FRAME, LAST_FRAME + 4, LAST_FRAME + 8]
    assert rows[1, -1] * 160 + 400 == STEP + MIDDLE + LOOK_AHEAD


def test_a_batch_lines_its_targets_up_with_its_sound():
    """A lesson whose curves and mel are its own row numbers: target row = last mel row - 5."""
    count = 3000
    number = np.arange(count, dtype=np.float32)
    numbered = Sample(
        "one", np.repeat(number[:, None] / 1000, 40, 1), np.repeat(number[:, None], 8, 1), number.astype(int)
    )
    dataset = Dataset.of([numbered], [np.zeros((900, 40), np.float32)])
    made = make_batch(dataset, np.random.default_rng(0), 6, 20, 24)
    assert made.mel.shape == (6, 20, 960)
    assert made.curves.shape == (6, 20, 8)
    spoken = made.curves[..., 0] > 0
    assert np.all(np.diff(made.curves[..., 0], axis=1)[spoken[:, 1:] & spoken[:, :-1]] == 4)
    assert np.array_equal(made.classes, made.curves[..., 0].astype(int))


def test_families_are_drawn_by_their_shares_not_by_their_size():
    large, small = (Sample(name, np.zeros((n, 40), np.float32), np.zeros((n, 8)), np.zeros(n)) for name, n in
                    (("espeak", 9000), ("flite-slt", 1000)))  # fmt: skip
    dataset = Dataset.of([large, small], [], {"espeak": 0.5, "flite": 0.5})
    assert dataset.probabilities == pytest.approx([0.5, 0.5])


def test_mel_of_a_lesson_is_the_streams_own():
    assert np.array_equal(make_sample("one", SAID).mel, StudentMelStream().push(SAID.samples))
