"""``MuseTalkPipeline`` as guides write it, with tiny random weights."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsmith.compat import MuseTalkPipeline
from lipsmith.compat.musetalk_pipeline import _weights
from lipsmith.errors import FaceError, LipsmithError, OptionError
from lipsmith.media.video import open_video_source
from lipsmith.types import Image

for name in ("torch", "diffusers", "transformers"):
    pytest.importorskip(name)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 4 frames at 25 fps."""
    path = tmp_path_factory.mktemp("speech") / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(2).integers(-3000, 3000, 2560).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def pipeline() -> MuseTalkPipeline:
    return MuseTalkPipeline(model_path="tiny", device="cpu", precision="fp32")


def test_the_lines_of_the_guides_make_a_film(
    pipeline: MuseTalkPipeline, astronaut_file: Path, speech: Path, tmp_path: Path
) -> None:
    film = pipeline.generate(
        reference_image=str(astronaut_file), audio=str(speech), output=str(tmp_path / "made" / "out.mp4"), bbox=None
    )
    assert film == str(tmp_path / "made" / "out.mp4")
    assert pipeline.report
    assert (pipeline.report.engine, pipeline.report.frames, pipeline.report.rendered) == ("musetalk", 4, 4)


def test_a_box_moves_what_is_drawn_and_the_film_has_a_name_of_its_own(
    pipeline: MuseTalkPipeline, astronaut: Image, astronaut_file: Path, speech: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    film = pipeline.generate(astronaut_file, speech, bbox=[150.0, 40.0, 290.4, 240.0])
    assert film == "astronaut_words.mp4"
    assert pipeline.report
    change = np.abs(next(iter(open_video_source(Path(film)).frames())).astype(int) - astronaut).mean(2)
    assert change[140:240, 150:290].mean() > 3 * change[300:].mean()  # noise in the lower half of the box
    with pytest.raises(LipsmithError, match="four whole numbers"):
        pipeline.generate(astronaut_file, speech, bbox=[1, 2, 3])


def test_what_cannot_be_done_is_said_and_the_film_is_made_all_the_same() -> None:
    def said(**words: object) -> str:
        with pytest.warns(UserWarning, match=r"\.$") as seen:
            MuseTalkPipeline("tiny", **words)  # type: ignore[arg-type]
        assert Path(seen[0].filename) == Path(__file__)
        return " ".join(str(one.message) for one in seen)

    assert "precision fp16 needs a GPU" in said(device="cpu", precision="fp16")
    assert "device is 'cuda:9'" in said(device="cuda:9")
    assert "draws a face with 256 px" in said(device="cpu", face_size=128)
    assert "feather=0.1 is softer" in said(device="cpu", paste_back={"feather_radius": 10, "blur_kernel": 15})
    MuseTalkPipeline("tiny", "cpu", face_size=256)  # nothing to say


def test_words_that_nobody_knows_get_a_sentence(pipeline: MuseTalkPipeline, astronaut_file: Path, speech: Path) -> None:
    with pytest.raises(OptionError, match=r"no 'fethar'\. Did you mean 'feather'\?"):
        MuseTalkPipeline("tiny", "cpu", fethar=0.1)
    with pytest.raises(OptionError, match=r"no 'feather_radus'\. Did you mean 'feather_radius'\?"):
        pipeline.generate(astronaut_file, speech, paste_back={"feather_radus": 10})
    with pytest.raises(OptionError, match="must be a dict"):
        MuseTalkPipeline("tiny", "cpu", paste_back=10)
    with pytest.raises(OptionError, match="precision is 'half'"):
        MuseTalkPipeline("tiny", "cpu", "half")


def test_networks_stay_loaded_between_films(pipeline: MuseTalkPipeline, tmp_path: Path, speech: Path) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    before = pipeline._engine(pipeline._options)
    with pytest.raises(FaceError):
        pipeline.generate(tmp_path / "wall.png", speech, tmp_path / "out.mp4")
    assert pipeline._engine(pipeline._options) is before
    assert not (tmp_path / "out.mp4").exists()


def test_model_paths_are_read_as_guides_write_them(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "musetalk").mkdir(parents=True)
    (models / "musetalk" / "pytorch_model.bin").touch()
    assert _weights(str(models / "musetalk")) == {"weights": str(models), "version": "v1"}
    (models / "musetalkV15").mkdir()
    (models / "musetalkV15" / "unet.pth").touch()
    for path in (models, models / "musetalk", models / "musetalkV15"):
        assert _weights(str(path)) == {"weights": str(models), "version": "v15"}
    with pytest.warns(UserWarning, match="searched for as `lipsmith weights` does"):
        assert _weights(str(tmp_path / "none" / "musetalk")) == {"weights": "official"}


def test_lipsmith_stays_light_with_it() -> None:
    code = "import sys, lipsmith.compat; print([name for name in ('torch', 'mediapipe', 'av') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
