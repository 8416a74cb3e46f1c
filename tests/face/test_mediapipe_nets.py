from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import EngineUnavailable
from lipsmith.face import mediapipe_nets
from lipsmith.face.regions import RegionView
from lipsmith.libraries import install_hint

QUIET_PROGRAM = """
import numpy as np
from lipsmith.face.landmarks import Landmarker
with Landmarker() as landmarker:
    landmarker.find(np.full((300, 400, 3), 90, np.uint8))
import sys
assert "matplotlib" not in sys.modules
from mediapipe.python.solutions import drawing_utils
assert drawing_utils.plt.figure.__module__ == "matplotlib.pyplot"
"""


def test_finding_faces_is_silent_leaves_nothing_at_home_and_pyplot_to_those_who_use_it_later(tmp_path: Path) -> None:
    """A small package stands for matplotlib, which takes seconds to load."""
    home, pyplot = tmp_path / "home", tmp_path / "packages" / "matplotlib" / "pyplot.py"
    home.mkdir()
    pyplot.parent.mkdir(parents=True)
    pyplot.with_name("__init__.py").touch()
    pyplot.write_text("def figure():\n    pass\n")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", QUIET_PROGRAM],
        env={
            **os.environ,
            "HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "",
            "PYTHONPATH": str(tmp_path / "packages"), "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert (run.stderr, run.returncode) == (b"", 0)
    assert list(home.iterdir()) == []


def test_what_others_write_meanwhile_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    def build() -> object:
        os.write(2, b"W0000 00:00:1795178652.883483    9570 feedback.cc:114] noise\nsomebody's progress\n")
        return object()

    mediapipe_nets._started(build, lambda graph: None)
    assert capfd.readouterr().err == "somebody's progress\n"


def test_a_failing_start_gives_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    def build() -> object:
        raise RuntimeError("no graph")

    with pytest.raises(RuntimeError):
        mediapipe_nets._started(build, lambda graph: None)
    os.write(2, b"W0000 heard again\n")
    assert capfd.readouterr().err == "W0000 heard again\n"


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "apt-get install -y libgl1 libglib2.0-0",
        ),
        ("No module named 'mediapipe'", install_hint()),
    ],
)
def test_a_missing_library_is_named_with_its_remedy(reason: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.libraries.shutil.which", lambda name: f"/usr/bin/{name}")
    message = mediapipe_nets._import_message(ImportError(reason))
    assert reason in message
    assert remedy in message


def test_without_mediapipe_the_engine_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mediapipe.python.solution_base", raising=False)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(EngineUnavailable, match=re.escape(install_hint())):
        mediapipe_nets.load_mediapipe()


def test_a_detection_in_a_view_is_one_in_the_image() -> None:
    seen = mediapipe_nets.Detection(np.float32([1, 2, 3, 4]), np.float32([[1, 2], [3, 2]]), 0.9)
    view = RegionView(np.zeros((8, 8, 3), np.uint8), np.float32([0.5, 0.5]), np.float32([10, 20]))
    outside = seen.to_image(view)
    np.testing.assert_array_equal(outside.box, [12.5, 24.5, 16.5, 28.5])
    np.testing.assert_array_equal(outside.eyes, [[12.5, 24.5], [16.5, 24.5]])


def test_a_library_that_opencv_does_without_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.libraries.missing_libraries", lambda: ["libgl1"])
    assert "libgl1" not in mediapipe_nets._import_message(ImportError("No module named 'mediapipe'"))
    monkeypatch.setattr("lipsmith.libraries.opencv_loads", lambda: False)
    assert "libgl1" in mediapipe_nets._import_message(ImportError("No module named 'cv2'"))
