"""The web pages: the studio at ``/``, the live page at ``/live``. They load files of this server alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
NAMES = {".": "studio.html", "live": "live.html"}
"""Path below the root, as StaticFiles gives it -> file. Other files have paths of their own names."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Forbids inline scripts and styles, other sites, and text that becomes markup."""


class PageFiles(StaticFiles):
    """The files. Browsers keep them, and ask each time whether there are newer ones."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file; as StaticFiles has it."""
        answer = await super().get_response(NAMES.get(path, path), scope)
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["Cache-Control"] = "no-cache"
        return answer


class Pages(Mount):
    """Every path but the API's, so that a wrong method there is answered 405 by the API and not 404 here."""

    def __init__(self) -> None:
        super().__init__("/", GZipMiddleware(PageFiles()))  # small on the wire

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Mount has it, but nothing below ``/v1``."""
        return (Match.NONE, {}) if scope["path"].startswith("/v1/") else super().matches(scope)
