"""The mark in the film can be read by us and by anyone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

import lipsmith
from lipsmith.errors import PictureError
from lipsmith.media.probe import read_provenance
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.provenance.metadata import SOURCE_TYPE, find_provenance, provenance_tags
from lipsmith.types import AVFrame, FilmInfo
from tests.support.made_media import noise, numbered, write_video


def write(path: Path, **options: object) -> Path:
    with FilmWriter(path, FilmInfo((64, 48), Fraction(25), 16000), None, FilmOptions(**options)) as film:  # type: ignore[arg-type]
        film.write(AVFrame(0, numbered(0), noise(640)))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm"])
def test_a_film_says_how_it_was_made(tmp_path: Path, name: str) -> None:
    mark = read_provenance(write(tmp_path / name, engine="fake 1"))
    assert mark == provenance_tags("fake 1")
    assert mark["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert mark["software"] == f"Lipsmith {lipsmith.__version__}"
    assert mark["engine"] == "fake 1"
    assert "AI-generated" in mark["comment"]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm"])
def test_other_programs_find_it_in_the_metadata(tmp_path: Path, name: str) -> None:
    with av.open(str(write(tmp_path / name))) as container:
        values = {key.lower(): value for key, value in container.metadata.items()}
    assert values["digital_source_type"] == SOURCE_TYPE
    assert SOURCE_TYPE.encode() in (tmp_path / name).read_bytes()


def test_an_mp4_says_it_in_xmp_too(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    path = write(tmp_path / "a.mp4")
    with av.open(str(path), container_options={"export_xmp": "1"}) as container:
        packet = container.metadata["xmp"]
    root = ElementTree.fromstring(packet)
    said = next(root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")).attrib
    assert said["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] == SOURCE_TYPE
    assert said["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == f"Lipsmith {lipsmith.__version__}"
    boxes = box_names(path.read_bytes())
    assert boxes[0] == b"ftyp"
    assert boxes.index(b"moov") < boxes.index(b"mdat") < boxes.index(b"uuid")


def box_names(data: bytes) -> list[bytes]:
    names, start = [], 0
    while start < len(data):
        names.append(data[start + 4 : start + 8])
        start += int.from_bytes(data[start : start + 4], "big")
    assert start == len(data)
    return names


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_it_can_be_left_out(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, marked=False)
    assert read_provenance(path) is None
    assert b"digitalsourcetype" not in path.read_bytes()


def test_other_films_have_none(tmp_path: Path) -> None:
    assert read_provenance(write_video(tmp_path / "a.mp4", [numbered(0)] * 2)) is None
    assert find_provenance({"comment": "holiday"}) is None


def test_what_is_no_film_is_said(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        read_provenance(tmp_path / "a.mp4")
