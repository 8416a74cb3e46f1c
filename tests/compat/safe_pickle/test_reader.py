"""Pickles and torch's files: what plain ones hold comes out, and what is not plain is refused before it can act."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lipsmith.compat.safe_pickle.reader import read_pickle, read_tensors
from lipsmith.errors import InputError

QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text() | st.binary()
    | arrays.arrays(st.sampled_from([np.uint8, np.int64, np.float32, np.float16, np.bool_]), arrays.array_shapes())
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=8,
)


def same(read: Any, given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return read.dtype == given.dtype and read.shape == given.shape and read.tobytes() == given.tobytes()
    if isinstance(given, (list, tuple)):
        return type(read) is type(given) and len(read) == len(given) and all(map(same, read, given))
    if isinstance(given, dict):
        return list(read) == list(given) and all(same(read[key], given[key]) for key in given)
    return bytes(read) == given if isinstance(given, bytes) else type(read) is type(given) and read == given


def refusal(path: Path, data: bytes, read: Any = read_pickle) -> str:
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    return str(caught.value)


@QUIET
@given(value=VALUES, protocol=st.integers(2, 5))
def test_plain_values_come_out_as_they_went_in(tmp_path: Path, value: Any, protocol: int) -> None:
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert same(read_pickle(path), value)


@pytest.mark.parametrize("protocol", range(6))
def test_what_upstream_writes_is_read(tmp_path: Path, protocol: int) -> None:
    """Boxes of numpy's integers, arrays in either order, arrays of the other byte order."""
    wrote = {
        "boxes": [(np.int64(3), np.int32(4), np.float32(0.5), 9)],
        "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "swapped": np.arange(3, dtype=">i4"),
        "nothing": np.zeros((0, 4)),
        "ordered": collections.OrderedDict(first=1, second=2),
        "one array twice": [np.eye(2)] * 2,
    }
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(wrote, protocol))
    read = read_pickle(path)
    assert read["boxes"] == [(3, 4, 0.5, 9)]
    assert read["ordered"] == {"first": 1, "second": 2}
    assert all(np.array_equal(read[name], wrote[name]) for name in ("Fortran", "swapped", "nothing"))
    assert read["one array twice"][0] is read["one array twice"][1]


def test_numpy_2_s_names_are_known(tmp_path: Path) -> None:
    path = tmp_path / "value.pkl"
    wrote = [np.arange(3), np.float32(2)]
    path.write_bytes(pickle.dumps(wrote, 2).replace(b"numpy.core.", b"numpy._core."))
    assert np.array_equal(read_pickle(path)[0], wrote[0])


def test_arrays_are_views_that_nobody_can_change(tmp_path: Path) -> None:
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(np.zeros((10, 10), np.uint8), 5))
    assert not read_pickle(path).flags.writeable


class Reduced:
    """Pickles as a call of anything."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return self.parts


class Plain:
    """An object of somebody's class."""


