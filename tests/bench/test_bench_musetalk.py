"""MuseTalk's bench on tiny networks: both sides draw the same, and what is said of them adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lipsmith.bench.comparison import TimeSpent, compare  # noqa: E402
from lipsmith.bench.musetalk import MuseTalkCase, MuseTalkFigures, Rate, bench_musetalk, parse_batches  # noqa: E402
from lipsmith.bench.musetalk_scene import portrait_scene  # noqa: E402
from lipsmith.bench.reference import DiffusersReference  # noqa: E402
from lipsmith.cli import run  # noqa: E402
from lipsmith.compose import compose  # noqa: E402
from lipsmith.engines.musetalk import MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.painter import FacePainter  # noqa: E402
from lipsmith.errors import OptionError  # noqa: E402
from lipsmith.types import PreparedFace  # noqa: E402

OPTIONS = MuseTalkOptions(weights="tiny", device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def figures() -> MuseTalkFigures:
    return bench_musetalk(MuseTalkCase(tiny=True, device="cpu", batches=(2,), rounds=1, clip_frames=1, threads=1))


def test_everything_is_measured(figures: MuseTalkFigures) -> None:
    assert [one.what for one in figures.versus] == ["hot path", "blending", "preparation"]
    for one in figures.versus:
        assert one.times_wall == pytest.approx(one.theirs.wall / one.ours.wall)
        assert min(one.ours.wall, one.theirs.wall) > 0
    assert "extrapolated from 1 of 250 frames" in figures.versus[2].note
    assert [(rate.batch, rate.tflops) for rate in figures.rates] == [(2, None)]
    assert (figures.tiny, figures.threads) == (True, 1)
    assert figures.apart_mean < 8  # bf16 against fp32 on some machines


def test_the_other_side_draws_what_ours_draws() -> None:
    latents = np.random.default_rng(9).standard_normal((8, 32, 32)).astype(np.float32) * 0.3
    heard = np.random.default_rng(10).standard_normal((50, 384)).astype(np.float32)
    ours = FacePainter(load_networks(OPTIONS)).paint([latents], [heard])[0]
    theirs = DiffusersReference(OPTIONS, "cpu").draw(latents[None], heard[None])[0][..., ::-1]
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_the_other_side_blends_what_ours_blends(tmp_path: Path) -> None:
    scene, original = portrait_scene((640, 360), OPTIONS), DiffusersReference(OPTIONS, "cpu")
    face = np.random.default_rng(11).integers(0, 256, (256, 256, 3), np.uint8)
    theirs = original.blend(scene.image[..., ::-1], face[..., ::-1], scene.box, scene.mask)
    target = PreparedFace(scene.patch.crop, scene.patch.alpha, None)
    assert np.array_equal(theirs[..., ::-1], compose(scene.image, [target], [scene.patch.fitted(face)]))
    seen: list[tuple[int, ...]] = []
    watched = DiffusersReference(OPTIONS, "cpu", lambda image: seen.append(image.shape))
    watched.prepare(scene.image[..., ::-1], scene.box, scene.points, scene.region, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"frame.png", "full.png", "mask.png"}
    assert seen == [scene.image.shape]


def test_times_are_per_piece() -> None:
    found = compare("x", TimeSpent(2.0, 4.0), TimeSpent(6.0, 6.0), 4, "")
    assert (found.ours, found.times_wall, found.times_cpu) == (TimeSpent(0.5, 1.0), 3.0, 1.5)


def test_batches_are_whole_numbers() -> None:
    assert parse_batches(["1", "16"]) == (1, 16)
    with pytest.raises(OptionError, match="batches is '1,x'"):
        parse_batches(["1", "x"])


def test_the_command_prints_figures_for_people_and_programs(
    figures: MuseTalkFigures, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[MuseTalkCase] = []
    rates = (Rate(1, 50.0, 40.0, 2), Rate(8, 130.0, 104.0, 5))
    told = replace(figures, rates=rates, tiny=False, load=None)
    monkeypatch.setattr("lipsmith.bench.musetalk.bench_musetalk", lambda case, _: asked.append(case) or told)
    assert run(["bench", "musetalk", "--batches", "1,8", "--rounds", "2"]) == 0
    assert asked == [MuseTalkCase(batches=(1, 8), rounds=2)]
    out = capsys.readouterr().out
    assert "8 together: 130.00 fps, 104.00 TFLOP/s, 5 speakers" in out
    assert "blending: " in out
    assert run(["bench", "musetalk", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rates"][1]["speakers"] == 5
