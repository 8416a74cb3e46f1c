"""Health checks and metrics for who runs the server; its limits and engines for who calls it."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Literal, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ... import __version__
from ...engines import EngineSpec, engine_table
from ...jobs.tasks.dub import FILMS
from ..schemas.about import About, EngineLine, EngineOption, Health, VoiceLine
from ..state import StateDep

router = APIRouter(tags=["signs"])
about_router = APIRouter(tags=["about"])


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"description": "It is about to stop."}})
def readyz(state: StateDep) -> Health:
    """It takes work."""
    state.check_open()
    state.store.counts()
    return Health(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
)
def metrics(state: StateDep) -> Response:
    """For Prometheus."""
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@about_router.get("/about")
def about(state: StateDep) -> About:
    """What this server takes, and the engines that can be named."""
    settings, voice = state.settings, state.voice
    return About(
        version=__version__,
        needs_key=bool(state.keys),
        upload_mb=settings.upload_mb,
        media_minutes=settings.media_minutes,
        megapixels=settings.megapixels,
        keep_hours=settings.keep_hours,
        formats=list(FILMS),
        engines=[_line(spec) for spec in engine_table().values()],
        voice=VoiceLine(name=voice.name, languages=list(voice.languages)) if voice else None,
    )


def _line(spec: EngineSpec) -> EngineLine:
    return EngineLine(name=spec.name, summary=spec.summary, needs=spec.needs, options=_options(spec))


def _options(spec: EngineSpec) -> list[EngineOption]:
    if spec.options is None:
        return []
    kind = spec.options()
    hints = get_type_hints(kind)
    options = []
    for one in fields(kind):
        choices = list(get_args(hints[one.name])) if get_origin(hints[one.name]) is Literal else None
        default = None if one.default is MISSING else one.default
        options.append(EngineOption(name=one.name, default=default, choices=choices))
    return options
