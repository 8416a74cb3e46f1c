"""A job worker for which every upload is fine; a dub is at work until the data folder holds a file ``go``."""

from __future__ import annotations

import time
from pathlib import Path

from lipsmith.workers.child import SendProgress, serve
from lipsmith.workers.messages import Message


def handle(request: Message, send: SendProgress) -> Message:
    header = request.header
    if header["do"] == "dub":
        while not (Path(header["data"]) / "go").exists():
            send({"stage": ["speak", 1, 2]})
            time.sleep(0.05)
        (Path(header["output"]) / "film.mp4").write_bytes(b"film")
        (Path(header["output"]) / "report.json").write_text('{"frames": 1}')
    return Message({"frames": 1})


serve(handle)
