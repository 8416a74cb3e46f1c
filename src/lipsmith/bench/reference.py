"""The reference of the MuseTalk benchmark: the same networks run plainly by diffusers in fp32.

Whole frames are blended with Pillow and pass through PNG files as upstream does it. The steps are upstream's, the code
is ours.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.musetalk.box import Box
from ..engines.musetalk.latents import face_picture, vae_input
from ..engines.musetalk.mask import PasteMask, paste_mask, square_around
from ..engines.musetalk.networks import random_networks
from ..engines.musetalk.options import REALTIME_FEATHER, MuseTalkOptions
from ..engines.musetalk.prepare import Region
from ..engines.musetalk.unet import positions
from ..engines.torch_runtime.vae import SCALING
from ..types import Array, Image


class DiffusersReference:
    """Plain eager rendering. Pictures are BGR, as in upstream.

    Args:
        options: the size, seed and device of the random weights.
        detector: run on every whole (H, W, 3) frame that is prepared; None: no detector runs.
    """

    def __init__(
        self, options: MuseTalkOptions, device: str, detector: Callable[[Image], object] | None = None
    ) -> None:
        self._unet, self._vae = (one.eval().requires_grad_(False).to(device) for one in random_networks(options))
        self._device, self._detector = device, detector

    def draw(self, latents: Array, features: Array) -> list[Image]:
        """(B, 8, 32, 32) latents and (B, tokens, 384) whisper features -> B faces of (256, 256, 3) uint8."""
        import torch

        with torch.no_grad():
            encoded = features + positions(features.shape[1])
            noisy, states = (torch.from_numpy(one).to(self._device) for one in (latents, encoded))
            step = torch.zeros(1, device=self._device)
            drawn = self._unet(noisy, step, encoder_hidden_states=states).sample
            faces = (self._vae.decode(drawn / SCALING).sample / 2 + 0.5).clamp(0, 1)
            values = faces.cpu().permute(0, 2, 3, 1).float().numpy()
        return list((values * 255).round().astype(np.uint8)[..., ::-1])

    def blend(self, frame: Image, face: Image, box: Box, mask: PasteMask) -> Image:
        """Paste the face into the (H, W, 3) frame: all of it is copied, made a Pillow image, and an array again."""
        import cv2
        from PIL import Image as Pillow

        x0, y0, x1, y1 = box
        copied = copy.deepcopy(frame)
        sized = cv2.resize(face, (x1 - x0, y1 - y0))
        body = Pillow.fromarray(np.ascontiguousarray(copied[:, :, ::-1]))
        large = body.crop(mask.square)
        large.paste(
            Pillow.fromarray(np.ascontiguousarray(sized[:, :, ::-1])), (x0 - mask.square[0], y0 - mask.square[1])
        )
        body.paste(large, mask.square[:2], Pillow.fromarray(mask.alpha).convert("L"))
        return np.asarray(np.array(body)[:, :, ::-1], np.uint8)

    def prepare(self, frame: Image, box: Box, points: Array, region: Region, folder: Path) -> None:
        """Prepare one frame of an avatar as upstream does.

        The frame goes through a PNG, is detected and encoded. Then twice, for the loop forward and backward, it is
        written, parsed, and its mask is written; both files are read again.
        """
        import torch

        image = _through_png(folder / "frame.png", frame)
        if self._detector is not None:
            self._detector(image)
        with torch.no_grad():
            for half in torch.from_numpy(vae_input(face_picture(image, box)))[:, None].to(self._device):
                self._vae.encode(half).latent_dist.sample().cpu()
        for _ in range(2):
            _through_png(folder / "full.png", image)
            mask = paste_mask(region(image, square_around(box), points), box, REALTIME_FEATHER)
            _through_png(folder / "mask.png", mask.alpha)


def _through_png(path: Path, picture: Any) -> Image:
    """Write a picture with OpenCV and read it again."""
    import cv2

    cv2.imwrite(str(path), picture)
    return np.asarray(cv2.imread(str(path)), np.uint8)


__all__ = ["DiffusersReference"]
