"""An uploaded speech as bare samples, as many as a session holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import SoundError
from lipsmith.jobs.registry import TaskContext
from lipsmith.jobs.tasks.decode import SAMPLES, DecodeOptions, decode
from tests.support.tones import tone


def test_a_speech_becomes_samples_unless_there_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "speech").write_bytes(tone(1))
    context = TaskContext(tmp_path, "anna", tmp_path, tmp_path, lambda _: None)
    assert decode(DecodeOptions(16_000), context) == {"rate": 16_000}
    assert len(np.fromfile(tmp_path / SAMPLES, np.float32)) == 16_000
    with pytest.raises(SoundError, match="longer than 0 s, the most at 16000 Hz: export it at 48 kHz, or cut it"):
        decode(DecodeOptions(15_999), context)
