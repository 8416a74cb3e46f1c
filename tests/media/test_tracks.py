"""Which track of a file is taken: its default one, the one that is named, never a cover or a thumbnail."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from lipsmith.errors import PictureError, SoundError
from lipsmith.jobs.probe import ProbeLimits, probe_picture, probe_speech
from lipsmith.media.probe import probe
from lipsmith.media.sound import open_speech
from lipsmith.media.tracks import picture_track, sound_track
from lipsmith.media.video import open_video_source
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.types import AVFrame, FilmInfo
from tests.support.made_media import encode, number_of, numbered

RATE, SECONDS = 16_000, 0.4
NONE, DEFAULT = Disposition(0), Disposition.default


@dataclass(frozen=True)
class Track:
    """One track: its marks and language, and for sound its codec and seconds."""

    marks: Disposition = NONE
    language: str = ""
    codec: str = "aac"
    seconds: float = SECONDS


def tone(number: int, seconds: float = SECONDS) -> Any:
    """A tone whose pitch tells the track's number."""
    return 0.3 * np.sin(2 * np.pi * 500 * number * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def heard(blocks: Any) -> int:
    """The number of the tone."""
    spectrum = np.abs(np.fft.rfft(np.concatenate(list(blocks))))
    return round(int(spectrum.argmax()) * RATE / (2 * (len(spectrum) - 1)) / 500)


def write_tracks(path: Path, sounds: list[Track], pictures: list[Track] | None = None) -> Path:
    """A film with one H.264 track of 10 frames per picture, all of its own grey level, and tones."""
    pictures = [Track(DEFAULT)] if pictures is None else pictures
    with av.open(str(path), "w") as output:
        videos = [output.add_stream("libx264", rate=25, options={"preset": "ultrafast"}) for _ in pictures]
        audios = [output.add_stream(one.codec, rate=RATE, layout="mono") for one in sounds]
        for stream, track in zip([*videos, *audios], [*pictures, *sounds], strict=True):
            stream.disposition = track.marks
            if track.language:
                stream.metadata["language"] = track.language
        for stream in videos:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, stream in enumerate(videos, 1):
            for _ in range(10):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), "rgb24")))
            output.mux(stream.encode(None))
        for number, (stream, track) in enumerate(zip(audios, sounds, strict=True), 1):
            encode(output, stream, tone(number, track.seconds)[None], RATE, "mono")
    return path


@pytest.mark.parametrize(
    ("sounds", "expected"),
    [
        ([Track(), Track(DEFAULT)], 2),
        ([Track(DEFAULT), Track()], 1),
        ([Track(), Track(), Track()], 1),
        ([Track(DEFAULT), Track(DEFAULT)], 1),
        ([Track(DEFAULT | Disposition.comment), Track(DEFAULT)], 2),
        ([Track(Disposition.visual_impaired), Track()], 2),
        ([Track(Disposition.comment), Track(), Track(DEFAULT)], 3),
        ([Track(Disposition.comment | DEFAULT), Track()], 1),  # the file's word
        ([Track(Disposition.dub), Track(Disposition.original)], 2),
        ([Track(language="eng"), Track(language="deu")], 2),  # the picture's language
        ([Track(DEFAULT, "eng"), Track(language="deu")], 1),
    ],
)
def test_the_file_says_which_sound_is_its_speech(tmp_path: Path, sounds: list[Track], expected: int) -> None:
    path = write_tracks(tmp_path / "a.mkv", sounds, [Track(DEFAULT, "deu")])
    speech = open_speech(path)
    assert heard(speech.blocks()) == speech.track == expected


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mka"])
def test_a_track_can_be_named_by_its_number(tmp_path: Path, name: str) -> None:
    sounds = [Track(language="eng"), Track(DEFAULT, "spa"), Track(language="fra")]
    path = write_tracks(tmp_path / name, sounds, [] if name == "a.mka" else None)
    for number in (1, 2, 3):
        speech = open_speech(path, track=number)
        assert heard(speech.blocks()) == heard(block[0] for block in speech.channel_blocks()) == number
        assert speech.notices == ()
    assert open_speech(path).notices == (
        f"{name}: audio track 2 is taken of 1 (eng, aac, mono), 2 (spa, aac, mono) and 3 (fra, aac, mono).",
    )


