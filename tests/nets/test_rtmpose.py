"""RTMPose against mmpose's own modules on key-seeded weights, and DWPose's .pth read without mmengine."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk.weights import DWPOSE
from lipsmith.errors import InputError
from lipsmith.face.dwpose import DWPose, run_by_torch
from lipsmith.weights import FoundPart, check, official_keys, search
from lipsmith.weights.keys import mismatch, official_key
from tests.support.goldens import golden_arrays, load_key_seeded, named_normal, synth_bgr

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

PARAMETERS = 33_610_919
STORED_BYTES = 134_599_836  # of the official file's 395 tensors of floats, as a converter of that very file counts them
ENTRIES = 470


@pytest.fixture(scope="module")
def network() -> Any:
    from lipsmith.nets.rtmpose import RTMPose

    return load_key_seeded(RTMPose())


@pytest.fixture(scope="module")
def models(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a checkpoint as mmengine leaves it: wrapped, with what the training needed beside."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "dwpose").mkdir()
    history = ModuleType("mmengine_history")
    history.HistoryBuffer = type("HistoryBuffer", (), {"__module__": history.__name__})  # type: ignore[attr-defined]
    sys.modules[history.__name__] = history
    try:
        buffer = history.HistoryBuffer()
        buffer.kept, buffer.dtype = np.arange(3.0), np.dtype("float32")
        checkpoint = {
            "meta": {"dataset_meta": {"sigmas": np.ones(133, np.float32)}, "epoch": 270},
            "state_dict": OrderedDict(network.state_dict()),
            "message_hub": {"loss": buffer},
        }
        torch.save(checkpoint, folder / "dwpose" / "dw-ll_ucoco_384.pth")
    finally:
        del sys.modules[history.__name__]
    return folder


def found(models: Path) -> FoundPart:
    there = search(DWPOSE, models)
    assert there is not None
    return there


def test_keys_and_shapes_are_the_official_ones() -> None:
    from lipsmith.nets.rtmpose import RTMPose

    with torch.device("meta"):
        empty = RTMPose()
    state = empty.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == official_keys("dwpose")
    assert len(state) == ENTRIES
    assert sum(one.numel() for one in empty.parameters()) == PARAMETERS
    assert 4 * sum(one.numel() for one in state.values() if one.is_floating_point()) == STORED_BYTES
    assert mismatch("dwpose", official_keys("dwpose")) is None
    assert official_key("dwpose", "head.down.weight") is None


def test_the_bins_are_those_of_mmposes_modules(network: Any) -> None:
    golden = golden_arrays("rtmpose")
    across, down = (one[0] for one in run_by_torch(network)(named_normal("rtmpose.input", (1, 3, 384, 288))))
    np.testing.assert_allclose(across[::7, ::24], golden["across"], atol=1e-4)
    np.testing.assert_allclose(down[::7, ::32], golden["down"], atol=1e-4)
    assert (across.argmax(1) == golden["highest_across"]).mean() > 0.99
    assert (down.argmax(1) == golden["highest_down"]).mean() > 0.99


def test_a_checkpoint_of_mmengine_is_read_and_nothing_in_it_is_run(network: Any, models: Path) -> None:
    picture = np.ascontiguousarray(synth_bgr(240, 320, 7)[..., ::-1])
    read, known = DWPose.load(found(models).path).find(picture), DWPose(run_by_torch(network)).find(picture)
    np.testing.assert_array_equal(read.points, known.points)
    np.testing.assert_array_equal(read.scores, known.scores)
    assert check(found(models)) == "every key and shape"


class Trap:
    """Would run code while it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return tempfile.mkdtemp, ("", "trapped", ".")


def test_a_trap_beside_the_tensors_does_not_spring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = {key: torch.zeros((), dtype=torch.uint8).expand(shape) for key, shape in official_keys("dwpose").items()}
    (tmp_path / "dwpose").mkdir()
    path = tmp_path / "dwpose" / "dw-ll_ucoco_384.pth"
    torch.save({"state_dict": small, "meta": Trap()}, path)
    assert check(found(tmp_path)) == "every key and shape"
    assert list(tmp_path.glob("trapped*")) == []
    del small["head.cls_x.weight"]
    torch.save({"state_dict": small}, path)
    with pytest.raises(InputError, match=r"not the official dwpose: it lacks head\.cls_x\.weight"):
        DWPose.load(path)
    torch.save({"state_dict": {"x": Trap()}}, path)
    with pytest.raises(InputError, match="not tensors by name"):
        DWPose.load(path)
    assert list(tmp_path.glob("trapped*")) == []


def test_onnxruntime_sees_the_same(network: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "dwpose.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is the old one
        torch.onnx.export(
            network, (torch.zeros(1, 3, 384, 288),), path, dynamo=False, input_names=["input"], output_names=["x", "y"]
        )
    picture = np.ascontiguousarray(synth_bgr(300, 200, 5)[..., ::-1])
    ours, theirs = DWPose(run_by_torch(network)).find(picture), DWPose.load(path).find(picture)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
    assert (np.abs(ours.points - theirs.points).max(1) < 1e-3).mean() > 0.98
