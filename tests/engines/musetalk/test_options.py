from pathlib import Path
from typing import Any

import pytest

from lipsmith.engines.musetalk.availability import unavailable_reason
from lipsmith.engines.musetalk.networks import load_networks
from lipsmith.engines.musetalk.options import MuseTalkOptions
from lipsmith.engines.torch_runtime.device import resolve_precision
from lipsmith.errors import OptionError, WeightsMissing
from lipsmith.options import build


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bbox": "1,2,3"}, "four whole numbers"),
        ({"bbox": "9,2,3,4"}, "right of x0"),
        ({"feather": 2.0}, "feather is 2.0"),
        ({"audio_padding_left": -1}, "padding of -1 and 2"),
        ({"extra_margin": -3}, "extra_margin is -3"),
        ({"parsing_mode": "chin"}, "auto, raw, neck, jaw"),
        ({"bbox": "1,2,30,40", "bbox_shift": 3}, "leave one out"),
        ({"strict": True, "hearing": "live"}, "choose one of them"),
        ({"bbox_shft": 3}, "Did you mean 'bbox_shift'"),
    ],
)
def test_values_that_cannot_be_are_told(given: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build(MuseTalkOptions, given)


def test_versions_have_their_own_mode_and_margin() -> None:
    assert (MuseTalkOptions().mode, MuseTalkOptions().margin) == ("jaw", 10)
    assert (MuseTalkOptions("v1").mode, MuseTalkOptions("v1").margin) == ("raw", 0)
    assert MuseTalkOptions(bbox="10,20,30,44").box == (10, 20, 30, 44)


def test_half_precision_is_refused_on_a_cpu() -> None:
    with pytest.raises(OptionError, match="fp16 on a CPU is slower"):
        resolve_precision("fp16", "cpu")


def test_the_precision_follows_the_machine(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    assert resolve_precision("auto", "cpu", cpuinfo) == "fp32"
    cpuinfo.write_text("flags : fpu avx512f avx512_bf16\n")
    assert resolve_precision("auto", "cpu", cpuinfo) == "bf16"
    assert resolve_precision("auto", "cuda", cpuinfo) == "fp16"


def test_strict_mode_draws_in_fp32_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setattr("lipsmith.engines.torch_runtime.device._multiplies_in_bf16", lambda _: True)
    for strict, precision in ((True, "fp32"), (False, "bf16")):
        assert load_networks(MuseTalkOptions(weights="tiny", device="cpu", strict=strict)).precision == precision


def test_missing_weights_are_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LIPSMITH_MODELS", raising=False)

    def lacks(**options: Any) -> str:
        return unavailable_reason(MuseTalkOptions(**options)) or ""

    for name in ("torch", "diffusers", "transformers", "safetensors", "accelerate"):
        pytest.importorskip(name)
    assert "lipsmith weights fetch musetalk" in lacks(weights=str(tmp_path))
    assert "unet-v1 " in lacks(weights=str(tmp_path), version="v1")
    assert not lacks(weights="tiny")
    for weights, asked in (("tiny", "dwpose"), (str(tmp_path), "musetalk dwpose")):
        told = lacks(weights=weights, landmarks="dwpose")
        assert f"`lipsmith weights fetch {asked}" in told, told
    with pytest.raises(WeightsMissing, match="unet-v15"):
        load_networks(MuseTalkOptions(weights=str(tmp_path), device="cpu"))


def test_a_device_that_is_not_there_is_told() -> None:
    pytest.importorskip("torch")
    with pytest.raises(OptionError, match="device is 'cuda:99'"):
        load_networks(MuseTalkOptions(weights="tiny", device="cuda:99"))
