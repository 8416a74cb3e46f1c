"""Films made from media that are made here: portraits, cutaways and two people, lengths, previews, wrong options."""

import json
import threading
import time
import wave
from dataclasses import asdict, replace
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from weakref import WeakSet

import av
import cv2
import numpy as np
import pytest

import lipsmith
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.errors import FaceError, OptionError, OutputError, PictureError, SoundError
from lipsmith.media.probe import probe
from lipsmith.media.writer import FilmWriter
from lipsmith.options import GenerateOptions
from lipsmith.stopwatch import Stage
from lipsmith.types import AVFrame, Image, Samples

FPS = 25


@pytest.fixture(scope="session")
def words(speech_file: Path) -> Samples:
    """2.5 s of the shipped speech at 22.05 kHz."""
    from lipsmith.media.sound import open_speech

    sound = open_speech(speech_file)
    assert sound.rate == 22_050
    return np.concatenate(list(sound.blocks()))[:55_125]


@pytest.fixture(scope="session")
def speech(words: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("speech") / "speech.wav", words)


def write_wav(path: Path, samples: Samples, rate: int = 22_050) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_video(path: Path, images: list[Image], sound: Samples | None = None) -> Path:
    """H.264 at 25 fps, with a 22.05 kHz AAC track if there is ``sound``."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "14", "preset": "ultrafast"})
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=22_050, layout="mono") if sound is not None else None
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 22_050, start, Fraction(1, 22_050)
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


def swaying(portrait: Image, frames: int) -> list[Image]:
    """The portrait moving a few pixels to and fro."""
    moves = [(4 * np.sin(k / 5), 2 * np.cos(k / 7)) for k in range(frames)]
    size = portrait.shape[1], portrait.shape[0]
    return [
        cv2.warpAffine(portrait, np.float32([[1, 0, dx], [0, 1, dy]]), size, borderMode=cv2.BORDER_REPLICATE)
        for dx, dy in moves
    ]


@pytest.fixture(scope="session")
def small(astronaut: Image) -> Image:
    return cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def two_people(small: Image) -> Image:
    return np.concatenate([small, small[:, ::-1]], axis=1)


def frames_of(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def difference(one: Image, other: Image, box: tuple[int, int, int, int]) -> float:
    x0, y0, x1, y1 = box
    return float(np.abs(one[y0:y1, x0:x1].astype(int) - other[y0:y1, x0:x1]).mean())


MOUTH = (160, 150, 290, 240)  # of the astronaut, 512 x 512


def test_a_portrait_speaks(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    stages: list[Stage] = []
    report = lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", progress=stages.append)
    assert (report.frames, report.rendered, report.cutaways, report.faces) == (63, 63, 0, 1)
    assert report.engine == "warp"
    film = probe(report.output)
    assert (film.size, film.frames, film.fps) == ((512, 512), 63, Fraction(25))
    assert abs(film.sound_seconds - film.picture_seconds) <= 1 / FPS + 1e-6
    assert stages[0] == Stage("look", 1, 1)
    assert stages[-1] == Stage("speak", 63, 63)
    images = frames_of(report.output)
    assert max(difference(images[0], image, MOUTH) for image in images) > 2
    json.dumps(asdict(report), default=str)


def test_a_long_speech_is_read_with_progress(
    astronaut_file: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsmith.media.sound.PROGRESS_INTERVAL", 1)
    stages: list[Stage] = []
    lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=FakeEngine(), progress=stages.append)
    assert [(stage.name, stage.done // 25, stage.total) for stage in stages[:2]] == [("open", 1, 62), ("open", 2, 62)]
    assert stages[2].name == "look"


def test_the_same_options_give_the_same_film(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    one, other = (lipsmith.generate(astronaut_file, speech, tmp_path / f"{k}.mp4").output for k in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(frames_of(one), frames_of(other), strict=True))


def test_a_still_portrait_moves_its_mouth_alone(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    options = GenerateOptions(still=True, crf=8)
    film = frames_of(lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", options).output)
    eyes, chair = (150, 60, 300, 130), (400, 0, 512, 200)
    assert max(difference(film[0], image, eyes) for image in film) < 1
    assert max(difference(film[0], image, chair) for image in film) < 1
    assert max(difference(film[0], image, MOUTH) for image in film) > 2


def test_the_seed_decides_the_blinks(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    films = [
        frames_of(lipsmith.generate(astronaut_file, speech, tmp_path / f"{k}.mp4", GenerateOptions(seed=k)).output)
        for k in range(2)
    ]
    assert max(difference(a, b, (0, 0, 512, 512)) for a, b in zip(*films, strict=True)) > 0.5


def test_a_video_speaks_with_its_own_soundtrack(small: Image, words: Samples, tmp_path: Path) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 40), words[: 22_050 * 40 // 25])
    report = lipsmith.generate(talk, None, tmp_path / "film.mp4")
    assert (report.frames, report.rendered) == (40, 40)
    assert report.probe is not None
    assert report.probe.audio_codec == "aac"


def test_speech_longer_than_the_video_plays_it_forth_and_back(small: Image, speech: Path, tmp_path: Path) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 20))
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", GenerateOptions(crf=8), engine=FakeEngine())
    film = frames_of(report.output)
    assert len(film) == 63
    top = (0, 0, 320, 20)  # above the fake engine's square
    for k in range(1, 19):
        assert difference(film[19 - k], film[19 + k], top) < 1.5  # backward shows what forward showed
    steps = [difference(a, b, top) for a, b in pairwise(film)]
    assert max(steps[18:20]) < 2 * max(steps[:18]) + 1  # and turns without a jump


def test_frames_without_a_face_pass_through(small: Image, speech: Path, tmp_path: Path) -> None:
    hills = np.random.default_rng(0).integers(60, 200, (40, 40), dtype=np.uint8)
    landscape = cv2.resize(hills, (320, 320), interpolation=cv2.INTER_CUBIC)[..., None].repeat(3, 2)
    images = [*swaying(small, 25), *[landscape] * 15, *swaying(small, 25)]
    talk = write_video(tmp_path / "talk.mp4", images)
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", GenerateOptions(crf=8))
    assert report.cutaways == 15
    assert report.rendered == 63 - 15
    assert difference(frames_of(report.output)[32], landscape, (0, 0, 320, 320)) < 3


@pytest.mark.parametrize(
    ("which", "left", "right"), [("left", True, False), ("right", False, True), ("2", False, True), ("all", True, True)]
)
def test_who_speaks_is_chosen(
    two_people: Image, speech: Path, tmp_path: Path, which: str, left: bool, right: bool
) -> None:
    picture = tmp_path / "two.png"
    cv2.imwrite(str(picture), two_people[..., ::-1])
    options = GenerateOptions(faces=which, crf=8)
    report = lipsmith.generate(picture, speech, tmp_path / "film.mp4", options, engine=FakeEngine())
    image = frames_of(report.output)[30]
    assert (difference(image, two_people, (120, 40, 160, 100)) > 20) is left
    assert (difference(image, two_people, (480, 40, 520, 100)) > 20) is right
    assert report.faces == left + right


class Remembering(FakeEngine):
    """Knows the characters it was given, and the most studies that were there at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.identities: set[object] = set()
        self.most = 0
        self._studies: WeakSet[object] = WeakSet()

    def analyze(self, still):  # type: ignore[no-untyped-def]
        analysis = super().analyze(still)
        self._studies.add(analysis)
        self.most = max(self.most, len(self._studies))
        return analysis

    def prepare(self, image, face, identity):  # type: ignore[no-untyped-def]
        self.identities.add(identity)
        return super().prepare(image, face, identity)


