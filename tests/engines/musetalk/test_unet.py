"""The UNet and its positional table against upstream's own (goldens e), with key-seeded weights."""

from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk.unet import draw, fold_time, positions, unet_config
from tests.support.goldens import golden_arrays, load_key_seeded, named_normal

ARRAYS = golden_arrays("e_unet")
REDUCED = (32, 64, 64, 64)


def tiny_unet() -> Any:
    pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    return load_key_seeded(diffusers.UNet2DConditionModel(**unet_config(REDUCED)))


@pytest.fixture(scope="module")
def inputs() -> tuple[Any, Any]:
    torch = pytest.importorskip("torch")
    latents = torch.from_numpy(named_normal("unet.latents", (2, 8, 32, 32)))
    return latents, torch.from_numpy(named_normal("unet.audio", (2, 50, 384)))


def test_the_positional_table_is_upstreams() -> None:
    np.testing.assert_allclose(positions()[[0, 1, 49]], ARRAYS["pe_rows_0_1_49"], rtol=1e-5, atol=1e-5)
    assert positions().sum(dtype=np.float64) == pytest.approx(7580.561307256346, rel=1e-6)


def test_one_step_is_upstreams(inputs: tuple[Any, Any]) -> None:
    torch = pytest.importorskip("torch")
    latents, heard = inputs
    unet = fold_time(tiny_unet())
    with torch.inference_mode():
        drawn = draw(unet, latents, heard + torch.from_numpy(positions()))
        silent = draw(unet, latents[:1], heard[:1])
    np.testing.assert_allclose(drawn.numpy(), ARRAYS["reduced_out"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(silent[:, :, ::4, ::4].numpy(), ARRAYS["reduced_out_no_pe"], rtol=1e-4, atol=1e-4)


def test_folding_drops_the_time_embedding_and_may_be_repeated(inputs: tuple[Any, Any]) -> None:
    torch = pytest.importorskip("torch")
    unet = tiny_unet()
    with torch.inference_mode():
        theirs = unet(inputs[0], torch.tensor([0]), inputs[1]).sample
        ours = draw(fold_time(fold_time(unet)), *inputs)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)
    assert not [key for key in unet.state_dict() if "time_emb" in key]


def test_the_full_size_has_the_official_keys_and_shapes() -> None:
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    from lipsmith.weights import official_keys

    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**unet_config())
    assert {key: tuple(value.shape) for key, value in unet.state_dict().items()} == dict(official_keys("unet"))
