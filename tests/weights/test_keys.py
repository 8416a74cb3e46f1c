"""The shipped lists of keys agree with the libraries' networks, and a wrong file is told apart."""

from __future__ import annotations

import warnings

import pytest

from lipsmith.weights import official_keys
from lipsmith.weights.keys import mismatch, official_key

VAE = {
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
}  # fmt: skip
Shapes = dict[str, tuple[int, ...]]


def changed(net: str, **shapes: tuple[int, ...]) -> Shapes:
    return {**official_keys(net), **shapes}


def test_the_list_is_that_of_diffusers_vae() -> None:
    """The UNet's is looked at with the engine."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diffusers = pytest.importorskip("diffusers")
        with torch.device("meta"):  # no memory
            network = diffusers.AutoencoderKL(**VAE)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == official_keys("vae")


def test_the_list_is_that_of_whispers_encoder() -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
        config = transformers.WhisperConfig(
            d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536, num_mel_bins=80
        )
        with torch.device("meta"):
            network = transformers.WhisperModel(config)
    keys = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert {key: shape for key, shape in keys.items() if key.startswith("encoder.")} == official_keys("whisper")


@pytest.mark.parametrize("net", ["unet", "vae", "whisper", "bisenet", "s3fd"])
def test_the_official_keys_have_no_fault(net: str) -> None:
    assert mismatch(net, official_keys(net)) is None
    assert {official_key(net, key) for key in official_keys(net)} == set(official_keys(net))


def test_old_spellings_are_understood() -> None:
    assert official_key("vae", "encoder.mid_block.attentions.0.query.weight") == (
        "encoder.mid_block.attentions.0.to_q.weight"
    )
    assert official_key("vae", "decoder.mid_block.attentions.0.proj_attn.bias") == (
        "decoder.mid_block.attentions.0.to_out.0.bias"
    )
    assert official_key("whisper", "model.encoder.conv1.bias") == "encoder.conv1.bias"
    assert official_key("whisper", "model.decoder.embed_tokens.weight") is None
    assert official_key("whisper", "proj_out.weight") is None
    assert official_key("bisenet", "module.cp.resnet.conv1.weight") == "cp.resnet.conv1.weight"


def test_attention_may_be_stored_as_convolution() -> None:
    key = "encoder.mid_block.attentions.0.to_q.weight"
    assert mismatch("vae", changed("vae", **{key: (512, 512, 1, 1)})) is None
    assert mismatch("vae", changed("vae", **{key: (512, 256)})) == f"{key} is 512x256, not 512x512"


def test_counters_of_batches_may_lack_as_in_old_files() -> None:
    keys = {key: shape for key, shape in official_keys("bisenet").items() if not key.endswith("num_batches_tracked")}
    assert len(keys) < len(official_keys("bisenet"))
    assert mismatch("bisenet", keys) is None


def test_a_fault_names_a_few_keys_and_counts_the_rest() -> None:
    keys = dict(official_keys("s3fd"))
    del keys["conv1_1.bias"]
    keys |= {f"strange{number}": (1,) for number in range(5)}
    assert mismatch("s3fd", keys) == (
        "it lacks conv1_1.bias; it has the unknown strange0, strange1, strange2 and 2 more"
    )


@pytest.mark.parametrize(
    ("net", "key", "shape", "words"),
    [
        ("unet", "conv_in.weight", (320, 9, 3, 3), "an inpainting UNet with 9 input channels, MuseTalk's has 8"),
        ("unet", "conv_in.weight", (320, 4, 3, 3), "Stable Diffusion's own UNet with 4 input channels"),
        ("vae", "decoder.conv_in.weight", (512, 16, 3, 3), "a VAE with 16 latent channels"),
        ("whisper", "encoder.blocks.0.attn.key.weight", (384, 384), "OpenAI's own tiny.pt"),
        ("vae", "first_stage_model.encoder.conv_in.weight", (128, 3, 3, 3), "a whole Stable Diffusion checkpoint"),
    ],
)
def test_another_kind_of_the_same_thing_is_told(net: str, key: str, shape: tuple[int, ...], words: str) -> None:
    assert words in str(mismatch(net, changed(net, **{key: shape})))
