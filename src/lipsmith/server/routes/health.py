"""Signs of life for those who run the server, and what it takes for those who call it."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Literal, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ... import __version__
from ...engines import EngineSpec, engine_table
from ...jobs.tasks.dub import FILMS
from ..schemas import About, EngineLine, EngineOption, Health, VoiceLine
from ..state import Parts

router = APIRouter(tags=["signs"])
about_router = APIRouter(tags=["about"])


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"description": "It is about to stop."}})
def readyz(parts: Parts) -> Health:
    """It takes work."""
    parts.check_open()
    parts.store.counts()
    return Health(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
)
def metrics(parts: Parts) -> Response:
    """For Prometheus."""
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@about_router.get("/about")
def about(parts: Parts) -> About:
    """What this server takes, and the engines that can be named."""
    options, voice = parts.options, parts.voice
    return About(
        version=__version__,
        needs_key=bool(parts.keys),
        upload_mb=options.upload_mb,
        media_minutes=options.media_minutes,
        megapixels=options.megapixels,
        keep_hours=options.keep_hours,
        formats=list(FILMS),
        engines=[_line(entry) for entry in engine_table().values()],
        voice=VoiceLine(name=voice.name, languages=list(voice.languages)) if voice else None,
    )


def _line(entry: EngineSpec) -> EngineLine:
    return EngineLine(name=entry.name, summary=entry.summary, needs=entry.needs, options=_options(entry))


def _options(entry: EngineSpec) -> list[EngineOption]:
    if entry.options is None:
        return []
    kind = entry.options()
    hints = get_type_hints(kind)
    told = []
    for one in fields(kind):
        choices = list(get_args(hints[one.name])) if get_origin(hints[one.name]) is Literal else None
        default = None if one.default is MISSING else one.default
        told.append(EngineOption(name=one.name, default=default, choices=choices))
    return told
