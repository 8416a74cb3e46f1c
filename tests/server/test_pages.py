"""The pages as files: small, whole, ours alone, in two languages, readable."""

from __future__ import annotations

import re
from itertools import product

import pytest

from lipsmith.server.pages import FOLDER, NAMES
from lipsmith.server.problems import TABLE
from tests.support.live_server import Served

MOST = 60_000  # bytes of a page with all it loads, on the wire
WORD = re.compile(r'^  "([\w.-]+)": \["(.*)", "(.*)"\],$', re.MULTILINE)
CALLED = r"(?:(?:put|label)\((?:[^,()]|\([^()]*\))+, |\bword\()"
NAMED = r"\b(?:(?:label|word|title|explain|field|action): |{ kind: )"
USED = re.compile(rf'(?:{CALLED}|{NAMED})"([a-z][\w.-]+)"')
"""Where a program names a word."""
PAGES = {"/": "studio.html", "/live": "live.html"}
NEVER_MET = {
    "forbidden-origin", "bad-host", "no-result", "already-recording", "push-refused", "too-many-pushes",
}  # fmt: skip
"""Problems of calls that the pages do not make."""


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def loaded_by(name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The files that a page loads, and those that these load."""
    found = frozenset(
        re.findall(r'(?:href|src|from|addModule\()\s*=?\s*"(?:\./)?([\w-]+\.(?:css|js|svg))', text_of(name))
    )
    for one in found - seen:
        seen |= loaded_by(one, seen | found)
    return seen | found


def words_of(name: str) -> dict[str, tuple[str, str]]:
    return {key: (english, chinese) for key, english, chinese in WORD.findall(text_of(name))}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_from_here_alone(served: Served, path: str) -> None:
    files = [path, *(f"/{name}" for name in loaded_by(PAGES[path]))]
    assert "/style.css" in files
    size = 0
    for file in files:
        with served.bob.stream("GET", file, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            size += sum(len(chunk) for chunk in answer.iter_raw())
    assert size < MOST
    strange = [url for file in files[1:] for url in re.findall(r"https?://[^\"'\s]+", text_of(file[1:]))]
    assert set(strange) <= {"http://www.w3.org/2000/svg"}
    assert set(NAMES.values()) == set(PAGES.values())


def test_what_is_no_page_is_a_problem(served: Served) -> None:
    answer = served.bob.get("/nothing.html")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert served.bob.get("/../pages.py").status_code == 404


@pytest.mark.parametrize("page", PAGES.values())
def test_every_word_is_there_in_both_languages(page: str) -> None:
    programs = sorted(name for name in loaded_by(page) if name.endswith(".js"))
    known = {key: texts for name in programs for key, texts in words_of(name).items()}
    assert len(known) > 90
    assert sum(len(words_of(name)) for name in programs) == len(known), "a word stands in two files"
    for key, (english, chinese) in known.items():
        assert english, key
        assert re.search("[一-鿿]", chinese) or key == "other-language", key
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), key
    used = set(re.findall(r'data-(?:word|label|hint)="([\w.-]+)"', text_of(page)))
    used |= {key for name in programs for key in USED.findall(text_of(name))}
    assert len(used) > 40
    assert used - set(known) == set()


def test_every_problem_that_a_page_can_meet_has_words() -> None:
    known = {key for name in ("words.js", "live-words.js") for key in words_of(name)}
    assert set(TABLE) - known == NEVER_MET


@pytest.mark.parametrize("page", PAGES.values())
def test_the_programs_find_the_elements_and_icons_that_they_name(page: str) -> None:
    here, programs = text_of(page), [text_of(name) for name in loaded_by(page) if name.endswith(".js")]
    ids = set(re.findall(r'\bid="([\w-]+)"', here))
    asked = {name for program in programs for name in re.findall(r'\$\("([\w-]+)"\)', program)}
    assert asked - ids == set()
    labels = re.findall(r'(?:for|aria-labelledby)="([\w-]+)"', here)
    assert set(labels) - ids == set()
    drawn = set(re.findall(r"icons\.svg#(\w+)", here))
    drawn |= {name for program in programs for name in re.findall(r'\bicon\("([\w-]+)"\)', program)}
    assert drawn - set(re.findall(r'<symbol id="([\w-]+)"', text_of("icons.svg"))) == set()


@pytest.mark.parametrize("page", PAGES.values())
def test_a_page_keeps_its_own_rules_and_tells_errors_and_progress_aloud(page: str) -> None:
    here, programs = text_of(page), "".join(text_of(name) for name in loaded_by(page) if name.endswith(".js"))
    assert re.findall(r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=|javascript:", here) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", programs) == []
    for trouble in re.findall(r'<p class="trouble"[^>]*>', here):
        assert 'role="alert"' in trouble
    told = re.findall(r'<(?:p|span)[^>]*id="(?:stage|kept|missing|taste-words|done|pill|sent|making)"[^>]*>', here)
    assert told
    assert [place for place in told if 'role="status"' not in place] == []
    submits = [button for button in re.findall(r"<button[^>]*>", here) if "type=" not in button]
    assert len(submits) == 1  # the one that makes the film, or says the text


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_its_ground(theme: int) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", text_of("style.css").split(":root")[theme + 1]))
    grounds = ("paper", "card", "well")
    pairs = [*product(("ink", "soft"), grounds), ("accent", "card"), ("accent", "tint"), ("on-accent", "accent")]
    for ink, ground in [*pairs, ("on-accent", "accent-deep"), ("bad", "bad-tint"), ("on-accent", "danger")]:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
