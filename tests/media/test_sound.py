"""Speech in: every format, exact counts, the right moment."""

from __future__ import annotations

import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import SoundError
from lipsmith.media.sound import open_speech
from lipsmith.types import Array, Samples
from tests.support.made_media import (
    click,
    encode,
    heard_click,
    middle_of_click,
    noise,
    numbered,
    write_both,
    write_sound,
    write_video,
)

FORMATS = [
    ("a.wav", "pcm_s16le", 44100, None),
    ("a.wav", "pcm_s24le", 48000, None),
    ("a.wav", "pcm_s32le", 16000, None),
    ("a.wav", "pcm_f32le", 22050, None),
    ("a.wav", "pcm_f64le", 22050, None),
    ("a.wav", "pcm_u8", 8000, None),
    ("a.wav", "pcm_mulaw", 8000, None),
    ("a.aiff", "pcm_s16be", 44100, None),
    ("a.mp3", "libmp3lame", 44100, None),
    ("a.mp3", "libmp3lame", 16000, None),
    ("a.m4a", "aac", 44100, None),
    ("a.m4a", "aac", 16000, None),
    ("a.m4a", "alac", 44100, None),
    ("a.mp4", "aac", 48000, None),
    ("a.mkv", "aac", 44100, None),
    ("a.flac", "flac", 44100, "s16"),
    ("a.flac", "flac", 48000, "s32"),
    ("a.ogg", "libopus", 48000, None),
    ("a.opus", "libopus", 48000, None),
    ("a.webm", "libopus", 48000, None),
]


def all_of(path: Path, size: int = 4096) -> Samples:
    return np.concatenate(list(open_speech(path).blocks(size)))


@pytest.mark.parametrize(("name", "codec", "rate", "fmt"), FORMATS)
def test_every_format_is_counted_exactly_and_clicks_in_time(
    tmp_path: Path, name: str, codec: str, rate: int, fmt: str | None
) -> None:
    path = write_sound(tmp_path / name, click(0.75, 0.5, rate), rate, codec, fmt)
    speech = open_speech(path)
    samples = all_of(path)
    assert samples.dtype == np.float32
    assert len(samples) == speech.samples
    # Matroska's clock of 1 ms does not say how much of the last AAC packet is padding
    assert abs(speech.samples - round(0.75 * rate)) <= (2048 if name == "a.mkv" else 0)
    assert (speech.rate, speech.channels, speech.notices) == (rate, 1, ())
    assert abs(heard_click(path) - middle_of_click(0.5, rate)) < 0.001


def test_integers_of_every_width_mean_the_same(tmp_path: Path) -> None:
    samples = np.round(noise(2000) * 16384) / 32768
    for codec in ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"):
        write_sound(tmp_path / "a.wav", samples, 16000, codec)
        assert np.array_equal(all_of(tmp_path / "a.wav"), samples.astype(np.float32))


def test_stereo_becomes_the_mean_and_stays_stereo_beside(tmp_path: Path) -> None:
    both = noise(5000, channels=2)
    path = write_sound(tmp_path / "a.wav", both, 48000, "pcm_f32le")
    speech = open_speech(path)
    assert speech.channels == 2
    assert np.allclose(all_of(path), both.mean(axis=0), atol=1e-7)
    assert np.array_equal(np.concatenate(list(speech.channel_blocks()), axis=1), both)


