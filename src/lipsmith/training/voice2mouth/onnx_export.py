"""Exports the student to ONNX: one step per run, with the state as input and output, and 16-bit float weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...types import MOUTH_CONTROLS, Array
from .network import StudentSize

if TYPE_CHECKING:
    import torch

OPSET = 17
_PARTS = ("weight", "bias")


@dataclass(frozen=True, slots=True, eq=False)
class OutputScaling:
    """The last operation on a drive: clip(gain (drive - rest), 0, 1)."""

    rest: Array  # (8,) the network's output for 0
    gain: Array  # (8,)


def to_onnx(net: torch.nn.ModuleDict, shape: StudentSize, finish: OutputScaling) -> bytes:
    """The model as bytes: mel (1, width * 40), state (layers, hidden) -> drive (1, 8), visemes (1, 15), next_state."""
    import onnx
    from onnx import helper

    weights = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    graph = _GraphBuilder()
    graph.dense("mel", weights["window.weight"], weights["window.bias"], "window")
    graph.add("Relu", ["window"], "window_seen")
    graph.dense("window_seen", weights["dense.weight"], weights["dense.bias"], "dense")
    graph.add("Relu", ["dense"], "seen")
    graph.split("state", shape.layers)
    below = "seen"
    for layer in range(shape.layers):
        below = graph.gru(below, layer, weights, shape.hidden)
    graph.add("Concat", [f"memory{layer}" for layer in range(shape.layers)], "next_state", axis=0)
    drives = len(MOUTH_CONTROLS)
    graph.dense(below, weights["heads.weight"][:drives], weights["heads.bias"][:drives], "said")
    graph.add("Sigmoid", ["said"], "meant")
    graph.finish("meant", finish, "drive")
    graph.dense(below, weights["heads.weight"][drives:], weights["heads.bias"][drives:], "logits")
    graph.add("Softmax", ["logits"], "visemes", axis=1)

    inputs = [
        _tensor_info("mel", 1, weights["window.weight"].shape[1]),
        _tensor_info("state", shape.layers, shape.hidden),
    ]
    visemes = weights["heads.bias"].shape[0] - drives
    outputs = [
        _tensor_info("drive", 1, drives),
        _tensor_info("visemes", 1, visemes),
        _tensor_info("next_state", shape.layers, shape.hidden),
    ]
    onnx_graph = helper.make_graph(graph.nodes, "voice2mouth", inputs, outputs, graph.stored)
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="lipsmith")
    model.ir_version = 8
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def read_weights(model: bytes) -> dict[str, Array]:
    """The weights in an exported model, by their names in the torch network; inverse of ``to_onnx``.

    Raises:
        InputError: the bytes are no such model.
    """
    import onnx

    try:
        graph = onnx.load_from_string(model).graph
        return _weights({tensor.name: tensor for tensor in graph.initializer})
    except Exception as problem:  # protobuf's own, or a missing tensor
        raise InputError(
            f"That is no student network, as `lipsmith train voice2mouth` writes it: {problem}"
        ) from problem


def _weights(stored: Mapping[str, Any]) -> dict[str, Array]:
    from onnx import numpy_helper

    def kept(name: str) -> Array:
        values: Array = numpy_helper.to_array(stored[f"{name}_16"]).astype(np.float32)
        return values.T.copy() if name.endswith("weight") else values

    weights = {f"{layer}.{part}": kept(f"{layer}_{part}") for layer in ("window", "dense") for part in _PARTS}
    layer = 0
    while f"layer{layer}_in_weight_16" in stored:
        for side, name in (("ih", "in"), ("hh", "old")):
            weights |= {f"memory.{part}_{side}_l{layer}": kept(f"layer{layer}_{name}_{part}") for part in _PARTS}
        layer += 1
    heads = {part: np.concatenate([kept(f"said_{part}"), kept(f"logits_{part}")]) for part in _PARTS}
    return weights | {f"heads.{part}": values for part, values in heads.items()}


def _tensor_info(name: str, *dims: int) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dims))


class _GraphBuilder:
    """Builds a list of ONNX nodes."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def add(self, operation: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operation, inputs, list(outputs), **attributes))

    def keep(self, name: str, values: NDArray[Any]) -> str:
        """Store values; floats as 16 bits, cast to 32 in the graph."""
        from onnx import TensorProto, numpy_helper

        if values.dtype.kind != "f":
            self.stored.append(numpy_helper.from_array(values, name))
            return name
        self.stored.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_16"))
        self.add("Cast", [f"{name}_16"], name, to=TensorProto.FLOAT)
        return name

    def dense(self, source: str, weight: NDArray[Any], bias: NDArray[Any], name: str) -> None:
        """name = source @ weight.T + bias."""
        kept = [self.keep(f"{name}_weight", weight.T.copy()), self.keep(f"{name}_bias", bias)]
        self.add("Gemm", [source, *kept], name)

    def finish(self, source: str, finish: OutputScaling, name: str) -> None:
        """name = clip(gain (source - rest), 0, 1)."""
        from onnx import numpy_helper

        values = {"rest": finish.rest, "gain": finish.gain, "shut": np.array(0), "full": np.array(1)}
        self.stored += [numpy_helper.from_array(value.astype(np.float32), key) for key, value in values.items()]
        self.add("Sub", [source, "rest"], f"{name}_above")
        self.add("Mul", [f"{name}_above", "gain"], f"{name}_grown")
        self.add("Clip", [f"{name}_grown", "shut", "full"], name)

    def split(self, state: str, layers: int) -> None:
        self.keep("one_each", np.ones(layers, np.int64))
        self.add("Split", [state, "one_each"], *[f"before{layer}" for layer in range(layers)], axis=0)

    def gru(self, source: str, layer: int, weights: dict[str, NDArray[Any]], hidden: int) -> str:
        """One GRU step as torch defines it: gates r, z, n; h' = (1 - z) n + z h."""
        here, before = f"layer{layer}", f"before{layer}"
        names = (f"memory.weight_ih_l{layer}", f"memory.bias_ih_l{layer}")
        self.dense(source, weights[names[0]], weights[names[1]], f"{here}_in")
        names = (f"memory.weight_hh_l{layer}", f"memory.bias_hh_l{layer}")
        self.dense(before, weights[names[0]], weights[names[1]], f"{here}_old")
        self.keep(f"{here}_thirds", np.full(3, hidden, np.int64))
        for side in ("in", "old"):
            parts = [f"{here}_{side}_{gate}" for gate in "rzn"]
            self.add("Split", [f"{here}_{side}", f"{here}_thirds"], *parts, axis=1)
        for gate in "rz":
            self.add("Add", [f"{here}_in_{gate}", f"{here}_old_{gate}"], f"{here}_sum_{gate}")
            self.add("Sigmoid", [f"{here}_sum_{gate}"], f"{here}_{gate}")
        self.add("Mul", [f"{here}_r", f"{here}_old_n"], f"{here}_kept")
        self.add("Add", [f"{here}_in_n", f"{here}_kept"], f"{here}_sum_n")
        self.add("Tanh", [f"{here}_sum_n"], f"{here}_n")
        self.add("Sub", [before, f"{here}_n"], f"{here}_change")
        self.add("Mul", [f"{here}_z", f"{here}_change"], f"{here}_step")
        self.add("Add", [f"{here}_n", f"{here}_step"], f"memory{layer}")
        return f"memory{layer}"