@pytest.mark.parametrize(("room", "most"), [(12, 2), (1, 2)])
def test_a_crowd_is_studied_in_turns(
    two_people: Image, small: Image, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, most: int
) -> None:
    monkeypatch.setattr(import_module("lipsmith.avatars.preparation"), "MAX_ANALYSES", room)
    engine = Remembering()
    alone = np.concatenate([small, np.full_like(small, 120)], axis=1)
    talk = write_video(tmp_path / "talk.mp4", [*swaying(two_people, 20), *swaying(alone, 8)])
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", GenerateOptions(faces="all"), engine=engine)
    assert report.faces == 2
    assert engine.identities == {20, 28}  # frames that each study saw
    assert engine.most == most


def test_gaps_that_were_filled_are_reported(small: Image, speech: Path, tmp_path: Path) -> None:
    images = swaying(small, 20)
    for k in (8, 9):
        images[k] = images[k].copy()
        images[k][20:260, 40:300] = 110
    talk = write_video(tmp_path / "talk.mp4", images)
    options = GenerateOptions(length="picture")
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options, engine=FakeEngine())
    assert (report.gaps_filled, report.rendered) == (2, 20)


@pytest.mark.parametrize(("length", "frames"), [("speech", 63), ("picture", 20), ("longest", 63)])
def test_the_length_is_what_was_asked(small: Image, speech: Path, tmp_path: Path, length: str, frames: int) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 20))
    options = GenerateOptions(length=length)  # type: ignore[arg-type]
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options, engine=FakeEngine())
    assert len(frames_of(report.output)) == report.frames == frames


