"""Sound into films: the same packets or one encode, in time, and ending within a frame of the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsmith.media.probe import FilmProbe, probe
from lipsmith.media.sound import Speech, open_speech
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.timing import frame_count, sample_at
from lipsmith.types import AVFrame, FilmInfo, Samples
from tests.support.made_media import (
    click,
    heard_click,
    middle_of_click,
    noise,
    numbered,
    sound_packets,
    write_both,
    write_sound,
)

FPS = Fraction(25)
NTSC = Fraction(30000, 1001)
SOURCES = {
    "a.wav": ("pcm_s16le", 44100),
    "b.wav": ("pcm_s24le", 11025),
    "a.mp3": ("libmp3lame", 44100),
    "a.m4a": ("aac", 44100),
    "b.m4a": ("aac", 16000),
    "a.flac": ("flac", 48000),
    "a.ogg": ("libopus", 48000),
    "a.webm": ("libopus", 48000),
}
COPIES = {("a.mp3", "mp4"), ("a.m4a", "mp4"), ("b.m4a", "mp4"), ("a.ogg", "webm"), ("a.webm", "webm")}
COPIES |= {(name, "mov") for name in ("a.wav", "b.wav", "a.mp3", "a.m4a", "b.m4a")}


def make(
    path: Path, speech: Speech | None, frames: int, fps: Fraction = FPS, announced: bool = True, rate: int = 22050
) -> FilmProbe:
    rate = speech.rate if speech else rate
    options = FilmOptions(frames=frames if announced else None)
    with FilmWriter(path, FilmInfo((64, 48), fps, rate), speech, options) as writer:
        for k in range(frames):
            samples = np.zeros(sample_at(k + 1, fps, rate) - sample_at(k, fps, rate), np.float32)
            writer.write(AVFrame(k, numbered(k % 30), samples))
    return probe(path)


@pytest.fixture(params=list(SOURCES))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    codec, rate = SOURCES[request.param]
    return write_sound(tmp_path / request.param, click(0.9, 0.5, rate), rate, codec)


def length_of(path: Path) -> float:
    return open_speech(path).seconds


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
def test_the_click_stays_in_its_place_and_the_ends_meet(tmp_path: Path, source: Path, kind: str) -> None:
    speech = open_speech(source)
    film = make(tmp_path / f"film.{kind}", speech, frame_count(speech.samples, FPS, speech.rate))
    assert abs(heard_click(tmp_path / f"film.{kind}") - middle_of_click(0.5, speech.rate)) < 0.001
    assert abs(film.picture_seconds - film.sound_seconds) < 1 / FPS
    assert abs(length_of(tmp_path / f"film.{kind}") - speech.seconds) < 0.001
    assert (film.rate, film.channels) == (speech.rate if kind != "webm" else 48000, 1)


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
def test_packets_are_copied_where_the_container_takes_them(tmp_path: Path, source: Path, kind: str) -> None:
    speech = open_speech(source)
    film = make(tmp_path / f"film.{kind}", speech, frame_count(speech.samples, FPS, speech.rate))
    copied = (source.name, kind) in COPIES
    ours, theirs = sound_packets(tmp_path / f"film.{kind}"), sound_packets(source)
    assert (film.audio_codec == speech.codec) == (copied or speech.codec == {"webm": "opus"}.get(kind, "aac"))
    # mov cuts PCM into packets of its own
    assert (b"".join(ours) == b"".join(theirs)) == copied


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_packets_timed_in_ms_are_encoded_so_that_every_sample_is_there(tmp_path: Path, name: str) -> None:
    sound = 0.2 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    speech = open_speech(write_sound(tmp_path / name, sound, 44100, "aac"))
    make(tmp_path / "film.mp4", speech, frame_count(speech.samples, FPS, speech.rate))
    ours, theirs = (np.concatenate(list(open_speech(path).blocks())) for path in (tmp_path / "film.mp4", speech.path))
    assert abs(len(ours) - len(theirs)) < 44.1
    assert np.abs(ours[4410:39690] - theirs[4410:39690]).max() < 0.01


@pytest.mark.parametrize("kind", ["mp4", "webm"])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("frames", "fps"), [(10, FPS), (23, FPS), (60, FPS), (27, NTSC), (44, NTSC), (47, Fraction(50))]
)
def test_sound_is_cut_or_filled_to_the_film(
    tmp_path: Path, kind: str, announced: bool, frames: int, fps: Fraction
) -> None:
    name, codec, rate = ("a.m4a", "aac", 44100) if kind == "mp4" else ("a.ogg", "libopus", 48000)
    speech = open_speech(write_sound(tmp_path / name, noise(rate * 9 // 10), rate, codec))
    film = make(tmp_path / f"film.{kind}", speech, frames, fps, announced)
    assert film.frames == frames
    assert abs(film.picture_seconds - film.sound_seconds) < 1 / fps
    assert abs(length_of(tmp_path / f"film.{kind}") - frames / fps) < 1 / fps


def test_a_longer_film_ends_in_silence(tmp_path: Path) -> None:
    speech = open_speech(write_sound(tmp_path / "a.wav", noise(16000), 16000, "pcm_s16le"))
    make(tmp_path / "film.mp4", speech, 50)
    heard = np.concatenate(list(open_speech(tmp_path / "film.mp4").blocks()))
    assert len(heard) == 32000
    assert np.abs(heard[:16000]).mean() > 0.05
    assert np.abs(heard[18000:]).max() < 0.001


def test_stereo_stays_stereo_and_left_stays_left(tmp_path: Path) -> None:
    both = np.stack([click(0.8, 0.2, 48000), click(0.8, 0.6, 48000)])
    speech = open_speech(write_sound(tmp_path / "a.wav", both, 48000, "pcm_s16le"))
    film = make(tmp_path / "film.mp4", speech, 20)
    left, right = np.concatenate(list(open_speech(tmp_path / "film.mp4").channel_blocks()), axis=1)
    assert (film.rate, film.channels, film.audio_codec) == (48000, 2, "aac")
    assert abs(int(np.abs(left).argmax()) - 0.2 * 48000) < 50
    assert abs(int(np.abs(right).argmax()) - 0.6 * 48000) < 50


def test_six_channels_are_mixed_into_two_and_the_centre_is_heard_in_both(tmp_path: Path) -> None:
    sound = np.zeros((6, 16000), np.float32)
    sound[2] = 0.3 * np.sin(2 * np.pi * 400 * np.arange(16000) / 16000)
    source = write_sound(tmp_path / "a.wav", sound, 16000, "pcm_s16le", layout="5.1")
    film = make(tmp_path / "film.mp4", open_speech(source), 30)
    assert film.channels == 2
    sides = np.concatenate(list(open_speech(tmp_path / "film.mp4").channel_blocks()), axis=1)
    assert np.abs(sides[:, 2000:14000]).max(axis=1) == pytest.approx(0.3 / np.sqrt(2), abs=0.02)
    assert np.abs(sides[:, 17000:]).max() < 0.01


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 37800, 192000])
def test_the_rate_is_kept_or_the_next_that_the_codec_has(tmp_path: Path, rate: int) -> None:
    speech = open_speech(write_sound(tmp_path / "a.wav", click(0.9, 0.5, rate), rate, "pcm_s16le"))
    film = make(tmp_path / "film.mp4", speech, 22)
    assert film.rate == {37800: 44100, 192000: 48000}.get(rate, rate)
    assert abs(heard_click(tmp_path / "film.mp4") - middle_of_click(0.5, rate)) < 0.001


def test_one_encode_is_good(tmp_path: Path) -> None:
    """AAC at 192 kbit/s: the noise it adds lies well under the sound."""
    time = np.arange(44100) / 44100
    tone = sum(np.sin(2 * np.pi * hz * time) for hz in (200, 700, 2500)).astype(np.float32) * 0.2
    speech = open_speech(write_sound(tmp_path / "a.wav", tone, 44100, "pcm_s16le"))
    make(tmp_path / "film.mp4", speech, 25)
    heard = np.concatenate(list(open_speech(tmp_path / "film.mp4").blocks()))
    error = (heard[:44100] - tone)[2000:-2000]
    assert np.square(error).mean() < np.square(tone).mean() * 10**-5.5


def test_a_soundtrack_that_began_late_is_in_time_in_the_film(tmp_path: Path) -> None:
    source = write_both(tmp_path / "a.mkv", [numbered(k) for k in range(20)], click(0.4, 0.1, 16000), 16000, late=0.3)
    speech = open_speech(source)
    assert speech.start_offset > 0
    make(tmp_path / "film.mp4", speech, 20)
    assert abs(heard_click(tmp_path / "film.mp4") - 0.4) < 0.003


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
def test_the_frames_own_samples_are_the_sound_if_there_is_no_other(tmp_path: Path, kind: str) -> None:
    rate, sound = 22050, click(1.0, 0.5, 22050)
    path = tmp_path / f"film.{kind}"
    with FilmWriter(path, FilmInfo((64, 48), NTSC, rate)) as writer:
        for k in range(30):
            samples: Samples = sound[sample_at(k, NTSC, rate) : sample_at(k + 1, NTSC, rate)]
            writer.write(AVFrame(k, numbered(0), samples))
    film = probe(path)
    assert film.channels == 1
    assert abs(film.picture_seconds - film.sound_seconds) < 1 / NTSC
    assert abs(heard_click(path) - middle_of_click(0.5, rate)) < 0.001
