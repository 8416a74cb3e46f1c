"""MuseTalk's UNet: latents of a face without mouth and Whisper's features to latents of the speaking face, in one step.

The architecture is Stable Diffusion 1's (diffusers builds it) with 8 channels in and 384 of conditioning. It always
runs at time step 0, so the time embedding is a constant: ``fold_time`` moves it into the convolutions' biases, and
the embedding's own layers are dropped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...types import Array

if TYPE_CHECKING:
    import torch

TOKENS = 50
CHANNELS = 384
"""One frame's conditioning: TOKENS are 10 rows of 20 ms with 5 layers each, CHANNELS those of Whisper tiny."""
FULL_WIDTHS = (320, 640, 1280, 1280)
TINY = ((32, 32, 32, 32), 1, 1)
"""Widths, layers and heads of a network for trials, which draws noise in no time."""


def unet_config(widths: tuple[int, ...] = FULL_WIDTHS, layers: int = 2, heads: int = 8) -> dict[str, Any]:
    """The released ``musetalk.json`` of v1 and v1.5 alike; other sizes make a small one for tests."""
    return {
        "in_channels": 8,
        "out_channels": 4,
        "block_out_channels": widths,
        "layers_per_block": layers,
        "attention_head_dim": heads,  # diffusers takes it for their number
        "cross_attention_dim": CHANNELS,
        "sample_size": 64,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    }


def positions(count: int = TOKENS, channels: int = CHANNELS) -> Array:
    """(count, channels) sines and cosines in turn, added to the conditioning; not part of any checkpoint.

    Channel 2i of row p is sin(p / 10000^(2i / channels)), channel 2i + 1 its cosine.
    """
    rows = np.arange(count, dtype=np.float32)[:, None]
    rates = np.exp(np.arange(0, channels, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / channels))
    table: Array = np.stack([np.sin(rows * rates), np.cos(rows * rates)], -1).reshape(count, channels)
    return table.astype(np.float32)


def fold_time(unet: Any) -> Any:
    """Make the diffusers ``unet`` one of time step 0: its time embedding becomes part of its biases. Returns it."""
    import torch

    if unet.time_embedding is None:
        return unet
    with torch.no_grad():
        weight = unet.time_embedding.linear_1.weight
        sines = unet.time_proj(torch.zeros(1, device=weight.device)).to(weight.dtype)
        embedding = unet.time_embedding(sines)
        for module in unet.modules():
            if getattr(module, "time_emb_proj", None) is not None:
                constant = module.time_emb_proj(torch.nn.functional.silu(embedding))[0]
                module.conv1.bias = torch.nn.Parameter(module.conv1.bias + constant, requires_grad=False)
                module.time_emb_proj = None
    unet.time_embedding = None
    return unet


def draw(unet: Any, latents: torch.Tensor, drives: torch.Tensor) -> torch.Tensor:
    """The speaking face's latents.

    Args:
        unet: after ``fold_time``.
        latents: (B, 8, 32, 32) scaled; the face without mouth, then the whole one.
        drives: (B, 50, 384) with ``positions`` added.

    Returns:
        (B, 4, 32, 32) scaled latents.
    """
    picture = unet.conv_in(latents)
    kept = [picture]
    for block in unet.down_blocks:
        picture, states = block(picture, **_conditioning(block, drives))
        kept += states
    picture = unet.mid_block(picture, encoder_hidden_states=drives)
    for block in unet.up_blocks:
        count = len(block.resnets)
        picture = block(picture, tuple(kept[-count:]), **_conditioning(block, drives))
        del kept[-count:]
    drawn: torch.Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(picture)))
    return drawn


def _conditioning(block: Any, drives: torch.Tensor) -> dict[str, torch.Tensor]:
    """The conditioning, for blocks with cross-attention."""
    return {"encoder_hidden_states": drives} if getattr(block, "has_cross_attention", False) else {}


__all__ = ["CHANNELS", "FULL_WIDTHS", "TINY", "TOKENS", "draw", "fold_time", "positions", "unet_config"]
