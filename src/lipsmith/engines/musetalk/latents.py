"""From a face's pixels to the latents that the UNet eats, and back: Stable Diffusion's VAE and what surrounds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...types import Array, Image

if TYPE_CHECKING:
    import torch

SIDE = 256
"""px of the face's picture; its latents are 32."""
SCALING = 0.18215
"""Latents are the VAE's means times this."""
FULL_WIDTHS = (128, 256, 512, 512)
TINY = ((8, 8, 16, 16), 1, 8)
"""Widths, layers and groups of a VAE for trials."""


def vae_config(widths: tuple[int, ...] = FULL_WIDTHS, layers: int = 2, groups: int = 32) -> dict[str, Any]:
    """That of sd-vae-ft-mse; other sizes make a small one for tests."""
    return {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": widths,
        "layers_per_block": layers,
        "act_fn": "silu",
        "latent_channels": 4,
        "norm_num_groups": groups,
        "sample_size": SIDE,
    }


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
    """The VAE with MuseTalk's habits around it.

    Args:
        vae: diffusers' AutoencoderKL, on its device and in its precision.
        generator: draws from the VAE's posterior as upstream does, in order of the calls; None: its mode,
            which is the same for the same picture.
    """

    def __init__(self, vae: Any, generator: torch.Generator | None = None) -> None:
        self._vae, self._generator = vae, generator

    def encode(self, picture: Image) -> Array:
        """(8, 32, 32) scaled latents of a (256, 256, 3) RGB picture: without its lower half, then whole."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(vae_input(picture)).to(self._vae.device, self._vae.dtype)
            found = [self._vae.encode(one[None]).latent_dist for one in given]
            parts = [self._drawn(one) if self._generator else one.mean for one in found]
            latents: Array = (torch.cat(parts, 1)[0].float() * SCALING).cpu().numpy()
        return latents

    def _drawn(self, posterior: Any) -> torch.Tensor:
        import torch

        noise = torch.randn(posterior.mean.shape, generator=self._generator)
        drawn: torch.Tensor = posterior.mean + posterior.std * noise.to(posterior.mean.device, posterior.mean.dtype)
        return drawn

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, 4, 32, 32) scaled latents -> (B, 3, 256, 256), about 0..1, not yet clamped."""
        faces: torch.Tensor = self._vae.decode(latents / SCALING).sample / 2 + 0.5
        return faces


def pixels(faces: torch.Tensor) -> Image:
    """(B, 3, h, w) of 0..1 on any device -> (B, h, w, 3) uint8 RGB, halves rounded to even; one copy to the CPU."""
    import torch

    values = (faces.float().clamp(0, 1) * 255).round().to(torch.uint8)
    image: Image = np.ascontiguousarray(values.permute(0, 2, 3, 1).cpu().numpy())
    return image
