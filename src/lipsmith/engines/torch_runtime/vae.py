"""Stable Diffusion's VAE: its configuration, its weights, and pictures to scaled latents and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...types import Array
from ...weights import FoundPart, read_config, read_network

if TYPE_CHECKING:
    import torch

SCALING = 0.18215
"""Latents are the VAE's means times this."""
FULL_WIDTHS = (128, 256, 512, 512)
TINY = ((8, 8, 16, 16), 1, 8)
"""Widths, layers and groups of a VAE for trials."""
TILE = 128
"""px of a tile, where the VAE works in tiles."""


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
        "sample_size": 256,
    }


def load_vae(found: FoundPart) -> Any:
    """diffusers' AutoencoderKL with official weights, on the CPU.

    Raises:
        InputError: a file is damaged or of another VAE; says which key or shape is off.
        EngineUnavailable: torch is not installed.
    """
    read_config(found)
    return read_network("vae", found.path, lambda: _autoencoder()(**vae_config()))


def random_vae(tiny: bool) -> Any:
    """diffusers' AutoencoderKL with random weights from torch's generator, full size or tiny."""
    return _autoencoder()(**vae_config(*TINY if tiny else ()))


def set_tile_size(vae: Any) -> None:
    """Set the size of tiles, for a codec that decodes in tiles. Nothing else changes."""
    vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // 8


class VAECodec:
    """Pictures to scaled latents and back.

    Args:
        vae: diffusers' AutoencoderKL, on its device and in its precision.
        generator: draws from the VAE's posterior, in order of the calls; None: its mode, which is the same for the
            same picture.
        tiled: decode one tile after the other: less memory, but each tile is normalised on its own. Pictures are
            always encoded whole.
    """

    def __init__(self, vae: Any, generator: torch.Generator | None = None, tiled: bool = False) -> None:
        self._vae, self._generator, self._tiled = vae, generator, tiled

    def encode(self, pictures: Array) -> Array:
        """(B, 3, H, W) in -1..1 -> (B, 4, H / 8, W / 8) scaled latents; one picture after the other."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(pictures).to(self._vae.device, self._vae.dtype)
            found = [self._vae.encode(one[None]).latent_dist for one in given]
            parts = [self._drawn(one) if self._generator else one.mean for one in found]
            latents: Array = (torch.cat(parts).float() * SCALING).cpu().numpy()
        return latents

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, 4, h, w) scaled latents -> (B, 3, 8 h, 8 w), about 0..1, not yet clamped."""
        decode = self._vae.tiled_decode if self._tiled else self._vae.decode
        pictures: torch.Tensor = decode(latents / SCALING).sample / 2 + 0.5
        return pictures

    def _drawn(self, posterior: Any) -> torch.Tensor:
        import torch

        noise = torch.randn(posterior.mean.shape, generator=self._generator)
        drawn: torch.Tensor = posterior.mean + posterior.std * noise.to(posterior.mean.device, posterior.mean.dtype)
        return drawn


def grey_levels(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, h, w) of 0..1 -> (B, h, w, 3) uint8 RGB on the same device, halves rounded to even."""
    import torch

    values = (pictures.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return values.permute(0, 2, 3, 1).contiguous()


def _autoencoder() -> Any:
    """diffusers' class, which has no types."""
    from diffusers import AutoencoderKL

    return AutoencoderKL


__all__ = [
    "FULL_WIDTHS",
    "SCALING",
    "TINY",
    "VAECodec",
    "grey_levels",
    "load_vae",
    "random_vae",
    "set_tile_size",
    "vae_config",
]
