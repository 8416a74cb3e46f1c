"""A part of a film: the same as if picture and speech had been cut before, exact on the grid of frames and samples."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import lipsmith
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import OptionError
from lipsmith.media.sound import open_speech
from lipsmith.options import GenerateOptions, parse_time
from lipsmith.pipeline.film import Report
from lipsmith.pipeline.part import FilmPart
from lipsmith.pipeline.speak import SpeakOptions
from lipsmith.types import Image, Samples

RATE = 22_050
WARP: dict[str, Any] = {"engine": "warp", "engine_options": {"speech_encoder": "small"}}
FRAMES = 16  # of the pictures below; the speech has 24


@pytest.fixture(scope="module")
def pictures(astronaut: Image) -> list[Image]:
    """A portrait that moves a pixel from frame to frame."""
    small = cv2.resize(astronaut, (160, 160), interpolation=cv2.INTER_AREA)
    return [np.roll(small, k, axis=1) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def words(speech_file: Path) -> Samples:
    return np.concatenate(list(open_speech(speech_file).blocks()))[: 24 * RATE // 25]


def write_folder(path: Path, pictures: list[Image]) -> Path:
    path.mkdir()
    for index, picture in enumerate(pictures):
        Pillow.fromarray(picture).save(path / f"{index:03d}.png")
    return path


def write_wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def film_of(picture: Path, speech: Path, film: Path, **options: Any) -> Report:
    return lipsmith.generate(picture, speech, film, GenerateOptions(**{"engine": "fake", "crf": 0, **options}))


def frames_of(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def sound_of(path: Path) -> Samples:
    return np.concatenate(list(open_speech(path).blocks()))


def equal(one: list[Image], other: list[Image]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def test_a_part_is_the_film_of_what_was_cut_before(pictures: list[Image], words: Samples, tmp_path: Path) -> None:
    picture, speech = write_folder(tmp_path / "whole", pictures), write_wav(tmp_path / "whole.wav", words)
    cut = write_folder(tmp_path / "cut", pictures[4:12])
    cut_speech = write_wav(tmp_path / "cut.wav", words[4 * RATE // 25 : 12 * RATE // 25])
    part = film_of(picture, speech, tmp_path / "part.mp4", **WARP, start="0.16", duration="0:00:00.32")
    before = film_of(cut, cut_speech, tmp_path / "before.mp4", **WARP)
    assert (part.frames, part.rendered) == (before.frames, before.rendered) == (8, 8)
    assert equal(frames_of(part.output), frames_of(before.output))
    assert np.array_equal(sound_of(part.output), sound_of(before.output))


def test_samples_and_frames_are_exact_on_a_grid_that_does_not_divide(words: Samples, tmp_path: Path) -> None:
    speech, fps = open_speech(write_wav(tmp_path / "a.wav", words)), Fraction(30_000, 1001)
    part = FilmPart.of(GenerateOptions(start="0.5", duration="0.1"), fps)
    assert (part.first, part.most, part.length(100)) == (15, 3, 3)
    assert part.length(17) == 2
    heard = np.concatenate(list(part.sound(speech).blocks(777)))
    whole = np.concatenate(list(speech.blocks()))
    assert np.array_equal(heard, whole[15 * RATE * 1001 // 30_000 :])
    assert part.sound(speech).samples == len(heard)
    assert list(speech.since(10**9).blocks()) == []


def test_a_part_after_the_end_of_the_pictures_goes_on_where_the_whole_film_is(
    pictures: list[Image], words: Samples, tmp_path: Path
) -> None:
    picture, speech = write_folder(tmp_path / "few", pictures), write_wav(tmp_path / "a.wav", words)
    whole = film_of(picture, speech, tmp_path / "whole.mp4")
    part = film_of(picture, speech, tmp_path / "part.mp4", start=0.72)
    assert (whole.frames, part.frames) == (24, 6)
    one, other = frames_of(whole.output)[18:], frames_of(part.output)
    border = np.r_[0:8, 152:160]  # far from the face
    assert all(np.array_equal(a[border], b[border]) for a, b in zip(one, other, strict=True))


def test_silence_fills_a_part_after_the_speech(pictures: list[Image], words: Samples, tmp_path: Path) -> None:
    picture, speech = write_folder(tmp_path / "few", pictures), write_wav(tmp_path / "a.wav", words[: RATE // 5])
    part = film_of(picture, speech, tmp_path / "part.mp4", start=0.4, length="picture")
    assert part.frames == FRAMES - 10
    longer = film_of(picture, speech, tmp_path / "longer.mp4", start=0.4, duration=9, length="picture")
    assert longer.frames == part.frames
    note = "the part is 0.24 s instead of 9.00 s long, because the whole film ends there"
    assert longer.notices == (note, *part.notices)
    assert np.abs(sound_of(part.output)).max() < 1e-4
    with pytest.raises(OptionError, match=r"start is 0.72 s, but the whole film has only 0.64 s: give less"):
        film_of(picture, speech, tmp_path / "b.mp4", start=0.72, length="picture")
    assert not (tmp_path / "b.mp4").exists()


def test_an_avatar_speaks_a_part(pictures: list[Image], words: Samples, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "a.wav", words)
    store = lipsmith.AvatarStore(tmp_path / "avatars")
    engine = FakeEngine()
    engine.notices = ("masks are plain",)
    store.create("anna", write_folder(tmp_path / "few", pictures), engine)
    engine.notices = ()
    with store.open("anna") as avatar:
        whole = lipsmith.speak(avatar, speech, tmp_path / "whole.mp4", SpeakOptions(crf=0), engine=engine)
        options = SpeakOptions(crf=0, start="0.24", duration="0.4")
        part = lipsmith.speak(avatar, speech, tmp_path / "part.mp4", options, engine=engine)
    one, other = frames_of(whole.output), frames_of(part.output)
    assert (len(one), len(other)) == (24, 10)
    assert whole.notices == ("The avatar anna, when it was made: masks are plain",)
    edge = engine.options.context  # at the part's ends the engine does not hear what was cut off
    assert equal(one[6 + edge : 16 - edge], other[edge:-edge])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)),
        ("90", Fraction(90)),
        ("12.5", Fraction(25, 2)),
        (".25", Fraction(1, 4)),
        ("1:30", Fraction(90)),
        ("90:00", Fraction(5400)),
        ("0:01:30.125", Fraction(721, 8)),
        ("99:59:59", Fraction(359_999)),
        ("1e-05", Fraction(1, 100_000)),
    ],
)
def test_times_are_read_exactly(text: str, seconds: Fraction) -> None:
    assert parse_time("start", text) == seconds


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1:60", "1:90:00", "1:2:3:4", "100:00:00", "360000", "nan", "1e9", "1.2.3", "1:", "\u0663"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"start is '.*'; give seconds or H:MM:SS, such as 90, 12.5 or 0:01:30"):
        GenerateOptions(start=text)
    with pytest.raises(OptionError, match="duration is 0; give more than 0 seconds"):
        SpeakOptions(duration="0")
