"""The laws of an engine as a test suite. Lipsmith's own engines pass it; run it for yours. It needs pytest.

::

    from lipsmith.testing import EngineConformance
    from my_package import SPEC

    class TestMyEngine(EngineConformance):
        spec = SPEC
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from fractions import Fraction
from typing import Any, ClassVar, get_args

import numpy as np
import pytest

from .assets import DEMO_SPEECH, TEST_PICTURE, asset
from .avatars.avatar import classes_of_frames
from .avatars.options import engine_of, stored_options
from .avatars.serialization import deserialize, serialize
from .avatars.store import AvatarStore
from .engines import Engine, EngineSpec, choose_engine, engine_table
from .engines.protocols import EncoderUse
from .errors import AvatarStale, OptionError
from .options import OptionInfo, option_infos
from .prefetch import Prefetch
from .timing import frame_count
from .types import Array, Face, Image, PreparedFace, Samples

RATES = (Fraction(25), Fraction(30000, 1001), Fraction(24), Fraction(50))
FPS = RATES[0]


class EngineConformance:
    """Subclass it under a name that begins with ``Test``, and set ``spec``.

    The engine's package must be installed, so that its entry point is found. The tests are skipped where
    ``unavailable_reason`` says that the engine cannot run.
    """

    spec: ClassVar[EngineSpec]
    options: ClassVar[Mapping[str, Any]] = {}  # what the engine is tested with
    look_ahead: ClassVar[Fraction | None] = Fraction(200, 1000)
    """Seconds of later sound that a live encoder waits for at most; None: it is not made for live speech."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Engine:
        """The engine, loaded with ``options``."""
        reason = cls.spec.unavailable_reason(cls.spec.build(cls.options))
        if reason is not None:
            pytest.skip(reason)
        return choose_engine(cls.spec.name, cls.options).engine

    @pytest.fixture(scope="class")
    @classmethod
    def image(cls) -> Image:
        """(512, 512, 3) RGB: the shipped portrait."""
        from PIL import Image as Pillow

        with Pillow.open(asset(TEST_PICTURE)) as picture:
            return np.asarray(picture.convert("RGB"))

    @pytest.fixture(scope="class")
    @classmethod
    def face(cls, image: Image) -> Face:
        """The face in it."""
        from .face.landmarks import Landmarker

        with Landmarker() as landmarker:
            return landmarker.find(image)[0]

    @pytest.fixture(scope="class")
    @classmethod
    def prepared(cls, engine: Engine, image: Image, face: Face) -> PreparedFace:
        """That face, prepared."""
        return prepared_by(engine, image, face)

    @pytest.fixture(scope="class")
    @classmethod
    def speech(cls) -> Samples:
        """(22401,): 1.4 s of the shipped speech at 16 kHz, an odd number of samples."""
        from .media.resampler import Resampler
        from .media.sound import open_speech

        sound = open_speech(asset(DEMO_SPEECH))
        resampler = Resampler(sound.rate)
        heard = [resampler.push(block) for block in sound.blocks()]
        speech: Samples = np.concatenate([*heard, resampler.flush()])[8000 : 8000 + 22_401]
        return speech

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AvatarStore:
        """A store with the avatar ``portrait``."""
        store = AvatarStore(tmp_path_factory.mktemp("avatars"))
        store.create("portrait", asset(TEST_PICTURE), engine)
        return store

    # The spec and its options.

    def test_the_engine_is_found_by_its_name(self) -> None:
        found = engine_table().get(self.spec.name)
        assert found is self.spec, f"no entry point of the group lipsmith.engines loads the engine {self.spec.name}"

    def test_every_option_has_a_default_and_a_help_text(self) -> None:
        assert is_dataclass(self.spec.options)
        assert [one.name for one in fields(self.spec.options) if one.default is MISSING] == []
        assert [one.name for one in option_infos(self.spec.options) if not one.help] == []

    def test_it_says_who_it_is(self, engine: Engine) -> None:
        assert engine.info.name == self.spec.name
        assert engine.info.window >= 1
        assert engine.info.batch >= 1
        assert all(isinstance(notice, str) for notice in engine.notices)

    def test_it_keeps_the_options_that_it_was_given(self, engine: Engine) -> None:
        assert engine.options == self.spec.build(self.options)
        for options in _variants(self.spec, self.options):
            assert self.spec.load(options).options == options

    def test_options_survive_json(self, engine: Engine) -> None:
        for options in (engine.options, *_variants(self.spec, self.options)):
            assert self.spec.build(json.loads(json.dumps(asdict(options)))) == options

    def test_an_unknown_option_is_refused(self, engine: Engine) -> None:
        with pytest.raises(OptionError, match="has no option 'no_such_option'"):
            choose_engine(self.spec.name, {**self.options, "no_such_option": 1})

    def test_what_films_set_for_every_engine_does_no_harm(self, engine: Engine) -> None:
        assert choose_engine(self.spec.name, {"idle": False, "seed": 3, **self.options}).engine.info == engine.info

    # From sound to drives.

    @pytest.mark.parametrize("fps", RATES)
    def test_one_drive_a_frame_whatever_the_chunks(self, engine: Engine, speech: Samples, fps: Fraction) -> None:
        whole = drives_of(engine, speech, fps, len(speech))
        assert len(whole) == frame_count(len(speech), fps)
        for size in (160, 997, 4096):
            assert np.array_equal(drives_of(engine, speech, fps, size), whole)

    @pytest.mark.parametrize("use", ["live", "live_cheap"])
    def test_live_encoders_do_not_mind_the_chunks_either(
        self, engine: Engine, speech: Samples, use: EncoderUse
    ) -> None:
        whole = drives_of(engine, speech, RATES[1], len(speech), use)
        assert len(whole) == frame_count(len(speech), RATES[1])
        assert np.array_equal(drives_of(engine, speech, RATES[1], 997, use), whole)

    def test_drives_have_one_shape(self, engine: Engine, speech: Samples) -> None:
        drives = [drive for fps in RATES[:2] for drive in drives_of(engine, speech, fps, 640)]
        drives += [drive for use in get_args(EncoderUse) for drive in drives_of(engine, speech[:3200], FPS, 640, use)]
        drives += drives_of(engine, np.zeros(1, np.float32), FPS, 1)
        assert {(drive.shape, drive.dtype.name) for drive in drives} == {(drives[0].shape, "float32")}

    def test_a_single_sample_is_a_frame(self, engine: Engine) -> None:
        assert len(drives_of(engine, np.zeros(1, np.float32), FPS, 1)) == 1

    def test_two_streams_do_not_hear_each_other(self, engine: Engine, speech: Samples) -> None:
        alone = drives_of(engine, speech, FPS, 640, "live")
        one, other = engine.speech_encoder(FPS, "live"), engine.speech_encoder(FPS, "live")
        drives = []
        for k in range(0, len(speech), 640):
            drives += one.push(speech[k : k + 640])
            other.push(-speech[::-1][k : k + 640])
        assert np.array_equal(drives + one.flush(), alone)

    @pytest.mark.parametrize("use", ["live", "live_cheap"])
    def test_the_answer_comes_within_the_look_ahead(self, engine: Engine, speech: Samples, use: EncoderUse) -> None:
        if self.look_ahead is None:
            pytest.skip("not for live speech")
        encoder, answered = engine.speech_encoder(FPS, use), 0
        for k in range(0, len(speech) - 160, 160):
            answered += len(encoder.push(speech[k : k + 160]))
            heard = Fraction(k + 160, 16_000)
            assert Fraction(answered) / FPS >= heard - 1 / FPS - self.look_ahead

    # From materials and drives to pictures.

    def test_render_is_the_same_every_time_and_row_by_row(
        self, engine: Engine, prepared: PreparedFace, speech: Samples
    ) -> None:
        drives = drives_of(engine, speech, FPS, 640)[:: max(1, len(speech) // 640 // 5)][:5]
        together = engine.render([[prepared.material]] * len(drives), [[drive] for drive in drives])
        backwards = engine.render([[prepared.material]] * len(drives), [[drive] for drive in drives[::-1]])
        for row, drive in enumerate(drives):
            alone = engine.render([[prepared.material]], [[drive]])[0][0]
            assert np.array_equal(together[row][0], alone)
            assert np.array_equal(backwards[len(drives) - 1 - row][0], alone)

    def test_a_row_may_be_as_long_as_the_window(self, engine: Engine, prepared: PreparedFace, speech: Samples) -> None:
        window = engine.info.window
        drives = drives_of(engine, speech, FPS, 640)[:window]
        rows = engine.render([[prepared.material] * window], [drives])
        assert [len(row) for row in rows] == [window]

    def test_pictures_are_what_the_crop_says(self, engine: Engine, prepared: PreparedFace, speech: Samples) -> None:
        picture = engine.render([[prepared.material]], [[drives_of(engine, speech, FPS, 640)[10]]])[0][0]
        assert picture.dtype == np.uint8
        assert picture.shape == (prepared.crop.size[1], prepared.crop.size[0], 3)
        assert prepared.mask is None or prepared.mask.shape == picture.shape[:2]

    def test_preparing_leaves_the_image_alone(self, engine: Engine, image: Image, face: Face) -> None:
        before = image.copy()
        analysis = engine.analyze(still=True)
        analysis.add(image, face)
        prepared = engine.prepare(image, face, analysis.identity())
        engine.render([[prepared.material]], [[drives_of(engine, np.zeros(640, np.float32), FPS, 640)[0]]])
        assert np.array_equal(image, before)

    def test_a_film_prepares_and_renders_at_once(
        self, engine: Engine, image: Image, face: Face, prepared: PreparedFace, speech: Samples
    ) -> None:
        """One thread hears and prepares the next frames while another renders."""
        drives = drives_of(engine, speech, FPS, 640)[:6]
        made = (prepared_by(engine, image, face).material for _ in drives)
        alone = [engine.render([[prepared.material]], [[drive]])[0][0] for drive in drives]
        with Prefetch(made, len(drives)) as materials:
            at_once = [engine.render([[prepared.material]], [[drive]])[0][0] for drive in drives]
            later = [engine.render([[one]], [[drive]])[0][0] for one, drive in zip(materials, drives, strict=True)]
        assert np.array_equal(at_once, alone)
        assert np.array_equal(later, alone)

    def test_options_that_do_not_prepare_leave_the_material_alone(
        self, engine: Engine, image: Image, face: Face, prepared: PreparedFace
    ) -> None:
        """An avatar keeps its material when one of them is changed, so it must be what would be made anew."""
        infos = {one.name: one for one in option_infos(self.spec.options)}
        classes = classes_of_frames(engine.material_types)
        wanted = serialize(prepared, classes, image)
        for options in _variants(self.spec, self.options):
            (changed,) = [name for name, value in asdict(options).items() if value != asdict(engine.options)[name]]
            other = self.spec.load(options)
            if infos[changed].prepares or other.info.version != engine.info.version:
                continue
            made = serialize(prepared_by(other, image, face), classes, image)
            assert made == wanted, f"{changed} changes what is prepared, and is not marked as preparing"

    # Avatars.

    def test_a_stored_material_draws_what_the_prepared_one_draws(
        self, engine: Engine, image: Image, prepared: PreparedFace, speech: Samples
    ) -> None:
        classes = classes_of_frames(engine.material_types)
        loaded = deserialize(serialize(prepared, classes, image), classes, image)
        assert isinstance(loaded, PreparedFace)
        assert (loaded.crop.size, loaded.crop.box) == (prepared.crop.size, prepared.crop.box)
        assert np.array_equal(loaded.crop.matrix, prepared.crop.matrix)
        if loaded.mask is None or prepared.mask is None:
            assert loaded.mask is prepared.mask
        else:
            assert np.array_equal(loaded.mask, prepared.mask)
        drive = drives_of(engine, speech, FPS, 640)[10]
        before, after = (engine.render([[one.material]], [[drive]])[0][0] for one in (prepared, loaded))
        assert np.array_equal(before, after)

    def test_an_avatar_loads_the_engine_that_made_it(self, engine: Engine, store: AvatarStore) -> None:
        info = store.check("portrait")
        assert (info.engine, info.engine_version) == (engine.info.name, engine.info.version)
        assert stored_options(engine_of(info)) == stored_options(engine)

    def test_an_avatar_made_with_other_options_is_stale(self, engine: Engine, store: AvatarStore) -> None:
        infos = {one.name: one for one in option_infos(self.spec.options)}
        for options in _variants(self.spec, self.options):
            changed = [name for name, value in asdict(options).items() if value != asdict(engine.options)[name]]
            other = self.spec.load(options)
            if infos[changed[0]].prepares or other.info.version != engine.info.version:
                with pytest.raises(AvatarStale):
                    store.create("portrait", asset(TEST_PICTURE), other)
            else:
                info = store.create("portrait", asset(TEST_PICTURE), other)
                assert stored_options(engine_of(info)) == stored_options(other)


def prepared_by(engine: Engine, image: Image, face: Face) -> PreparedFace:
    """The face of a single picture, prepared."""
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    return engine.prepare(image, face, analysis.identity())


def drives_of(engine: Engine, speech: Samples, fps: Fraction, size: int, use: EncoderUse = "file") -> list[Array]:
    """All drives of ``speech`` given in chunks of ``size`` samples."""
    encoder = engine.speech_encoder(fps, use)
    drives = [drive for k in range(0, len(speech), size) for drive in encoder.push(speech[k : k + size])]
    return drives + encoder.flush()


def _variants(spec: EngineSpec, options: Mapping[str, Any]) -> Iterator[Any]:
    """The options with one value changed at a time, where a value is easily found that the engine accepts."""
    base = spec.build(options)
    for info in option_infos(spec.options):
        for value in _other_values(info, asdict(base)[info.name]):
            try:
                changed = spec.build({**options, info.name: value})
            except OptionError:
                continue
            if spec.unavailable_reason(changed) is None:
                yield changed
                break


def _other_values(info: OptionInfo, value: Any) -> list[Any]:
    if info.choices:
        return [choice for choice in info.choices if choice != value]
    if info.kind is bool:
        return [not value]
    return [value + 1, value - 1, value / 2] if info.kind in (int, float) else []


__all__ = ["EngineConformance", "drives_of"]
