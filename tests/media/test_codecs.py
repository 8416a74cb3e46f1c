"""Every sound codec in every container that takes it: read as FFmpeg decodes it, and written in step."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError

from lipsmith.media.sound import open_speech
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.timing import frame_count
from lipsmith.types import Array, AVFrame, FilmInfo, Samples
from tests.support.made_media import numbered
from tests.support.vorbis_blocks import LONG, SHORT, write_vorbis

SECONDS = 0.3
RATES = {"libopus": 48000, "libopencore_amrnb": 8000, "g722": 16000, "g726": 16000, "g723_1": 8000, "sbc": 48000}
"""Hz at which a codec is tried, if not 44 100."""
DELAYS = {"aac": 1024, "ac3": 256, "eac3": 256, "libmp3lame": 1105, "libopus": 312, "mp2": 481, "nellymoser": 128}
"""Samples by which each encoder delays the sound: heard where the container does not say so."""
ROUGH = {"libopencore_amrnb", "g722", "g723_1", "dfpwm"}
"""Codecs that delay every frequency differently or keep no wave form, so they are not compared with the source."""
PCM = {f"pcm_{kind}" for kind in ("s16le", "s24le", "s32le", "f32le", "f64le", "u8", "s16be", "mulaw", "alaw")}
COMMON = {"aac", "ac3", "eac3", "alac", "flac", "libmp3lame", "libopus", "mp2", "vorbis", "wavpack", "tta"}
ADPCM = {"adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "adpcm_swf", "adpcm_yamaha"}
CODECS = sorted(PCM | COMMON | ADPCM | ROUGH | {"g726", "nellymoser", "wmav1", "wmav2"})
CONTAINERS = {
    "mp4": ("mp4", 15),
    "mov": ("mov", 17),
    "mkv": ("matroska", 18),
    "webm": ("webm", 2),
    "ogg": ("ogg", 3),
    "avi": ("avi", 15),
    "flv": ("flv", 3),
    "wma": ("asf", 20),
    "ts": ("mpegts", 6),
    "mpg": ("mpeg", 3),
    "wav": ("wav", 18),
    "aiff": ("aiff", 4),
    "mp3": ("mp3", 1),
    "aac": ("adts", 1),
    "flac": ("flac", 1),
    "ac3": ("ac3", 1),
    "caf": ("caf", 12),
    "au": ("au", 4),
    "amr": ("amr", 1),
    "wv": ("wv", 1),
    "tta": ("tta", 1),
    "3gp": ("3gp", 2),
}
"""Extension: FFmpeg's container, and how many of ``CODECS`` it holds at least."""
DELAY_STATED = {"mp4", "mov", "mkv", "webm", "ogg", "mp3", "caf", "3gp"}
MISREAD = {("flv", "pcm_s16be"), ("wav", "vorbis")}
"""FFmpeg's decoder does not get back what its encoder wrote."""
UNREADABLE = {("wma", "flac")}
"""FFmpeg itself mixes up the timestamps."""


