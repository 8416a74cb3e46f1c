"""Both pages by keyboard alone: the order of the focus and where it goes; and what axe finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lipsmith.tts.espeak_library import has_espeak
from tests.support.axe import AXE, violations
from tests.support.browser import CHROMIUM, PHONE, beginning, chromium, page_of, ready, sideways, until_true, write_wav
from tests.support.live_server import Served, make_avatar, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")

FOCUS = "document.activeElement.id || document.activeElement.className || document.activeElement.localName"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def words(speech_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("speech") / "words.wav", *beginning(speech_file, 0.6))


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> Iterator[str]:
    """One of Bob's, who has nothing else."""
    yield make_avatar(served.bob, portrait, "keys")
    served.bob.delete("/v1/avatars/keys")


@pytest.fixture
def bobs_key(served: Served) -> str:
    return str(served.bob.headers["authorization"]).split()[1]


def focus(page: Page) -> str:
    """The id of what has the focus, else its class or tag."""
    return str(page.evaluate(FOCUS))


def tab_to(page: Page, wanted: str, most: int = 25) -> list[str]:
    """Press Tab until the focus is there, always visibly; returns what it passed."""
    passed: list[str] = []
    while focus(page) != wanted:
        assert len(passed) < most, (wanted, passed)
        page.keyboard.press("Tab")
        passed.append(focus(page))
        seen = "document.activeElement.matches(':focus-visible, audio, video')"  # these draw their own
        assert page.evaluate(seen), passed[-1]
    return passed


def choose_file(page: Page, path: Path) -> None:
    """Choose a file for the input that has the focus, by the keyboard."""
    with page.expect_file_chooser(timeout=20_000) as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(path)


@pytest.mark.slow
def test_a_film_is_made_and_deleted_by_keyboard(
    browser: Browser, served: Served, avatar: str, bobs_key: str, words: Path
) -> None:
    with page_of(browser, served.running.url, bobs_key) as page:
        ready(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        passed = tab_to(page, "chip")
        assert passed == ["picture", "chip"]
        page.keyboard.press("Space")
        until_true(page, "document.querySelector('#seen').textContent.includes('keys')")
        assert focus(page) == "chip"
        order = tab_to(page, "speech")
        assert order[-2:] == ["record", "speech"]
        choose_file(page, words)
        page.wait_for_selector("#said:not([hidden])")
        tab_to(page, "make")
        page.keyboard.press("Enter")
        until_true(page, f"['cancel', 'video'].includes({FOCUS})")
        page.wait_for_selector("#result:not([hidden])")
        assert page.locator("#done").inner_text() == "The film is ready."
        until_true(page, f"({FOCUS}) === 'video'")
        tab_to(page, "plain icon", 40)
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert focus(page) == "plain icon"
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # the first button of the dialog
        page.wait_for_selector("#history", state="hidden")
        assert focus(page) not in ("body", "")


@pytest.mark.slow
@pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")
def test_a_session_is_led_by_keyboard_and_begins_without_a_jump(
    browser: Browser, served: Served, avatar: str, bobs_key: str
) -> None:
    pytest.importorskip("aiortc")
    place = "(({ x, y, width, height }) => [x, y, width, height])(document.querySelector('%s').getBoundingClientRect())"
    with page_of(browser, f"{served.running.url}/live", bobs_key) as page:
        ready(page)
        assert page.evaluate("[...document.querySelectorAll('#still')].map((one) => one.naturalWidth)") == [512]
        still, beside = page.evaluate(place % "#still"), page.evaluate(place % "#say")
        assert page.locator("#state").inner_text() == "Not connected"
        tab_to(page, "start")
        page.keyboard.press("Enter")
        page.wait_for_selector("#screen[data-state=idle]")
        assert page.locator("#state").inner_text() == "Ready"
        assert page.evaluate(place % "#video") == still
        assert page.evaluate(place % "#say") == beside
        until_true(page, f"({FOCUS}) === 'text'")
        page.keyboard.type("One and two and three and four and five and six and seven and eight and nine and ten.")
        page.keyboard.press("Enter")
        page.wait_for_selector("#screen[data-state=speaking]")
        page.keyboard.press("Escape")
        page.wait_for_selector("#screen[data-state=idle]")
        page.keyboard.press("Shift+Tab")
        assert focus(page) == "end"
        page.keyboard.press("Enter")
        until_true(page, f"({FOCUS}) === 'start'")
        until(lambda: not served.bob.get("/v1/sessions").json()["sessions"])


def test_faces_are_chosen_by_arrow_keys_and_numbers_stand_beside_them(
    browser: Browser, served: Served, bobs_key: str, portrait: bytes, astronaut_file: Path
) -> None:
    faces = [
        {"box": [200.0 * k + 60, 100.0 * k, 200.0 * k + 80, 100.0 * k + 24], "score": 1, "speaks": False}
        for k in range(3)
    ]
    seen = served.bob.post("/v1/previews", files={"picture": ("p.jpg", portrait)}).json()
    with page_of(browser, served.running.url, bobs_key) as page:
        ready(page)
        page.route("**/v1/previews", lambda route: route.fulfill(json={**seen, "faces": faces}))
        page.set_input_files("#picture", astronaut_file)
        page.wait_for_selector(".box >> nth=2")
        covers = """[...document.querySelectorAll(".box")].map((box) => {
          const face = box.getBoundingClientRect(), badge = box.firstElementChild.getBoundingClientRect();
          return badge.bottom <= face.top + 1 || badge.top >= face.bottom - 1;
        })"""
        until_true(page, f"{covers}.every(Boolean)")
        page.locator(".box[aria-checked=true]").focus()
        marked = "[...document.querySelectorAll('.box')].findIndex((one) => one.ariaChecked === 'true')"
        before = page.evaluate(marked)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(marked) == (before + 1) % 3
        assert page.evaluate("document.activeElement.ariaChecked") == "true"


@pytest.mark.skipif(AXE is None, reason="axe-core is not installed: AXE=/folder/axe.min.js")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Browser, served: Served, avatar: str, bobs_key: str, astronaut_file: Path, theme: str
) -> None:
    how = {"color_scheme": theme, **({"viewport": PHONE} if theme == "dark" else {})}
    with page_of(browser, served.running.url, bobs_key, **how) as page:
        ready(page)
        assert violations(page) == []
        page.set_input_files("#picture", astronaut_file)
        page.wait_for_selector(".box")
        page.click("#how-title")
        assert (violations(page), sideways(page)) == ([], 0)
        page.click("#keep")
        page.wait_for_selector("dialog[open]")
        assert violations(page) == []
        page.goto(f"{served.running.url}/live")
        ready(page)
        page.click(".log summary")
        assert (violations(page), sideways(page)) == ([], 0)
