"""What doctor finds, and what it says about broken machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lipsmith import doctor, libraries
from lipsmith.doctor import Finding, bf16_support, examine, opencv_owners, requirements, within
from lipsmith.libraries import pip_install


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {f"{finding.topic} {finding.name}": finding for finding in examine()}


def test_this_machine_is_well(findings: dict[str, Finding]) -> None:
    bad = [finding for finding in findings.values() if not finding.good]
    assert [finding for finding in bad if finding.topic != "versions"] == []  # whoever installed chose the versions
    assert not [finding for finding in bad if finding.value == "missing"]


def test_everything_is_looked_at(findings: dict[str, Finding]) -> None:
    wanted = (
        "versions lipsmith", "versions mediapipe", "opencv cv2", "system libGL.so.1", "codecs libx264", "codecs hevc",
        "codecs libvpx-vp9", "processor threads", "processor bf16", "engines warp", "voices espeak",
        "voices kokoro", "files astronaut.jpg", "files demo_portrait.jpg", "files mean_face.npz",
        "files voice2mouth.onnx", "files temporary folder",
    )  # fmt: skip
    assert set(wanted) <= set(findings)
    assert findings["opencv cv2"].value.endswith("from opencv-contrib-python")


def test_every_bad_finding_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["not-a-package>=1", "numpy>=99"])
    monkeypatch.setattr(doctor, "PYTHONS", ((3, 99),))
    monkeypatch.setattr(doctor, "ENCODERS", ("libnever",))
    monkeypatch.setattr(doctor, "DECODERS", ("libnever",))
    monkeypatch.setattr(doctor, "DEMO_PICTURE", "never.jpg")
    monkeypatch.setattr(doctor, "SPOOL_BYTES", 1 << 62)
    monkeypatch.setattr(doctor, "blocking_libraries", lambda: ["libgl1"])
    bad = [finding for finding in examine() if not finding.good]
    assert {"python", "not-a-package", "numpy", "libnever", "never.jpg", "libGL.so.1", "this folder"} <= {
        one.name for one in bad
    }
    assert all(finding.remedy for finding in bad)


@pytest.mark.parametrize(
    ("version", "bounds", "good"),
    [
        ("1.26.4", "<2,>=1.26", True),
        ("2.0.0", "<2,>=1.26", False),
        ("1.25.9", "<2,>=1.26", False),
        ("4.11.0.86", "<4.12,>=4.9", True),
        ("4.12", "<4.12,>=4.9", False),
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13", "==2.13.0", True),
        ("0.10.9", "==0.10.21", False),
        ("10.0", ">=9,!=10", False),
        ("7", "", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, bounds: str, good: bool) -> None:
    assert within(version, bounds) is good


def test_what_is_wanted_is_read_from_our_own_metadata() -> None:
    wanted = {one.name: one for one in requirements()}
    assert wanted["mediapipe"].bounds == "==0.10.21"
    assert not wanted["numpy"].extra
    assert wanted["torch"].extra == "torch, train"
    assert wanted["fastapi"].extra == "server"
    assert len(wanted) == len(requirements())  # none is told of twice


def test_a_version_out_of_bounds_gets_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy (<1.5,>=1)", "pillow>=3", "torch==0.1; extra == 'train'", "no-such-package>=1; extra == 'train'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: lines)
    monkeypatch.setattr(doctor.metadata, "version", lambda name: installed(name))
    numpy, pillow, torch, absent = [one for one in doctor._versions() if one.topic == "versions"][3:]
    assert (numpy.good, numpy.value) == (False, "9.9, but numpy<1.5,>=1 is needed")
    assert numpy.remedy == f"{pip_install()} 'numpy<1.5,>=1'"
    assert (pillow.good, pillow.value) == (True, "9.9")
    assert (torch.good, torch.value) == (True, "9.9 (the extra train needs torch==0.1)")
    assert (absent.good, absent.value) == (True, "not installed (only the extra train needs it)")


def installed(name: str) -> str:
    if name == "no-such-package":
        raise doctor.metadata.PackageNotFoundError(name)
    return "9.9"


def test_a_source_tree_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", missing)
    first, *others = doctor._versions()
    assert "not installed as a package" in first.value
    assert [one.name for one in others] == ["python", "platform"]


def test_a_library_that_opencv_does_without_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (doctor, libraries):
        monkeypatch.setattr(place, "missing_libraries", lambda: ["libgl1"])
    found = {one.name: one for one in doctor._system()}
    assert found["libGL.so.1"].good
    assert found["libGL.so.1"].value == "missing, but OpenCV loads without it"
    monkeypatch.setattr(libraries, "opencv_loads", lambda: False)
    assert not {one.name: one for one in doctor._system()}["libGL.so.1"].good


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
        f"pip uninstall -y opencv-python && {pip_install()} --force-reinstall --no-deps 'opencv-contrib-python<4.12'"
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