TRACE = "lipsmith-was-here"
HOSTILE: dict[str, Any] = {
    "a shell": Reduced(os.system, (f"touch {TRACE}",)),
    "eval": Reduced(eval, (f"open({TRACE!r}, 'w')",)),
    "exec": Reduced(exec, (f"open({TRACE!r}, 'w')",)),
    "a file": Reduced(open, (TRACE, "w")),
    "an import": Reduced(__import__, ("antigravity",)),
    "getattr": Reduced(getattr, ((), "__class__")),
    "another pickle": Reduced(pickle.loads, (b"N.",)),
    "an object": Plain(),
    "a state": Reduced(collections.OrderedDict, (), {"__setstate__": 1}),
    "a state for an array": Reduced(np.ndarray, ((2,),), {"a": 1}),
    "objects in an array": np.array([None, Plain()], object),
    "records": np.zeros(2, [("a", "u1"), ("b", "f4")]),
    "text in an array": np.array(["a"]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "a set": {1, 2},
    "a frozen set": frozenset([1]),
    "an endless integer": 1 << 4000,
    "a key that costs": {(1, (2, 3)): 4},
    "a complex number": 1j,
    "numpy's own reader": Reduced(np.load, (TRACE,)),
    "numpy's reader of text": Reduced(np.fromfile, (TRACE,)),
    "a codec": Reduced(__import__("codecs").encode, ("a", "rot13")),
}


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_plain_is_refused_and_never_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refusal(tmp_path / "hostile.pkl", pickle.dumps([HOSTILE[name]], protocol))
    assert "is refused" in said or "damaged" in said
    assert "\n" not in said
    assert not (tmp_path / TRACE).exists()


def test_a_list_that_holds_itself_is_refused(tmp_path: Path) -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "hold themselves" in refusal(tmp_path / "ring.pkl", pickle.dumps(ring))


def test_depth_is_refused_and_neither_end_of_it_crashes(tmp_path: Path) -> None:
    said = refusal(tmp_path / "deep.pkl", b"\x80\x04" + b"]" * 300_000 + b"a" * 299_999 + b".")
    assert "nested" in said
    tuples = b"\x80\x04)" + b"\x85" * 300_000 + b"."
    assert "nested" in refusal(tmp_path / "deep.pkl", tuples)


def test_a_few_bytes_do_not_become_many(tmp_path: Path) -> None:
    """Laughs by the billion, text encoded again and again, arrays larger than their bytes, a length of 16 EiB."""
    path = tmp_path / "bomb.pkl"
    laughs = b"\x80\x04]\x94" + b"".join(b"(h%ch%c" % (i, i) + b"t\x94" for i in range(60)) + b"."
    assert "nested" in refusal(path, laughs)
    text = b"X" + struct.pack("<I", 1 << 16) + b"a" * (1 << 16)
    again = b"\x80\x02c_codecs\nencode\nq\x00" + text + b"\x8c\x06latin1\x86q\x01"
    assert "blows up" in refusal(path, again + b"(" + b"h\x00h\x01R" * 100 + b"l.")
    huge = pickle.dumps(np.zeros(4, np.uint8), 2).replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85", 1)
    assert "damaged" in refusal(path, huge)
    assert "damaged" in refusal(path, b"\x80\x04\x8e" + b"\xff" * 8 + b"abc.")


@pytest.mark.parametrize("data", [b"", b"\x80", b"not a pickle", b"\x80\x04.", b"\x80\x04h\x05.", b"(t(", b"N", b"Q."])
def test_a_file_that_is_no_pickle_is_refused(tmp_path: Path, data: bytes) -> None:
    said = refusal(tmp_path / "a.pkl", data)
    assert any(word in said for word in ("is empty", "is damaged", "is refused"))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.pkl cannot be read"):
        read_pickle(tmp_path / "gone.pkl")


def plain_or_refused(path: Path, data: bytes, read: Any) -> None:
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        repr(read(path))


SAMPLE = {
    "boxes": [(1, 2, 3, 4)] * 2,
    "frames": [np.arange(24, dtype=np.uint8).reshape(2, 4, 3)],
    "fps": np.float64(25),
}


@QUIET
@given(st.data())
def test_damage_anywhere_is_one_sentence_or_a_value(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(pickle.dumps(SAMPLE, data.draw(st.sampled_from([2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    plain_or_refused(tmp_path / "a.pkl", bytes(raw[: data.draw(st.integers(0, len(raw)))]), read_pickle)
    plain_or_refused(tmp_path / "a.pkl", bytes(raw), read_pickle)


@QUIET
@given(st.lists(st.sampled_from(list(b"().0NRbabc]}stuehqr\x81\x82\x85\x86\x87\x93\x94K\x01M\x00G")), max_size=60))
def test_any_order_of_instructions_is_one_sentence_or_a_value(tmp_path: Path, code: list[int]) -> None:
    plain_or_refused(tmp_path / "a.pkl", bytes(code) + b".", read_pickle)


class TestTorch:
    """Needs torch to write; reading needs none."""

    @pytest.fixture
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    @pytest.fixture
    def tensors(self, torch: Any) -> list[Any]:
        base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7
        kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]
        looks = [base[:, 1:], base.permute(2, 0, 1), base[0, 0, 1], torch.zeros(0, 3), torch.nn.Parameter(base)]
        return [base, *(base.to(kind) for kind in kinds), *looks]

    @pytest.mark.parametrize("archive", [True, False])
    def test_tensors_come_out_as_they_went_in(
        self, torch: Any, tensors: list[Any], tmp_path: Path, archive: bool
    ) -> None:
        path = tmp_path / "latents.pt"
        torch.save({"state_dict": tensors}, path, _use_new_zipfile_serialization=archive)
        read = read_tensors(path)["state_dict"]
        assert all(
            np.array_equal(ours, theirs.detach().float() if theirs.dtype == torch.bfloat16 else theirs.detach())
            for ours, theirs in zip(read, tensors, strict=True)
        )
        assert [one.dtype for one in read[:3]] == [np.float32, np.float16, np.float32]

    @pytest.mark.parametrize("protocol", [2, 5])
    def test_tensors_in_a_plain_pickle(self, torch: Any, tensors: list[Any], tmp_path: Path, protocol: int) -> None:
        path = tmp_path / "template_preprocessed.pkl"
        path.write_bytes(pickle.dumps({"latents": tensors}, protocol))
        read = read_pickle(path)["latents"]
        assert np.array_equal(read[0], tensors[0])
        assert np.array_equal(read[2], tensors[2].float())

    def test_tensors_from_a_gpu_are_read_where_there_is_none(self, torch: Any, tmp_path: Path) -> None:
        saved, path = io.BytesIO(), tmp_path / "latents.pt"
        torch.save([torch.arange(3).half()], saved, _use_new_zipfile_serialization=False)
        path.write_bytes(saved.getvalue().replace(b"\x03\x00\x00\x00cpu", b"\x06\x00\x00\x00cuda:0"))
        assert read_tensors(path)[0].tolist() == [0, 1, 2]

    def test_a_hostile_archive_is_refused(self, torch: Any, tmp_path: Path) -> None:
        path = tmp_path / "latents.pt"
        torch.save(HOSTILE["a shell"], path)
        with pytest.raises(InputError, match=r"system', which is not a plain value"):
            read_tensors(path)
        torch.save(torch.nn.Linear(1, 1), path)
        with pytest.raises(InputError, match="is refused"):
            read_tensors(path)

    def test_a_view_beyond_its_storage_is_damage(self, torch: Any, tmp_path: Path) -> None:
        saved = io.BytesIO()
        torch.save(torch.zeros(4), saved, _use_new_zipfile_serialization=False)
        for old, new in ((b"K\x04\x85q", b"K\x09\x85q"), (b"K\x01\x85q", b"K\x05\x85q")):
            assert saved.getvalue().count(old) == 1
            said = refusal(tmp_path / "a.pt", saved.getvalue().replace(old, new), read_tensors)
            assert "looks beyond its 4 numbers" in said

    def test_an_archive_that_unpacks_to_more_is_refused(self, torch: Any, tmp_path: Path) -> None:
        saved, packed = io.BytesIO(), tmp_path / "packed.pt"
        torch.save([torch.zeros(1 << 20)], saved)
        with zipfile.ZipFile(saved) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))
        with pytest.raises(InputError, match="compressed"):
            read_tensors(packed)

    @pytest.mark.parametrize("archive", [True, False])
    def test_damage_anywhere_is_one_sentence_or_a_value(self, torch: Any, tmp_path: Path, archive: bool) -> None:
        saved, path = io.BytesIO(), tmp_path / "a.pt"
        torch.save([torch.ones(2, 3), torch.zeros(5).bfloat16()], saved, _use_new_zipfile_serialization=archive)
        random = np.random.default_rng(7)
        for _ in range(300):
            raw = bytearray(saved.getvalue())
            for place in random.integers(0, len(raw), 3):
                raw[place] = random.integers(256)
            plain_or_refused(
                path, bytes(raw[: random.integers(1, len(raw) + 1)] if random.random() < 0.3 else raw), read_tensors
            )
