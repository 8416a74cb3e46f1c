"""``lipsmith serve``: the HTTP API and its pages; ``lipsmith serve key`` makes an API key."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import EngineUnavailable
from ..options import build
from ..server.auth.keys import ENVIRONMENT, new_key, read_keys
from ..server.config import ServerSettings, check_reach
from .flags import flags_from

PACKAGES = ("aiortc", "fastapi", "uvicorn", "websockets", "prometheus_client", "python_multipart")
WORDS = {
    "host": "Address to listen on. Beyond this machine only with keys.",
    "port": "Port to listen on; 0: any that is free.",
    "data": "Folder of jobs, uploads, results and avatars.",
    "keys": f"File of hashed API keys, made by 'lipsmith serve key'. Lines may also stand in ${ENVIRONMENT}.",
    "cors": "Origins of other sites whose pages may call, divided by commas.",
    "insecure": "Listen beyond this machine though nobody needs a key.",
    "workers": "Jobs at a time.",
    "queue": "Jobs that may wait, of all clients together.",
    "own_queue": "Jobs of one client that may wait or run.",
    "own_avatars": "Avatars of one client.",
    "sessions": "Live sessions at a time; fewer where the machine cannot keep up.",
    "own_sessions": "Live sessions of one client.",
    "session_idle_seconds": "After which a session that nobody hears or talks to is closed.",
    "record_minutes": "Longest film of a live session.",
    "push_to": "Where clients may have sessions pushed: rtmp://host/app/ and what is below, divided by commas.",
    "attempts": "Times a job is begun before it counts as failed.",
    "lease_seconds": "After which a job without a sign of life is begun again.",
    "job_minutes": "After which a job is stopped.",
    "drain_seconds": "What running jobs get on SIGTERM before they are put back.",
    "upload_mb": "Most that one request may carry.",
    "upload_minutes": "Longest that one request may take to arrive.",
    "media_minutes": "Longest film or speech.",
    "megapixels": "Largest picture.",
    "keep_hours": "How long a finished job is kept.",
    "disk_gb": "Room for uploads and results; the oldest finished jobs make way.",
    "voice": "Reads texts aloud: espeak, espeak:LANGUAGE, openai:URL, none; auto: espeak where it is installed.",
    "video_codec": "Of WebRTC, where the browser knows it; else the other.",
    "video_kbit": "A second, of each session's picture.",
    "ice": "STUN and TURN servers, divided by commas: turn:host:3478. The TURN secret stands in $LIPSMITH_TURN_SECRET.",
    "relay_only": "WebRTC through the TURN server alone.",
    "public_address": "What this machine is on the internet, where a router or a cloud maps it.",
    "media_ports": "UDP ports of WebRTC, such as 50000-50199.",
}
app = typer.Typer(name="serve", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
@flags_from(ServerSettings, WORDS)
def serve(context: typer.Context, **flags: Any) -> None:
    """Serve the HTTP API. It listens to this machine alone unless it is given keys and told otherwise.

    Wants the extra packages of the server: pip install "lipsmith[server]"
    """
    if context.invoked_subcommand is not None:
        return
    options = build(ServerSettings, flags)
    known = read_keys(Path(options.keys) if options.keys else None, os.environ.get(ENVIRONMENT, ""))
    check_reach(options, bool(known))
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise EngineUnavailable(f'The server lacks {", ".join(missing)}: pip install "lipsmith[server]" brings them.')
    from ..server.malloc import share_heaps

    share_heaps()
    from ..server.app import serve as run
    from ..server.state import make_state

    host = f"[{options.host}]" if ":" in options.host else options.host
    run(make_state(options, known), lambda port: print(f"Lipsmith listens on http://{host}:{port}", flush=True))


@app.command()
def key(
    name: Annotated[str, typer.Option(help="The client: keys of one name see the same jobs and avatars.")] = "client",
) -> None:
    """Make an API key: print it, for the client, and the line that makes a server know it, for the file of keys."""
    word, line = new_key(name)
    print(f"{word}\n{line}")
