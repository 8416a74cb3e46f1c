"""What a caller may choose, and what would lead the server astray."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.avatars.manifest import AvatarInfo
from lipsmith.engines import engine_table
from lipsmith.errors import EngineUnavailable, OptionError
from lipsmith.server import request_options
from lipsmith.server.request_options import (
    avatar_request,
    check_available,
    generate_request,
    parse_options,
    speak_request,
)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"engine": "warp", "engine_options": {"gain": 1.1, "interior": "drawn"}},
        {"engine": "musetalk", "engine_options": {"version": "v1", "bbox": "1,2,30,40"}},
        {"engine": "musetalk", "engine_options": {"bbox_shift": -5}},
        {"fps": "30000/1001", "faces": "2", "crf": 30},
        {"fps": 29.97, "faces": "left"},
        {"fps": "source"},
        {"background": "#00b140"},
        {"background": "white", "key": "alpha"},
        {"audio_track": 2},
        {"fps": 120},
        {"engine": "auto", "engine_options": {"gain": 3}},
        {"start": 1.5, "duration": "0:00:02"},
        {"start": "99:59:59.999", "duration": None},
    ],
)
def test_the_words_of_generate_are_taken(given: dict[str, object]) -> None:
    generate_request(parse_options(json.dumps(given)))


@pytest.mark.parametrize(
    "given",
    [
        {"engin": "warp"},
        {"background": "/etc/passwd"},
        {"background": "portrait.jpg"},
        {"background": "http://127.0.0.1/x.jpg"},
        {"background": "red", "key": "/etc"},
        {"background": "#12"},
        {"background": ["red"]},
        {"engine": "wrap"},
        {"engine": ["warp"]},
        {"fps": "1e999999999"},
        {"fps": "1/1e99999999"},
        {"seed": 1 << 70},
        {"engine_options": "gain"},
        {"engine_options": {"weights": "/etc"}},
        {"engine": "musetalk", "engine_options": {"weights": "models"}},
        {"engine": "musetalk", "engine_options": {"device": "cuda:1"}},
        {"engine": "musetalk", "engine_options": {"threads": 100_000}},
        {"engine_options": {"x": ["a"]}},
        {"crf": "20"},
        {"faces": "../x"},
        {"fps": 0},
        {"fps": "0.5"},
        {"fps": 121},
        {"fps": 999999},
        {"fps": "1/0"},
        {"crf": -1},
        {"crf": 52},
        {"engine_options": {"gain": 99}},
        {"engine_options": {"gain": float("nan")}},
        {"engine": "warp", "engine_options": {"gain": "1"}},
        {"engine": "warp", "engine_options": {"life": -1}},
        {"engine": "warp", "engine_options": {"idle": 3}},
        {"engine": "warp", "engine_options": {"gian": 1.1}},
        {"engine": "warp", "engine_options": {"bbox_shift": 3}},
        {"engine": "musetalk", "engine_options": {"bbox": "1,2,30,40", "bbox_shift": -5}},  # one or the other
        {"engine": "fake", "engine_options": {"gain": 1}},
        {"engine_options": {"gian": 1}},
        {"background": "transparent"},
        {"audio_track": 0},
        {"audio_track": "2"},
        {"audio_track": True},
        {"start": None},
        {"start": "-1"},
        {"start": ["1"]},
        {"start": 1e300},
        {"duration": 0},
        {"duration": "1e999999999"},
        {"duration": 360_000},
        {"overwrite": True},
    ],
)
def test_others_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        generate_request(parse_options(json.dumps(given)), "mp4")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fps": 0}, "fps is 0: give a rate between 1 and 120."),
        ({"engine_options": {"gain": 99}}, "gain is 99; it can be 0 to 3, and 1 is usual."),
        ({"engine": "warp", "engine_options": {"gian": 1}}, "no option 'gian'. Did you mean 'gain'?"),
        ({"engine_options": {"gian": 1}}, "No engine has an option 'gian'. Did you mean 'gain'?"),
        ({"crf": 99}, "crf is 99; it can be 0 (lossless) to 51 (worst)."),
        ({"crff": 9}, "no option 'crff'"),
    ],
)
def test_one_sentence_names_the_option(given: dict[str, object], named: str) -> None:
    for check in (generate_request, avatar_request):
        if check is generate_request or "crf" not in str(given):
            with pytest.raises(OptionError) as refused:
                check(given)
            assert named in str(refused.value)


@pytest.mark.parametrize("text", ["[]", "1", "{", "[" * 5000, '{"a"', "9" * 5000])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"JSON|mapping"):
        parse_options(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
names = st.sampled_from(
    ["engine", "fps", "length", "faces", "still", "seed", "crf", "preset", "mark", "engine_options"]
)


@given(st.dictionaries(names, json_values, max_size=4))
def test_any_mapping_is_taken_or_refused_and_nothing_else(given: dict[str, object]) -> None:
    with suppress(OptionError):
        generate_request(given)


def avatar_of(engine: str, **options: object) -> AvatarInfo:
    return AvatarInfo("anna", (64, 64), Fraction(25), 1, engine, "1", options, "p.jpg", "", 1, 1, "", ("idle",))


def test_an_avatar_takes_less() -> None:
    avatar_request({"engine": "warp", "faces": "all"})
    for asked in ({"clips": {"wave": "/etc/x.mp4"}}, {"crf": 3}, {"fps": 0}, {"engine_options": {"gain": 99}}):
        with pytest.raises(OptionError):
            avatar_request(asked)


def test_the_film_of_an_avatar_takes_the_options_of_its_engine_that_prepared_nothing() -> None:
    warp, musetalk = avatar_of("warp", interior="auto"), avatar_of("musetalk")
    speak_request({"crf": 30, "engine_options": {"gain": 1.1, "interior": "auto"}}, warp)
    speak_request({"engine_options": {"hearing": "whole"}}, musetalk)
    for avatar, asked in [
        (warp, {"engine": "warp"}),
        (warp, {"engine_options": {"hearing": "whole"}}),
        (warp, {"engine_options": {"gain": 99}}),
        (warp, {"engine_options": {"interior": "drawn"}}),  # it shaped what was prepared
        (musetalk, {"engine_options": {"device": "cuda:1"}}),
        (musetalk, {"engine_options": {"threads": 4}}),
        (warp, {"engine_options": ["gain"]}),
    ]:
        with pytest.raises(OptionError):
            speak_request(asked, avatar)


def test_who_names_an_engine_that_cannot_run_learns_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = replace(engine_table()["warp"], unavailable_reason=lambda options: f"no room for gain {options.gain:g}")
    monkeypatch.setattr(request_options, "engine_table", lambda: {"warp": lacking})
    check_available("auto", {})
    with pytest.raises(EngineUnavailable, match=r"^warp: no room for gain 2$"):
        check_available("warp", {"gain": 2.0})
