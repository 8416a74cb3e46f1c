"""What a task may take of its process is bounded, and the process goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
from lipsmith.errors import InputError
from lipsmith.jobs.limits import TaskLimits, limited

def told(act, **limits):
    try:
        with limited(TaskLimits(**limits)):
            act()
    except InputError as error:
        return str(error)
    return "done"

def spin():
    while True:
        pass

def take():
    bytearray(300_000_000)

print(told(spin, seconds=0.1))
print(told(take, seconds=100, memory=100_000_000))
print(told(take, seconds=100, memory=400_000_000))
print(told(take, seconds=100))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system cannot limit both")
def test_time_and_memory_are_limited() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=100)
    slow, large, *rest = done.stdout.splitlines()
    assert "far longer to read" in slow
    assert "far more memory" in large
    assert rest == ["done", "done"]
