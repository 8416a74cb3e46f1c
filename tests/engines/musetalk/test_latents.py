"""Latents and decoding against upstream's own (goldens d), with key-seeded weights."""

from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk.latents import FaceCodec, face_picture, vae_input
from lipsmith.engines.torch_runtime.vae import grey_levels, vae_config
from tests.support.goldens import golden_arrays, load_key_seeded, named_normal, sha256, synth_bgr

ARRAYS = golden_arrays("d_vae")
REDUCED = (32, 32, 64, 64)
PICTURE = np.ascontiguousarray(synth_bgr(256, 256, 33)[..., ::-1])


@pytest.fixture(scope="module")
def vae() -> Any:
    pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    return load_key_seeded(diffusers.AutoencoderKL(**vae_config(REDUCED, layers=1)))


def test_the_input_is_upstreams() -> None:
    masked, whole = vae_input(PICTURE)
    assert np.array_equal(masked[:, 120:136, :16], ARRAYS["pre_masked_rows_120_136_x_0_16"])
    assert np.array_equal(whole[:, 120:136, :16], ARRAYS["pre_ref_rows_120_136_x_0_16"])


def test_faces_are_scaled_as_upstream_scales_them() -> None:
    scaled = face_picture(synth_bgr(360, 480, 7), (170, 100, 310, 270))
    assert sha256(scaled) == "6a0749839e399d0c06d5b570719c76180ca6cbb0ca849096d4ddec7c3c93dedd"  # lanczos_inside.png


def test_a_box_that_leaves_the_image_is_cut() -> None:
    image = synth_bgr(100, 120)
    assert np.array_equal(face_picture(image, (-10, 20, 60, 140)), face_picture(image, (0, 20, 60, 100)))


def test_latents_are_upstreams_means(vae: Any) -> None:
    latents = FaceCodec(vae).encode(PICTURE)
    wanted = np.concatenate([ARRAYS["tiny_masked_mean"], ARRAYS["tiny_ref_mean"]], 1)[0] * 0.18215
    np.testing.assert_allclose(latents, wanted, rtol=1e-4, atol=1e-4)


def test_drawing_from_the_posterior_is_upstreams_by_seed(vae: Any) -> None:
    torch = pytest.importorskip("torch")
    codec = FaceCodec(vae, torch.Generator().manual_seed(1234))
    np.testing.assert_allclose(codec.encode(PICTURE), ARRAYS["tiny_latents_seed1234"][0], rtol=1e-4, atol=1e-4)
    assert np.abs(codec.encode(PICTURE) - ARRAYS["tiny_latents_seed1234"][0]).max() > 0.01


def test_decoded_faces_are_upstreams(vae: Any) -> None:
    torch = pytest.importorskip("torch")
    latents = torch.from_numpy(named_normal("decode.latents", (2, 4, 32, 32), 0.18))
    with torch.inference_mode():
        faces = FaceCodec(vae).decode(latents)
    raw = (faces[:, :, 100:108, 100:132].numpy() - 0.5) * 2
    np.testing.assert_allclose(raw, ARRAYS["tiny_decoded_raw_slice"], rtol=1e-4, atol=1e-4)
    difference = np.abs(grey_levels(faces).numpy()[..., ::-1].astype(int) - ARRAYS["tiny_decoded_bgr"])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


def test_halves_round_to_even_and_colours_are_clamped() -> None:
    torch = pytest.importorskip("torch")
    faces = torch.tensor([0.5, 1.5, 2.5, -9.0, 300.0]).reshape(1, 1, 1, 5).expand(1, 3, 1, 5) / 255
    assert grey_levels(faces).numpy()[0, 0, :, 0].tolist() == [0, 2, 2, 0, 255]
