"""The answer of a preview."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .common import example


class SeenFace(BaseModel):
    """A face: its box x0 y0 x1 y1 in pixels of the picture; ``speaks``: the options choose it."""

    model_config = example(box=[171.0, 92.5, 310.2, 280.0], score=0.98, speaks=True)
    box: list[float] = Field(min_length=4, max_length=4)
    score: float
    speaks: bool


class PreviewBody(BaseModel):
    """A preview. Pictures are data URLs: ``view`` JPEG, ``sheet`` PNG if speech was given and a face found."""

    model_config = example(
        "Preview", kind="image", size=[512, 512], seconds=0, shown_at=0, has_sound=False, audio_tracks=0,
        view="data:image/jpeg;base64,...", sheet=None,
        faces=[{"box": [171.0, 92.5, 310.2, 280.0], "score": 0.98, "speaks": True}],
    )  # fmt: skip
    kind: Literal["image", "video"]
    size: list[int] = Field(min_length=2, max_length=2, description="Width and height in px of the picture shown.")
    seconds: float = Field(description="Of a video; 0 for an image.")
    shown_at: float = Field(description="Seconds into a video of the picture shown, the first with faces.")
    has_sound: bool
    audio_tracks: int = Field(description="Of the speech, else of the video: the option `audio_track` chooses one.")
    faces: list[SeenFace]
    view: str
    sheet: str | None
