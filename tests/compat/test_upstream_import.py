"""Avatars that other programs prepared are stored like any other, and speak."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.support.goldens import named_normal
from tests.support.upstream_files import Made, made_frames, service_rows, write_folder, write_service

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.avatars.store import AvatarStore
from lipsmith.compat.upstream_import import import_upstream
from lipsmith.engines import load_engine
from lipsmith.errors import AvatarMissing, FaceError, InputError, OptionError

FRAMES = made_frames(3)


@pytest.fixture
def store(tmp_path: Path) -> AvatarStore:
    return AvatarStore(tmp_path / "store")


def assert_stored(store: AvatarStore, name: str, made: list[Made]) -> None:
    with store.open(name) as avatar:
        source_frames = [avatar.source_frame(index) for index in range(avatar.info.frames)]
    assert len(source_frames) == len(made)
    for source_frame, one in zip(source_frames, made, strict=True):
        (face,) = source_frame.faces
        assert face.crop.box == one.patch.box
        assert np.array_equal(face.mask, one.patch.alpha)
        assert np.array_equal(face.material.latents, one.latents[0])  # type: ignore[attr-defined]
        assert np.abs(source_frame.image.astype(int) - one.image).mean() < 4  # stored as lossy video


def test_a_realtime_folder_is_stored_whole(store: AvatarStore, tmp_path: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    folder = write_folder(tmp_path / "avator_1", FRAMES)
    info = import_upstream(store, folder, progress=lambda stage: stages.append((stage.name, stage.done, stage.total)))
    assert (info.id, info.engine, info.engine_version, info.frames) == ("avator_1", "musetalk", "v15", 3)
    assert info.options["bbox_shift"] == 5
    assert any("backwards" in notice for notice in info.notices)
    assert stages == [("prepare", 1, 3), ("prepare", 2, 3), ("prepare", 3, 3)]
    assert_stored(store, "avator_1", FRAMES)
    assert [one.id for one in store.list()] == ["avator_1"]
    store.check("avator_1")


def test_the_service_s_pickle_is_stored_without_loss(store: AvatarStore, tmp_path: Path) -> None:
    path = write_service(tmp_path, "xiaoha", service_rows([FRAMES[0]] * 2))
    info = import_upstream(store, path, "other", fps=Fraction(30), options={"version": "v15"})
    assert (info.id, info.frames, info.fps, info.engine_version) == ("other", 1, 30, "v15")
    with store.open("other") as avatar:
        assert np.array_equal(avatar.source_frame(0).image, FRAMES[0].image)


def test_an_imported_frame_is_drawn(store: AvatarStore, tmp_path: Path) -> None:
    info = import_upstream(store, write_service(tmp_path, "xiaoha", service_rows(FRAMES)))
    engine = load_engine("musetalk", **{**info.options, "weights": "tiny", "device": "cpu"})
    with store.open("xiaoha") as avatar:
        (face,) = avatar.source_frame(1).faces
    drive = named_normal("drive", (50, 384))
    ((picture,),) = engine.render([[face.material]], [[drive]])
    assert picture.shape == (face.crop.size[1], face.crop.size[0], 3)


def test_a_name_that_is_taken_is_refused_unless_refreshed(store: AvatarStore, tmp_path: Path) -> None:
    path = write_service(tmp_path, "xiaoha", service_rows(FRAMES[:1]))
    import_upstream(store, path)
    with pytest.raises(InputError, match="'xiaoha' already"):
        import_upstream(store, path)
    assert import_upstream(store, path, refresh=True).frames == 1
    with pytest.raises(OptionError, match="cannot be called"):
        import_upstream(store, path, "../up")


def test_what_fails_on_the_way_leaves_nothing(store: AvatarStore, tmp_path: Path) -> None:
    rows = service_rows(FRAMES)
    rows["frame_list_cycle"][2] = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match="all need one size"):
        import_upstream(store, write_service(tmp_path, "a", rows))
    rows = service_rows(FRAMES)
    rows["coord_list_cycle"] = [(0, 0, 0, 0)] * 3
    with pytest.raises(FaceError, match="shows no face"):
        import_upstream(store, write_service(tmp_path, "a", rows))
    assert store.list() == []
    with pytest.raises(AvatarMissing):
        store.open("a")
