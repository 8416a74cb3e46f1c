"""Damaged, half deleted, foreign and hostile stores: refused in a sentence, or without any effect."""

from __future__ import annotations

import json
import os
import random
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.avatars.archive import SUFFIX
from lipsmith.avatars.manifest import LARGEST, NAME, _sum, read_manifest, write_manifest
from lipsmith.avatars.options import AvatarOptions
from lipsmith.avatars.paths import FILES
from lipsmith.avatars.playback import Transition
from lipsmith.avatars.serialization import deserialize, serialize
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import AvatarBroken, AvatarMissing, EngineUnavailable, InputError, OutputError
from lipsmith.types import Crop
from tests.support.drawn_people import drawn

TRIALS = int(os.environ.get("LIPSMITH_TEST_TRIALS", "200"))


def files_of(store: AvatarStore) -> list[Path]:
    return sorted(path for path in (store.root / "anna").rglob("*") if path.is_file())


def is_harmless(store: AvatarStore) -> bool:
    """Whether the avatar still is what was drawn; False: it is refused."""
    try:
        with store.open("anna") as avatar:
            avatar.check()
            assert avatar.info.frames == 4
            assert [face.material for face in avatar.source_frame(2).faces] == [float(drawn(2).mean())]
            assert all(np.array_equal(avatar.source_frame(k).image, drawn(k)) for k in range(4))
    except AvatarBroken:
        return False
    return True


def test_random_wrong_bytes(anna: AvatarStore) -> None:
    chance, harmless = random.Random(0), 0
    files = files_of(anna)
    assert len(files) == 5
    whole = {path: path.read_bytes() for path in files}
    for _ in range(TRIALS):
        path = chance.choice([one for one in files if whole[one]])
        data = bytearray(whole[path])
        place = chance.randrange(len(data))
        data[place] ^= chance.randrange(1, 256)
        path.write_bytes(data)
        harmless += is_harmless(anna)
        path.write_bytes(whole[path])
    assert harmless < TRIALS / 20
    assert is_harmless(anna)


