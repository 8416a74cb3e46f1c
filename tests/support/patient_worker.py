"""Speaks the worker's protocol: every upload is fine, a dub is at work until the server's folder holds ``go``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

print(json.dumps({"ready": os.getpid()}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "dub":
        while not (Path(task["home"]) / "go").exists():
            print(json.dumps({"stage": ["speak", 1, 2]}), flush=True)
            time.sleep(0.05)
        attempt = Path(task["attempt"])
        (attempt / "film.mp4").write_bytes(b"film")
        (attempt / "report.json").write_text('{"frames": 1}')
    print(json.dumps({"done": {"frames": 1}}), flush=True)
