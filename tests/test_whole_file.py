"""Files get their names whole, and spare what is there if they shall."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipsmith.whole_file import place


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_there_stays_and_the_new_one_stands_beside_it(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", refuse)
    film = write(tmp_path / "film.mp4", "old")
    made = [place(write(tmp_path / "part", str(k)), film, overwrite=False) for k in range(2)]
    assert made == [tmp_path / "film-2.mp4", tmp_path / "film-3.mp4"]
    assert place(write(tmp_path / "part", "free"), tmp_path / "free.mp4", overwrite=False) == tmp_path / "free.mp4"
    assert place(write(tmp_path / "part", "new"), film) == film
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "film.mp4": "new", "film-2.mp4": "0", "film-3.mp4": "1", "free.mp4": "free"
    }  # fmt: skip
