"""Whole runs against upstream's own (goldens h): v1 and v1.5, offline and realtime, within one grey level."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest

from tests.support.goldens import GOLDENS, golden_arrays, golden_json, load_key_seeded, synth_audio, synth_bgr
from tests.support.remembering import Remembering

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lipsmith.compose import compose  # noqa: E402
from lipsmith.engines.musetalk import MuseTalkEngine, MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.prepare import MuseTalkPreparation  # noqa: E402
from lipsmith.engines.musetalk.unet import fold_time, unet_config  # noqa: E402
from lipsmith.engines.torch_runtime.networks import Networks  # noqa: E402
from lipsmith.engines.torch_runtime.vae import vae_config  # noqa: E402
from lipsmith.pipeline.render import render_stream  # noqa: E402
from lipsmith.pipeline.timeline import Timeline  # noqa: E402
from lipsmith.speech.whisper import Whisper  # noqa: E402
from lipsmith.types import Array, Image, PreparedFace, SourceFrame  # noqa: E402

GOLD = golden_json("end_to_end")
FRAMES = [np.ascontiguousarray(np.roll(synth_bgr(360, 480, 7), 3 * k, axis=1)[..., ::-1]) for k in range(6)]
SPEECH = synth_audio(0.64).astype(np.float32) / 32768
RUNS = {
    "offline_v15": {"version": "v15", "feather": 0.05},
    "realtime_v15": {"version": "v15", "feather": 0.1},
    "offline_v1": {"version": "v1", "feather": 0.05, "bbox_shift": 5},
    "realtime_v1": {"version": "v1", "feather": 0.1, "bbox_shift": 5},
}
SHOWN = {
    "offline_v15": ("off_v15", [0, 15]),
    "realtime_v15": ("rt_v15", [6]),
    "offline_v1": ("off_v1", [6]),
    "realtime_v1": ("rt_v1", [14]),
}


REGIONS = golden_arrays("end_to_end")


def stub_region(mode: str) -> Any:
    """The same region whatever is shown, as the goldens' stub of a parser saw it."""
    region = np.unpackbits(REGIONS[f"region_{mode}"]).reshape(512, 512).astype(bool)
    return lambda *_: region


@pytest.fixture(scope="module")
def whisper() -> Remembering:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(
        d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536, max_source_positions=1500
    )
    return Remembering(Whisper(load_key_seeded(WhisperEncoder(config), keep=("embed_positions",)), 1500))


@pytest.fixture(scope="module")
def networks() -> Networks:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = fold_time(load_key_seeded(UNet2DConditionModel(**unet_config((32, 64, 64, 64)))))
    return Networks(unet, load_key_seeded(AutoencoderKL(**vae_config((32, 32, 64, 64), layers=1))), "cpu", "fp32")


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest, networks: Networks, whisper: Remembering) -> tuple[str, MuseTalkEngine]:
    options = MuseTalkOptions(weights="tiny", device="cpu", strict=True, seed=77, **RUNS[request.param])
    engine = MuseTalkEngine(options)
    vars(engine).update(_networks=networks, _whisper=whisper)
    vars(engine)["_preparation"] = MuseTalkPreparation(options, networks, stub_region(options.mode))
    return request.param, engine


@pytest.fixture(scope="module")
def targets(run: tuple[str, MuseTalkEngine]) -> list[PreparedFace]:
    ready = run[1]._preparation
    return [
        ready.prepare_at(image, np.array(points, np.float32), np.array(GOLD["detector_box"], np.float32))
        for image, points in zip(FRAMES, GOLD["landmarks"], strict=True)
    ]


@pytest.fixture(scope="module")
def drives(run: tuple[str, MuseTalkEngine]) -> list[Array]:
    encoder = run[1].speech_encoder(Fraction(25))
    return encoder.push(SPEECH) + encoder.flush()


def there_and_back() -> Iterator[int]:
    return cycle([*range(6), *reversed(range(6))])


def test_the_film_is_upstreams(
    run: tuple[str, MuseTalkEngine], targets: list[PreparedFace], drives: list[Array]
) -> None:
    name, engine = run
    files, shown = SHOWN[name]
    places = list(islice(there_and_back(), 16))
    wanted = sorted({*shown, 3})
    for k in wanted:
        place = places[k]
        picture = engine.render([[targets[place].material]], [[drives[k]]])[0]
        image = compose(FRAMES[place], [targets[place]], picture)
        assert abs(image.mean() - GOLD[name]["frame_means"][k]) < 2e-4
        if k in shown:
            assert np.abs(image.astype(int) - read(f"{files}_{k:02d}.png")).max() <= 1


def read(name: str) -> Image:
    import cv2

    image: Image = cv2.imread(str(GOLDENS / "frames" / name))[..., ::-1]
    return image


def test_what_cannot_change_is_left_alone(targets: list[PreparedFace]) -> None:
    for image, target in zip(FRAMES, targets, strict=True):
        assert target.mask is not None
        assert target.mask.max() > 0.99
        assert target.mask.any(0).all() or target.mask.any(0)[[0, -1]].all()
        x0, y0, x1, y1 = target.crop.box or (0, 0, 0, 0)
        assert 0 <= x0 < x1 <= image.shape[1]
        assert 0 <= y0 < y1 <= image.shape[0]


def test_a_frame_without_a_face_loses_no_frame(run: tuple[str, MuseTalkEngine], targets: list[PreparedFace]) -> None:
    """Upstream writes 2 of these 16 frames."""
    name, engine = run
    if name != "offline_v15":
        pytest.skip("one run is enough")
    source_frames = (SourceFrame(k, FRAMES[k], () if k == 2 else (targets[k],)) for k in there_and_back())
    film = list(render_stream(Timeline.of_speech(source_frames, engine, Fraction(25)), [SPEECH], engine))
    assert [frame.index for frame in film] == list(range(16))
    there = list(islice(there_and_back(), 16))
    assert all((frame.image is FRAMES[2]) == (place == 2) for frame, place in zip(film, there, strict=True))
    means = GOLD["offline_v15"]["frame_means"]
    assert [k for k in range(16) if there[k] != 2 and abs(film[k].image.mean() - means[k]) > 2e-4] == []
