"""The C library's heaps, as it tells of them itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lipsmith.server.malloc import ARENAS

PROGRAM = """
import ctypes, sys, threading
from lipsmith.server.malloc import give_back, share_heaps
if sys.argv[2] == "shared":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
gate = threading.Barrier(9)
def take():
    libc.malloc(5000)
    gate.wait(100)
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
gate.wait(100)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
give_back()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has such heaps")
@pytest.mark.parametrize("how", ["shared", "own"])
def test_threads_share_few_heaps(tmp_path: Path, how: str) -> None:
    told = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", PROGRAM, told, how], check=True, timeout=150)
    heaps = len(re.findall("<heap nr=", told.read_text()))
    assert heaps <= ARENAS if how == "shared" else heaps > ARENAS
