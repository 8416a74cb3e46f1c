"""From a face's pixels to the UNet's input latents: the face twice, once without its lower half."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...types import Array, Image
from ..torch_runtime.vae import VAECodec

if TYPE_CHECKING:
    import torch

SIDE = 256
"""px of the face's picture; its latents are 32."""


def face_picture(image: Image, box: tuple[int, int, int, int]) -> Image:
    """The (256, 256, 3) picture of a face: what ``image`` shows of ``box``, scaled with Lanczos's window of 8."""
    import cv2

    x0, y0, x1, y1 = box
    seen = image[max(0, y0) : y1, max(0, x0) : x1]
    return np.asarray(cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4), np.uint8)


def vae_input(picture: Image) -> Array:
    """(2, 3, 256, 256) in -1..1 of a (256, 256, 3) picture: first with its lower half black, then whole."""
    values = (picture / 255.0).astype(np.float32).transpose(2, 0, 1)
    both = np.stack([values, values])
    both[0, :, SIDE // 2 :] = 0
    half = np.float32(0.5)
    return np.ascontiguousarray((both - half) / half)


class FaceCodec:
    """Stable Diffusion's VAE as MuseTalk uses it.

    Args:
        vae: diffusers' AutoencoderKL, on its device and in its precision.
        generator: draws from the VAE's posterior as upstream does; None: its mode.
        tiled: decode in tiles.
    """

    def __init__(self, vae: Any, generator: torch.Generator | None = None, tiled: bool = False) -> None:
        self._codec = VAECodec(vae, generator, tiled)

    def encode(self, picture: Image) -> Array:
        """(8, 32, 32) scaled latents of a (256, 256, 3) RGB picture: without its lower half, then whole."""
        latents = self._codec.encode(vae_input(picture))
        return latents.reshape(-1, *latents.shape[2:])

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, 4, 32, 32) scaled latents -> (B, 3, 256, 256), about 0..1, not yet clamped."""
        return self._codec.decode(latents)
