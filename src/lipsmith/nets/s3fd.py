"""S3FD: a face detector for all sizes, with the official parameter names (``s3fd-619a316812.pth``).

After Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector" (ICCV 2017): VGG-16 with two convolutions instead
of its classifier and four more after them, and a detection head on each of six grids with strides 4 to 128.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (4, 8, 16, 32, 64, 128)
MEAN = (104.0, 117.0, 123.0)
"""Subtracted from the channels. These are Caffe's numbers for BGR, but upstream feeds RGB, and so do we."""

_Grid = tuple[Tensor, Tensor]
"""Scores (B, 2, h, w), background and face, and box offsets (B, 4, h, w)."""

_EPSILON = 1e-10


class L2Norm(nn.Module):
    """Normalises each pixel's vector to length 1, then scales each channel by a factor."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        length = x.square().sum(1, keepdim=True).sqrt() + _EPSILON
        return x / length * self.weight[:, None, None]


def _conv(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding)


class S3FD(nn.Module):
    """(B, 3, H, W) picture minus ``MEAN`` -> scores and offsets on six grids."""

    def __init__(self) -> None:
        super().__init__()
        self._trunk()
        self._tail()
        for name, channels, scale in (("conv3_3", 256, 10.0), ("conv4_3", 512, 8.0), ("conv5_3", 512, 5.0)):
            self.add_module(f"{name}_norm", L2Norm(channels, scale))
        self._head("conv3_3_norm", 256, scores=4)  # three for background, of which the largest counts
        self._head("conv4_3_norm", 512)
        self._head("conv5_3_norm", 512)
        self._head("fc7", 1024)
        self._head("conv6_2", 512)
        self._head("conv7_2", 256)

    def _trunk(self) -> None:
        in_channels = 3
        for block, (out_channels, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
            for number in range(1, count + 1):
                self.add_module(f"conv{block}_{number}", _conv(in_channels, out_channels))
                in_channels = out_channels

    def _tail(self) -> None:
        self.fc6 = _conv(512, 1024, 3, 1, 3)
        self.fc7 = _conv(1024, 1024, 1, 1, 0)
        self.conv6_1 = _conv(1024, 256, 1, 1, 0)
        self.conv6_2 = _conv(256, 512, 3, 2)
        self.conv7_1 = _conv(512, 128, 1, 1, 0)
        self.conv7_2 = _conv(128, 256, 3, 2)

    def _head(self, name: str, channels: int, scores: int = 2) -> None:
        self.add_module(f"{name}_mbox_conf", _conv(channels, scores))
        self.add_module(f"{name}_mbox_loc", _conv(channels, 4))

    def forward(self, x: Tensor) -> list[_Grid]:
        features: dict[str, Tensor] = {}
        for block, count in enumerate((2, 2, 3, 3, 3), 1):
            for number in range(1, count + 1):
                x = self._through(f"conv{block}_{number}", x)
            if block >= 3:
                features[f"conv{block}_3_norm"] = self.get_submodule(f"conv{block}_3_norm")(x)
            x = functional.max_pool2d(x, 2, 2)
        x = features["fc7"] = self._through("fc7", self._through("fc6", x))
        x = features["conv6_2"] = self._through("conv6_2", self._through("conv6_1", x))
        features["conv7_2"] = self._through("conv7_2", self._through("conv7_1", x))
        return [self._detect(name, feature) for name, feature in features.items()]

    def _through(self, name: str, x: Tensor) -> Tensor:
        return functional.relu(self.get_submodule(name)(x))

    def _detect(self, name: str, x: Tensor) -> _Grid:
        scores = self.get_submodule(f"{name}_mbox_conf")(x)
        if scores.shape[1] == 4:
            scores = torch.cat([scores[:, :3].amax(1, keepdim=True), scores[:, 3:]], 1)
        return scores, self.get_submodule(f"{name}_mbox_loc")(x)


__all__ = ["MEAN", "S3FD", "STRIDES"]
