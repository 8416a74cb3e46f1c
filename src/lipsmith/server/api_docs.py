"""``/docs``: the interactive documentation of the API. It all comes from this server; Swagger UI lies in a package."""

from __future__ import annotations

import gzip
import mimetypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import fastapi_offline
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

OWN = Path(__file__).parent / "docs_page"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
PAGE = "docs.html"
FILES = {
    PAGE: OWN, "docs.js": OWN, "docs.css": OWN, "swagger-ui-bundle.js": SWAGGER, "swagger-ui.css": SWAGGER,
}  # fmt: skip
"""Name -> its folder."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Forbids inline scripts and styles, and other sites."""
KEEP_SECONDS = 3600
"""For which a browser keeps the files without asking."""


def docs_routes() -> list[Route]:
    """The page and what it loads."""
    return [Route("/docs", answer), Route("/docs/{name}", answer)]


def answer(request: Request) -> Response:
    """One file, small on the wire where the browser can unpack it."""
    name = request.path_params.get("name", PAGE)
    if name not in FILES:
        raise HTTPException(404)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache" if name == PAGE else f"max-age={KEEP_SECONDS}",
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if packed else {}),
    }
    return Response(content_of(name, packed), media_type=mimetypes.guess_type(name)[0], headers=headers)


@cache
def content_of(name: str, packed: bool) -> bytes:
    """The bytes of a file of ``FILES``; packed once, so that a flood of requests does not keep a core busy."""
    content = (FILES[name] / name).read_bytes()
    return gzip.compress(content) if packed else content
