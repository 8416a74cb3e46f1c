"""Every kind of picture through MuseTalk with tiny random weights: no frame is lost, only faces are touched."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import lipsmith
from lipsmith.media.video import open_video_source
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.film import Report
from lipsmith.types import Image

for name in ("torch", "diffusers", "transformers"):
    pytest.importorskip(name)

SOURCE, SPOKEN = 10, 13  # frames of the picture and of the speech
EMPTY = range(3, 8)  # of the picture: no face; a shorter gap would be filled
OPTIONS = {"weights": "tiny", "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def frames(astronaut: Image) -> list[Image]:
    """(300, 256, 3): a face that moves a little, and a cutaway; the proportions are nobody's usual ones."""
    face = cv2.resize(astronaut[20:320, 90:346], (256, 300))
    images = [np.roll(face, 2 * k, axis=1) for k in range(SOURCE)]
    scenery = np.random.default_rng(5).integers(0, 256, (10, 8, 3), np.uint8)
    for k in EMPTY:
        images[k] = np.asarray(cv2.resize(scenery, (256, 300), interpolation=cv2.INTER_CUBIC), np.uint8)
    return images


def pixels(path: Path) -> Image:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 13 frames at 25 fps."""
    path = tmp_path_factory.mktemp("speech") / "words.wav"
    noise = np.random.default_rng(2).integers(-3000, 3000, SPOKEN * 640)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module", params=["folder", "video"])
def picture(request: pytest.FixtureRequest, frames: list[Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp(request.param)
    if request.param == "folder":
        for number, image in enumerate(frames):
            cv2.imwrite(str(place / f"{number:08d}.png"), image[..., ::-1])
        return place
    with av.open(str(place / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"crf": "0", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "rgb24"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return place / "film.mp4"


def difference(one: Image, other: Image) -> NDArray[np.int64]:
    """(H, W) of brightness, which a film keeps for every px; colours are kept for four."""
    return np.abs(one.astype(int).mean(2) - other.astype(int).mean(2)).astype(np.int64)


def spoken(picture: Path, speech: Path, output: Path, **options: object) -> tuple[Report, list[Image]]:
    asked = GenerateOptions(engine="musetalk", crf=0, engine_options={**OPTIONS, **options})
    report = lipsmith.generate(picture, speech, output, asked)
    return report, list(open_video_source(output).frames())


def test_a_film_shorter_than_its_speech_keeps_every_frame(
    picture: Path, speech: Path, frames: list[Image], tmp_path: Path
) -> None:
    """Upstream's film of such a picture ends before the first frame without a face."""
    report, film = spoken(picture, speech, tmp_path / "film.mp4")
    shown = [k if k < SOURCE else 2 * SOURCE - 2 - k for k in range(SPOKEN)]
    assert (report.frames, len(film)) == (SPOKEN, SPOKEN)
    assert report.cutaways == sum(place in EMPTY for place in shown)
    assert report.rendered + report.cutaways == SPOKEN
    for k, place in enumerate(shown):
        changed = difference(film[k], frames[place]) > 40
        assert changed.any() is np.bool_(place not in EMPTY), k
        assert not changed[:60].any(), f"the upper face of frame {k} was touched"


def test_a_portrait_of_odd_size_speaks_to_its_last_frame_inside_the_box_it_was_given(
    astronaut: Image, speech: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "tall.png"), cv2.resize(astronaut[20:320, 90:346], (255, 301))[..., ::-1])
    report, film = spoken(tmp_path / "tall.png", speech, tmp_path / "film.mp4", bbox="60,40,200,220", extra_margin=0)
    assert (report.frames, report.rendered, len(film)) == (SPOKEN, SPOKEN, SPOKEN)
    changed = difference(film[-1][:301, :255], pixels(tmp_path / "tall.png")) > 40
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert 120 <= rows[0] < rows[-1] <= 225
    assert 55 <= columns[0] < columns[-1] <= 205
