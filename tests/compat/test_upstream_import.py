"""Avatars that others prepared stand on our shelf like any other, and speak."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from upstream_files import Made, made_plates, service_rows, write_folder, write_service

from goldens_recipe import named_normal

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lipsmith.avatars.store import AvatarStore
from lipsmith.compat.upstream_import import bring_upstream
from lipsmith.engines import load_engine
from lipsmith.errors import AvatarMissing, FaceError, InputError, OptionError

PLATES = made_plates(3)


@pytest.fixture
def shelf(tmp_path: Path) -> AvatarStore:
    return AvatarStore(tmp_path / "shelf")


def assert_stored(shelf: AvatarStore, name: str, made: list[Made]) -> None:
    with shelf.open(name) as avatar:
        plates = [avatar.plate(index) for index in range(avatar.info.frames)]
    assert len(plates) == len(made)
    for plate, one in zip(plates, made, strict=True):
        (target,) = plate.targets
        assert target.crop.box == one.patch.box
        assert np.array_equal(target.mask, one.patch.alpha)
        assert np.array_equal(target.material.latents, one.latents[0])  # type: ignore[attr-defined]
        assert np.abs(plate.image.astype(int) - one.image).mean() < 4  # kept as a video is


def test_a_realtime_folder_is_stored_whole(shelf: AvatarStore, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = write_folder(tmp_path / "avator_1", PLATES)
    info = bring_upstream(shelf, folder, progress=lambda stage: told.append((stage.name, stage.done, stage.total)))
    assert (info.id, info.engine, info.engine_version, info.frames) == ("avator_1", "musetalk", "v15", 3)
    assert info.options["bbox_shift"] == 5
    assert any("backwards" in notice for notice in info.notices)
    assert told == [("prepare", 1, 3), ("prepare", 2, 3), ("prepare", 3, 3)]
    assert_stored(shelf, "avator_1", PLATES)
    assert [one.id for one in shelf.list()] == ["avator_1"]
    shelf.check("avator_1")


def test_the_service_s_pickle_is_stored_without_loss(shelf: AvatarStore, tmp_path: Path) -> None:
    path = write_service(tmp_path, "xiaoha", service_rows([PLATES[0]] * 2))
    info = bring_upstream(shelf, path, "other", fps=Fraction(30), options={"version": "v15"})
    assert (info.id, info.frames, info.fps, info.engine_version) == ("other", 1, 30, "v15")
    with shelf.open("other") as avatar:
        assert np.array_equal(avatar.plate(0).image, PLATES[0].image)


def test_an_imported_plate_is_drawn(shelf: AvatarStore, tmp_path: Path) -> None:
    info = bring_upstream(shelf, write_service(tmp_path, "xiaoha", service_rows(PLATES)))
    engine = load_engine("musetalk", **{**info.options, "weights": "tiny", "device": "cpu"})
    with shelf.open("xiaoha") as avatar:
        (target,) = avatar.plate(1).targets
    drive = named_normal("drive", (50, 384))
    ((picture,),) = engine.render([[target.material]], [[drive]])
    assert picture.shape == (target.crop.size[1], target.crop.size[0], 3)


def test_a_name_that_is_taken_is_told_unless_refreshed(shelf: AvatarStore, tmp_path: Path) -> None:
    path = write_service(tmp_path, "xiaoha", service_rows(PLATES[:1]))
    bring_upstream(shelf, path)
    with pytest.raises(InputError, match="'xiaoha' already"):
        bring_upstream(shelf, path)
    assert bring_upstream(shelf, path, refresh=True).frames == 1
    with pytest.raises(OptionError, match="cannot be called"):
        bring_upstream(shelf, path, "../up")


def test_what_fails_on_the_way_leaves_nothing(shelf: AvatarStore, tmp_path: Path) -> None:
    rows = service_rows(PLATES)
    rows["frame_list_cycle"][2] = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match="all need one size"):
        bring_upstream(shelf, write_service(tmp_path, "a", rows))
    rows = service_rows(PLATES)
    rows["coord_list_cycle"] = [(0, 0, 0, 0)] * 3
    with pytest.raises(FaceError, match="shows no face"):
        bring_upstream(shelf, write_service(tmp_path, "a", rows))
    assert shelf.list() == []
    with pytest.raises(AvatarMissing):
        shelf.open("a")
