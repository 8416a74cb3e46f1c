"""RTMPose-l for whole bodies at 288 x 384 px, the network of DWPose (Jiang et al., 2023; Yang et al., 2023).

CSPNeXt-L is the backbone; a 7x7 convolution turns its last grid into one map for each of 133 keypoints; a gated
attention unit (Hua et al., 2022) mixes the keypoints; two linear layers give the bins of each coordinate.
Parameters have the official names, so that ``dw-ll_ucoco_384.pth`` loads strictly. Batch norms have torch's default
epsilon, 1e-5: the training used synchronised batch norms and set no other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KEYPOINTS = 133
GRID = 9 * 12
"""Cells of the last feature map of a picture of 288 x 384 px."""
HIDDEN, ATTENTION = 256, 128
"""Width of a keypoint's token, and of its queries and keys."""
BINS_X, BINS_Y = 576, 768
STAGES = ((64, 128, 3, True), (128, 256, 6, True), (256, 512, 6, True), (512, 1024, 3, False))
"""For each stage: channels in and out, number of blocks, whether blocks have shortcuts."""


class ConvBNSiLU(nn.Module):
    """Convolution, batch norm, SiLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.bn(self.conv(x)))


class SeparableConv(nn.Module):
    """A 5x5 depthwise convolution, then a 1x1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise_conv = ConvBNSiLU(channels, channels, 5, groups=channels)
        self.pointwise_conv = ConvBNSiLU(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return y


class Block(nn.Module):
    """A 3x3 convolution, then a separable 5x5 one."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvBNSiLU(channels, channels, 3)
        self.conv2 = SeparableConv(channels)
        self._shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x))
        return x + y if self._shortcut else y


class ChannelGate(nn.Module):
    """Channel attention: gates from the channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.hardsigmoid(self.fc(x.mean((2, 3), keepdim=True)))


class CrossStage(nn.Module):
    """Cross stage partial layer: half of the channels pass through the blocks, half bypass them."""

    def __init__(self, channels: int, blocks: int, shortcut: bool) -> None:
        super().__init__()
        half = channels // 2
        self.main_conv, self.short_conv = ConvBNSiLU(channels, half), ConvBNSiLU(channels, half)
        self.final_conv = ConvBNSiLU(channels, channels)
        self.blocks = nn.Sequential(*(Block(half, shortcut) for _ in range(blocks)))
        self.attention = ChannelGate(channels)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([self.blocks(self.main_conv(x)), self.short_conv(x)], 1)
        y: Tensor = self.final_conv(self.attention(both))
        return y


class PyramidPooling(nn.Module):
    """Spatial pyramid pooling: the features and their maxima over 5, 9 and 13 cells."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBNSiLU(channels, channels // 2)
        self.conv2 = ConvBNSiLU(channels // 2 * 4, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        pooled = [functional.max_pool2d(x, side, 1, side // 2) for side in (5, 9, 13)]
        y: Tensor = self.conv2(torch.cat([x, *pooled], 1))
        return y


class CSPNeXt(nn.Module):
    """The backbone, size L: (B, 3, H, W) -> (B, 1024, H/32, W/32)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvBNSiLU(3, 32, 3, 2), ConvBNSiLU(32, 32, 3), ConvBNSiLU(32, 64, 3))
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            self._stage(*sizes, last=sizes == STAGES[-1]) for sizes in STAGES
        )

    @staticmethod
    def _stage(in_channels: int, out_channels: int, blocks: int, shortcut: bool, last: bool) -> nn.Sequential:
        pooling = [PyramidPooling(out_channels)] if last else []
        return nn.Sequential(
            ConvBNSiLU(in_channels, out_channels, 3, 2), *pooling, CrossStage(out_channels, blocks, shortcut)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.stage4(self.stage3(self.stage2(self.stage1(self.stem(x)))))
        return y


class ScaleNorm(nn.Module):
    """Scales each token to the same length."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1))
        self._share = width**-0.5

    def forward(self, x: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self._share
        y: Tensor = x / length.clamp(min=1e-5) * self.g
        return y


class Scale(nn.Module):
    """Multiplies each channel by a factor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class GatedAttention(nn.Module):
    """Gated attention unit: attention with squared ReLU instead of softmax, and a gate on its output."""

    def __init__(self) -> None:
        super().__init__()
        self.o = nn.Linear(2 * HIDDEN, HIDDEN, bias=False)
        self.uv = nn.Linear(HIDDEN, 4 * HIDDEN + ATTENTION, bias=False)
        self.gamma, self.beta = (nn.Parameter(torch.rand(2, ATTENTION)) for _ in range(2))
        self.ln = ScaleNorm(HIDDEN)
        self.res_scale = Scale(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        projected = functional.silu(self.uv(self.ln(x)))
        gate, value, base = torch.split(projected, [2 * HIDDEN, 2 * HIDDEN, ATTENTION], -1)
        queries, keys = (base[:, :, None] * self.gamma + self.beta).unbind(2)
        weights = functional.relu(queries @ keys.transpose(1, 2) / ATTENTION**0.5).square()
        y: Tensor = self.res_scale(x) + self.o(gate * (weights @ value))
        return y


class SimCCHead(nn.Module):
    """(B, 1024, 12, 9) -> the bins of x (B, 133, 576) and of y (B, 133, 768)."""

    def __init__(self) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(STAGES[-1][1], KEYPOINTS, 7, padding=3)
        self.mlp = nn.Sequential(ScaleNorm(GRID), nn.Linear(GRID, HIDDEN, bias=False))
        self.gau = GatedAttention()
        self.cls_x, self.cls_y = nn.Linear(HIDDEN, BINS_X, bias=False), nn.Linear(HIDDEN, BINS_Y, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.gau(self.mlp(self.final_layer(x).flatten(2)))
        return self.cls_x(tokens), self.cls_y(tokens)


class RTMPose(nn.Module):
    """(B, 3, 384, 288), normalised -> the bins of x (B, 133, 576) and of y (B, 133, 768)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = CSPNeXt()
        self.head = SimCCHead()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        bins: tuple[Tensor, Tensor] = self.head(self.backbone(x))
        return bins


__all__ = ["RTMPose"]
