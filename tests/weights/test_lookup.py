"""Where weights are looked for, and what is said when they are nowhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

from lipsmith.engines import weight_catalogue
from lipsmith.errors import InputError, OptionError, WeightsMissing
from lipsmith.weights import (
    Catalogue,
    OfficialFile,
    Part,
    cache_folder,
    find,
    find_all,
    joined,
    missing_parts,
    search,
    search_folders,
)

CATALOGUE = weight_catalogue()
part = CATALOGUE.part


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any weights: home, current folder and torch's cache are empty."""
    monkeypatch.delenv("LIPSMITH_MODELS", raising=False)
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def test_the_catalogue_is_whole() -> None:
    needed, optional, recommended = CATALOGUE.needed, CATALOGUE.optional, CATALOGUE.recommended
    assert set(optional) == set(recommended) == {"musetalk", "musetalk-v1"}
    assert set(needed) == {*optional, "kokoro"}
    read = {name for names in (*needed.values(), *optional.values(), *recommended.values()) for name in names}
    assert read == {one.name for one in CATALOGUE.parts} - {"s3fd"}
    for one in CATALOGUE.parts:
        assert one.size >= one.weights[0].size > 10_000_000
        assert one.licence
        assert all(file.sha256 is None or len(file.sha256) == 64 for file in one.weights)


