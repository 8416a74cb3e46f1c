"""The student network in torch, for training: a window of mel frames, two dense layers, GRUs, two heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...speech.phones import VISEMES
from ...speech.student_mel import BANDS
from ...types import MOUTH_CONTROLS

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class StudentSize:
    """The sizes of the student's layers."""

    width: int = 24  # mel frames in the input of a step
    dense: int = 256  # units of the first layer
    hidden: int = 192  # units of the others
    layers: int = 2  # GRUs


def build_network(shape: StudentSize) -> torch.nn.ModuleDict:
    """A student with random weights."""
    from torch import nn

    return nn.ModuleDict(
        {
            "window": nn.Linear(BANDS * shape.width, shape.dense),
            "dense": nn.Linear(shape.dense, shape.hidden),
            "memory": nn.GRU(shape.hidden, shape.hidden, shape.layers, batch_first=True),
            "heads": nn.Linear(shape.hidden, len(MOUTH_CONTROLS) + len(VISEMES)),
        }
    )


def forward(net: torch.nn.ModuleDict, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, width * 40) normalised mel -> drives (B, T, 8) in 0..1 and viseme logits (B, T, 15)."""
    import torch

    features = torch.relu(net["window"](mel))
    features = torch.relu(net["dense"](features))
    states, _ = net["memory"](features)
    outputs = net["heads"](states)
    return torch.sigmoid(outputs[..., : len(MOUTH_CONTROLS)]), outputs[..., len(MOUTH_CONTROLS) :]
