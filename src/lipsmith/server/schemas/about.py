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
    """What reads texts aloud. It detects the language itself where ``languages`` is empty."""

    model_config = example(name="espeak:en-us", languages=["cmn", "de", "en-us"], voices=["f1", "m1"])
    name: str
    languages: list[str]
    voices: list[str] = Field(description="That a text can ask for; empty where only its service knows them.")


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