def test_the_variable_comes_first_and_a_named_folder_alone(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_folders() == [elsewhere / "here" / "models", cache_folder()]
    monkeypatch.setenv("LIPSMITH_MODELS", "/somewhere")
    assert search_folders()[0] == Path("/somewhere")
    assert search_folders(Path("/named")) == [Path("/named")]


@pytest.mark.parametrize(
    ("platform", "words"),
    [("unix.Unix", "cache/lipsmith"), ("macos.MacOS", "Caches/lipsmith"), ("windows.Windows", "Local/lipsmith")],
)
def test_every_platform_has_its_cache(
    platform: str, words: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform != "unix.Unix":
        monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: str(elsewhere / "Local"))
    monkeypatch.setattr("platformdirs.PlatformDirs", resolve_name(f"platformdirs.{platform}"))
    assert cache_folder().as_posix().endswith(f"{words}/models")


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's folders")
def test_the_cache_is_where_it_always_was(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == elsewhere / "cache" / "lipsmith" / "models"
    monkeypatch.setenv("HOME", str(elsewhere))
    for missing in (lambda: monkeypatch.setenv("XDG_CACHE_HOME", ""), lambda: monkeypatch.delenv("XDG_CACHE_HOME")):
        missing()
        assert cache_folder() == elsewhere / ".cache" / "lipsmith" / "models"


def test_safetensors_come_first_and_older_folders_are_known(elsewhere: Path) -> None:
    old = put(elsewhere / "here" / "models" / "sd-vae-ft-mse", "config.json", "diffusion_pytorch_model.bin")
    assert find(part("vae")).path == old / "diffusion_pytorch_model.bin"
    put(old, "diffusion_pytorch_model.safetensors")
    assert find(part("vae")).path == old / "diffusion_pytorch_model.safetensors"
    cached = put(cache_folder() / "sd-vae", "config.json", "diffusion_pytorch_model.bin")
    assert find(part("vae")).folder == old
    assert find(part("vae"), cache_folder()).folder == cached


def test_a_half_filled_folder_is_passed_over_and_named(elsewhere: Path) -> None:
    folder = put(elsewhere / "here" / "models" / "whisper", "pytorch_model.bin")
    assert search(part("whisper")) is None
    with pytest.raises(WeightsMissing) as caught:
        find(part("whisper"))
    assert f"{folder} lacks config.json" in str(caught.value)
    whole = put(cache_folder() / "whisper", "model.safetensors", "config.json")
    assert find(part("whisper")).folder == whole


def test_what_is_missing_is_said_at_once_with_the_command(elsewhere: Path) -> None:
    put(elsewhere / "here" / "models" / "musetalkV15", "unet.pth")
    assert [one.name for one in missing_parts(CATALOGUE, "musetalk")] == ["vae", "whisper"]
    with pytest.raises(WeightsMissing) as caught:
        find_all(CATALOGUE, "musetalk")
    words = str(caught.value)
    assert "vae (335 MB: sd-vae/ with diffusion_pytorch_model.safetensors or " in words
    assert "whisper (" in words
    assert "unet" not in words.replace("musetalk", "")
    assert "`lipsmith weights fetch musetalk`" in words
    assert "`lipsmith weights import FOLDER`" in words
    assert str(cache_folder()) in words
    with pytest.raises(WeightsMissing, match=r"`lipsmith weights fetch musetalk --to /named` .* FOLDER --to /named`"):
        find_all(CATALOGUE, "musetalk", Path("/named"))


def test_everything_found_goes_by_its_name(elsewhere: Path) -> None:
    models = elsewhere / "models"
    put(models / "musetalk", "pytorch_model.bin")
    put(models / "sd-vae", "config.json", "diffusion_pytorch_model.bin")
    put(models / "whisper", "config.json", "pytorch_model.bin")
    assert missing_parts(CATALOGUE, "musetalk-v1", models) == []
    assert {name: found.path.name for name, found in find_all(CATALOGUE, "musetalk-v1", models).items()} == {
        "unet-v1": "pytorch_model.bin", "vae": "diffusion_pytorch_model.bin", "whisper": "pytorch_model.bin"
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows would write the hole")
@pytest.mark.parametrize(
    ("engine", "place", "other", "words"),
    [
        ("musetalk-v1", "musetalk/pytorch_model.bin", "unet-v15", r"unet-v15's unet\.pth"),
        ("musetalk", "musetalkV15/unet.pth", "unet-v1", r"unet-v1's pytorch_model\.bin"),
    ],
)
def test_a_file_of_the_other_version_is_refused(
    engine: str, place: str, other: str, words: str, elsewhere: Path
) -> None:
    models = elsewhere / "models"
    put(models / "musetalk", "pytorch_model.bin")
    put(models / "musetalkV15", "unet.pth")
    put(models / "sd-vae", "config.json", "diffusion_pytorch_model.bin")
    put(models / "whisper", "config.json", "pytorch_model.bin")
    find_all(CATALOGUE, engine, models)
    with (models / place).open("r+b") as file:
        file.truncate(part(other).weights[0].size)  # a hole: no room is taken
    with pytest.raises(InputError, match=f"has the size of {words}: files of two versions are mixed up"):
        find_all(CATALOGUE, engine, models)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("here/musetalk/utils/face_detection/detection/sfd", "s3fd.pth"),
        ("cache/torch/hub/checkpoints", "s3fd-619a316812.pth"),
        ("here/models/s3fd", "s3fd-619a316812.pth"),
    ],
)
def test_the_detector_is_found_where_upstream_keeps_it(folder: str, name: str, elsewhere: Path) -> None:
    (elsewhere / "here" / "models").mkdir()
    put(elsewhere / folder, name)
    assert find(part("s3fd")).path.resolve() == elsewhere / folder / name


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'whisper'"):
        part("whispr")


def test_joined_catalogues_keep_what_came_first() -> None:
    file = OfficialFile("net.bin", 1, "maker/net", "net.bin")
    ours, theirs = (Part("net", what, ("net",), (file,), "MIT") for what in ("ours", "theirs"))
    more = Part("more", "theirs", ("more",), (file,), "MIT")
    first = Catalogue((ours,), {"one": ("net",)}, {"one": ()})
    second = Catalogue((theirs, more), {"one": ("more",), "two": ("net", "more")}, {"two": ("more",)})
    both = joined([first, second])
    assert both.parts == (ours, more)
    assert both.needed == {"one": ("net",), "two": ("net", "more")}
    assert both.consumers(more) == (("two",), ("two",))
