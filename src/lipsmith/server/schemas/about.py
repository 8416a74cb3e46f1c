"""What the server can do, and whether it is healthy."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from .common import example


class EngineOption(BaseModel):
    """One option of an engine."""

    name: str
    default: Any
    choices: list[str | int | float | bool] | None
    help: str
    local: bool = Field(description="It names a file or device of the server: callers cannot set it.")


class EngineLine(BaseModel):
    """One engine that can be named in the options."""

    model_config = example(
        name="warp",
        summary="mesh warp with a drawn mouth",
        needs="nothing: any CPU",
        for_tests=False,
        unavailable=None,
        options=[],
    )
    name: str
    summary: str
    needs: str
    for_tests: bool = Field(description="For tests only: pages do not offer it.")
    unavailable: str | None = Field(description="Why it cannot run on this server; null: it can.")
    options: list[EngineOption]


class VoiceLine(BaseModel):
    """The voice that reads texts aloud; ``languages`` is empty if it detects the language itself."""

    model_config = example(name="espeak:en-us", languages=["cmn", "de", "en-us"])
    name: str
    languages: list[str]


class About(BaseModel):
    """The limits of this server, its engines, and its voice, if it has one."""

    version: str
    needs_key: bool
    upload_mb: int
    media_minutes: int
    megapixels: int
    keep_hours: int
    formats: list[str]
    engines: list[EngineLine]
    voice: VoiceLine | None


class Health(BaseModel):
    """The answer of a health check."""

    model_config = example(status="ok")
    status: str
