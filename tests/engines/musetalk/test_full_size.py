"""The full-size networks against upstream's own (goldens d and e): minutes and 5 GB, so only when they are asked for.

``LIPSMITH_TEST_FULL=1 pytest -n 0 tests/engines/musetalk/test_full_size.py``. As users run them in fp32 on a CPU: with
oneDNN, laid out by ``load_networks``, in strict mode and by default, where upsamplers have four small kernels and 3x3
convolutions are Winograd's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk import networks
from lipsmith.engines.musetalk.latents import FaceCodec
from lipsmith.engines.musetalk.networks import load_networks
from lipsmith.engines.musetalk.options import MuseTalkOptions
from lipsmith.engines.musetalk.unet import TINY as TINY_UNET
from lipsmith.engines.musetalk.unet import draw, positions, unet_config
from lipsmith.engines.torch_runtime.networks import Networks
from lipsmith.engines.torch_runtime.vae import SCALING, TINY, vae_config
from lipsmith.types import Array
from tests.support.goldens import golden_arrays, key_seeded, named_normal, synth_bgr

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.skipif("LIPSMITH_TEST_FULL" not in os.environ, reason="minutes long: LIPSMITH_TEST_FULL=1")
ASKED = 1e-4


def key_seeded_network(kind: Any, config: dict[str, Any]) -> Any:
    with torch.device("meta"):
        network = kind(**config)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    state = {key: torch.from_numpy(key_seeded(key, shape)) for key, shape in shapes.items()}
    network.load_state_dict(state, assign=True)
    return network


def full_vae() -> Any:
    return key_seeded_network(diffusers.AutoencoderKL, vae_config())


def both_modes(made: tuple[Any, Any], patch: pytest.MonkeyPatch) -> Iterator[Networks]:
    """UNet and VAE as they run in strict mode and, after that, by default."""
    patch.setattr(networks, "random_networks", lambda _: made)
    for strict in (True, False):
        yield load_networks(MuseTalkOptions(weights="random", device="cpu", precision="fp32", strict=strict))


def one_thread_and_all() -> Iterator[int]:
    """In how many pieces sums are added up."""
    usual = torch.get_num_threads()
    for count in (1, usual):
        torch.set_num_threads(count)
        yield count


def golden_latents() -> Array:
    golden = golden_arrays("d_vae_full")
    latents: Array = np.concatenate([golden["masked_mean"], golden["ref_mean"]], 1)[0] * SCALING
    return latents


def encoded(vae: Any) -> Array:
    return FaceCodec(vae).encode(np.ascontiguousarray(synth_bgr(256, 256, 33)[..., ::-1]))


def decoded(vae: Any) -> Array:
    latents = torch.from_numpy(named_normal("decode.latents", (2, 4, 32, 32), 0.18)[:1])
    with torch.inference_mode():
        faces: Array = FaceCodec(vae).decode(latents)[:, :, 100:116, 100:132].numpy()
    return (faces - 0.5) * 2


def test_upstreams_latents_are_the_truth_where_they_are_held_to() -> None:
    """In float64; to a tenth of what is asked of ours."""
    vae = full_vae().double().eval()
    np.testing.assert_allclose(golden_latents(), encoded(vae), rtol=0, atol=ASKED / 10)


def test_the_vae_is_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    unet = diffusers.UNet2DConditionModel(**unet_config(*TINY_UNET))
    for run in both_modes((unet, full_vae()), monkeypatch):
        for _ in one_thread_and_all():
            np.testing.assert_allclose(encoded(run.vae), golden_latents(), rtol=ASKED, atol=ASKED)
            golden = golden_arrays("d_vae_full")["decoded_raw_slice"]
            np.testing.assert_allclose(decoded(run.vae), golden, rtol=ASKED, atol=ASKED)


def test_the_unet_is_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    unet = key_seeded_network(diffusers.UNet2DConditionModel, unet_config())
    vae = diffusers.AutoencoderKL(**vae_config(*TINY))
    latents = torch.from_numpy(named_normal("unet.latents", (2, 8, 32, 32))[:1])
    heard = torch.from_numpy(named_normal("unet.audio", (2, 50, 384))[:1] + positions())
    for run in both_modes((unet, vae), monkeypatch):
        with torch.inference_mode():
            drawn = draw(run.unet, latents, heard).numpy()
        np.testing.assert_allclose(drawn, golden_arrays("e_unet")["full_out"], rtol=ASKED, atol=ASKED)
