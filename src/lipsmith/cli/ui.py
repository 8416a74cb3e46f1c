"""``lipsmith ui``: a Gradio page with the controls of MuseTalk's page."""

from __future__ import annotations

from typing import Any

from ..options import build
from ..ui.settings import UiOptions
from .flags import flags_from

HELP = {
    "host": "Address to listen on. Beyond this machine only with --insecure.",
    "port": "Port to listen on; 0: the first free one from 7860 on.",
    "insecure": "Listen beyond this machine: anybody who reaches the page may use it.",
    "upload_mb": "Largest upload, in MB.",
}


@flags_from(UiOptions, HELP)
def ui(**flags: Any) -> None:
    """Serve a page with MuseTalk's controls. It makes films with any engine, and listens on this machine alone.

    Needs the extra 'ui'; without it the command says how to install it.
    """
    from ..ui.page import serve

    serve(build(UiOptions, flags), lambda address: print(f"Lipsmith's page is on {address}", flush=True))
