"""Avatars that others prepared become the very frames that our own preparation makes, or one error."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.compat.upstream_avatar import UpstreamAvatar, is_upstream, read_upstream
from lipsmith.engines.musetalk.prepare import MuseTalkMaterial
from lipsmith.errors import InputError
from lipsmith.types import SourceFrame
from tests.support.upstream_files import Made, made_frames, service_rows, write_folder, write_service

FRAMES = made_frames(3)


def frames_of(read: UpstreamAvatar) -> list[SourceFrame]:
    images = [read.gallery.image(index) for index in range(read.frames)]
    return [SourceFrame(index, image, read.faces(index, image)) for index, image in enumerate(images)]


def assert_same(read: UpstreamAvatar, made: list[Made]) -> None:
    source_frames = frames_of(read)
    assert [source_frame.index for source_frame in source_frames] == list(range(len(made)))
    for source_frame, one in zip(source_frames, made, strict=True):
        (face,) = source_frame.faces
        assert isinstance(face.material, MuseTalkMaterial)
        assert np.array_equal(source_frame.image, one.image)
        assert face.crop.box == one.patch.box
        assert np.array_equal(face.mask, one.patch.alpha)
        assert np.array_equal(face.material.latents, one.latents[0])
        assert face.material.patch.face == one.box


class TestFolder:
    """MuseTalk's realtime script; torch writes its latents."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        pytest.importorskip("torch")
        return write_folder(tmp_path / "avator_1", FRAMES)

    def test_it_becomes_our_frames_without_the_backward_half(self, folder: Path) -> None:
        read = read_upstream(folder)
        assert_same(read, FRAMES)
        assert (read.name, read.frames, read.fps) == ("avator_1", 3, Fraction(25))
        assert read.options == {"version": "v15", "bbox_shift": 5, "feather": 0.1}
        assert any("3 of its 6 frames" in notice for notice in read.notices)
        assert is_upstream(folder)

    def test_frames_that_are_not_mirrored_all_stay(self, folder: Path) -> None:
        for name in ("full_imgs", "mask"):
            (folder / name / "00000005.png").write_bytes((folder / name / "00000001.png").read_bytes())
        assert read_upstream(folder).frames == 6

    def test_an_old_info_is_of_version_1(self, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        read = read_upstream(write_folder(tmp_path / "old", FRAMES[:1], {"bbox_shift": -7}))
        assert read.options["version"] == "v1"
        assert read.options["bbox_shift"] == -7
        assert read.frames == 1

    @pytest.mark.parametrize("name", ["full_imgs", "mask", "coords.pkl", "mask_coords.pkl", "latents.pt"])
    def test_a_missing_part_is_named(self, folder: Path, name: str) -> None:
        (folder / name).rename(folder / "gone")
        with pytest.raises(InputError, match=rf"{name} not found, but .*gone"):
            read_upstream(folder)

    def test_lists_of_other_lengths_are_reported(self, folder: Path) -> None:
        (folder / "full_imgs" / "00000005.png").unlink()
        with pytest.raises(InputError, match="has 5 pictures, but 6 boxes"):
            read_upstream(folder)

    def test_a_damaged_picture_is_reported_when_it_is_read(self, folder: Path) -> None:
        (folder / "mask" / "00000001.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        read = read_upstream(folder)
        with pytest.raises(InputError, match=r"00000001\.png"):
            frames_of(read)

    def test_a_hostile_part_is_refused(self, folder: Path) -> None:
        (folder / "coords.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
        with pytest.raises(InputError, match=r"os\.system"):
            read_upstream(folder)


class TestPickle:
    """The C# service; no torch is needed where its latents are arrays."""

    @pytest.fixture
    def write(self, tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
        return lambda rows: write_service(tmp_path, "小哈 1", rows)

    def test_one_picture_twice_becomes_one_frame(self, write: Callable[..., Path]) -> None:
        read = read_upstream(write(service_rows([FRAMES[0]] * 2)))
        assert_same(read, FRAMES[:1])
        assert read.name == "小哈 1"
        assert read.options == {"version": "v1", "bbox_shift": -3, "parsing_mode": "jaw", "feather": 0.1}

    def test_a_film_forward_and_backward_becomes_the_forward_half(self, write: Callable[..., Path]) -> None:
        assert_same(read_upstream(write(service_rows(FRAMES + FRAMES[::-1]))), FRAMES)

    def test_tensors_are_read(self, write: Callable[..., Path]) -> None:
        torch = pytest.importorskip("torch")
        assert_same(read_upstream(write(service_rows(FRAMES, torch.from_numpy))), FRAMES)

    def test_the_folder_of_one_template_is_read(self, write: Callable[..., Path]) -> None:
        path = write(service_rows(FRAMES))
        assert is_upstream(path.parent)
        assert_same(read_upstream(path.parent), FRAMES)

    def test_other_spellings_and_a_frame_rate(self, write: Callable[..., Path]) -> None:
        rows = service_rows(FRAMES)
        old = {"frames": "frame_list_cycle", "coords": "coord_list_cycle", "masks": "mask_list_cycle"}
        read = read_upstream(write({**rows, **{new: rows.pop(name) for new, name in old.items()}, "fps": 30.0}))
        assert_same(read, FRAMES)
        assert read.fps == 30
        assert read.notices == ()

    def test_frames_without_a_face_are_cutaways(self, write: Callable[..., Path]) -> None:
        """Upstream's preparation leaves no latents and no mask for them, and its later frames take the wrong ones."""
        rows = service_rows(FRAMES)
        rows["coord_list_cycle"][1] = (0.0, 0.0, 0.0, 0.0)
        del rows["input_latent_list_cycle"][1], rows["mask_coords_list_cycle"][1]
        source_frames = frames_of(read_upstream(write(rows)))
        assert [len(source_frame.faces) for source_frame in source_frames] == [1, 0, 1]
        assert np.array_equal(source_frames[2].faces[0].material.latents, FRAMES[2].latents[0])  # type: ignore[attr-defined]

    def test_what_is_missing_and_what_is_there_are_reported(self, write: Callable[..., Path]) -> None:
        rows = service_rows(FRAMES)
        del rows["frame_list_cycle"]
        with pytest.raises(InputError, match=r"lacks pictures \(frame_list_cycle\); it holds coord_list_cycle, .*"):
            read_upstream(write(rows))

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("coord_list_cycle", [(1, 2, 3)] * 3, "box 0 is"),
            ("coord_list_cycle", [(5, 5, 5, 9)] * 3, "is empty"),
            ("coord_list_cycle", [np.ones((133, 2))] * 3, "four numbers"),
            ("coord_list_cycle", [(0, 0, 9e9, 9)] * 3, "box 0 is"),
            ("coord_list_cycle", [(0, 0, 90_000, 90_000)] * 3, "is 120 x 90 px, but its face"),
            ("input_latent_list_cycle", [np.zeros((1, 4, 32, 32), np.float32)] * 3, "latents 0 are"),
            ("input_latent_list_cycle", [np.full((8, 32, 32), np.nan, np.float32)] * 3, "not all numbers"),
            ("mask_list_cycle", [np.zeros((256, 256), np.uint8)] * 3, "mask 0 has 256 x 256 px"),
            ("mask_list_cycle", [], "mask 0 is NoneType"),
            ("mask_list_cycle", 7, "mask 0 is NoneType"),
            ("frame_list_cycle", [np.zeros((4, 4), np.uint8)] * 3, "picture 0 is"),
            ("frame_list_cycle", [np.zeros((4, 4, 3))] * 3, "picture 0 is float64"),
            ("frame_list_cycle", [], "holds no pictures"),
            ("frame_list_cycle", "abc", "holds no pictures"),
        ],
    )
    def test_what_does_not_fit_is_reported(self, write: Callable[..., Path], key: str, value: Any, said: str) -> None:
        with pytest.raises(InputError, match=said):
            frames_of(read_upstream(write({**service_rows(FRAMES), key: value})))

    def test_no_dict_is_reported(self, tmp_path: Path) -> None:
        path = tmp_path / "a_preprocessed.pkl"
        path.write_bytes(pickle.dumps([1, 2]))
        with pytest.raises(InputError, match="holds a list"):
            read_upstream(path)
