"""``lipsmith serve`` whose workers are patient: ``python -m tests.support.patient_server DATA DRAIN_SECONDS``."""

from __future__ import annotations

import sys

from lipsmith.server.app import serve
from lipsmith.server.auth.keys import Keys
from lipsmith.server.config import ServerSettings
from lipsmith.server.state import make_state
from tests.support.live_server import PATIENT

options = ServerSettings(port=0, data=sys.argv[1], lease_seconds=1, drain_seconds=int(sys.argv[2]), voice="none")
serve(make_state(options, Keys(), PATIENT), lambda port: print(f"http://127.0.0.1:{port}", flush=True))
