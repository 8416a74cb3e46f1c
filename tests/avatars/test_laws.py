"""Store then load = prepare, for every engine: a film from the store is the film from memory, bit for bit."""

from __future__ import annotations

import tracemalloc
import wave
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from lipsmith.avatars.avatar import Avatar, AvatarWriter
from lipsmith.avatars.contact_sheet import avatar_sheet
from lipsmith.avatars.options import AvatarOptions
from lipsmith.avatars.playback import PlaybackOrder
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines import Engine, engine_table, load_engine
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import AvatarStale
from lipsmith.pipeline.generate import generate
from lipsmith.pipeline.render import render_stream
from lipsmith.pipeline.speak import source_frames, speak
from lipsmith.pipeline.timeline import Timeline
from lipsmith.timing import sample_at
from lipsmith.types import AVFrame, Image, Samples, SourceFrame

FRAMES, SIDE = 10, 200
ENGINES: dict[str, dict[str, Any]] = {
    "warp": {},
    "fake": {"window": 4},
    "musetalk": {"weights": "tiny", "device": "cpu", "precision": "fp32"},
}


@pytest.fixture(scope="module")
def film(astronaut: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people who sway, a cutaway of two frames, and a cut to one of them."""
    small = cv2.resize(astronaut, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "14", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 2 * SIDE, SIDE, "yuv420p"
        for k in range(FRAMES):
            move = np.array([[1, 0, 3 * np.sin(k)], [0, 1, 2 * np.cos(k)]], np.float32)
            one = cv2.warpAffine(small, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
            image = np.concatenate([one, one[:, ::-1]], 1)
            if k in (5, 6):
                image = np.full_like(image, 90)
            if k > 6:
                image = np.concatenate([np.full_like(one, 20), one], 1)
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(video.encode())
    return path


@pytest.fixture(scope="module")
def sound(speech_file: Path) -> Samples:
    """0.6 s at 16 kHz."""
    from lipsmith.media.resampler import Resampler
    from lipsmith.media.sound import open_speech

    speech = open_speech(speech_file)
    hearing = Resampler(speech.rate)
    return np.concatenate([hearing.push(block) for block in speech.blocks()])[8000:17600]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    spec = engine_table()[request.param]
    reason = spec.unavailable_reason(spec.build(ENGINES[request.param]))
    if reason is not None:
        pytest.skip(reason)
    return load_engine(request.param, **ENGINES[request.param])


@pytest.fixture(scope="module")
def stored(
    engine: Engine, film: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[AvatarStore, list[SourceFrame]]]:
    """A store with ``anna``, and its frames as they were before they were stored."""
    made: list[SourceFrame] = []
    add_faces = AvatarWriter.add_faces

    def remember(self: AvatarWriter, source_frame: SourceFrame, identities: Any) -> None:
        made.append(source_frame)
        add_faces(self, source_frame, identities)

    store = AvatarStore(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AvatarWriter, "add_faces", remember)
        who = "largest" if engine.info.name == "musetalk" else "all"  # its networks, though tiny, take their time
        store.create("anna", film, engine, AvatarOptions(faces=who))
    return store, made


def there_and_back(made: list[SourceFrame]) -> Iterator[SourceFrame]:
    return cycle(made + made[-2:0:-1])


def played(source: Iterator[SourceFrame], engine: Engine, sound: Samples) -> list[AVFrame]:
    return list(render_stream(Timeline.of_speech(source, engine, Fraction(25)), [sound], engine))


def test_a_film_from_the_store_is_the_film_from_memory(
    engine: Engine, stored: tuple[AvatarStore, list[SourceFrame]], sound: Samples
) -> None:
    store, made = stored
    assert made[4].scene != made[7].scene
    if engine.info.name == "musetalk":
        sound = sound[: sample_at(3, Fraction(25))]
    else:
        assert [len(source_frame.faces) for source_frame in made] == [2, 2, 2, 2, 2, 0, 0, 1, 1, 1]
    with store.open("anna") as avatar:
        theirs = played(source_frames(avatar), engine, sound)
    ours = played(there_and_back(made), engine, sound)
    assert len(ours) == len(theirs) >= 3
    assert all(np.array_equal(a.image, b.image) for a, b in zip(ours, theirs, strict=True))
    assert any((a.image != source_frame.image).any() for a, source_frame in zip(ours, made, strict=False))


def test_frames_come_back_as_they_were_in_any_order(stored: tuple[AvatarStore, list[SourceFrame]]) -> None:
    store, made = stored
    with store.open("anna") as avatar:
        for index in (7, 0, 9, 3, 3, 8, 2, 5):
            source_frame = avatar.source_frame(index)
            assert (source_frame.index, source_frame.scene) == (made[index].index, made[index].scene)
            assert np.array_equal(source_frame.image, made[index].image)
            assert [t.track for t in source_frame.faces] == [t.track for t in made[index].faces]
            for mine, theirs in zip(made[index].faces, source_frame.faces, strict=True):
                assert np.array_equal(mine.crop.matrix, theirs.crop.matrix)
                assert (mine.crop.size, mine.crop.box, mine.unable) == (
                    theirs.crop.size,
                    theirs.crop.box,
                    theirs.unable,
                )
                assert mine.mask is theirs.mask is None or np.array_equal(mine.mask, theirs.mask)


def test_the_sheet_shows_every_face(stored: tuple[AvatarStore, list[SourceFrame]]) -> None:
    store, _ = stored
    with store.open("anna") as avatar:
        sheet = avatar_sheet(avatar)
    assert sheet.shape[1] > 900
    assert (sheet == (60, 230, 120)).all(-1).sum() > 100


def test_a_part_of_the_picture_stays_a_part_and_what_is_shared_stays_shared(film: Path, tmp_path: Path) -> None:
    store = AvatarStore(tmp_path)
    store.create("anna", film, load_engine("warp"), AvatarOptions(faces="all"))
    with store.open("anna") as avatar:
        one, other = avatar.source_frame(0), avatar.source_frame(1)
        materials: list[Any] = [source_frame.faces[0].material for source_frame in (one, other)]
    assert np.shares_memory(materials[0].picture, one.image)
    assert materials[0].sheets is materials[1].sheets
    assert materials[0].neutral is materials[1].neutral
    assert (tmp_path / "anna").exists()
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*.roll")}
    assert sizes["targets.roll"] < FRAMES * 2 * 300_000 < 3 * sizes["shared.roll"]


def test_two_speeches_and_a_portrait(astronaut_file: Path, speech_file: Path, tmp_path: Path) -> None:
    """Drawn from the store, a portrait says just what ``generate`` makes it say."""
    from lipsmith.options import GenerateOptions

    store, engine = AvatarStore(tmp_path / "store"), load_engine("warp")
    store.create("anna", astronaut_file, engine)
    short = tmp_path / "short.wav"
    with wave.open(str(short), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        tone = 8000 * np.sin(np.arange(sample_at(12, Fraction(25))) * 0.05)
        file.writeframes(tone.astype("<i2").tobytes())
    with store.open("anna") as avatar:
        reports = [speak(avatar, short, tmp_path / f"{k}.mp4", engine=engine) for k in range(2)]
        with pytest.raises(AvatarStale):
            speak(avatar, short, tmp_path / "no.mp4", engine=FakeEngine())
    assert [(one.frames, one.rendered, one.engine) for one in reports] == [(12, 12, "warp")] * 2
    whole = generate(astronaut_file, short, tmp_path / "whole.mp4", GenerateOptions(engine="warp"))
    for report in reports:
        assert images(report.output) == images(whole.output)
    assert not (tmp_path / "no.mp4").exists()


def images(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]


def test_memory_does_not_grow_with_what_is_read(film: Path, tmp_path: Path) -> None:
    store = AvatarStore(tmp_path)
    store.create("anna", film, load_engine("warp"), AvatarOptions(faces="all"))
    with store.open("anna") as avatar:
        list(islice(source_frames(avatar), 30))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        list(islice(played_frames(avatar, avatar.playback), 200))
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 3_000_000


def played_frames(avatar: Avatar, order: PlaybackOrder) -> Iterator[int]:
    cursor = order.start()
    for k in range(200):
        yield avatar.source_frame(cursor.index).index
        cursor = order.after(cursor, speaking=k % 50 < 25)
