"""3x3 convolutions by Winograd's algorithm, and residual blocks that add in place: equal to diffusers' own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions, Precision  # noqa: E402
from lipsmith.engines.torch_runtime.vae import random_vae  # noqa: E402
from lipsmith.engines.torch_runtime.winograd import has_winograd, use_winograd  # noqa: E402

pytestmark = pytest.mark.skipif(not has_winograd(), reason="torch has no NNPACK here")


def seeded(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def nnpack_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that NNPACK convolves, as it is called."""
    calls: list[tuple[int, ...]] = []
    own = torch._nnpack_spatial_convolution

    def counted(picture: Any, *rest: Any) -> Any:
        calls.append(tuple(picture.shape))
        return own(picture, *rest)

    monkeypatch.setattr(torch, "_nnpack_spatial_convolution", counted)
    return calls


@pytest.mark.parametrize(("rows", "height", "width"), [(1, 32, 32), (3, 33, 47), (2, 8, 160)])
def test_a_convolution_is_the_plain_one_to_the_edge(
    rows: int, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = nnpack_calls(monkeypatch)
    conv = torch.nn.Conv2d(24, 40, 3, padding=1).requires_grad_(False)
    picture = seeded(rows, 24, height, width)
    truth = copy.deepcopy(conv).double()(picture.double()).float()
    torch.testing.assert_close(use_winograd(conv)(picture), truth, rtol=1e-4, atol=5e-5)
    assert calls == [(1, 24, height, width)] * rows


@pytest.mark.parametrize("changed", [{"stride": 2}, {"padding": 0}, {"dilation": 2}, {"groups": 2}, {"kernel_size": 5}])
def test_other_convolutions_stay_as_they_are(changed: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = nnpack_calls(monkeypatch)
    conv = torch.nn.Conv2d(4, 6, **{"kernel_size": 3, "padding": 1, **changed}).requires_grad_(False)
    picture = seeded(1, 4, 48, 48)
    assert torch.equal(use_winograd(copy.deepcopy(conv))(picture), conv(picture))
    assert calls == []


def test_small_pictures_and_other_precisions_are_convolved_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = nnpack_calls(monkeypatch)
    conv = use_winograd(torch.nn.Conv2d(4, 6, 3, padding=1).requires_grad_(False))
    assert conv(seeded(1, 4, 16, 16)).shape == (1, 6, 16, 16)
    assert conv.double()(seeded(1, 4, 48, 48).double()).dtype == torch.float64
    assert calls == []


def test_a_compiler_gets_the_plain_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = nnpack_calls(monkeypatch)
    conv = use_winograd(torch.nn.Conv2d(4, 6, 3, padding=1).requires_grad_(False))
    picture = seeded(1, 4, 48, 48)
    drawn = torch.compile(conv, backend="eager", fullgraph=True)(picture)
    assert calls == []
    torch.testing.assert_close(conv(picture), drawn, rtol=1e-4, atol=5e-5)


def test_a_vae_encodes_and_decodes_the_same_and_leaves_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = random_vae(tiny=True).eval().requires_grad_(False)
    ours = use_winograd(copy.deepcopy(plain))
    calls = nnpack_calls(monkeypatch)
    latents, picture = seeded(2, 4, 16, 16), seeded(1, 3, 128, 128)
    picture[:, :, 64:] = -1
    kept = latents.clone(), picture.clone()
    with torch.inference_mode():
        torch.testing.assert_close(ours.decode(latents).sample, plain.decode(latents).sample, rtol=1e-4, atol=1e-4)
        theirs = plain.encode(picture).latent_dist.mean
        torch.testing.assert_close(ours.encode(picture).latent_dist.mean, theirs, rtol=1e-4, atol=5e-5)
    assert torch.equal(latents, kept[0])
    assert torch.equal(picture, kept[1])
    assert len(calls) > 30


@pytest.mark.parametrize(
    ("changed", "used"),
    [({}, True), ({"strict": True}, False), ({"precision": "bf16"}, False)],
)
def test_networks_use_it_in_fp32_on_a_cpu_only(
    changed: dict[str, Any], used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    precision: Precision = "fp32"
    networks = load_networks(MuseTalkOptions(**{"weights": "tiny", "device": "cpu", "precision": precision, **changed}))
    calls = nnpack_calls(monkeypatch)
    with torch.inference_mode():
        networks.vae.decode(seeded(1, 4, 32, 32).to(networks.vae.dtype))
    assert bool(calls) is used


def test_networks_that_fell_back_to_fp32_use_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="bf16")).in_fp32()
    calls = nnpack_calls(monkeypatch)
    with torch.inference_mode():
        networks.vae.decode(seeded(1, 4, 32, 32))
    assert calls
