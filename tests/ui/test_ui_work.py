"""What the Gradio page's buttons do, without the page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.cli import run
from lipsmith.errors import LipsmithError, OptionError, PictureError
from lipsmith.libraries import install_hint
from lipsmith.media.probe import probe
from lipsmith.stopwatch import Stage
from lipsmith.ui.page import build
from lipsmith.ui.settings import UiOptions
from lipsmith.ui.work import KEPT, SPEAKS, Films, GenerateForm, engine_names, make_film, page_options, preview_form


def test_the_fields_become_options() -> None:
    of_engines = {"bbox_shift": 3.0, "extra_margin": 12.0, "parsing_mode": "raw", "left_cheek_width": 80.0}
    rest = [of_engines.get(one.info.name, one.info.default) for one in page_options()]
    form = GenerateForm.of(["film.mp4", None, "s.wav", "musetalk", "left", "source", *rest])
    options = form.options()
    assert (options.engine, options.faces, options.fps) == ("musetalk", "left", "source")
    assert options.engine_options == {
        "bbox_shift": 3,
        "extra_margin": 12,
        "parsing_mode": "raw",
        "left_cheek_width": 80,
    }
    assert all(isinstance(value, (int, str)) for value in options.engine_options.values())
    assert (form.source, form.sound) == (Path("film.mp4"), Path("s.wav"))


def test_an_engine_is_told_only_what_it_knows_and_what_was_changed() -> None:
    shifted = {"musetalk": {"bbox_shift": 5}}
    assert GenerateForm(engine="warp", chosen=shifted).options().engine_options == {}
    assert GenerateForm(engine="auto").options().engine_options == {}
    assert GenerateForm(engine="auto", chosen=shifted).options().engine_options == {"bbox_shift": 5}
    assert {"auto", "warp", "musetalk"} <= set(engine_names())


def test_the_page_shows_what_engines_want_shown() -> None:
    shown = [(one.engine, one.info.name) for one in page_options()]
    names = ("version", "weights", "landmarks", "bbox_shift", "extra_margin", "parsing_mode", "left_cheek_width")
    names += ("right_cheek_width",)
    assert [one for one in shown if one[0] == "musetalk"] == [("musetalk", name) for name in names]
    assert {("warp", "speech_encoder"), ("warp", "life")} <= set(shown)
    assert all(one.info.help and one.info.help_zh for one in page_options())


def test_version_weights_and_landmarks_of_musetalk_are_chosen_and_no_path_is_named(tmp_path: Path) -> None:
    def form(**chosen: str) -> GenerateForm:
        rest = [chosen.get(one.info.name, one.info.default) for one in page_options()]
        return GenerateForm.of(["film.mp4", None, None, "musetalk", "largest", "25", *rest])

    chosen = {"version": "v1", "weights": "tiny", "landmarks": "dwpose"}
    assert form(**chosen).options().engine_options == chosen
    with pytest.raises(OptionError, match="here it can be official, random, tiny"):
        form(weights=str(tmp_path))


@pytest.mark.parametrize("form", [GenerateForm(), GenerateForm("a.mp4", "b.png")])
def test_one_of_video_and_picture_is_wanted(form: GenerateForm) -> None:
    with pytest.raises(PictureError, match="Give a video or a picture"):
        preview_form(form)


def test_the_first_frame_is_shown_with_its_face_and_the_range_of_the_shift(
    astronaut_file: Path, speech_file: Path
) -> None:
    image, sheet, told = preview_form(
        GenerateForm(
            picture=str(astronaut_file),
            speech=str(speech_file),
            engine="warp",
            chosen={"musetalk": {"bbox_shift": 2}},
        )
    )
    before = np.asarray(Pillow.open(astronaut_file).convert("RGB"))
    assert image.shape == before.shape
    green = (image == SPEAKS).all(axis=2)
    rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    assert 40 < rows[-1] - rows[0] < 250  # of 512
    assert 40 < columns[-1] - columns[0] < 250
    assert np.array_equal(image[~green], before[~green])
    assert sheet is not None
    assert "1 face in " in told
    assert "range : [ -" in told
    assert "current value: 2" in told


def test_without_a_face_or_a_speech_there_is_no_sheet(astronaut_file: Path, tmp_path: Path) -> None:
    Pillow.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    image, sheet, told = preview_form(GenerateForm(picture=str(tmp_path / "wall.png"), engine="warp"))
    assert (image.shape, sheet) == ((64, 64, 3), None)
    assert told == "No face was found in the frames that were looked at."
    assert preview_form(GenerateForm(picture=str(astronaut_file), engine="warp"))[1] is None


def test_a_film_is_made_with_progress(astronaut_file: Path, short_speech: Path) -> None:
    films, stages = Films(), list[Stage]()
    film, told = make_film(
        GenerateForm(picture=str(astronaut_file), speech=str(short_speech), engine="warp"), films, stages.append
    )
    assert probe(film).frames == 13
    assert "0.5 s at 25 fps by the engine warp" in told
    assert {stage.name for stage in stages} >= {"look", "speak"}
    films.close()
    assert not film.exists()


def test_what_is_wrong_is_said_in_a_sentence(astronaut_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    films = Films()
    for form in (
        GenerateForm(picture=str(astronaut_file), engine="warp"),
        GenerateForm(picture=str(astronaut_file), speech=str(tmp_path / "text.wav"), engine="warp"),
        GenerateForm(picture=str(tmp_path / "text.wav"), speech=str(tmp_path / "text.wav"), engine="warp"),
        GenerateForm(picture=str(astronaut_file), engine="best"),
        GenerateForm(picture=str(astronaut_file), engine="warp", faces="nobody"),
    ):
        with pytest.raises(LipsmithError):
            make_film(form, films, lambda _: None)
    assert not list(films.folder.iterdir())
    films.close()


def test_old_films_make_room() -> None:
    films = Films()
    for _ in range(KEPT + 5):
        films.fresh().write_bytes(b"film")
    assert len(list(films.folder.iterdir())) == KEPT
    films.close()


def test_it_listens_to_this_machine_alone_unless_told() -> None:
    with pytest.raises(OptionError, match="--insecure"):
        UiOptions(host="0.0.0.0")
    assert UiOptions(host="0.0.0.0", insecure=True).port == 7860
    for wrong in ({"port": 70_000}, {"upload_mb": 0}):
        with pytest.raises(OptionError):
            UiOptions(**wrong)


def test_without_gradio_it_is_said_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lipsmith.ui.page.find_spec", lambda _: None)
    assert run(["ui"]) == 5
    assert install_hint("ui") in capsys.readouterr().err


class StandIn:
    """For the module gradio: remembers the fields that are made, and what a button is given."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []
        self.inputs: dict[str, int] = {}

    def __getattr__(self, kind: str) -> Any:
        def make(*values: Any, **words: Any) -> Any:
            self.made.append((kind, words.get("label")))
            return Part(self)

        return make


class Part:
    def __init__(self, page: StandIn) -> None:
        self.page = page

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, key: str) -> str:
        return key

    def click(self, _: object, fields: list[Any], results: list[Any], api_name: str) -> None:
        self.page.inputs[api_name] = len(fields)


def test_the_page_has_a_field_for_everything_in_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    gradio = StandIn()
    monkeypatch.setitem(sys.modules, "gradio", gradio)  # type: ignore[arg-type]
    monkeypatch.setattr("lipsmith.ui.page.find_spec", lambda _: True)
    films = Films()
    build(films)
    films.close()
    assert gradio.inputs == {"test_first_frame": 6 + len(page_options()), "generate": 6 + len(page_options())}
    engines = gradio.made[gradio.made.index(("Slider", "Bbox shift")) :][:5]
    assert engines == [
        ("Slider", "Bbox shift"),
        ("Slider", "Extra margin"),
        ("Radio", "Parsing mode"),
        ("Slider", "Left cheek width"),
        ("Slider", "Right cheek width"),
    ]
