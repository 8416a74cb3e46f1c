"""The frames of a stream that are kept: silence around them, and nothing moves when more are dropped than there are."""

import numpy as np

from lipsmith.speech.mel_frames import MelFrames
from lipsmith.speech.whisper_mel import FLOOR_LOG10
from tests.support.goldens import synth_audio

SPEECH = synth_audio(1.0, seed=4).astype(np.float32) / 32_768


def test_silence_lies_around_the_frames() -> None:
    mel = MelFrames()
    mel.push(SPEECH)
    mel.end()
    assert (mel.length, mel.complete >= 100) == (16_000, True)
    frames = mel.between(-3, mel.complete + 4)
    assert np.all(frames[:3] == FLOOR_LOG10)
    assert np.all(frames[-4:] == FLOOR_LOG10)
    assert np.array_equal(frames[3:-4], mel.between(0, mel.complete))
    assert frames[3:-4].max() > FLOOR_LOG10


def test_frames_keep_their_places_when_more_are_dropped_than_there_are() -> None:
    whole, mel = MelFrames(), MelFrames()
    for part in (SPEECH[:4000], SPEECH[4000:]):
        whole.push(part)
        mel.push(part)
        if mel.complete < 40:
            mel.forget(60)  # not all of them have come
    assert mel.complete == whole.complete
    assert np.array_equal(mel.between(70, 90), whole.between(70, 90))
