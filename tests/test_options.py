from dataclasses import dataclass
from typing import Literal

import pytest

from lipsmith.errors import OptionError
from lipsmith.options import GenerateOptions, OptionInfo, build, nearest, option, option_infos, parse_settings


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no option 'lenght'.*Did you mean 'length'\?"):
        build(GenerateOptions, {"lenght": "speech"})


def test_an_option_of_an_engine_is_told_its_place() -> None:
    with pytest.raises(OptionError, match="go into engine_options"):
        build(GenerateOptions, {"speech_encoder": "small"})


def test_a_name_near_to_nothing_lists_all() -> None:
    assert nearest("zzz", ["b", "a"]) == "Known: a, b."


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"length": "forever"}, "length is 'forever'; it can be speech, picture, longest"),
        ({"still": "yes"}, "still is 'yes'; it must be true or false"),
        ({"seed": 1.5}, "seed is 1.5; it must be an integer"),
        ({"crf": 99}, "crf is 99"),
        ({"seed": -1}, "seed is -1; it can be 0 or more"),
        ({"faces": "middle"}, "no face choice 'middle'. Known: a number counted from the left, all"),
    ],
)
def test_a_wrong_value_says_what_it_can_be(given: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        build(GenerateOptions, given)
    with pytest.raises(OptionError, match=says):
        GenerateOptions(**given)  # type: ignore[arg-type]


def test_numbers_serve_where_text_is_kept() -> None:
    options = GenerateOptions(fps=30, faces=2)  # type: ignore[arg-type]
    assert (options.fps, options.faces) == ("30", "2")


def test_right_values_arrive() -> None:
    options = build(GenerateOptions, {"fps": "30", "length": "longest", "still": True, "seed": 7})
    assert (options.fps, options.length, options.still, options.seed) == ("30", "longest", True, 7)


def test_settings_become_what_they_look_like() -> None:
    words = ["bbox-shift=5", "feather=0.1", "strict=true", "bbox=1,2,3,4", "weights="]
    assert parse_settings(words) == {
        "bbox_shift": 5, "feather": 0.1, "strict": True, "bbox": "1,2,3,4", "weights": ""
    }  # fmt: skip


@pytest.mark.parametrize("word", ["strict", "=3"])
def test_a_setting_that_sets_nothing_is_refused(word: str) -> None:
    with pytest.raises(OptionError, match="write it as name=value"):
        parse_settings([word])


def test_what_doors_show_of_an_option_stands_in_its_field() -> None:
    @dataclass(frozen=True)
    class Engine:
        size: int = option(3, "How large.", help_zh="多大", prepares=False, flag=True, page=(1, 9, 2))
        kind: Literal["round", "flat"] = option("round", "Which shape.", page=True, local=True)
        plain: bool = True

    size, kind, plain = option_infos(Engine)
    assert size == OptionInfo("size", int, 3, (), "How large.", "多大", False, True, False, True, (1, 9, 2))
    assert (kind.choices, kind.page, kind.slider, kind.local, kind.prepares) == (
        ("round", "flat"),
        True,
        None,
        True,
        True,
    )
    assert plain == OptionInfo("plain", bool, True, ())
    assert Engine() == Engine(3, "round", True)
