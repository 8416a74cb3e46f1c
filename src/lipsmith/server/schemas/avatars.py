"""Avatars in answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..problems import in_api_words
from .common import example

if TYPE_CHECKING:
    from ...avatars.manifest import AvatarInfo


AvatarName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+$",
    ),
]
"""In any script; without control letters and those that turn the direction of writing."""


class AvatarBody(BaseModel):
    """A face that is prepared to speak."""

    model_config = example(
        "Avatar", id="anna", name="Anna at her desk", size=[512, 512], fps="25", frames=250, engine="warp",
        engine_version="1", faces=1, bytes=8_123_456, created="2026-01-31T12:00:00Z", clips=["idle"], notices=[],
        links={
            "self": "/v1/avatars/anna", "preview": "/v1/avatars/anna/preview", "poster": "/v1/avatars/anna/poster"
        },
    )  # fmt: skip
    id: str
    name: str = Field(description="What people call it; the id if it was given no name.")
    size: list[int] = Field(min_length=2, max_length=2, description="Width and height in px.")
    fps: str = Field(description="A number or a fraction.")
    frames: int
    engine: str
    engine_version: str
    faces: int = Field(description="How many people speak.")
    bytes: int
    created: str
    clips: list[str]
    notices: list[str]
    links: dict[str, str]


class NewName(BaseModel):
    """What an avatar shall be called."""

    model_config = example(name="Anna at her desk")
    name: AvatarName


class AvatarList(BaseModel):
    """All avatars of one client."""

    model_config = ConfigDict(title="Avatars")
    avatars: list[AvatarBody]


def avatar_of(info: AvatarInfo) -> AvatarBody:
    """An avatar as the API shows it. The name of its upload is in the job."""
    here = f"/v1/avatars/{info.id}"
    return AvatarBody(
        id=info.id,
        name=info.title or info.id,
        size=list(info.size),
        fps=str(info.fps),
        frames=info.frames,
        engine=info.engine,
        engine_version=info.engine_version,
        faces=info.faces,
        bytes=info.bytes,
        created=info.created,
        clips=list(info.clips),
        notices=[in_api_words(one) for one in info.notices],
        links={"self": here, "preview": f"{here}/preview", "poster": f"{here}/poster"},
    )
