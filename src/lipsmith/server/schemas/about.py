"""What the server can do, and whether it runs."""

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
    local: bool = Field(description="It names something of the server's machine: no caller may set it.")


class EngineLine(BaseModel):
    """One engine that can be named in the options."""

    model_config = example(
        name="warp", summary="mesh warp with a drawn mouth", needs="nothing: any CPU", for_tests=False, options=[]
    )
    name: str
    summary: str
    needs: str
    for_tests: bool = Field(description="It stands in for a real engine in tests: pages do not offer it.")
    options: list[EngineOption]


class VoiceLine(BaseModel):
    """Who reads texts aloud; ``languages`` is empty where the voice finds out by itself."""

    model_config = example(name="espeak:en-us", languages=["cmn", "de", "en-us"])
    name: str
    languages: list[str]


class About(BaseModel):
    """What this server takes, its engines, and its voice, if it has one."""

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
    """Signs of life."""

    model_config = example(status="ok")
    status: str
