"""The laws of an engine, over every engine that can be built on this machine. A new engine passes them as they are."""

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines import Engine, engine_table, load_engine
from lipsmith.face.landmarks import Landmarker
from lipsmith.timing import frame_count
from lipsmith.types import Array, Face, Image, PreparedFace, Samples

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(24), Fraction(50)]
ENGINES = {
    "warp": {},
    "fake": {},
    "fake-window-4": {"window": 4},
    "musetalk": {"weights": "tiny", "device": "cpu", "precision": "fp32", "hearing": "live"},
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    name, options = request.param.partition("-")[0], ENGINES[request.param]
    lack = engine_table()[name].lacks(options)
    if lack is not None:
        pytest.skip(lack)
    return load_engine(name, **options)


@pytest.fixture(scope="module")
def face(astronaut: Image) -> Face:
    with Landmarker() as landmarker:
        return landmarker.find(astronaut)[0]


@pytest.fixture(scope="module")
def target(engine: Engine, astronaut: Image, face: Face) -> PreparedFace:
    analysis = engine.analyze(still=True)
    analysis.add(astronaut, face)
    return engine.prepare(astronaut, face, analysis.identity())


@pytest.fixture(scope="module")
def speech(speech_file: object) -> Samples:
    """1.4 s of the shipped speech at 16 kHz, an odd number of samples."""
    from lipsmith.media.resampler import Resampler
    from lipsmith.media.sound import open_speech

    sound = open_speech(speech_file)
    hearing = Resampler(sound.rate)
    heard = [hearing.push(block) for block in sound.blocks()]
    return np.concatenate([*heard, hearing.flush()])[8000 : 8000 + 22_401]


def drives_of(engine: Engine, speech: Samples, fps: Fraction, size: int) -> list[Array]:
    encoder = engine.speech_encoder(fps)
    drives = [drive for k in range(0, len(speech), size) for drive in encoder.push(speech[k : k + size])]
    return drives + encoder.flush()


@pytest.mark.parametrize("fps", RATES)
def test_one_drive_a_frame_whatever_the_chunks(engine: Engine, speech: Samples, fps: Fraction) -> None:
    whole = drives_of(engine, speech, fps, len(speech))
    assert len(whole) == frame_count(len(speech), fps)
    for size in (160, 997, 4096):
        assert np.array_equal(drives_of(engine, speech, fps, size), whole)


def test_a_single_sample_is_a_frame(engine: Engine) -> None:
    assert len(drives_of(engine, np.zeros(1, np.float32), Fraction(25), 1)) == 1


def test_two_streams_do_not_hear_each_other(engine: Engine, speech: Samples) -> None:
    alone = drives_of(engine, speech, Fraction(25), 640)
    one, other = engine.speech_encoder(Fraction(25)), engine.speech_encoder(Fraction(25))
    drives = []
    for k in range(0, len(speech), 640):
        drives += one.push(speech[k : k + 640])
        other.push(-speech[::-1][k : k + 640])
    assert np.array_equal(drives + one.flush(), alone)


def test_the_answer_comes_within_the_look_ahead(engine: Engine, speech: Samples) -> None:
    fps = Fraction(25)
    encoder, answered = engine.speech_encoder(fps), 0
    for k in range(0, len(speech) - 160, 160):
        answered += len(encoder.push(speech[k : k + 160]))
        heard = Fraction(k + 160, 16_000)
        assert Fraction(answered) / fps >= heard - Fraction(1, 25) - Fraction(120, 1000)


def test_render_is_the_same_every_time_and_row_by_row(engine: Engine, target: PreparedFace, speech: Samples) -> None:
    drives = drives_of(engine, speech, Fraction(25), 640)[:: max(1, len(speech) // 640 // 5)][:5]
    together = engine.render([[target.material]] * len(drives), [[drive] for drive in drives])
    backwards = engine.render([[target.material]] * len(drives), [[drive] for drive in drives[::-1]])
    for row, drive in enumerate(drives):
        alone = engine.render([[target.material]], [[drive]])[0][0]
        assert np.array_equal(together[row][0], alone)
        assert np.array_equal(backwards[len(drives) - 1 - row][0], alone)


def test_a_row_may_be_as_long_as_the_window(engine: Engine, target: PreparedFace, speech: Samples) -> None:
    window = engine.info.window
    drives = drives_of(engine, speech, Fraction(25), 640)[:window]
    rows = engine.render([[target.material] * window], [drives])
    assert [len(row) for row in rows] == [window]


def test_pictures_are_what_the_crop_says(engine: Engine, target: PreparedFace, speech: Samples) -> None:
    picture = engine.render([[target.material]], [[drives_of(engine, speech, Fraction(25), 640)[10]]])[0][0]
    assert picture.dtype == np.uint8
    assert picture.shape == (target.crop.size[1], target.crop.size[0], 3)
    assert target.mask is None or target.mask.shape == picture.shape[:2]


def test_preparing_leaves_the_image_alone(engine: Engine, astronaut: Image, face: Face) -> None:
    before = astronaut.copy()
    analysis = engine.analyze(still=True)
    analysis.add(astronaut, face)
    target = engine.prepare(astronaut, face, analysis.identity())
    engine.render([[target.material]], [[drives_of(engine, np.zeros(640, np.float32), Fraction(25), 640)[0]]])
    assert np.array_equal(astronaut, before)
