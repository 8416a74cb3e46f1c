"""Our engines pass the suite that others run over theirs; and the suite finds the faults that it is for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

from lipsmith.engines import EngineSpec
from lipsmith.engines.fake import SPEC as FAKE
from lipsmith.engines.fake import FakeEncoder, FakeEngine, FakeOptions
from lipsmith.engines.musetalk import SPEC as MUSETALK
from lipsmith.engines.protocols import EncoderUse
from lipsmith.engines.warp import SPEC as WARP
from lipsmith.testing import EngineConformance
from lipsmith.types import Array, Face, Image, PreparedFace, Samples


class TestWarp(EngineConformance):
    spec = WARP
    look_ahead: ClassVar[Fraction | None] = Fraction(200, 1000)  # 160 ms to hear, then 40 ms to close lips gradually


class TestFake(EngineConformance):
    spec = FAKE


class TestFakeWindow4(EngineConformance):
    spec = FAKE
    options: ClassVar[dict[str, Any]] = {"window": 4}


class TestMuseTalk(EngineConformance):
    spec = MUSETALK
    options: ClassVar[dict[str, Any]] = {
        "weights": "tiny", "device": "cpu", "precision": "fp32"
    }  # fmt: skip


def suite_of(spec: EngineSpec) -> EngineConformance:
    class Suite(EngineConformance):
        pass

    Suite.spec = spec
    return Suite()


def test_an_engine_that_forgets_its_options_is_found() -> None:
    """It would be stored in an avatar with its usual ones."""
    forgetful = suite_of(replace(FAKE, load=lambda _: FakeEngine()))
    with pytest.raises(AssertionError):
        forgetful.test_it_keeps_the_options_that_it_was_given(FakeEngine())


def test_an_option_that_prepares_in_secret_is_found() -> None:
    class Secret(FakeEngine):
        def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
            return replace(super().prepare(image, face, identity), material=float(self.options.context))

    found, image = suite_of(replace(FAKE, load=Secret)), np.zeros((8, 8, 3), np.uint8)
    face = Face(np.array([0, 0, 8, 8], np.float32), np.zeros((478, 3), np.float32), 1.0)
    engine = Secret(FakeOptions())
    with pytest.raises(AssertionError, match="context changes what is prepared"):
        found.test_options_that_do_not_prepare_leave_the_material_alone(
            engine, image, face, engine.prepare(image, face, None)
        )


def test_an_engine_that_shows_no_options_is_found() -> None:
    class Bare(FakeEngine):
        def __init__(self, options: FakeOptions) -> None:
            super().__init__(options)
            del self.options

    with pytest.raises(AttributeError, match="options"):
        suite_of(replace(FAKE, load=Bare)).test_it_keeps_the_options_that_it_was_given(Bare(FakeOptions()))


def test_an_engine_that_is_not_installed_is_found() -> None:
    with pytest.raises(AssertionError, match=r"no entry point of the group lipsmith\.engines loads the engine lost"):
        suite_of(replace(FAKE, name="lost")).test_the_engine_is_found_by_its_name()


def test_an_option_without_help_is_found() -> None:
    @dataclass(frozen=True)
    class Silent:
        size: int = 3

    with pytest.raises(AssertionError):
        suite_of(replace(FAKE, options=Silent)).test_every_option_has_a_default_and_a_help_text()


def test_drives_of_several_shapes_are_found() -> None:
    class Growing(FakeEncoder):
        def push(self, samples: Samples) -> list[Array]:
            return [np.repeat(drive, 1 + (index % 2)) for index, drive in enumerate(super().push(samples))]

    class GrowingEngine(FakeEngine):
        def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> FakeEncoder:
            return Growing(fps, 0)

    with pytest.raises(AssertionError):
        suite_of(FAKE).test_drives_have_one_shape(GrowingEngine(), np.ones(16_000, np.float32))


def test_a_material_that_does_not_come_back_is_found(astronaut: Image) -> None:
    class Odd(FakeEngine):
        def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
            return replace(super().prepare(image, face, identity), material={1, 2})

    face = Face(np.array([8, 8, 60, 60], np.float32), np.zeros((478, 3), np.float32), 1.0)
    engine = Odd()
    with pytest.raises(ValueError, match="a set cannot be stored"):
        suite_of(FAKE).test_a_stored_material_draws_what_the_prepared_one_draws(
            engine, astronaut, engine.prepare(astronaut, face, 1), np.zeros(8_000, np.float32)
        )
