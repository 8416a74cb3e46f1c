"""The store: one avatar per request, what changed, many processes at once, killed processes, leftovers."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lipsmith.avatars.manifest import NAME, read_manifest, write_manifest
from lipsmith.avatars.options import AvatarOptions, engine_of, kept_options, stored_options
from lipsmith.avatars.paths import LOCKS, data_folder
from lipsmith.avatars.playback import SPEAKING, PlaybackCursor, PlaybackOrder
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines import engine_table, load_engine
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.errors import (
    AvatarBroken,
    AvatarMissing,
    AvatarStale,
    FaceError,
    InputError,
    OptionError,
    OutputError,
    PictureError,
)
from lipsmith.pipeline.speak import source_frames
from lipsmith.stopwatch import Stage
from lipsmith.types import EngineInfo
from tests.support import SUPPORT
from tests.support.drawn_people import draw_folder, drawn

KILLS = int(os.environ.get("LIPSMITH_TEST_KILLS", "3"))
PROGRAM = SUPPORT / "drawn_people.py"


class NewerFake(FakeEngine):
    @property
    def info(self) -> EngineInfo:
        return replace(super().info, version="2")


@dataclass(frozen=True)
class Shaped(FakeOptions):
    height: int = 90


class ShapedFake(FakeEngine):
    """One of its options shapes what it prepares."""

    def __init__(self) -> None:
        super().__init__(Shaped())


class OtherFake(ShapedFake):
    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name="other")


def test_an_avatar_is_what_was_asked_for(anna: AvatarStore) -> None:
    (info,) = anna.list()
    assert (info.id, info.size, info.frames, float(info.fps)) == ("anna", (50, 37), 4, 25)
    assert (info.engine, info.engine_version, info.faces, info.clips) == ("fake", "1", 1, ("idle",))
    assert info.bytes == sum(path.stat().st_size for path in (anna.root / "anna").rglob("*.*") if path.name != NAME)
    with anna.open("anna") as avatar:
        for index in (3, 0, 2, 2, 1):
            source_frame = avatar.source_frame(index)
            assert (source_frame.index, len(source_frame.faces), source_frame.faces[0].track) == (index, 1, 1)
            assert np.array_equal(source_frame.image, drawn(index))
        with pytest.raises(IndexError):
            avatar.source_frame(4)


def test_the_same_request_finds_the_avatar_at_once(anna: AvatarStore, source: Path) -> None:
    stages: list[Stage] = []
    before = anna.list()
    assert anna.create("anna", source, FakeEngine(), progress=stages.append) == before[0]
    assert stages == []


def test_an_option_that_shapes_nothing_is_taken_over(anna: AvatarStore, source: Path) -> None:
    data = sorted(anna.root.rglob("*.roll"))
    assert anna.create("anna", source, FakeEngine(FakeOptions(window=3))).options["window"] == 3
    assert sorted(anna.root.rglob("*.roll")) == data
    assert engine_of(anna.list()[0]).info.window == 3
    assert engine_of(anna.list()[0], {"window": 2}).info.window == 2  # for one run


def test_an_option_that_shaped_the_faces_is_not_changed_later(anna: AvatarStore) -> None:
    warp = load_engine("warp")
    info = replace(anna.list()[0], engine="warp", engine_version=warp.info.version, options=stored_options(warp))
    assert engine_of(info, {"life": 0.5}).options.life == 0.5  # type: ignore[attr-defined]
    with pytest.raises(OptionError, match="'interior' shapes the prepared faces of anna"):
        engine_of(info, {"interior": "drawn"})


def test_a_film_at_another_rate_repeats_frames_or_leaves_some_out(anna: AvatarStore) -> None:
    def order(fps: int) -> list[int]:
        with anna.open("anna") as avatar:
            avatar.play_at(Fraction(fps))
            assert avatar.info.fps == fps
            return [source_frame.index for source_frame in islice(source_frames(avatar), 9)]

    assert order(25) == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert order(50) == [0, 0, 1, 1, 2, 2, 3, 3, 2]
    assert order(10) == [0, 2, 1, 1, 2, 0, 3, 1, 2]  # every 5/2th


def test_an_engine_made_strict_turns_as_musetalk_does(anna: AvatarStore) -> None:
    path = anna.root / "anna" / NAME
    manifest = read_manifest(path)
    write_manifest(path.parent, replace(manifest, options={**manifest.options, "strict": True}))
    assert [cursor.index for cursor in islice(cursors(read_manifest(path).playback_order()), 10)] == [
        0,
        1,
        2,
        3,
        3,
        2,
        1,
        0,
        0,
        1,
    ]
    assert [cursor.index for cursor in islice(cursors(manifest.playback_order()), 10)] == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]


def cursors(order: PlaybackOrder) -> Iterator[PlaybackCursor]:
    cursor = order.start(speaking=True)
    while True:
        yield cursor
        cursor = order.after(cursor, speaking=True)


def test_options_that_the_engine_no_longer_knows_are_stale(anna: AvatarStore) -> None:
    path = anna.root / "anna" / NAME
    manifest = read_manifest(path)
    write_manifest(path.parent, replace(manifest, options={**manifest.options, "colour": "red"}))
    with pytest.raises(AvatarStale, match=r"anna was made by another version of the engine 'fake'.*colour.*--refresh"):
        anna.open("anna")


def test_an_avatar_of_an_older_engine_is_stale_not_damaged(anna: AvatarStore, tmp_path: Path) -> None:
    path = anna.root / "anna" / NAME
    write_manifest(path.parent, replace(read_manifest(path), engine_version="0"))
    with pytest.raises(
        AvatarStale, match=r"anna was made by the engine fake 0, and fake 1 .*create anna PICTURE --refresh"
    ):
        anna.check("anna")
    anna.export("anna", tmp_path / "old.lipsmith")
    with anna.open("anna") as avatar:
        assert avatar.source_frame(0).faces  # its records are those of the present version


def test_records_of_an_older_engine_are_stale_not_damaged(
    anna: AvatarStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = anna.root / "anna" / NAME
    write_manifest(path.parent, replace(read_manifest(path), engine_version="0"))
    anna.export("anna", tmp_path / "old.lipsmith")

    def refuse(*_: object) -> None:
        raise AvatarBroken("A stored record cannot be read (it has other fields).")

    monkeypatch.setattr("lipsmith.avatars.avatar.deserialize", refuse)
    with anna.open("anna") as avatar, pytest.raises(AvatarStale, match=r"fake 0, and fake 1 .*--refresh"):
        avatar.source_frame(0)
    with pytest.raises(AvatarStale, match=r"fake 0, and fake 1 "):
        anna.import_archive(tmp_path / "old.lipsmith", "anna2")


def test_what_changed_is_said(anna: AvatarStore, source: Path, tmp_path: Path) -> None:
    other = draw_folder(tmp_path / "other", 4, shade=9)
    with pytest.raises(AvatarStale, match=r"the source of the clip idle has changed.*--refresh"):
        anna.create("anna", other, FakeEngine())
    with pytest.raises(AvatarStale, match=r"fps was 25, now 30; faces was largest, now all"):
        anna.create("anna", source, FakeEngine(), AvatarOptions(fps="30", faces="all"))
    with pytest.raises(AvatarStale, match=r"engine version was 1, now 2"):
        anna.create("anna", source, NewerFake())
    with pytest.raises(AvatarStale, match=r"something else: engine was fake, now other\. "):
        anna.create("anna", source, OtherFake())
    with pytest.raises(AvatarStale, match=r"something else: height was None, now 90\. "):
        anna.create("anna", source, ShapedFake())
    with pytest.raises(AvatarStale, match=r"the clip wave is new"):
        anna.create("anna", source, FakeEngine(), AvatarOptions(clips={"wave": other}))
    anna.create("anna", other, FakeEngine(), refresh=True)
    with anna.open("anna") as avatar:
        assert np.array_equal(avatar.source_frame(1).image, drawn(1, 9))
    assert len(list((anna.root / "anna").iterdir())) == 2


def test_who_has_it_open_reads_on(anna: AvatarStore, tmp_path: Path) -> None:
    with anna.open("anna") as avatar:
        anna.create("anna", draw_folder(tmp_path / "other", 2, shade=9), FakeEngine(), refresh=True)
        anna.delete("anna")
        assert np.array_equal(avatar.source_frame(3).image, drawn(3))
    with pytest.raises(AvatarMissing):
        anna.open("anna")


def test_a_failed_making_leaves_what_was_there(anna: AvatarStore, tmp_path: Path) -> None:
    class Stumbling(FakeEngine):
        def prepare(self, image, face, identity):
            raise FaceError("no such face")

    with pytest.raises(FaceError, match="no such face"):
        anna.create("anna", draw_folder(tmp_path / "other", 2, shade=9), Stumbling(), refresh=True)
    with pytest.raises(PictureError):
        anna.create("berta", tmp_path / "nothing", FakeEngine())
    with pytest.raises(FaceError):
        anna.create("berta", tmp_path / "other", Stumbling())
    assert [info.id for info in anna.list()] == ["anna"]
    assert sorted(path.name for path in anna.root.iterdir()) == [LOCKS, "anna"]
    anna.check("anna")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of a file's size")
@pytest.mark.parametrize("room", [100, 2_000, 4_000])
def test_a_full_disk_is_reported_and_leaves_what_was_there(anna: AvatarStore, tmp_path: Path, room: int) -> None:
    """Files end where the limit is; what is small waits in memory until the end."""
    import resource

    other, before = draw_folder(tmp_path / "other", 4, shade=9), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written .*make room"):
            anna.create("anna", other, FakeEngine(), refresh=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    anna.check("anna")
    assert len(list((anna.root / "anna").iterdir())) == 2


def test_names(anna: AvatarStore, source: Path) -> None:
    for name in ("", ".anna", "../anna", "a/b", "a\\b", "-x", "con", "nul.txt", "x" * 65, "a.", "a b", "a\n", "\0"):
        with pytest.raises(OptionError):
            anna.create(name, source, FakeEngine())
        with pytest.raises(AvatarMissing):
            anna.open(name)
        with pytest.raises(AvatarMissing):
            anna.delete(name)
    assert anna.create("数字人-1", source, FakeEngine()).id == "数字人-1"
    with pytest.raises(AvatarMissing, match="Did you mean 'anna'"):
        anna.open("ana")


def test_renaming_and_deleting(anna: AvatarStore, source: Path) -> None:
    anna.create("berta", source, FakeEngine())
    with pytest.raises(InputError, match="already"):
        anna.rename("anna", "berta")
    assert anna.rename("anna", "cora").id == "cora"
    anna.check("cora")
    with pytest.raises(AvatarMissing):
        anna.rename("anna", "dora")
    anna.delete("berta")
    assert [info.id for info in anna.list()] == ["cora"]


def test_collecting_takes_the_longest_unused(anna: AvatarStore, source: Path) -> None:
    for age, name in enumerate(("berta", "cora")):
        anna.create(name, source, FakeEngine())
        os.utime(anna.root / name / NAME, (1000 + age, 1000 + age))
    size = anna.list()[0].bytes
    assert anna.collect_garbage(3 * size) == []
    assert anna.collect_garbage(size) == ["berta", "cora"]
    assert [info.id for info in anna.list()] == ["anna"]


def test_collecting_removes_leftovers_but_not_damaged_avatars(anna: AvatarStore, source: Path) -> None:
    anna.create("berta", source, FakeEngine())
    (anna.root / "berta" / NAME).write_text("{}")
    for name in ("anna", "left"):
        (anna.root / name / "0123456789abcdef").mkdir(parents=True)
        (anna.root / name / "0123456789abcdef" / "pictures.roll").write_bytes(b"half")
    assert anna.collect_garbage() == []
    assert sorted(path.name for path in anna.root.iterdir()) == [LOCKS, "anna", "berta"]
    assert len(list((anna.root / "anna").iterdir())) == 2
    anna.check("anna")
    assert list(anna.broken()) == ["berta"]
    anna.delete("berta")
    assert anna.broken() == {}


@pytest.mark.parametrize("file", ["targets.roll", "index.safetensors"])
@pytest.mark.parametrize("harm", ["gone", "short"])
def test_half_an_avatar_is_not_listed_and_made_again_by_the_same_request(
    anna: AvatarStore, source: Path, file: str, harm: str
) -> None:
    (found,) = anna.root.glob(f"anna/*/{file}")
    found.unlink() if harm == "gone" else os.truncate(found, found.stat().st_size // 2)
    assert anna.list() == []
    assert file in anna.broken()["anna"]
    assert "make the avatar again" in anna.broken()["anna"]
    anna.create("anna", source, FakeEngine())
    assert anna.broken() == {}
    assert anna.check("anna").id == "anna"
    found = next(anna.root.glob(f"anna/*/{file}"))
    found.unlink()
    assert anna.collect_garbage(0) == ["anna"]  # what is half there takes room, too


def test_what_is_not_ours_stays(anna: AvatarStore, source: Path) -> None:
    """A store may be in a folder that holds other things, in folders of the same names."""
    kept = []
    for name in ("anna", "berta", "holiday"):
        for path in (Path("letter.txt"), Path("photos") / "sea.jpg", Path("0123456789abcdef") / "sea.jpg"):
            kept.append(anna.root / name / path)
            kept[-1].parent.mkdir(parents=True, exist_ok=True)
            kept[-1].write_bytes(b"dear")
    anna.create("berta", source, FakeEngine())
    anna.create("berta", source, FakeEngine(), refresh=True)
    assert anna.collect_garbage() == []
    with pytest.raises(InputError, match="in the way"):
        anna.rename("anna", "holiday")
    anna.check("anna")
    (anna.root / "berta" / NAME).write_text("damaged")
    anna.delete("berta")
    anna.delete("anna")
    assert anna.collect_garbage(0) == []
    assert [path.read_bytes() for path in kept] == [b"dear"] * 9
    assert sorted(path for path in anna.root.rglob("*") if path.is_file() and LOCKS not in path.parts) == sorted(kept)


def test_several_clips_are_crossed_where_they_look_alike(anna: AvatarStore, source: Path, tmp_path: Path) -> None:
    talk = draw_folder(tmp_path / "talk", 12)
    info = anna.create("cora", source, FakeEngine(), AvatarOptions(clips={SPEAKING: talk}))
    assert (info.clips, info.frames) == (("idle", SPEAKING), 16)
    with anna.open("cora") as avatar:
        playback = avatar.playback
        assert {(one.leave, one.enter) for one in playback.transitions} <= {
            *((k, k + 4) for k in range(4)),
            *((k + 4, k) for k in range(4)),
        }
        assert playback.clips[1].idle == ()
        assert avatar.info.notices == ()
        assert np.array_equal(avatar.source_frame(4 + 7).image, drawn(7))
        assert avatar.source_frame(3).scene != avatar.source_frame(4).scene
    elsewhere = draw_folder(tmp_path / "elsewhere", 4, shade=90)
    (notice,) = anna.create("dora", source, FakeEngine(), AvatarOptions(clips={"wave": elsewhere})).notices
    assert "idle and wave nowhere look alike" in notice
    other = tmp_path / "small"
    other.mkdir()
    from lipsmith.media.stills import write_png

    write_png(other / "0.png", drawn(0)[:30, :40])
    with pytest.raises(PictureError, match="one size"):
        anna.create("emma", source, FakeEngine(), AvatarOptions(clips={"wave": other}))


def test_idle_ranges_are_long_and_closed(store: AvatarStore, tmp_path: Path, known_faces: None) -> None:
    store.create("anna", draw_folder(tmp_path / "long", 14), FakeEngine(), AvatarOptions(fps="5"))
    with store.open("anna") as avatar:
        assert avatar.playback.clips[0].idle == ((3, 5),)  # 13 alone is too short


def test_an_engine_of_another_version_is_refused(anna: AvatarStore, source: Path) -> None:
    anna.create("anna", source, NewerFake(), refresh=True)
    with pytest.raises(AvatarStale, match="fake 2, and fake 1"):
        engine_of(anna.list()[0])


def test_the_store_is_where_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path))
    assert AvatarStore().root == tmp_path
    monkeypatch.delenv("LIPSMITH_AVATARS")
    assert data_folder().parts[-2:] == ("lipsmith", "avatars")
    assert AvatarStore(tmp_path / "nowhere").list() == []


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, str(PROGRAM), *map(str, words)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_makers_killed_at_any_moment_break_nothing(tmp_path: Path) -> None:
    store, chance = AvatarStore(tmp_path / "store"), random.Random(0)
    sources = [draw_folder(tmp_path / f"source{shade}", 6, shade) for shade in (0, 9)]
    for _ in range(KILLS):
        with running(store.root, *sources) as child:
            time.sleep(chance.uniform(0, 0.25))
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert store.broken() == {}
        for info in store.list():
            store.check(info.id)
        if chance.random() < 0.3:
            shutil.rmtree(store.root / "anna", ignore_errors=True)
    store.collect_garbage()
    assert all(len(list(home.iterdir())) == 2 for home in store.root.iterdir() if home.name != LOCKS)


def test_many_processes_make_read_and_delete_at_once(tmp_path: Path) -> None:
    store, seen, missing = AvatarStore(tmp_path / "store"), set(), 0
    sources = [draw_folder(tmp_path / f"source{shade}", 3, shade) for shade in (0, 9)]
    with running(store.root, *sources), running(store.root, *sources[::-1]), running(store.root):
        until = time.monotonic() + 1.5
        while time.monotonic() < until or not seen:
            try:
                avatar = store.open("anna")
            except AvatarMissing:
                missing += 1
                continue
            with avatar:
                shades = [
                    [s for s in (0, 9) if np.array_equal(avatar.source_frame(k).image, drawn(k, s))] for k in range(3)
                ]
            assert shades[0] == shades[1] == shades[2]
            seen.add(shades[0][0])
            assert store.broken() == {}
    assert seen


def test_a_store_in_use_by_nobody_checks_out_after_all(anna: AvatarStore) -> None:
    with anna.open("anna") as avatar:
        (anna.root / "anna" / NAME).unlink()
        avatar.check()
    assert anna.list() == []
    with pytest.raises(AvatarMissing):
        anna.check("anna")
    with pytest.raises((AvatarMissing, AvatarBroken)):
        anna.export("anna", anna.root / "anna.lipsmith")


def test_an_option_of_a_run_is_not_kept(anna: AvatarStore) -> None:
    """How MuseTalk hears is said by every film and session; avatars of earlier versions hold a value of it."""
    spec = engine_table()["musetalk"]
    stored = stored_options(spec.load(spec.build({"weights": "tiny", "hearing": "live"})))
    assert "hearing" not in stored
    old = replace(anna.list()[0], engine="musetalk", options={**stored, "hearing": "whole"})
    assert kept_options(old) == stored