def test_silence_fills_the_longest_film(small: Image, words: Samples, tmp_path: Path) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 30))
    speech = write_wav(tmp_path / "short.wav", words[:11_025])
    options = GenerateOptions(length="longest")
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options, engine=FakeEngine())
    assert report.probe is not None
    assert report.frames == 30
    assert abs(report.probe.sound_seconds - 1.2) <= 1 / FPS


def test_a_window_of_many_frames_gives_every_frame(small: Image, speech: Path, tmp_path: Path) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 20))
    engine = FakeEngine(FakeOptions(window=16))
    assert len(frames_of(lipsmith.generate(talk, speech, tmp_path / "film.mp4", engine=engine).output)) == 63


def test_the_film_has_the_rate_that_was_asked(small: Image, speech: Path, tmp_path: Path) -> None:
    talk = write_video(tmp_path / "talk.mp4", swaying(small, 20))
    options = GenerateOptions(fps="30000/1001")
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options, engine=FakeEngine())
    assert report.probe is not None
    assert report.probe.fps == Fraction(30000, 1001)
    assert report.frames == 75


def test_a_preview_is_a_sheet_of_the_film(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    report = lipsmith.generate(astronaut_file, speech, None, sheet=tmp_path / "sheet.png")
    assert cv2.imread(str(report.output)).shape[1] > 1000
    assert report.probe is None
    assert list(tmp_path.iterdir()) == [report.output]


def test_the_film_says_that_it_is_made(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    marked = lipsmith.generate(astronaut_file, speech, tmp_path / "a.mp4", engine=FakeEngine()).probe
    plain = lipsmith.generate(
        astronaut_file, speech, tmp_path / "b.mp4", GenerateOptions(mark=False), engine=FakeEngine()
    ).probe
    assert marked is not None
    assert "trainedAlgorithmicMedia" in json.dumps(marked.mark) or "TrainedAlgorithmicMedia" in json.dumps(marked.mark)
    assert plain is not None
    assert plain.mark is None


def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((200, 200, 3), 128, np.uint8))
    return path


def test_wrong_requests_get_one_sentence_and_leave_nothing(
    astronaut_file: Path, speech: Path, small: Image, tmp_path: Path
) -> None:
    silent = write_video(tmp_path / "silent.mp4", swaying(small, 5))
    film = tmp_path / "film.mp4"
    before = sorted([*tmp_path.iterdir(), blank(tmp_path)])
    cases = [
        ((tmp_path / "none.png", speech, film), PictureError, "none.png"),
        ((astronaut_file, tmp_path / "none.wav", film), SoundError, "none.wav"),
        ((blank(tmp_path), speech, film), FaceError, "face"),
        ((silent, None, film), SoundError, "no soundtrack"),
        ((astronaut_file, speech, tmp_path / "film.xyz"), OptionError, "xyz"),
        ((astronaut_file, speech, tmp_path / "nowhere" / "film.mp4"), OutputError, "nowhere"),
        ((silent, speech, silent), OutputError, "silent.mp4"),
    ]
    for (picture, words, output), kind, says in cases:
        with pytest.raises(kind, match=says) as caught:
            lipsmith.generate(picture, words, output)
        assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == before


class Unable(FakeEngine):
    """Cannot make any face speak."""

    def prepare(self, image, face, identity):  # type: ignore[no-untyped-def]
        return replace(super().prepare(image, face, identity), unable="the mouth is wide open")


def test_a_portrait_that_cannot_speak_is_refused_before_the_work(
    astronaut_file: Path, speech: Path, tmp_path: Path
) -> None:
    engine, stages = Unable(), list[Stage]()
    with pytest.raises(FaceError, match="the mouth is wide open"):
        lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=engine, progress=stages.append)
    assert engine.calls == []
    assert {stage.name for stage in stages} == {"look"}
    assert list(tmp_path.iterdir()) == []


