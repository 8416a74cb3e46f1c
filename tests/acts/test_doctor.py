"""What doctor finds, and what it says about broken machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lipsmith import doctor
from lipsmith.doctor import Finding, bf16_support, examine, opencv_owners


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {f"{finding.topic} {finding.name}": finding for finding in examine()}


def test_this_machine_is_well(findings: dict[str, Finding]) -> None:
    bad = [finding for finding in findings.values() if not finding.good]
    assert bad == []


def test_everything_is_looked_at(findings: dict[str, Finding]) -> None:
    wanted = (
        "versions lipsmith", "versions mediapipe", "opencv cv2", "system libGL.so.1", "codecs libx264", "codecs hevc",
        "codecs libvpx-vp9", "processor threads", "processor bf16", "engines warp", "files astronaut.jpg",
        "files temporary folder",
    )  # fmt: skip
    assert set(wanted) <= set(findings)
    assert findings["opencv cv2"].value.endswith("from opencv-contrib-python")


def test_every_bad_finding_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED", ("not-a-package",))
    monkeypatch.setattr(doctor, "PYTHONS", ((3, 99),))
    monkeypatch.setattr(doctor, "ENCODERS", ("libnever",))
    monkeypatch.setattr(doctor, "DECODERS", ("libnever",))
    monkeypatch.setattr(doctor, "DEMO_PICTURE", "never.jpg")
    monkeypatch.setattr(doctor, "SPOOL_BYTES", 1 << 62)
    monkeypatch.setattr(doctor, "missing_libraries", lambda: ["libgl1"])
    bad = [finding for finding in examine() if not finding.good]
    assert {"python", "not-a-package", "libnever", "never.jpg", "libGL.so.1", "this folder"} <= {
        one.name for one in bad
    }
    assert all(finding.remedy for finding in bad)


def distribution(name: str) -> SimpleNamespace:
    return SimpleNamespace(metadata={"Name": name})


def test_two_owners_of_cv2_are_found_whatever_their_spelling() -> None:
    installed = [distribution(name) for name in ("numpy", "opencv_contrib_python", "OpenCV-Python-Headless")]
    assert opencv_owners(installed) == ["opencv-contrib-python", "opencv-python-headless"]  # type: ignore[arg-type]


def test_two_owners_get_the_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "opencv_owners", lambda: ["opencv-contrib-python", "opencv-python"])
    (finding,) = doctor._opencv()
    assert not finding.good
    assert finding.remedy == (
        "pip uninstall -y opencv-python && pip install --force-reinstall --no-deps 'opencv-contrib-python<4.12'"
    )


def test_a_hollow_cv2_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    (finding,) = doctor._opencv()
    assert not finding.good
    assert "empty shell" in finding.value


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_bf16\n", "yes (avx512_bf16, amx_bf16)"),
        ("Features\t: fp asimd bf16\n", "yes (bf16)"),
        ("model name : bf16 machine\nflags : fpu sse\n", "no"),
    ],
)
def test_bf16_is_read_from_the_processor_flags(text: str, answer: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert bf16_support(tmp_path / "cpuinfo") == answer


def test_bf16_without_cpuinfo_is_not_guessed(tmp_path: Path) -> None:
    assert "not known" in bf16_support(tmp_path / "cpuinfo")


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho 'A card, 24576 MiB, 570.1'\n")
    command.chmod(0o755)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: str(command))
    assert [finding.value for finding in doctor._graphics()] == ["A card, 24576 MiB, 570.1"]


def test_a_driver_that_hangs_does_not_hang_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", timeout)

    monkeypatch.setattr(doctor.shutil, "which", lambda _: "nvidia-smi")
    monkeypatch.setattr(doctor.subprocess, "run", hang)
    (finding,) = doctor._graphics()
    assert finding.value.startswith("not known: Command 'nvidia-smi' timed out")


def test_no_gpu_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    (finding,) = doctor._graphics()
    assert finding.good
