"""Health checks and metrics for the operator; limits and engines for callers."""

from __future__ import annotations

import re

from fastapi import APIRouter, Response, Security
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST

from ...engines import EngineSpec, engine_table
from ...jobs.tasks.dub import FILMS
from ...options import OptionInfo, option_infos
from ...tts.protocols import Voice
from ...version import __version__
from ..problems import Problem
from ..schemas.about import About, EngineLine, EngineOption, Health, VoiceLine
from ..state import StateDep

PATHS = re.compile(r"(?<![\w.])(?:(?:/[\w.@+-]+){2,}(?:, )?)+")
router = APIRouter(tags=["health"])
about_router = APIRouter(tags=["about"])


@router.get("/healthz")
def healthz() -> Health:
    """Whether the process lives."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"description": "It is about to stop, or cannot go on: the disk is full."}})
def readyz(state: StateDep) -> Health:
    """Whether the server accepts work and does it."""
    state.check_open()
    state.store.counts()
    if trouble := state.runner.trouble():
        raise Problem("not-ready", trouble, retry_after=10)
    return Health(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Security(HTTPBearer(auto_error=False))],
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."},
        401: {"description": "No key."},
        403: {"description": "A client's key."},
    },
)
def metrics(state: StateDep) -> Response:
    """Metrics for Prometheus, with an operator's key."""
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@about_router.get("/about")
def about(state: StateDep) -> About:
    """The limits of this server, and the engines that it offers."""
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
        voice=_voice_line(voice) if voice else None,
    )


def _voice_line(voice: Voice) -> VoiceLine:
    return VoiceLine(name=voice.name, languages=list(voice.languages), voices=list(voice.voices))


def _line(spec: EngineSpec) -> EngineLine:
    return EngineLine(
        name=spec.name,
        summary=spec.summary,
        needs=spec.needs,
        for_tests=spec.for_tests,
        unavailable=_without_paths(spec.unavailable_reason(spec.options())),
        options=[_option(one) for one in option_infos(spec.options)],
    )


def _without_paths(reason: str | None) -> str | None:
    """A reason without the server's own paths, which are not for callers."""
    return PATHS.sub(lambda path: "the server's folders" + "." * path[0].endswith("."), reason) if reason else None


def _option(one: OptionInfo) -> EngineOption:
    choices = list(one.choices) or None
    return EngineOption(name=one.name, default=one.default, choices=choices, help=one.help, local=one.local)
