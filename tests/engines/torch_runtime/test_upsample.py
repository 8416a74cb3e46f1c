"""Doubling and convolving in one: equal to diffusers' upsamplers, in both layouts."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.engines.musetalk import networks  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions  # noqa: E402
from lipsmith.engines.torch_runtime.upsample import fold_upsampling, kernels  # noqa: E402
from lipsmith.engines.torch_runtime.vae import TINY, vae_config  # noqa: E402


def seeded(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_decoder_decodes_the_same(layout: Any) -> None:
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    vae = AutoencoderKL(**vae_config(*TINY)).eval().requires_grad_(False).to(memory_format=layout)
    latents = seeded(2, 4, 16, 16)
    theirs = vae.decode(latents).sample
    ours = fold_upsampling(vae).to(memory_format=layout).decode(latents).sample
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_an_upsampler_is_told_pixel_by_pixel_to_the_edge() -> None:
    from diffusers.models.upsampling import Upsample2D

    block = torch.nn.Module()
    block.upsamplers = torch.nn.ModuleList([Upsample2D(3, use_conv=True, out_channels=5)])
    picture = seeded(2, 3, 4, 6)
    with torch.no_grad():
        theirs = block.upsamplers[0](picture)
        ours = fold_upsampling(block).upsamplers[0](picture, None)
    assert ours.shape == (2, 5, 8, 12)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_no_weight_is_lost() -> None:
    weight = seeded(5, 3, 3, 3)
    torch.testing.assert_close(kernels(weight).reshape(4, 5, 3, 4).sum(-1), weight.sum((2, 3)).expand(4, 5, 3))


@pytest.mark.parametrize("winograd", [True, False])
def test_strict_mode_keeps_upstream_s_own(winograd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does the VAE where Winograd's algorithm is used, which is faster."""
    monkeypatch.setattr(networks, "has_winograd", lambda: winograd)
    monkeypatch.setattr(networks, "use_winograd", lambda network: network)
    for strict in (True, False):
        loaded = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32", strict=strict))
        unet, vae = ({type(one).__name__ for one in network.modules()} for network in (loaded.unet, loaded.vae))
        assert ("Upsample2D" in unet) is strict
        assert ("Upsample2D" in vae) is (strict or winograd)
