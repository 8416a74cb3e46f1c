"""The task ``preview``: who is in an uploaded picture, and with speech that picture speaking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...options import GenerateOptions, build
from ..folders import uploads_in
from ..registry import TaskContext, TaskSpec

if TYPE_CHECKING:
    from pathlib import Path

    from ...types import Image

LOOK_SECONDS = 5.0
"""How long faces are looked for in a video; most are found in its first picture."""
VIEW_SIDE = 960
"""Longer side of the view in px, at most."""


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """How the picture would be made to speak."""

    options: Mapping[str, Any] = field(default_factory=dict)  # of GenerateOptions


def preview_uploads(options: PreviewOptions, context: TaskContext) -> dict[str, Any]:
    """The faces of the first picture that has any. Writes it as ``view.jpg``, and with speech a ``sheet.png`` of it."""
    from ...pipeline.preview import preview

    uploads = uploads_in(context.uploads)
    assert uploads.picture
    seen = preview(
        uploads.picture, uploads.speech, build(GenerateOptions, options.options), context.output, LOOK_SECONDS
    )
    _write_view(context.output / "view.jpg", seen.image)
    faces = [
        {
            "box": [round(float(value), 1) for value in face.box],
            "score": round(float(face.score), 3),
            "speaks": face.track in seen.speakers,
        }
        for face in seen.faces
    ]
    size = [seen.image.shape[1], seen.image.shape[0]]
    return {"size": size, "shown_at": seen.seconds, "faces": faces, "sheet": seen.report is not None}


def _write_view(path: Path, image: Image) -> None:
    from PIL import Image as Pillow

    view = Pillow.fromarray(image)
    view.thumbnail((VIEW_SIDE, VIEW_SIDE))
    view.save(path, quality=85)


TASK = TaskSpec("preview", PreviewOptions, preview_uploads)