def test_of_many_tracks_the_first_are_named(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", [Track(codec="pcm_s16le", seconds=0.1)] * 40)
    (notice,) = open_speech(path).notices
    assert notice.endswith(", 8 (pcm_s16le, mono) and 32 more, up to 40.")
    with pytest.raises(SoundError, match=r"no audio track 41, but .* and 32 more, up to 40: give one"):
        open_speech(path, track=41)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_wrong_number_says_which_tracks_there_are(tmp_path: Path, number: int) -> None:
    path = write_tracks(tmp_path / "a.mkv", [Track(language="eng"), Track(codec="flac")])
    with pytest.raises(SoundError, match=rf"no audio track {number}, but 1 \(eng, aac, mono\) and 2 \(flac, mono\): "):
        open_speech(path, track=number)


def test_one_track_is_no_news(tmp_path: Path) -> None:
    speech = open_speech(write_tracks(tmp_path / "a.mp4", [Track()]))
    assert (speech.track, speech.notices) == (1, ())


@pytest.mark.parametrize(("codec", "copied"), [("aac", True), ("flac", False)])
def test_the_chosen_sound_is_in_the_film(tmp_path: Path, codec: str, copied: bool) -> None:
    path = write_tracks(tmp_path / "a.mp4", [Track(codec=codec), Track(DEFAULT, codec=codec), Track(codec=codec)])
    for number in (None, 3):
        speech = open_speech(path, track=number)
        goal, info = tmp_path / "film.mp4", FilmInfo((64, 48), Fraction(25), speech.rate)
        with FilmWriter(goal, info, speech, FilmOptions(frames=10)) as film:
            for index in range(10):
                film.write(AVFrame(index, numbered(0), np.zeros(RATE // 25, np.float32)))
        assert heard(open_speech(goal).blocks()) == (number or 2)
        packets = sound_bytes(path, speech.track)
        assert (sound_bytes(goal, 1)[2] in packets) == copied


def sound_bytes(path: Path, number: int) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[number - 1]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize(("pictures", "expected"), [([Track(), Track(DEFAULT)], 2), ([Track(), Track()], 1)])
def test_the_file_says_which_picture_is_its_film(tmp_path: Path, pictures: list[Track], expected: int) -> None:
    path = write_tracks(tmp_path / "a.mkv", [], pictures)
    assert number_of(next(open_video_source(path).frames())) == expected


@pytest.mark.parametrize("marks", [Disposition.attached_pic, Disposition.timed_thumbnails, Disposition.still_image])
def test_what_accompanies_a_film_is_never_taken(marks: Disposition) -> None:
    """FFmpeg reads these marks from mp4, mov and mpegts, and PyAV cannot write them all."""
    small = SimpleNamespace(disposition=marks | DEFAULT, frames=20, codec_context=object())
    film = SimpleNamespace(disposition=NONE, frames=20, codec_context=object())
    both = SimpleNamespace(streams=SimpleNamespace(video=[small, film]))
    assert picture_track(both) is film
    assert picture_track(SimpleNamespace(streams=SimpleNamespace(video=[small]))) is None


def test_a_track_that_cannot_be_decoded_is_taken_last() -> None:
    """As the spatial sound beside a phone's stereo."""
    unknown = SimpleNamespace(disposition=DEFAULT, metadata={}, codec_context=None, index=0)
    known = SimpleNamespace(disposition=NONE, metadata={}, codec_context=SimpleNamespace(channels=2), index=1)
    streams = SimpleNamespace(video=[], audio=[unknown, known])
    file = SimpleNamespace(streams=streams)
    assert sound_track(file, Path("a.mov")) is known
    with pytest.raises(SoundError, match="of a kind that cannot be decoded"):
        sound_track(file, Path("a.mov"), 1)


@pytest.mark.parametrize("marked", [True, False])
def test_a_thumbnail_before_the_film_is_passed_over(tmp_path: Path, marked: bool) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        small: Any = output.add_stream("mjpeg", rate=25)
        film: Any = output.add_stream("libx264", rate=25)
        small.width, small.height, small.pix_fmt = 32, 24, "yuvj420p"
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        if marked:
            small.disposition, film.disposition = NONE, DEFAULT
        output.mux(small.encode(av.VideoFrame(32, 24, "yuvj420p")))
        output.mux(small.encode(None))
        for index in range(10):
            output.mux(film.encode(av.VideoFrame.from_ndarray(numbered(index), "rgb24")))
        output.mux(film.encode(None))
    video = open_video_source(path)
    assert (video.info.size, video.info.frames) == (probe(path).size, 10) == ((64, 48), 10)
    assert probe_picture(path, ProbeLimits(1, 60)).size == (64, 48)


def test_a_film_of_one_picture_is_a_film(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(3), "rgb24")))
        output.mux(stream.encode(None))
    assert open_video_source(path).info.frames == 1


def test_the_cover_of_a_song_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        cover: Any = output.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 32, 24, "yuvj420p", Disposition.attached_pic
        song = output.add_stream("aac", rate=RATE, layout="mono")
        output.mux(cover.encode(av.VideoFrame(32, 24, "yuvj420p")))
        output.mux(cover.encode(None))
        encode(output, song, tone(1)[None], RATE, "mono")
    assert heard(open_speech(path).blocks()) == 1
    with pytest.raises(PictureError, match="holds no video"):
        open_video_source(path)


def test_an_upload_counts_as_long_as_its_longest_soundtrack(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", [Track(DEFAULT), Track(seconds=2.0)])
    probe = probe_speech(path, ProbeLimits(1, 60))
    assert probe.seconds == pytest.approx(2.0, abs=0.15)
    assert probe.audio_tracks == probe_picture(path, ProbeLimits(1, 60)).audio_tracks == 2
    with pytest.raises(SoundError, match="longer than"):
        probe_speech(path, ProbeLimits(1, 1))


def test_one_channel_is_called_mono(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    with pytest.raises(SoundError, match=r"but 1 \(pcm_s16le, mono\)"):
        open_speech(path, track=2)
