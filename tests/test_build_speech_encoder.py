"""The command that makes the speech encoder: three layouts of one set of weights, and a graph that computes alike."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
TOOL = Path(__file__).parents[1] / "tools" / "build_speech_encoder.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_speech_encoder", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["build_speech_encoder"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def weights(tool: ModuleType) -> dict[str, np.ndarray]:
    """Random weights with every tensor of the encoder, as the Hugging Face hub names them."""
    random = np.random.default_rng(0)
    shapes = {"conv1.weight": (384, 80, 3), "conv2.weight": (384, 384, 3), "embed_positions.weight": (1500, 384)}
    shapes |= dict.fromkeys(("conv1.bias", "conv2.bias", "layer_norm.weight", "layer_norm.bias"), (384,))
    for layer in (f"layers.{index}." for index in range(4)):
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{layer}self_attn.{part}.weight"] = (384, 384)
            if part != "k_proj":
                shapes[f"{layer}self_attn.{part}.bias"] = (384,)
        for norm in ("self_attn_layer_norm", "final_layer_norm"):
            shapes |= {f"{layer}{norm}.weight": (384,), f"{layer}{norm}.bias": (384,)}
        shapes |= {f"{layer}fc1.weight": (1536, 384), f"{layer}fc1.bias": (1536,)}
        shapes |= {f"{layer}fc2.weight": (384, 1536), f"{layer}fc2.bias": (384,)}
    return {name: random.normal(0, 0.05, shape).astype(np.float16).astype(np.float32) for name, shape in shapes.items()}


def ctranslate2_file(weights: dict[str, np.ndarray]) -> bytes:
    """The encoder as CTranslate2 stores it, in 16 bits: one string, then name, dims, type and data of each variable."""
    variables = {"num_heads": np.array(6, np.int16)}
    for name, value in weights.items():
        if "_proj" in name and "out_proj" not in name:
            continue
        key = name.replace("embed_positions.weight", "position_encodings.encodings")
        key = key.replace("layer_norm.weight", "layer_norm.gamma").replace("layer_norm.bias", "layer_norm.beta")
        key = key.replace("self_attn_layer_norm", "self_attention.layer_norm").replace("fc1", "ffn.linear_0")
        key = key.replace("final_layer_norm", "ffn.layer_norm").replace("fc2", "ffn.linear_1")
        key = key.replace("self_attn.out_proj", "self_attention.linear_1").replace("layers.", "layer_")
        variables[key.replace(".", "/")] = value.astype(np.float16)
    for layer in range(4):
        at = f"layers.{layer}.self_attn."
        parts = [weights[f"{at}{part}_proj.weight"] for part in "qkv"]
        biases = [weights.get(f"{at}{part}_proj.bias", np.zeros(384, np.float32)) for part in "qkv"]
        variables[f"layer_{layer}/self_attention/linear_0/weight"] = np.concatenate(parts).astype(np.float16)
        variables[f"layer_{layer}/self_attention/linear_0/bias"] = np.concatenate(biases).astype(np.float16)

    def text(word: str) -> bytes:
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    content = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        content += text(f"encoder/{name}") + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        content += struct.pack("<BI", {"int16": 2, "float16": 4}[value.dtype.name], value.nbytes) + value.tobytes()
    return content + struct.pack("<I", 0)


def test_three_layouts_hold_the_same_weights(tool: ModuleType, weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({f"model.encoder.{name}": value for name, value in weights.items()}, tmp_path / "model.safetensors")
    (tmp_path / "model.bin").write_bytes(ctranslate2_file(weights))
    names = {"layers.": "blocks.", "self_attn.q_proj": "attn.query", "self_attn.k_proj": "attn.key",
             "self_attn.v_proj": "attn.value", "self_attn.out_proj": "attn.out", "self_attn_layer_norm": "attn_ln",
             "fc1": "mlp.0", "fc2": "mlp.2", "final_layer_norm": "mlp_ln",
             "embed_positions.weight": "positional_embedding"}  # fmt: skip
    stored = {"decoder.ln.weight": torch.zeros(1)}
    for name, value in weights.items():
        key = name.replace("layer_norm", "ln_post") if name.startswith("layer_norm") else name
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        stored[f"encoder.{key}"] = torch.from_numpy(value)
    torch.save({"dims": {}, "model_state_dict": stored}, tmp_path / "tiny.en.pt")
    for file in ("model.safetensors", "model.bin", "tiny.en.pt"):
        found = tool.read_weights(tmp_path / file)
        assert sorted(found) == sorted(weights), file
        assert all(np.array_equal(found[name], value) for name, value in weights.items()), file


def test_the_graph_computes_what_transformers_compute(tool: ModuleType, weights: dict[str, np.ndarray]) -> None:
    mel = np.random.default_rng(1).normal(0, 0.5, (2, 80, 100)).astype(np.float32)
    model = tool.encoder_model(weights)
    expected = tool.original(Path("model.safetensors"), weights)[1](mel)
    found = tool.session(model.SerializeToString())(mel)
    assert found.shape == (2, 50, 384)
    assert np.abs(found - expected).max() < 1e-4 * expected.std()
    rounded = tool.session(tool.with_small_weights(model))(mel)
    assert 0 < np.sqrt(np.mean((rounded - expected) ** 2)) < tool.LIMIT * expected.std()


def test_another_bin_file_is_refused(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("<I", 6) + b"\x05\x00Bert\x00" + bytes(40))
    with pytest.raises(SystemExit, match="not a Whisper model"):
        tool.read_weights(tmp_path / "model.bin")