def sound_of(rate: int) -> Samples:
    """A gliding tone, noise and clicks, after a silence: short and long blocks, loud and quiet packets."""
    time = np.arange(round(SECONDS * rate)) / rate
    sound = 0.25 * np.sin(2 * np.pi * (300 * time + 400 * time**2))
    sound += 0.01 * np.random.default_rng(3).normal(size=len(time))
    sound[: len(sound) // 5] *= 0.001
    sound[len(sound) // 2 :: len(sound) // 7][:3] += 0.5
    return sound.astype(np.float32)


def write(path: Path, container: str, codec: str, rate: int) -> bool:
    """Whether ``container`` takes ``codec`` and FFmpeg plays it; then it is written to ``path``."""
    layout = "stereo" if codec == "vorbis" else "mono"
    try:
        with av.open(str(path), "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
            if codec in ("wmav1", "wmav2", "g726"):
                stream.bit_rate = 32000 if codec == "g726" else 96000
            fit = av.AudioResampler(stream.format, layout, rate, frame_size=stream.codec_context.frame_size or 1024)
            frame = av.AudioFrame.from_ndarray(sound_of(rate)[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            for part in [*fit.resample(frame), *fit.resample(None)]:
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
        return len(decoded(path)) > 0
    except (FFmpegError, ValueError, IndexError, TypeError):
        return False


def decoded(path: Path) -> Samples:
    """What FFmpeg decodes: (n,), the mean of the channels."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        fit = av.AudioResampler("fltp", stream.layout.name, stream.rate)
        parts = [part.to_ndarray().mean(axis=0) for frame in container.decode(stream) for part in fit.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def stated_samples(path: Path) -> int | None:
    """Where an mp4's track ends; FFmpeg decodes the padding after it, too."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        if "mp4" not in container.format.name:
            return None
        return round(stream.duration * stream.time_base * stream.rate)


def lag(source: Array, heard: Array) -> tuple[int, float]:
    """Samples by which ``heard`` is late, and its correlation with ``source`` there."""
    size = 1 << (len(source) + len(heard)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(source, size)), size)
    late = int(product.argmax())
    late -= size if late > size // 2 else 0
    ours, theirs = source[max(0, -late) :], heard[max(0, late) :]
    common = min(len(ours), len(theirs))
    return late, float(np.corrcoef(ours[:common], theirs[:common])[0, 1])


@pytest.mark.parametrize("extension", list(CONTAINERS))
def test_what_is_heard_is_what_ffmpeg_decodes(tmp_path: Path, extension: str) -> None:
    container, least = CONTAINERS[extension]
    held = 0
    for codec in CODECS:
        rate, path = RATES.get(codec, 44100), tmp_path / f"{codec}.{extension}"
        if (extension, codec) in UNREADABLE or not write(path, container, codec, rate):
            continue
        held += 1
        speech, plain, end = open_speech(path), decoded(path), stated_samples(path)
        heard = np.concatenate(list(speech.blocks()))
        assert speech.notices == (), codec
        assert len(heard) == speech.samples == (len(plain) if end is None else min(end, len(plain))), codec
        assert np.abs(heard - plain[: len(heard)]).max() < 1e-6, codec
        late, alike = lag(sound_of(rate), heard)
        if codec not in ROUGH and (extension, codec) not in MISREAD:
            assert alike > 0.96, codec
            assert late == (0 if extension in DELAY_STATED else DELAYS.get(codec, late if "wma" in codec else 0)), codec
    assert held >= least


SOURCES = [
    ("mp4", "mp4", "aac", "mp4"),
    ("mp4", "mp4", "libmp3lame", "mp4"),
    ("mp4", "mp4", "alac", "mp4"),
    ("mp3", "mp3", "libmp3lame", "mp4"),
    ("aac", "adts", "aac", "mp4"),
    ("ts", "mpegts", "aac", "mp4"),
    ("ts", "mpegts", "ac3", "mp4"),
    ("mkv", "matroska", "libmp3lame", "mp4"),
    ("mkv", "matroska", "vorbis", "webm"),
    ("ogg", "ogg", "vorbis", "webm"),
    ("ogg", "ogg", "vorbis", "mp4"),
    ("ogg", "ogg", "libopus", "webm"),
    ("avi", "avi", "libmp3lame", "mp4"),
    ("avi", "avi", "eac3", "mp4"),
    ("flv", "flv", "aac", "mp4"),
    ("wma", "asf", "wmav2", "mp4"),
]


@pytest.mark.parametrize(("extension", "container", "codec", "kind"), SOURCES)
def test_a_film_plays_what_was_heard(tmp_path: Path, extension: str, container: str, codec: str, kind: str) -> None:
    rate, film = RATES.get(codec, 44100), tmp_path / f"film.{kind}"
    assert write(tmp_path / f"a.{extension}", container, codec, rate)
    speech = open_speech(tmp_path / f"a.{extension}")
    heard = np.concatenate(list(speech.blocks()))
    frames = frame_count(speech.samples, Fraction(25), speech.rate)
    with FilmWriter(film, FilmInfo((16, 16), Fraction(25), rate), speech, FilmOptions(frames=frames)) as writer:
        for k in range(frames):
            writer.write(AVFrame(k, numbered(1, (16, 16)), np.zeros(1, np.float32)))
    played = open_speech(film)
    assert abs(played.seconds - speech.seconds) < 0.001
    sound = np.concatenate(list(played.blocks()))
    if played.codec == speech.codec and played.rate == speech.rate and played.codec != "opus":
        assert np.abs(sound[: len(heard)] - heard[: len(sound)]).max() < 0.02  # copied, or encoded once more
    same_rate = np.interp(np.arange(len(sound)) * rate / played.rate, np.arange(len(heard)), heard).astype(np.float32)
    late, alike = lag(same_rate, sound)
    assert abs(late) <= 2
    assert alike > 0.97


def test_blocks_of_changing_length_are_not_cut_by_their_packets_durations(tmp_path: Path) -> None:
    """Ogg pages give packets at block changes a shorter duration than what they decode to."""
    path = tmp_path / "a.ogg"
    samples = write_vorbis(path, ([LONG] * 3 + [SHORT] * 4) * 4 + [LONG])
    with av.open(str(path)) as container:
        frames = [(frame.samples, frame.duration) for frame in container.decode(audio=0)]
    assert any(duration < length for length, duration in frames)
    assert open_speech(path).samples == samples == sum(length for length, _ in frames)
    assert open_speech(path).notices == ()
