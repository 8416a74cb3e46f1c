"""What a caller may choose, and what would lead the server astray."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.errors import OptionError
from lipsmith.server.request_options import avatar_request, generate_request, parse_options, speak_request


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"engine": "warp", "engine_options": {"gain": 1.1, "interior": "drawn"}},
        {"engine": "musetalk", "engine_options": {"version": "v1", "bbox": "1,2,30,40", "bbox_shift": -5}},
        {"fps": "30000/1001", "faces": "2", "crf": 30},
        {"fps": 29.97, "faces": "left"},
        {"fps": "source"},
        {"background": "#00b140"},
        {"background": "white", "key": "alpha"},
        {"audio_track": 2},
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
        generate_request(parse_options(json.dumps(given)))


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


def test_an_avatar_and_its_film_take_less() -> None:
    avatar_request({"engine": "warp", "faces": "all"})
    speak_request({"crf": 30, "engine_options": {"hearing": "whole", "gain": 1.1}})
    for check, asked in [
        (avatar_request, {"clips": {"wave": "/etc/x.mp4"}}),
        (avatar_request, {"crf": 3}),
        (speak_request, {"engine": "warp"}),
        (speak_request, {"engine_options": {"device": "cuda:1"}}),
        (speak_request, {"engine_options": {"threads": 4}}),
        (speak_request, {"engine_options": ["gain"]}),
    ]:
        with pytest.raises(OptionError):
            check(asked)
