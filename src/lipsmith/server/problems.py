"""Errors over HTTP: RFC 9457 ``application/problem+json``, with the statuses of ``lipsmith.errors`` and one table.

Every problem has ``type`` (a word to switch on, as a relative reference), ``title``, ``status`` and ``detail``, the
sentence for people. Some add ``retry_after`` seconds, which stands in the header too.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import BufferFull, Busy, LipsmithError

MEDIA_TYPE = "application/problem+json"
FULL = 1
"""Seconds in which a session plays so much that more sound can be taken."""
TABLE: dict[str, tuple[int, str]] = {
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden-origin": (403, "Pages of this origin may not call"),
    "push-refused": (403, "This server does not push there"),
    "not-found": (404, "There is no such thing, or it is not yours"),
    "no-result": (409, "The job has no result"),
    "too-many-avatars": (409, "No room for another avatar"),
    "already-recording": (409, "The session is being recorded"),
    "exists": (409, "The name is taken"),
    "too-slow": (408, "The upload took too long"),
    "too-large": (413, "The upload is too large"),
    "bad-host": (421, "This server does not answer to that name"),
    "invalid": (422, "The request cannot be understood"),
    "too-many-sessions": (429, "Too many of your sessions are open"),
    "too-much-said": (429, "More sound waits than is kept"),
    "too-many-pushes": (429, "The session is pushed to enough places"),
    "too-many-jobs": (429, "Too many of your jobs wait"),
    "no-voice": (501, "This server has no voice"),
    "interrupted": (500, "The work was interrupted too often"),
    "unexpected": (500, "Something went wrong here"),
    "queue-full": (503, "The server is full"),
    "draining": (503, "The server is about to stop"),
    "too-long": (504, "The work took too long"),
    "no-space": (507, "The server's disk is full"),
}
"""Problems of the server itself: type -> (status, title). Those of the work have their class's name: "face-error"."""


class Problem(Exception):
    """A problem of ``TABLE``, to be raised from a route."""

    def __init__(self, kind: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.retry_after = kind, detail, retry_after


def body_of(error: Exception) -> dict[str, Any]:
    """Any error as a problem's members. What is not ours says nothing of its inside."""
    if isinstance(error, Problem):
        status, title = TABLE[error.kind]
        body = {"type": error.kind, "title": title, "status": status, "detail": error.detail}
        return body if error.retry_after is None else {**body, "retry_after": error.retry_after}
    if isinstance(error, LipsmithError):
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
        title = (type(error).__doc__ or "").partition("\n")[0]
        body = {"type": kind, "title": title, "status": error.http_status, "detail": str(error)}
        later = error.retry_after if isinstance(error, Busy) else FULL if isinstance(error, BufferFull) else None
        return body if later is None else {**body, "retry_after": later}
    status, title = TABLE["unexpected"]
    return {"type": "unexpected", "title": title, "status": status, "detail": "The server's log says more."}
