"""What the C# program's calls do, inside this process: frame rates, and reading what others prepared without torch."""

from __future__ import annotations

import io
import sys
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.avatars.options import AvatarOptions
from lipsmith.avatars.store import AvatarStore
from lipsmith.compat.csharp.actions import execute
from lipsmith.compat.csharp.flags import ServiceFlags
from lipsmith.compat.csharp.output import Answer, LineOutput
from lipsmith.compat.csharp.store import open_template
from lipsmith.engines.fake import FakeEngine
from lipsmith.media.probe import probe
from tests.support.upstream_files import made_frames, service_rows, write_service


@pytest.fixture
def cache(tmp_path: Path, astronaut_file: Path) -> Path:
    """A still template at 25 fps and one of four pictures at 30, and 0.4 s of speech beside them."""
    store = AvatarStore(tmp_path / "cache")
    with Pillow.open(astronaut_file) as picture:
        small = picture.resize((128, 128))
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):
        small.save(folder / f"{number}.png")
    store.create("still", folder / "0.png", FakeEngine())
    store.create("moving", folder, FakeEngine(), AvatarOptions(fps="30"))
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(np.arange(6_400) * 0.05)).astype("<i2").tobytes())
    return store.root


def spoken(cache: Path, template: str, fps: int) -> Answer:
    files = {"audio_path": str(cache.parent / "tone.wav"), "output_path": str(cache.parent / f"{template}.mp4")}
    flags = ServiceFlags("inference", template, "cpu", str(cache), fps=fps, **files)
    return execute(flags, LineOutput(io.StringIO()))


def test_a_film_has_the_rate_that_is_asked_for(cache: Path) -> None:
    for template, asked, said in (("still", 50, False), ("moving", 25, True), ("moving", 30, False)):
        answer = spoken(cache, template, asked)
        film = probe(Path(answer["output_path"]))
        assert (answer["fps"], film.fps, film.frames) == (asked, asked, asked * 2 // 5)
        assert ("重新采样" in answer.get("notice", "")) == said


def test_what_others_prepared_is_imported_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "diffusers", "transformers", "accelerate"):
        monkeypatch.setitem(sys.modules, package, None)
    made, older = made_frames(3), tmp_path / "xiaoha"  # where the avatar will lie, too
    older.mkdir()
    write_service(older, "xiaoha", service_rows(made + made[::-1]))
    left = {path: path.read_bytes() for path in older.iterdir()}
    flags = ServiceFlags("check_cache", "xiaoha", cache_dir=str(tmp_path))
    with open_template(flags, LineOutput(io.StringIO())) as avatar:
        avatar.check()
        assert (avatar.info.engine, avatar.info.frames, avatar.info.fps) == ("musetalk", 3, Fraction(25))
        assert {path: path.read_bytes() for path in left} == left
        assert np.array_equal(avatar.source_frame(1).faces[0].material.latents, made[1].latents[0])  # type: ignore[attr-defined]
