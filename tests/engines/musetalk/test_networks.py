"""Networks read from a models folder, in small: the official key lists are those of the small networks here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lipsmith.engines.musetalk import MuseTalkEngine, unet  # noqa: E402
from lipsmith.engines.musetalk.networks import load_networks  # noqa: E402
from lipsmith.engines.musetalk.options import MuseTalkOptions  # noqa: E402
from lipsmith.engines.musetalk.painter import FacePainter  # noqa: E402
from lipsmith.engines.torch_runtime import vae  # noqa: E402
from lipsmith.errors import InputError, OptionError  # noqa: E402

CONFIGS = {"unet": unet.unet_config(*unet.TINY), "vae": vae.vae_config(*vae.TINY)}
OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def spelled_as_of_old(key: str) -> str:
    for new, old in OLD.items():
        key = key.replace(f"mid_block.attentions.0.{new}.", f"mid_block.attentions.0.{old}.")
    return key


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    torch.manual_seed(0)
    states = {
        "unet": UNet2DConditionModel(**CONFIGS["unet"]).state_dict(),
        "vae": AutoencoderKL(**CONFIGS["vae"]).state_dict(),
    }
    for folder in ("musetalkV15", "sd-vae", "whisper"):
        (tmp_path / folder).mkdir()
    torch.save(states["unet"], tmp_path / "musetalkV15" / "unet.pth")
    old = {spelled_as_of_old(key): value for key, value in states["vae"].items()}
    torch.save(old, tmp_path / "sd-vae" / "diffusion_pytorch_model.bin")
    (tmp_path / "sd-vae" / "config.json").write_text("{}")
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (tmp_path / "whisper" / name).write_text("{}")

    def keys(net: str) -> dict[str, Any]:
        return {key: tuple(value.shape) for key, value in states[net].items()}

    monkeypatch.setattr("lipsmith.weights.keys.official_keys", keys)
    monkeypatch.setattr("lipsmith.weights.loading.official_keys", keys)
    monkeypatch.setattr(unet, "unet_config", lambda *_: CONFIGS["unet"])
    monkeypatch.setattr(vae, "vae_config", lambda *_: CONFIGS["vae"])
    return tmp_path


def test_a_models_folder_draws_what_its_numbers_draw(models: Path) -> None:
    given = [np.random.default_rng(4).standard_normal((8, 32, 32)).astype(np.float32)]
    heard = [np.zeros((50, 384), np.float32)]
    options = {"device": "cpu", "precision": "fp32"}
    official = FacePainter(load_networks(MuseTalkOptions(weights=str(models), **options)))
    made_up = FacePainter(load_networks(MuseTalkOptions(weights="tiny", seed=0, **options)))
    assert np.array_equal(official.paint(given, heard)[0], made_up.paint(given, heard)[0])


def test_what_is_wrong_is_told_before_a_film_is_looked_at(models: Path) -> None:
    path = models / "musetalkV15" / "unet.pth"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"unet\.pth"):
        MuseTalkEngine(MuseTalkOptions(weights=str(models), device="cpu")).analyze(still=False)
    with pytest.raises(OptionError, match="fp16 on a CPU"):
        MuseTalkEngine(MuseTalkOptions(weights="tiny", device="cpu", precision="fp16")).analyze(still=False)


def test_another_vae_is_told(models: Path) -> None:
    (models / "sd-vae" / "config.json").write_text('{"scaling_factor": 0.13025}')
    with pytest.raises(InputError, match=r"0\.13025"):
        load_networks(MuseTalkOptions(weights=str(models), device="cpu", precision="fp32"))


def test_tiles_bound_what_the_decoder_sees_at_once() -> None:
    sides: list[int] = []
    networks = load_networks(MuseTalkOptions(weights="tiny", device="cpu", precision="fp32", tiling=True))
    networks.vae.decoder.conv_in.register_forward_pre_hook(lambda _, given: sides.append(given[0].shape[-1]))
    given, heard = [np.zeros((8, 32, 32), np.float32)], [np.zeros((50, 384), np.float32)]
    assert FacePainter(networks, tiled=True).paint(given, heard)[0].shape == (256, 256, 3)
    assert len(sides) > 1
    assert max(sides) == 16
