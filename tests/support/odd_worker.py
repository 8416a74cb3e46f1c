"""Speaks the worker's protocol and does what the task says: crash, hang, fail, talk, or be done.

With a ``gate`` it talks until that file is there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

print(json.dumps({"ready": os.getpid()}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    odd = task["odd"]
    if odd == "crash":
        os.kill(os.getpid(), 9)
    if odd == "hang":
        time.sleep(600)
    if odd == "fail":
        problem = {"type": "face-error", "title": "t", "status": 422, "detail": "no face"}
        print(json.dumps({"problem": problem}), flush=True)
        continue
    while "gate" in task and not Path(task["gate"]).exists():
        print(json.dumps({"stage": ["speak", 0, 2]}), flush=True)
        time.sleep(0.05)
    for done in range(int(task.get("steps", 0))):
        print(json.dumps({"stage": ["speak", done, task["steps"]]}), flush=True)
        time.sleep(0.05)
    if "attempt" in task:
        attempt = Path(task["attempt"])
        (attempt / "film.mp4").write_bytes(b"film")
        (attempt / "report.json").write_text('{"frames": 1}')
    print(json.dumps({"done": {"frames": 1, "pid": os.getpid()}}), flush=True)
