"""Scaling on the device against OpenCV, and the painter and engine that use it; the device is the CPU here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lipsmith.engines.musetalk import MuseTalkEngine, MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.blend import Patch  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.painter import FacePainter  # noqa: E402
from lipsmith.engines.musetalk.prepare import MuseTalkMaterial  # noqa: E402
from lipsmith.engines.musetalk.resize import cut_parts, resize_faces  # noqa: E402
from lipsmith.engines.torch_runtime.networks import Networks  # noqa: E402
from lipsmith.engines.torch_runtime.vae import grey_levels  # noqa: E402

RANDOM = np.random.default_rng(5)
PATCHES = [  # larger and smaller than 256, at the box's edges and inside it
    Patch((10, 20, 410, 520), (10, 260, 410, 520), np.ones((260, 400), np.float32)),
    Patch((-30, 5, 71, 118), (0, 60, 64, 110), np.ones((50, 64), np.float32)),
    Patch((0, 0, 256, 256), (7, 120, 250, 256), np.ones((136, 243), np.float32)),
    Patch((3, 4, 12, 16), (4, 9, 11, 15), np.ones((6, 7), np.float32)),
]
LATENTS = list(RANDOM.standard_normal((4, 8, 32, 32)).astype(np.float32) * 0.3)
HEARD = list(RANDOM.standard_normal((4, 50, 384)).astype(np.float32))


@pytest.fixture
def networks() -> Networks:
    return load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32"))


def far_apart(ours: list[Any], theirs: list[Any]) -> list[int]:
    """The largest difference of each pair, in grey levels."""
    return [int(np.abs(a.astype(int) - b).max()) for a, b in zip(ours, theirs, strict=True)]


def test_faces_are_scaled_as_opencv_does_within_a_grey_level() -> None:
    faces = torch.from_numpy(RANDOM.random((4, 3, 256, 256), np.float32) * 1.2 - 0.1)
    wanted = [patch.fitted(face) for patch, face in zip(PATCHES, grey_levels(faces).numpy(), strict=True)]
    ours = cut_parts(resize_faces(faces, PATCHES).numpy(), PATCHES)
    assert [one.shape for one in ours] == [one.shape for one in wanted]
    assert {one.dtype for one in ours} == {np.dtype(np.uint8)}
    assert max(far_apart(ours, wanted)) <= 1


def test_the_painter_s_parts_are_its_faces_scaled(networks: Networks) -> None:
    painter = FacePainter(networks, 3)
    whole = painter.paint(LATENTS, HEARD)
    parts = painter.paint_parts(LATENTS, HEARD, PATCHES)
    assert max(far_apart(parts, [p.fitted(face) for p, face in zip(PATCHES, whole, strict=True)])) <= 1


def test_full_memory_keeps_faces_with_their_patches(networks: Networks) -> None:
    wanted = FacePainter(networks, 1).paint_parts(LATENTS, HEARD, PATCHES)

    def full(module: Any, given: Any) -> None:
        if len(given[0]) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    networks.unet.conv_in.register_forward_pre_hook(full)
    drawn = FacePainter(networks, 4).paint_parts(LATENTS, HEARD, PATCHES)
    assert far_apart(drawn, wanted) == [0, 0, 0, 0]


@pytest.mark.parametrize("strict", [False, True])
def test_a_gpu_s_pictures_are_a_cpu_s_and_strict_ones_opencv_s(networks: Networks, strict: bool) -> None:
    engines = [
        MuseTalkEngine(MuseTalkOptions(weights="tiny", device="cpu", batch_size=1, strict=strict)) for _ in range(2)
    ]
    elsewhere = Networks(networks.unet, networks.vae, "not-the-cpu", "fp32")  # so that a GPU's path is taken
    vars(engines[0])["_networks"], vars(engines[1])["_networks"] = networks, elsewhere
    materials = [[MuseTalkMaterial(latents, patch)] for latents, patch in zip(LATENTS[:2], PATCHES[:2], strict=True)]
    here, there = (engine.render(materials, [[drive] for drive in HEARD[:2]]) for engine in engines)
    assert max(far_apart([row[0] for row in there], [row[0] for row in here])) <= (0 if strict else 1)


def test_what_is_compiled_draws_the_same(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    monkeypatch.setattr(torch, "compile", lambda step, backend, dynamic: compiled.append(dynamic) or step)
    wanted = FacePainter(networks).paint(LATENTS[:1], HEARD[:1])
    assert far_apart(FacePainter(networks, compiled=True).paint(LATENTS[:1], HEARD[:1]), wanted) == [0]
    assert compiled == [False]
