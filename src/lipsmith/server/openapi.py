"""The OpenAPI page as strangers read it: in Markdown, with names of the API and none of the code's.

FastAPI makes the page from routes and schemas, whose docstrings are written for developers.
"""

from __future__ import annotations

import json
import re
from typing import Any

ABOUT = """\
Makes a face speak: films from a picture or a video and some speech, and avatars that speak live.

- **Keys.** Send `Authorization: Bearer <key>`. A server for its own machine alone needs none.
- **Films** are jobs: `POST /v1/jobs` with the files, watch the job, then read its result.
- **Live:** `POST /v1/sessions` with an avatar, watch it by WebRTC or the WebSocket `/v1/sessions/{session}/ws`, and send speech or text.
- **Tokens** open one job or session for ten minutes, as `?token=` where a key cannot be sent.
- **Errors** are `application/problem+json` (RFC 9457): programs switch on `type`, people read `detail`. With 429 and 503, `Retry-After` says when to try again.
- **Times** are ISO 8601 in UTC, sizes of pictures px, lengths seconds.

Every answer has an `X-Request-Id`, which the operator of the server finds in the log.
"""  # noqa: E501
TAGS = (
    ("jobs", "Films: sent, watched, read, deleted."),
    ("previews", "What a film would show, before it is made."),
    ("avatars", "Faces that are prepared once, to speak many times."),
    ("sessions", "Avatars that speak live."),
    ("media", "Pictures and sound of a live session."),
    ("about", "What this server can do."),
    ("health", "For load balancers and operators."),
)
"""Groups of operations, in the order of the page."""
MEMBERS = {
    "attempts": "How many times it was started.",
    "avatar": "Name of an avatar.",
    "avatars": "The avatars.",
    "box": "Its box in px of the picture: left, top, right, bottom.",
    "bytes": "Its size on disk.",
    "choices": "The values that it may have, if they are few.",
    "clip": "Name of one of the avatar's clips.",
    "clips": "Names of its clips.",
    "created": "When it was made.",
    "default": "Its value if none is given.",
    "detail": "What is wrong and what to do, in a sentence.",
    "done": "Frames that are done.",
    "engine": "The engine that draws it.",
    "engine_version": "The version of that engine.",
    "engines": "The engines that can be named in options.",
    "events": "Address of its events.",
    "expires": "When the token ends.",
    "faces": "The faces.",
    "finished": "When it was over.",
    "formats": "Containers of films.",
    "fps": "Frames per second: a number or a fraction.",
    "frames": "How many frames it has.",
    "has_sound": "Whether the video has a soundtrack.",
    "help": "What it does.",
    "id": "Its id.",
    "interrupted": "Whether an interruption cut it short.",
    "jobs": "The jobs.",
    "keep_hours": "For how many hours a finished job is kept.",
    "kind": "What it is.",
    "language": "Such as en or zh-CN; left out: the letters decide.",
    "languages": "What the voice speaks; empty: it detects the language itself.",
    "link": "Delete this address to end the connection.",
    "links": "Addresses of what belongs to it.",
    "media_minutes": "Longest film or speech in minutes.",
    "megapixels": "Largest picture in millions of pixels.",
    "name": "Its name.",
    "needs": "What must be installed for it.",
    "needs_key": "Whether calls need a key.",
    "next": "Address of the next page; null: there is none.",
    "notices": "What is worth knowing about it.",
    "options": "Its options.",
    "picture": "Name of the uploaded picture or video.",
    "position": "How many jobs start before it as things stand.",
    "progress": "From 0 to 1.",
    "pushes": "The pushes.",
    "rate": "Hz of its sound.",
    "request": "What was asked for.",
    "result": "Address of the film, once there is one.",
    "score": "How sure the detector is, 0 to 1.",
    "sdp": "A session description for WebRTC.",
    "seconds": "Its length in seconds.",
    "self": "Its own address.",
    "sentences": "How many pieces the text was split into.",
    "session": "Id of a live session.",
    "sessions": "The sessions.",
    "sheet": "Pictures of the first words, as a data URL.",
    "size": "Width and height in px.",
    "speaks": "Whether it is one that will speak.",
    "speech": "Name of the uploaded speech.",
    "stage": "What is being done now.",
    "started": "When the work began.",
    "state": "Its state.",
    "status": "Its state; of a problem the HTTP status.",
    "summary": "What it does, in a sentence.",
    "text": "What to say.",
    "title": "What kind of problem it is.",
    "token": "Opens one job or session for ten minutes: send it like a key, or as `?token=`.",
    "total": "Frames in all; 0: not known yet.",
    "type": "Its type, for programs.",
    "upload_mb": "Largest request in MB.",
    "url": "The address.",
    "utterance": "Number of the utterance in its session; null: there is none.",
    "version": "Version of the server.",
    "view": "The picture, as a data URL.",
    "viewer": "Id of this viewer's connection.",
    "voice": "What reads texts aloud; null: nothing does.",
}
"""Members of schemas that mean the same wherever they stand, and say nothing of themselves there."""
PARAMETERS = {
    "avatar": "Id of one of your avatars.",
    "job": "Id of one of your jobs.",
    "limit": "How many to list at most.",
    "push": "Id of one of the session's pushes.",
    "recording": "Id of one of the session's recordings.",
    "session": "Id of one of your open sessions.",
    "viewer": "Id of one of the session's viewers.",
}
"""Parameters that say nothing of themselves."""
FORM = re.compile(r"Body_(\w+)")
SENTENCE = re.compile(r"\.(\s|$)")


def readable_page(made: dict[str, Any]) -> dict[str, Any]:
    """The page that FastAPI ``made``, with names and texts for strangers."""
    schemas = made["components"]["schemas"]
    text = json.dumps(made)
    for name, schema in schemas.items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{_title(schema)}"')
    page: dict[str, Any] = json.loads(text)
    renamed = [{**one, "title": _title(one)} for one in page["components"]["schemas"].values()]
    page["components"]["schemas"] = {one["title"]: one for one in renamed}
    _make_markdown(page)
    for path in page["paths"].values():
        for operation in path.values():
            _describe(operation)
    for schema in renamed:
        if schema["title"].endswith("Form"):
            _leave_empty(schema)
        for name, member in schema.get("properties", {}).items():
            if name in MEMBERS:
                member.setdefault("description", MEMBERS[name])
    return page


def _leave_empty(form: dict[str, Any]) -> None:
    """Let pages that try calls begin with nothing, in place of a made-up value, where a field may be left out.

    An empty field of a form counts as left out.
    """
    for member in form["properties"].values():
        if {"type": "null"} in member.get("anyOf", ()):
            member.setdefault("examples", [""])


def _describe(operation: dict[str, Any]) -> None:
    """Give an operation a summary, its first sentence, and its parameters their descriptions."""
    first = SENTENCE.split(operation["description"].replace("\n", " "))[0]
    operation["summary"] = first.replace("`", "")
    for parameter in operation.get("parameters", []):
        if parameter["name"] in PARAMETERS:
            parameter.setdefault("description", PARAMETERS[parameter["name"]])


def _title(schema: dict[str, Any]) -> str:
    """The name of a schema: of a form, that of its operation."""
    title = str(schema["title"])
    form = FORM.fullmatch(title)
    return "".join(word.capitalize() for word in form[1].split("_")) + "Form" if form else title


def _make_markdown(node: Any) -> None:
    """Change reStructuredText's marks of code into Markdown's, in every text."""
    if isinstance(node, list):
        for one in node:
            _make_markdown(one)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("description", "summary") and isinstance(value, str):
                node[name] = value.replace("``", "`")
            else:
                _make_markdown(value)