class Choosy(FakeEngine):
    """Refuses faces in the left half, or all."""

    def __init__(self, everybody: bool) -> None:
        super().__init__()
        self._everybody = everybody

    def prepare(self, image, face, identity):  # type: ignore[no-untyped-def]
        if self._everybody or face.box[0] < image.shape[1] / 2:
            raise FaceError("The mouth is wide open; give a picture with a calm one.")
        return super().prepare(image, face, identity)


def test_one_refused_face_stays_silent_while_the_other_speaks(two_people: Image, speech: Path, tmp_path: Path) -> None:
    picture, film = tmp_path / "two.png", tmp_path / "film.mp4"
    cv2.imwrite(str(picture), two_people[..., ::-1])
    options = GenerateOptions(faces="all", crf=8)
    report = lipsmith.generate(picture, speech, film, options, engine=Choosy(everybody=False))
    image = frames_of(film)[30]
    assert difference(image, two_people, (120, 40, 160, 100)) < 3
    assert difference(image, two_people, (480, 40, 520, 100)) > 20
    assert report.notices == ("Face 1 stays silent: The mouth is wide open; give a picture with a calm one.",)
    film.unlink()
    with pytest.raises(FaceError, match=r"^The mouth is wide open; give a picture with a calm one\.$"):
        lipsmith.generate(picture, speech, film, options, engine=Choosy(everybody=True))
    assert not film.exists()


class Stumbling(FakeEngine):
    """Fails, or is interrupted, at its tenth picture."""

    def __init__(self, fault: BaseException) -> None:
        super().__init__()
        self._fault = fault

    def render(self, materials, drives):  # type: ignore[no-untyped-def]
        if len(self.calls) == 10:
            raise self._fault
        return super().render(materials, drives)


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), RuntimeError("broken")])
def test_a_fault_in_the_middle_leaves_no_half_film(
    fault: BaseException, astronaut_file: Path, speech: Path, tmp_path: Path
) -> None:
    with pytest.raises(type(fault)):
        lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=Stumbling(fault))
    assert list(tmp_path.iterdir()) == []


def test_the_next_frames_are_rendered_while_one_is_encoded(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    """The film's thread stands still until the engine was called again, which it can only be by another thread."""
    engine, gave_up = FakeEngine(), list[int]()

    def hold(stage: Stage) -> None:
        began = time.monotonic()
        while stage.name == "speak" and len(engine.calls) <= min(stage.done, 62) and not gave_up:
            time.sleep(0.001)
            if time.monotonic() > began + 60:
                gave_up.append(stage.done)

    report = lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=engine, progress=hold)
    assert gave_up == []
    assert len(engine.calls) == report.frames == 63


def test_a_fault_of_the_writer_stops_the_threads_behind_it(
    astronaut_file: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(writer: FilmWriter, frame: AVFrame) -> None:
        raise OutputError("The disk is full.")

    engine = FakeEngine()
    monkeypatch.setattr(FilmWriter, "write", full)
    with pytest.raises(OutputError, match="The disk is full"):
        lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=engine)
    assert len(engine.calls) < 6
    assert [one for one in threading.enumerate() if one.name == "prefetch"] == []
    assert list(tmp_path.iterdir()) == []


def test_an_old_film_survives_a_fault(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        lipsmith.generate(astronaut_file, speech, film, engine=Stumbling(RuntimeError("broken")))
    assert film.read_bytes() == b"old"


@pytest.mark.parametrize("loud", [0.0, 0.5])
def test_a_silent_speech_is_told_of(loud: float, words: Samples, astronaut_file: Path, tmp_path: Path) -> None:
    """A muted track, given by mistake, would else make a film of a closed mouth without a word."""
    speech = write_wav(tmp_path / "speech.wav", words[:11_025] * loud)
    report = lipsmith.generate(astronaut_file, speech, tmp_path / "film.mp4", engine=FakeEngine())
    said = ("speech.wav is silent: nothing is said in the film.",)
    assert report.notices == (() if loud else said)
