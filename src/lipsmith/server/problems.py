"""Problems of the server, which are errors of the one tree: see ``lipsmith.errors.problem_of``.

Every problem has ``type`` (for programs to switch on), ``title``, ``status``, and ``detail``, a sentence for people.
Some add ``retry_after`` in seconds, which the header ``Retry-After`` has too.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import NO_SPACE, LipsmithError

MEDIA_TYPE = "application/problem+json"
NO_VOICE = "This server has no voice: its operator can install eSpeak NG, or name a voice (--voice)."
TABLE: dict[str, tuple[int, str]] = {
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden-origin": (403, "Pages of this origin may not call"),
    "operators-only": (403, "Only an operator may read this"),
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
    "too-many-calls": (429, "Too many calls for one session"),
    "too-many-sessions": (429, "Too many of your sessions are open"),
    "too-much-said": (429, "More sound waits than is kept"),
    "too-many-pushes": (429, "The session is pushed to enough places"),
    "too-many-uploads": (429, "Too many of your uploads come in"),
    "too-many-jobs": (429, "Too many of your jobs wait"),
    "too-many-connections": (429, "Too many of your requests are being answered"),
    "no-voice": (501, "This server has no voice"),
    "queue-full": (503, "The server is full"),
    "draining": (503, "The server is about to stop"),
    "not-ready": (503, "The server cannot go on now"),
    "no-space": (507, str(NO_SPACE["title"])),
}
"""Type -> (status, title). The type of any other error is the name of its class: "face-error"."""


OTHER_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Make it again with --refresh\.|--refresh makes it again\."), "Delete it and make it again."),
    (re.compile(r"(make it again with|change it by) 'lipsmith avatar create [^']*'"), "delete it and make it again"),
    (re.compile(r"There is no avatar '([^']*)' in .*"), r"You have no avatar '\1'."),
    (re.compile(r" for [A-Z][A-Za-z]*Options\b"), ""),
    (re.compile(r"(?<![\w-])--no-([a-z]+)\b"), r"\1: false"),
    (re.compile(r"(?<![\w-])--([a-z]+)-([a-z]+)\b"), r"\1_\2"),
    (re.compile(r"(?<![\w-])--([a-z]+)\b"), r"\1"),
)
"""What the rooms below say to a person at the command line -> what a client of the API can do. Options have the names
of flags, with underscores."""
COMMANDS = re.compile(r"(`[^`]*`)")
"""Of the command line, which stay as they are."""
PATHS = re.compile(r"(?<![\w./:])(?!/v1/)(?:/[\w.@+-]*\w){2,}(?:, (?:/[\w.@+-]*\w){2,})*")
"""Folders and files of the server, one or a list; no addresses, whether of the web or of this API."""


def for_clients(body: dict[str, Any]) -> dict[str, Any]:
    """The members of a problem in words of the API."""
    return {**body, "detail": in_api_words(str(body["detail"]))}


def in_api_words(text: str) -> str:
    """A sentence of the rooms below, for a client of the API, who never learns of the server's own paths.

    What is said of the operator of the server stays in the operator's words.
    """
    pieces = COMMANDS.split(text)
    if "operator" not in text:
        pieces[::2] = [_reworded(piece) for piece in pieces[::2]]
    return PATHS.sub("the server's folders", "".join(pieces))


def report_in_api_words(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """A job's report with its sentences as of ``in_api_words``."""
    texts = {name: report[name] for name in ("passed_over", "notices") if name in report} if report else {}
    return report and report | {name: [in_api_words(one) for one in said] for name, said in texts.items()}


def _reworded(text: str) -> str:
    for pattern, words in OTHER_WORDS:
        text = pattern.sub(words, text)
    return text


class Problem(LipsmithError):
    """A problem of ``TABLE``, to be raised from a route."""

    def __init__(self, kind: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self._kind, self.detail, self.retry_after = kind, detail, retry_after
        self.http_status, self._title = TABLE[kind]

    @property
    def kind(self) -> str:
        """Its type."""
        return self._kind

    @property
    def title(self) -> str:
        """Its title."""
        return self._title
