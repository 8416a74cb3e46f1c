"""BiSeNet on ResNet-18: classifies each pixel of a face into the 19 classes of CelebAMask-HQ.

After Yu et al., "BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation" (ECCV 2018), in the form
without a spatial path whose weights are published as ``79999_iter.pth``. Parameter names are those of that file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 19


class ConvBNReLU(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(shortcut + residual)


class ResNet18(nn.Module):
    """The backbone, without its classifier: features at 1/8, 1/16 and 1/32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class AttentionRefinement(nn.Module):
    """Channel attention: features times one gate per channel, computed from their mean over the picture."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(in_channels, out_channels)
        self.conv_atten = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(gate)


class ContextPath(nn.Module):
    """Context from coarse to fine: the picture's mean, then 1/32, then 1/16, each upsampled to the next finer grid."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet18()
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvBNReLU(128, 128)
        self.conv_head16 = ConvBNReLU(128, 128)
        self.conv_avg = ConvBNReLU(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> ResNet features (B, 128, H/8, W/8), context at 1/8 and context at 1/16."""
        eighth, sixteenth, coarse = self.resnet(x)
        whole = self.conv_avg(coarse.mean((2, 3), keepdim=True))
        context32 = self.arm32(coarse) + _upsample(whole, coarse)
        context32 = self.conv_head32(_upsample(context32, sixteenth))
        context16 = self.conv_head16(_upsample(self.arm16(sixteenth) + context32, eighth))
        return eighth, context16, context32


class FeatureFusion(nn.Module):
    """Fuses detail and context, with one gate per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convblk = ConvBNReLU(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        x: Tensor = self.convblk(torch.cat([detail, context], 1))
        gate = self.conv2(functional.relu(self.conv1(x.mean((2, 3), keepdim=True))))
        return x + x * torch.sigmoid(gate)


class Head(nn.Module):
    """Class scores on a coarse grid."""

    def __init__(self, in_channels: int, middle: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(in_channels, middle)
        self.conv_out = nn.Conv2d(middle, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.conv_out(self.conv(x))
        return scores


class BiSeNet(nn.Module):
    """Face parsing. The two auxiliary heads are for training; the official file contains them."""

    def __init__(self) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion(256)
        self.conv_out = Head(256, 256)
        self.conv_out16 = Head(128, 64)
        self.conv_out32 = Head(128, 64)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised with ImageNet's mean and deviation -> scores (B, 19, H, W)."""
        detail, context, _ = self.cp(x)
        return _smooth(self.conv_out(self.ffm(detail, context)), x)

    def all_heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``forward``, plus the scores of both auxiliary heads, all (B, 19, H, W)."""
        detail, context, coarse = self.cp(x)
        scores = self.conv_out(self.ffm(detail, context)), self.conv_out16(context), self.conv_out32(coarse)
        return _smooth(scores[0], x), _smooth(scores[1], x), _smooth(scores[2], x)


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="nearest")


def _smooth(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)


__all__ = ["BiSeNet"]
