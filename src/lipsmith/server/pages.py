"""The pages: the studio at ``/``, the live page at ``/live``. Files of ours, and a policy that lets nothing else in."""

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
"""Path below the root, as StaticFiles says it -> the file shown there; other files are found by their own names."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No inline script or style, no other site, and no text ever read as markup."""


class PageFiles(StaticFiles):
    """Browsers keep the files and ask each time whether they are the newest."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file; as StaticFiles has it."""
        answer = await super().get_response(NAMES.get(path, path), scope)
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["Cache-Control"] = "no-cache"
        return answer


class Pages(Mount):
    """Everything but the API, so that a call with another method than its own is answered 405 there, not here."""

    def __init__(self) -> None:
        super().__init__("/", GZipMiddleware(PageFiles()))  # small on the wire

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Mount has it, but nothing below ``/v1``."""
        return (Match.NONE, {}) if scope["path"].startswith("/v1/") else super().matches(scope)