def write_plain(path: Path, sound: Array) -> Path:
    """(channels, n) in a wav that does not say where its channels stand."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.ascontiguousarray((sound * 32768).astype("<i2").T).tobytes())
    return path


def alone(channels: int, at: int, samples: int = 16000) -> Array:
    """(channels, samples): a tone of .30 in one channel."""
    sound = np.zeros((channels, samples), np.float32)
    sound[at] = 0.3 * np.sin(2 * np.pi * 400 * np.arange(samples) / 16000)
    return sound


@pytest.mark.parametrize("channels", [3, 9])
def test_channels_of_which_nobody_knows_the_places_become_their_mean(tmp_path: Path, channels: int) -> None:
    sound = noise(300, channels=channels)
    speech = open_speech(write_plain(tmp_path / "a.wav", sound))
    assert (speech.channels, speech.samples) == (1, 300)
    assert np.allclose(all_of(tmp_path / "a.wav"), sound.mean(axis=0), atol=1e-4)
    assert np.array_equal(np.concatenate(list(speech.channel_blocks()), axis=1)[0], all_of(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("name", "codec", "layout"),
    [("a.m4a", "aac", "5.1"), ("a.flac", "flac", "5.1"), ("a.wav", "pcm_f32le", "7.1"), ("a.wav", "", "6 channels")],
)
def test_a_voice_in_the_centre_keeps_its_level(tmp_path: Path, name: str, codec: str, layout: str) -> None:
    sound = alone(8 if layout == "7.1" else 6, at=2)
    path = tmp_path / name
    _ = write_sound(path, sound, 16000, codec, layout=layout) if codec else write_plain(path, sound)
    speech = open_speech(path)
    sides = np.concatenate(list(speech.channel_blocks()), axis=1)
    assert (speech.channels, speech.samples, sides.shape) == (2, 16000, (2, 16000))
    inside = slice(2000, -2000)
    assert np.abs(all_of(path)[inside]).max() == pytest.approx(0.3, abs=0.02)
    assert np.abs(sides[:, inside]).max(axis=1) == pytest.approx(0.3 / np.sqrt(2), abs=0.02)


def test_a_voice_on_the_left_stays_there_and_is_heard(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", alone(6, at=0), 16000, "pcm_s16le", layout="5.1")
    left, right = np.concatenate(list(open_speech(path).channel_blocks()), axis=1)
    assert np.abs(left).max() == pytest.approx(0.3, abs=1e-3)
    assert not right.any()
    assert np.abs(all_of(path)).max() == pytest.approx(0.3 / np.sqrt(2), abs=1e-3)
    assert np.array_equal(all_of(path, size=100), all_of(path))


def test_a_long_speech_tells_how_far_it_is_read(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", np.zeros(8000 * 125, np.float32), 8000, "pcm_s16le")
    told: list[tuple[float, float]] = []
    open_speech(path, lambda read, total: told.append((read, total)))
    assert [(round(read), total) for read, total in told] == [(60, 125.0), (120, 125.0)]


@pytest.mark.parametrize("size", [1, 100, 4096, 5000, 100_000])
def test_blocks_have_the_size_asked_and_join_to_the_same(tmp_path: Path, size: int) -> None:
    path = write_sound(tmp_path / "a.wav", noise(9000), 16000, "pcm_f32le")
    blocks = list(open_speech(path).blocks(size))
    assert [len(block) for block in blocks[:-1]] == [size] * (len(blocks) - 1)
    assert 0 < len(blocks[-1]) <= size
    assert np.array_equal(np.concatenate(blocks), noise(9000))


def test_the_soundtrack_of_a_video_is_speech(tmp_path: Path) -> None:
    path = write_both(tmp_path / "a.mp4", [numbered(k) for k in range(10)], click(0.4, 0.2, 16000), 16000)
    speech = open_speech(path)
    assert (speech.samples, speech.codec, speech.start_offset) == (6400, "aac", 0)
    assert abs(heard_click(path) - middle_of_click(0.2, 16000)) < 0.001


def test_a_soundtrack_that_begins_late_keeps_its_place_under_the_picture(tmp_path: Path) -> None:
    images = [numbered(k) for k in range(20)]
    path = write_both(tmp_path / "a.mkv", images, click(0.4, 0.1, 16000), 16000, late=0.3)
    speech = open_speech(path)
    assert abs(speech.start_offset - 0.3 * 16000) < 0.07 * 16000  # AAC's priming counts from before
    assert abs(heard_click(path) - 0.4) < 0.003
    assert len(all_of(path)) == speech.samples


def test_a_hole_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=16000, layout="mono")
        for start in (0, 16000):
            frame = av.AudioFrame.from_ndarray(np.full((1, 4000), 0.5, np.float32), format="flt", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(stream.encode(frame))
    samples = all_of(tmp_path / "a.mkv")
    assert len(samples) == 20000
    assert (samples[:4000] == 0.5).all()
    assert (samples[4000:16000] == 0).all()
    assert (samples[16000:] == 0.5).all()


def test_memory_does_not_grow_with_the_speech(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.flac", noise(1_600_000), 16000, "flac", "s16")
    tracemalloc.start()
    speech = open_speech(path)
    for _ in speech.blocks():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert speech.samples == 1_600_000
    assert peak < 1_000_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_named_with_their_time(tmp_path: Path, value: float) -> None:
    samples = noise(16000)
    samples[12000:12010] = value
    write_sound(tmp_path / "a.wav", samples, 16000, "pcm_f32le")
    with pytest.raises(SoundError, match=r"a\.wav holds samples that are not numbers .* first at 0\.75 s"):
        open_speech(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "zero bytes"),
        ("text.mp3", b"This is a letter, not a sound.\n" * 50, "is not speech that can be read"),
        ("text.txt", b"A plain text.\n", "is not speech that can be read"),
    ],
)
def test_what_is_no_sound_gets_one_sentence(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SoundError, match=sentence) as caught:
        open_speech(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_sound(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="is a folder"):
        open_speech(tmp_path)


def test_a_silent_film_has_no_soundtrack(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(0)] * 3)
    with pytest.raises(SoundError, match="has no soundtrack"):
        open_speech(path)


def test_sound_without_samples_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
    with pytest.raises(SoundError, match="without a single sample"):
        open_speech(tmp_path / "a.wav")


def test_sound_cut_short_is_used_as_far_as_it_goes_and_said(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.flac", noise(160_000), 16000, "flac", "s16")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    speech = open_speech(path)
    assert 3 < speech.seconds < 7
    assert speech.notices[0].startswith("a.flac: it breaks off at ")


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.flac", "flac")])
def test_damage_in_the_middle_does_not_stop_the_speech(tmp_path: Path, name: str, codec: str) -> None:
    path = write_sound(tmp_path / name, noise(96000), 48000, codec)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 700] = b"\xff" * 700
    path.write_bytes(bytes(data))
    assert 1.7 < open_speech(path).seconds <= 2.01


def test_made_media_encodes_where_it_says(tmp_path: Path) -> None:
    """The tests' own tool: a burst put at a time in the file stands there."""
    import av

    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        encode(container, stream, click(0.5, 0.25, 8000)[None], 8000, "mono")
    assert abs(heard_click(tmp_path / "a.wav") - middle_of_click(0.25, 8000)) < 1e-6
