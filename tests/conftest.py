"""What every test may use: the shipped portrait and speech, and the clock rates that matter."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import lipsmith
from lipsmith.types import Image

ASSETS = Path(lipsmith.__file__).parent / "assets"
RATES = [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50)]


# The same examples every time, however slow the machine; --hypothesis-profile default looks for others.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--slow`` runs the tests marked slow too: proofs that take long, or that measure time."""
    parser.addoption("--slow", action="store_true", help="run the slow proofs too")


def pytest_configure(config: pytest.Config) -> None:
    """One thread for every network: several workers share few cores, and threads that wait for a core are slowest."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.addinivalue_line("markers", "slow: a proof that takes long, or that measures time; run with --slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless ``--slow`` is given."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines how many tests did not run for want of torch."""
    skipped = [one for one in terminalreporter.stats.get("skipped", ()) if "import 'torch'" in str(one.longrepr)]
    if skipped:
        count = sum(tests_in(one) for one in skipped)
        terminalreporter.write_line(f"torch is not installed: {count} tests of networks did not run.", yellow=True)


def tests_in(skipped: pytest.TestReport | pytest.CollectReport) -> int:
    """How many test functions a skip stands for: one, or all of a file that was skipped as a whole."""
    if isinstance(skipped, pytest.TestReport):
        return 1
    text = (Path(__file__).parents[1] / skipped.nodeid).read_text()
    return len(re.findall(r"^(?:async )?def test_", text, re.MULTILINE))


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Take back what a test's ``lipsmith serve`` did to this process's log."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def astronaut_file() -> Path:
    return ASSETS / "astronaut.jpg"


@pytest.fixture(scope="session")
def speech_file() -> Path:
    return ASSETS / "demo_speech.flac"


@pytest.fixture(scope="session")
def astronaut(astronaut_file: Path) -> Image:
    """(512, 512, 3) RGB."""
    from PIL import Image as Pillow

    with Pillow.open(astronaut_file) as picture:
        return np.asarray(picture.convert("RGB"))