@pytest.mark.parametrize("name", [NAME, *FILES])
def test_missing_and_cut_files(anna: AvatarStore, name: str) -> None:
    path = next(one for one in files_of(anna) if one.name == name)
    data = path.read_bytes()
    if data:
        path.write_bytes(data[: len(data) // 2])
        assert not is_harmless(anna)
    path.write_bytes(data + b"more")
    assert not is_harmless(anna)
    path.unlink()
    with pytest.raises((AvatarBroken, AvatarMissing)):
        anna.check("anna")
    assert anna.list() == []


def rewritten(store: AvatarStore, **changes: Any) -> None:
    """The manifest with other values and a checksum that fits."""
    path = store.root / "anna" / NAME
    body = json.loads(path.read_text())
    del body["sum"]
    body.update(changes)
    path.write_text(json.dumps({**body, "sum": _sum(body)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": "1"},
        {"format": "another"},
        {"data": "../../elsewhere"},
        {"data": ""},
        {"size": [50, -37]},
        {"size": [10**9, 10**9]},
        {"size": "50x37"},
        {"fps": "0"},
        {"fps": "1/0"},
        {"fps": 25},
        {"fps": "1e999999999"},
        {"fps": "25.0"},
        {"created": "yesterday"},
        {"data": "elsewhere"},
        {"bridges": [{"leave": 0, "enter": 4}]},
        {"bridges": [{"leave": -1, "enter": 0}]},
        {"clips": []},
        {"clips": [{"name": "idle", "start": 0, "stop": 10**9, "cuts": [], "idle": []}]},
        {"clips": [{"name": "idle", "start": 0, "stop": 4, "cuts": [9], "idle": []}]},
        {"clips": [{"name": "idle", "start": 0, "stop": 4, "cuts": [], "idle": [[3, 9]]}]},
        {"clips": [{"name": "idle", "start": 0, "stop": 4, "cuts": [], "idle": [[3]]}]},
        {"clips": [{"name": "idle"}]},
        {"bridges": [[1, 2]]},
        {"pixels": "yuv444p"},
        {"pixels": ["rgb"]},
        {"header": "xyz"},
        {"header": "0000000167"},
        {"fingerprint": {}},
        {"files": {}},
        {"files": {"../x": {"bytes": 1, "sum": ""}}},
        {"options": []},
        {"unknown": 1},
    ],
)
def test_foreign_manifests(anna: AvatarStore, changes: dict[str, Any]) -> None:
    rewritten(anna, **changes)
    with pytest.raises(AvatarBroken):
        anna.check("anna")


def test_an_engine_that_is_not_installed(anna: AvatarStore) -> None:
    rewritten(anna, engine="elsewhere")
    with pytest.raises(EngineUnavailable, match="elsewhere"):
        anna.open("anna")


def test_the_version_is_named(anna: AvatarStore) -> None:
    rewritten(anna, version=7)
    with pytest.raises(AvatarBroken, match=r"version 7.*reads version 1"):
        anna.open("anna")


def test_export_and_import(anna: AvatarStore, tmp_path: Path) -> None:
    file = tmp_path / f"berta{SUFFIX}"
    anna.export("anna", file)
    other = AvatarStore(tmp_path / "other")
    assert other.import_archive(file).id == "berta"
    assert other.import_archive(file, "anna").frames == 4
    assert is_harmless(other)
    with pytest.raises(InputError, match="already"):
        other.import_archive(file)
    other.import_archive(file, refresh=True)
    with pytest.raises(OutputError, match=SUFFIX):
        anna.export("anna", tmp_path / "anna.zip")
    for nothing in (tmp_path / "nothing.lipsmith", tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match="no file"):
            other.import_archive(nothing, "cora")


def packed(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_size(files: dict[str, bytes], size: int) -> dict[str, bytes]:
    """Files whose manifest says that ``shared.roll`` has ``size`` bytes."""
    body = json.loads(files[NAME])
    del body["sum"]
    body["files"]["shared.roll"]["bytes"] = size
    return {**files, NAME: json.dumps({**body, "sum": _sum(body)}).encode()}


def said_to_be(path: Path, size: int) -> Path:
    """The archive with a directory that says the same."""
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"shared.roll") - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    data[entry + 20 : entry + 28] = 2 * size.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_hostile_archives(anna: AvatarStore, tmp_path: Path) -> None:
    good = {path.name: path.read_bytes() for path in files_of(anna)}
    flipped = bytearray(good["pictures.roll"])
    flipped[len(flipped) // 2] ^= 1
    bad = [
        packed(tmp_path / "more.lipsmith", {**good, "more": b""}),
        packed(tmp_path / "up.lipsmith", {**good, "../up": b""}),
        packed(tmp_path / "root.lipsmith", {**good, "/tmp/root": b""}),
        packed(tmp_path / "less.lipsmith", {NAME: good[NAME]}),
        packed(tmp_path / "packed.lipsmith", good, zipfile.ZIP_DEFLATED),
        packed(tmp_path / "longer.lipsmith", {**good, "shared.roll": b"x" * 1000}),
        packed(tmp_path / "flipped.lipsmith", {**good, "pictures.roll": bytes(flipped)}),
        packed(tmp_path / "empty.lipsmith", {}),
        packed(tmp_path / "deep.lipsmith", {**good, NAME: b"[" * 100_000}),
        packed(tmp_path / "spaces.lipsmith", {**good, NAME: b" " * (LARGEST + 1)}),
        said_to_be(packed(tmp_path / "shorter.lipsmith", with_size(good, 50_000)), 50_000),
        said_to_be(packed(tmp_path / "endless.lipsmith", with_size(good, 2**32 - 2)), 2**32 - 2),
    ]
    (tmp_path / "text.lipsmith").write_text("no archive")
    whole = packed(tmp_path / "whole.lipsmith", good).read_bytes()
    (tmp_path / "cut.lipsmith").write_bytes(whole[: len(whole) // 2])
    other = AvatarStore(tmp_path / "other")
    for path in [*bad, tmp_path / "text.lipsmith", tmp_path / "cut.lipsmith"]:
        with pytest.raises(AvatarBroken):
            other.import_archive(path)
    assert other.list() == []
    assert not (tmp_path / "up").exists()
    assert {path.name for path in other.root.iterdir()} == {".locks"}


def test_bytes_flipped_in_an_archive(anna: AvatarStore, tmp_path: Path) -> None:
    file, chance, other = tmp_path / "anna.lipsmith", random.Random(1), AvatarStore(tmp_path / "other")
    anna.export("anna", file)
    whole = file.read_bytes()
    for _ in range(100):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        file.write_bytes(data)
        shutil.rmtree(other.root, ignore_errors=True)
        try:
            other.import_archive(file)
        except AvatarBroken:
            assert other.list() == []
        else:
            assert is_harmless(other)


@pytest.mark.parametrize(
    "tree",
    [
        '{"record":"Popen","fields":{"args":"true"}}',
        '{"record":"Crop","fields":{}}',
        '{"record":"Crop","fields":{"matrix":1,"size":{"tuple":[1,1]},"box":null}}',
        '{"record":"Crop","fields":{"matrix":{"array":"0"},"size":{"tuple":[1,"1"]},"box":null}}',
        '{"array":"7"}',
        '{"part":[0,0,99,99]}',
        '{"part":[-1,0,1,1]}',
        '{"part":"abcd"}',
        '{"shared":0}',
        '{"odd":"__import__"}',
        '{"eval":"1"}',
        "{}",
        "[1]",
        "not json",
        '{"tuple":' * 200 + "1" + "}" * 200,
        '{"tuple":[' * 200 + "1" + "]}" * 200,
    ],
)
def test_trees_of_something_else(tree: str) -> None:
    from safetensors.numpy import save

    data = save({"tree": np.frombuffer(tree.encode(), np.uint8), "0": np.zeros((2, 3), np.float32)})
    with pytest.raises(AvatarBroken):
        deserialize(data, {"Crop": Crop}, np.zeros((4, 4, 3), np.uint8))


def test_other_values_are_not_serialized() -> None:
    for value in (object(), {1: 2}, np.array([object()]), b"bytes", Path("x"), {3}, Crop(np.eye(2, 3), (1, 1))):
        with pytest.raises(ValueError, match="stored"):
            serialize(value, {})


def test_a_manifest_without_the_later_fields_is_read(anna: AvatarStore) -> None:
    path = anna.root / "anna" / NAME
    body = json.loads(path.read_text())
    for name in ("sum", "key", "notices"):
        del body[name]
    path.write_text(json.dumps({**body, "sum": _sum(body)}))
    assert is_harmless(anna)
    assert anna.info("anna").notices == ()


OLD_TRANSITIONS = """ "bridges": [
  {
   "leave": 0,
   "enter": 5
  },
  {
   "leave": 5,
   "enter": 0
  }
 ],
"""
"""As every version so far wrote them; the key keeps its name on disk."""


def test_transitions_keep_their_name_on_disk(anna: AvatarStore, source: Path) -> None:
    anna.create("anna", source, FakeEngine(), AvatarOptions(clips={"wave": source}), refresh=True)
    path = anna.root / "anna" / NAME
    written = replace(read_manifest(path), transitions=(Transition(0, 5), Transition(5, 0)))
    write_manifest(path.parent, written)
    text = path.read_text()
    assert OLD_TRANSITIONS in text
    assert "transitions" not in text
    assert text.index('"clips"') < text.index('"bridges"') < text.index('"fingerprint"')
    assert read_manifest(path) == written
    rewritten(anna, transitions=[])
    with pytest.raises(AvatarBroken, match="fields"):
        read_manifest(path)
