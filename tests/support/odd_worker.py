"""A job worker that does what the options of its task say: crash, hang, fail, find the disk full, or be done.

With a ``gate`` it reports progress until that file is there.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from lipsmith.errors import FaceError
from lipsmith.workers.child import SendProgress, serve
from lipsmith.workers.messages import Message


def handle(request: Message, send: SendProgress) -> Message:
    options, output = request.header["options"], request.header.get("output")
    if options["odd"] == "crash":
        os.kill(os.getpid(), 9)
    if options["odd"] == "hang":
        time.sleep(600)
    if options["odd"] == "fail":
        raise FaceError("no face")
    if options["odd"] == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    while "gate" in options and not Path(options["gate"]).exists():
        send({"stage": ["speak", 0, 2]})
        time.sleep(0.05)
    for done in range(int(options.get("steps", 0))):
        send({"stage": ["speak", done, options["steps"]]})
        time.sleep(0.05)
    if output:
        (Path(output) / "film.mp4").write_bytes(b"film")
        (Path(output) / "report.json").write_text('{"frames": 1}')
    return Message({"frames": 1, "pid": os.getpid()}, request.payload[::-1])


serve(handle)
