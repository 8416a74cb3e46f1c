"""Avatars as upstream and the C# service write them, made of drawn pictures: what the readers' tests read."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from lipsmith.engines.musetalk.blend import Patch
from lipsmith.engines.musetalk.mask import PasteMask, paste_mask
from lipsmith.types import Image
from tests.support.goldens import named_normal, synth_bgr


@dataclass(frozen=True)
class Made:
    """One frame as it was prepared."""

    image: Image
    box: tuple[int, int, int, int]
    mask: PasteMask
    latents: NDArray[np.float32]  # (1, 8, 32, 32)

    @property
    def patch(self) -> Patch:
        patch = Patch.of(self.mask, self.box, self.image.shape[1], self.image.shape[0])
        assert patch is not None
        return patch


def made_frames(count: int) -> list[Made]:
    """A face that moves right over a coloured picture; its square leaves the picture at the left."""
    region = np.zeros((512, 512), bool)
    region[240:460, 120:400] = True
    source_frames = []
    for index in range(count):
        image = np.ascontiguousarray(np.roll(synth_bgr(90, 120, 7), 3 * index, axis=1)[..., ::-1])
        box = (4 + 2 * index, 20, 52 + 2 * index, 76)
        latents = named_normal(f"latents {index}", (1, 8, 32, 32))
        source_frames.append(Made(image, box, paste_mask(region, box, 0.1), latents))
    return source_frames


def write_folder(folder: Path, source_frames: list[Made], info: dict[str, Any] | None = None) -> Path:
    """As ``scripts/realtime_inference.py`` leaves it: every row forward, then backward."""
    import torch

    cycle = source_frames + source_frames[::-1]
    for name in ("full_imgs", "mask", "vid_output", "tmp"):
        (folder / name).mkdir(parents=True)
    for index, source_frame in enumerate(cycle):
        Pillow.fromarray(source_frame.image).save(folder / "full_imgs" / f"{index:08d}.png")
        Pillow.fromarray(source_frame.mask.alpha).save(folder / "mask" / f"{index:08d}.png")
    (folder / "coords.pkl").write_bytes(pickle.dumps([source_frame.box for source_frame in cycle]))
    (folder / "mask_coords.pkl").write_bytes(pickle.dumps([list(source_frame.mask.square) for source_frame in cycle]))
    torch.save([torch.from_numpy(source_frame.latents) for source_frame in cycle], folder / "latents.pt")
    told = {"avatar_id": folder.name, "video_path": "data/talk.mp4", "bbox_shift": 5, "version": "v15"}
    (folder / "avator_info.json").write_text(json.dumps(told if info is None else info))
    return folder


def service_rows(source_frames: list[Made], tensors: Any = None) -> dict[str, Any]:
    """The dict that the C# service's preparation pickles; ``tensors`` makes latents of arrays."""
    return {
        "frame_list_cycle": [np.ascontiguousarray(source_frame.image[..., ::-1]) for source_frame in source_frames],
        "coord_list_cycle": [tuple(np.int64(value) for value in source_frame.box) for source_frame in source_frames],
        "input_latent_list_cycle": [
            (tensors or (lambda one: one))(source_frame.latents) for source_frame in source_frames
        ],
        "mask_list_cycle": [source_frame.mask.alpha for source_frame in source_frames],
        "mask_coords_list_cycle": [list(source_frame.mask.square) for source_frame in source_frames],
        "original_bbox": source_frames[0].box,
        "processed_at": 1_700_000_000.5,
    }


def write_service(folder: Path, name: str, rows: dict[str, Any]) -> Path:
    """``<name>_preprocessed.pkl`` and ``<name>_metadata.json``."""
    path = folder / f"{name}_preprocessed.pkl"
    path.write_bytes(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL))
    told = {"template_id": name, "bbox_shift": -3, "parsing_mode": "jaw", "frame_count": 2, "version": "1.0"}
    (folder / f"{name}_metadata.json").write_text(json.dumps(told), encoding="utf-8")
    return path
