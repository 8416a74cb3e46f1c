"""One face made ready: boxes, margins, faces that are left alone, and whose landmarks count."""

from typing import Any

import numpy as np
import pytest

from lipsmith.compose import compose
from lipsmith.engines.musetalk.landmarks import by_mesh, landmark_source
from lipsmith.engines.musetalk.options import MuseTalkOptions
from lipsmith.engines.musetalk.prepare import HIDDEN, TOO_SMALL, MuseTalkMaterial, MuseTalkPreparation, Untouched
from lipsmith.engines.musetalk.region import region_of
from lipsmith.engines.torch_runtime.networks import OVERFLOW
from lipsmith.errors import EngineUnavailable, WeightsMissing
from lipsmith.face.canonical import mean_face
from lipsmith.types import Face, Image

pytest.importorskip("torch")
pytest.importorskip("diffusers")


TINY = MuseTalkOptions(weights="tiny")


@pytest.fixture(scope="module")
def networks() -> Any:
    from lipsmith.engines.musetalk.networks import load_networks

    return load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32"))


@pytest.fixture(scope="module")
def image() -> Image:
    return np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)


def face_at(x: float, y: float, side: float) -> Face:
    """The mean face in px, ``side`` px wide and high around x, y."""
    shape = np.zeros((478, 3), np.float32)
    shape[:468] = mean_face() * (1, -1, 1) if mean_face()[10, 1] > mean_face()[152, 1] else mean_face()
    low, high = shape[:468].min(0), shape[:468].max(0)
    shape[:468] = (shape[:468] - (low + high) / 2) / (high - low).max() * side + (x, y, 0)
    box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32)
    return Face(box, shape, 1.0)


def target(networks: Any, image: Image, face: Face, **options: Any) -> Any:
    chosen = MuseTalkOptions(weights="tiny", **options)
    return MuseTalkPreparation(chosen, networks, region_of(chosen, [])).prepare(image, face)


def test_the_lower_face_alone_is_pasted(networks: Any, image: Image) -> None:
    ready = target(networks, image, face_at(160, 120, 120))
    assert isinstance(ready.material, MuseTalkMaterial)
    x0, y0, x1, y1 = ready.material.patch.face
    assert ready.crop.box[1] >= (y0 + y1) // 2 - 5
    assert x0 <= ready.crop.box[0] < ready.crop.box[2] <= x1
    assert ready.mask.shape == (ready.crop.size[1], ready.crop.size[0])
    assert ready.unable is None


def test_margin_shift_and_a_box_of_ones_own(networks: Any, image: Image) -> None:
    face = face_at(160, 120, 120)
    box = {name: target(networks, image, face, **given).material.patch.face for name, given in {
        "v15": {}, "bare": {"extra_margin": 0}, "v1": {"version": "v1"}, "shifted": {"version": "v1", "bbox_shift": 4},
        "own": {"bbox": "100,60,220,200"},
    }.items()}  # fmt: skip
    assert box["v15"] == (*box["bare"][:3], box["bare"][3] + 10)
    assert box["v1"] == box["bare"]
    assert box["shifted"] == (box["v1"][0], box["v1"][1] + 8, *box["v1"][2:])
    assert box["own"] == (100, 60, 220, 210)


def test_what_cannot_be_drawn_is_left_alone(networks: Any, image: Image) -> None:
    for face, why in ((face_at(160, 120, 6), TOO_SMALL), (face_at(-200, 120, 80), TOO_SMALL)):
        ready = target(networks, image, face)
        assert ready.unable == why
        assert isinstance(ready.material, Untouched)
        assert np.array_equal(compose(image, [ready], [ready.material.picture]), image)
    beside = target(networks, image, face_at(160, 120, 80), bbox="315,100,400,200")
    assert beside.unable == "of the box 315,100,400,200, less than 8 px lie in the picture of 320 x 240 px"
    empty = MuseTalkPreparation(MuseTalkOptions(), networks, lambda *_: np.zeros((512, 512), np.bool_))
    assert empty.prepare(image, face_at(160, 120, 120)).unable == HIDDEN


def test_latents_that_overflow_are_made_again_in_fp32(image: Image) -> None:
    import torch

    from lipsmith.engines.musetalk.networks import load_networks

    narrow = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16"))
    narrow.vae.encoder.conv_out.register_forward_hook(
        lambda module, given, made: made * float("inf") if made.dtype == torch.bfloat16 else made
    )
    notices: list[str] = []
    preparation = MuseTalkPreparation(MuseTalkOptions(), narrow, region_of(TINY, []), notices=notices)
    for y in (120, 121):
        ready = preparation.prepare(image, face_at(160, y, 120))
        assert np.isfinite(ready.material.latents).all()
    assert notices == [OVERFLOW.format(precision="bf16")]
    assert (narrow.precision, narrow.vae.dtype, narrow.overflows) == ("bf16", torch.bfloat16, 2)


def test_a_gpu_too_full_to_encode_is_told(image: Image) -> None:
    import torch

    from lipsmith.engines.musetalk.networks import load_networks

    def full(*_: Any) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    crowded = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32"))
    crowded.vae.encoder.conv_in.register_forward_pre_hook(full)
    with pytest.raises(EngineUnavailable, match="GPU's memory is too small"):
        target(crowded, image, face_at(160, 120, 120))


def test_masks_by_polygons_are_told(tmp_path: Any) -> None:
    notices: list[str] = []
    region_of(MuseTalkOptions(weights=str(tmp_path)), notices)
    (notice,) = notices
    assert "masks are polygons" in notice
    assert f"`lipsmith weights fetch bisenet --to {tmp_path}` brings them (53 MB)" in notice


def test_dwpose_must_be_here_and_must_mean_this_face(
    networks: Any, tmp_path: Any, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = MuseTalkOptions(weights=str(tmp_path), landmarks="dwpose", device="cpu")
    with pytest.raises(WeightsMissing, match="dwpose"):
        landmark_source(asked)
    (tmp_path / "dwpose").mkdir()
    (tmp_path / "dwpose" / "dw-ll_ucoco_384.onnx").write_bytes(b"x")
    here, there = face_at(160, 120, 100), face_at(40, 40, 30)
    seen = by_mesh(image, here) + 8
    pose = type("Pose", (), {"find": lambda self, _: type("Sighting", (), {"points": seen})})()
    monkeypatch.setattr("lipsmith.face.dwpose.DWPose.load", lambda path, device: pose)
    landmarks = landmark_source(asked)
    assert np.array_equal(landmarks(image, here), seen)
    assert landmarks(image, there) is None
    ready = MuseTalkPreparation(asked, networks, region_of(MuseTalkOptions(weights="tiny"), []), landmarks)
    mesh = MuseTalkPreparation(asked, networks, region_of(MuseTalkOptions(weights="tiny"), []))
    moved, known = (one.prepare(image, here).material.patch.face for one in (ready, mesh))
    assert moved[0] == known[0] + 8
    assert ready.prepare(image, there).material.patch.face == mesh.prepare(image, there).material.patch.face
