"""Files of weights are read strictly, and broken ones are told apart."""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from lipsmith.engines.torch_runtime.weights import SD_VAE
from lipsmith.errors import EngineUnavailable, InputError
from lipsmith.libraries import install_hint
from lipsmith.weights import check, load_strictly, official_keys, read_config, read_state, search, shapes
from lipsmith.weights.keys import Shape
from lipsmith.weights.loading import check_header

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
OLD_FORMAT = {"_use_new_zipfile_serialization": False}
SMALL: dict[str, Shape] = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "bn.num_batches_tracked": ()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The tensors of a network of a few numbers that stands in for every official one."""
    monkeypatch.setattr("lipsmith.weights.loading.official_keys", lambda _: SMALL)
    monkeypatch.setattr("lipsmith.weights.keys.official_keys", lambda _: SMALL)
    return {key: torch.full(shape, 2.5) if shape else torch.tensor(7) for key, shape in SMALL.items()}


def save(path: Path, state: object, **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path, **how)
    return path


def save_safetensors(path: Path, state: dict[str, Any]) -> Path:
    pytest.importorskip("safetensors.torch").save_file(state, path)
    return path


def test_every_format_gives_the_same_tensors(small: dict[str, Any], tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "new.pth", small),
        save(tmp_path / "old.pth", small, **OLD_FORMAT),
        save(tmp_path / "wrapped.pth", {"state_dict": small, "epoch": 3}),
        save(tmp_path / "parallel.pth", {f"module.{key}": value for key, value in small.items()}),
        save_safetensors(tmp_path / "one.safetensors", small),
    ]
    for path in paths:
        state = read_state("s3fd", path)
        assert set(state) == set(SMALL), path
        assert all(torch.equal(state[key], small[key]) for key in SMALL), path
        if "module" not in str(shapes(path)):
            assert shapes(path) == SMALL, path


def test_numbers_are_turned_into_what_is_asked_for_and_counters_stay(
    small: dict[str, Any],
    tmp_path: Path,
) -> None:
    state = read_state("s3fd", save(tmp_path / "a.pth", small), torch.bfloat16)
    assert state["conv.weight"].dtype == torch.bfloat16
    assert state["bn.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("how", [{}, OLD_FORMAT], ids=["new", "old"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_told(how: dict[str, object], share: float, tmp_path: Path) -> None:
    whole = save(tmp_path / "a.pth", {"x": torch.zeros(5000)}, **how).read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"a\.pth (is empty|cannot be read as tensors alone).* Delete it, then"):
        read_state("s3fd", tmp_path / "a.pth")


def test_safetensors_that_are_cut_off_are_told_without_torch(tmp_path: Path) -> None:
    path = save_safetensors(tmp_path / "a.safetensors", {"x": torch.zeros(100)})
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(InputError, match=f"it has {len(whole) - 40} bytes of {len(whole)}"):
        shapes(path)
    path.write_bytes(struct.pack("<Q", 20) + b"not json at all, no no")
    with pytest.raises(InputError, match="not a safetensors file"):
        shapes(path)


class Trap:
    """Would run code while it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.mkdir, ("trapped",)


def test_nothing_but_tensors_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, how in enumerate(({}, OLD_FORMAT)):
        path = save(tmp_path / f"{number}.pth", {"x": Trap()}, **how)
        with pytest.raises(InputError, match="holds other things"):
            read_state("s3fd", path)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("content", [[1, 2], {"x": 3}, torch.zeros(3)])
def test_a_file_without_tensors_by_name_is_told(content: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not tensors by name"):
        read_state("s3fd", save(tmp_path / "a.pth", content))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><title>Google Drive", "a web page"),
    ],
)
def test_what_downloads_leave_behind_is_told(start: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "unet.pth"
    path.write_bytes(start)
    with pytest.raises(InputError, match=words):
        check_header(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        check_header(tmp_path / "none.pth")


def test_a_wrong_shape_is_named(small: dict[str, Any], tmp_path: Path) -> None:
    small["conv.weight"] = torch.zeros(4, 2, 3, 3)
    with pytest.raises(InputError, match=r"not the official s3fd: conv\.weight is 4x2x3x3, not 4x3x3x3\."):
        read_state("s3fd", save(tmp_path / "a.pth", small))


def test_old_attention_fits_todays_linear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    today = "encoder.mid_block.attentions.0.to_out.0.weight"
    monkeypatch.setattr("lipsmith.weights.loading.official_keys", lambda _: {today: (8, 8)})
    monkeypatch.setattr("lipsmith.weights.keys.official_keys", lambda _: {today: (8, 8)})
    stored = torch.randn(8, 8, 1, 1)
    path = save(tmp_path / "a.bin", {"encoder.mid_block.attentions.0.proj_attn.weight": stored})
    assert torch.equal(read_state("vae", path)[today], stored[:, :, 0, 0])


def test_a_network_on_no_device_is_filled_and_made_to_infer(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = {key: torch.ones(value.shape) for key, value in network.state_dict().items() if "num_batches" not in key}
    filled = load_strictly(network, state, tmp_path)
    assert torch.allclose(filled(torch.ones(1, 3)), torch.tensor(4.0), atol=1e-3)  # (3 + 1 - 1) / 1 * 1 + 1
    assert not filled.training
    with pytest.raises(InputError, match=r"does not fit Linear: .*size mismatch"):
        load_strictly(torch.nn.Linear(4, 2), {"weight": torch.ones(2, 3), "bias": torch.ones(2)}, tmp_path)


def put_vae(models: Path, **config: object) -> None:
    keys = official_keys("vae")
    state = {key: torch.zeros(1, dtype=torch.uint8).expand(shape) for key, shape in keys.items()}
    (models / "sd-vae").mkdir(parents=True)
    (models / "sd-vae" / "config.json").write_text(json.dumps(config))
    save(models / "sd-vae" / "diffusion_pytorch_model.bin", state)


def test_a_whole_folder_is_checked_by_its_heads(tmp_path: Path) -> None:
    put_vae(tmp_path)
    found = search(SD_VAE, tmp_path)
    assert found is not None
    assert found.path.stat().st_size < 1_000_000
    assert check(found) == "every key and shape"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('{"scaling_factor": 0.13025}', "scaling_factor is 0.13025, that of sd-vae-ft-mse is 0.18215"),
        ("{", "not a configuration in JSON"),
        ("[]", "not a configuration in JSON"),
    ],
)
def test_the_configuration_of_another_vae_is_told(config: str, words: str, tmp_path: Path) -> None:
    put_vae(tmp_path, scaling_factor=0.18215)
    found = search(SD_VAE, tmp_path)
    assert found is not None
    assert read_config(found) == {"scaling_factor": 0.18215}
    (tmp_path / "sd-vae" / "config.json").write_text(config)
    with pytest.raises(InputError, match=words):
        check(found)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pth", {"x": torch.zeros(3)})
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(EngineUnavailable, match=re.escape(install_hint("torch"))):
        read_state("s3fd", path)
