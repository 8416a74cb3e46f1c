"""The studio page in a real browser against a real server: from a picture and a speech to a film that plays."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from tests.support.browser import CHROMIUM, PHONE, beginning, chromium, page_of, ready, sideways, until_true, write_wav
from tests.support.live_server import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def words(speech_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of the shipped speech."""
    return write_wav(tmp_path_factory.mktemp("speech") / "words.wav", *beginning(speech_file, 1.5))


def choose(page: Page, picture: Path) -> None:
    """Choose a picture and wait for its face."""
    page.set_input_files("#picture", picture)
    page.wait_for_selector(".box")


def play(page: Page) -> None:
    """Let the film play until a part of it was shown."""
    page.evaluate("const film = document.querySelector('#video'); film.muted = true; film.play()")
    until_true(page, "document.querySelector('#video').currentTime > 0.3")


def test_a_picture_and_a_speech_become_a_film(
    browser: Browser, served: Served, astronaut_file: Path, words: Path
) -> None:
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        choose(page, astronaut_file)
        view, box = page.locator("#view img").bounding_box(), page.locator(".box").bounding_box()
        assert view
        assert box
        centre = [
            (box[side] + box[size] / 2 - view[side]) / view[size] for side, size in (("x", "width"), ("y", "height"))
        ]
        assert centre == pytest.approx([0.435, 0.22], abs=0.06)  # of the astronaut's face
        assert page.locator(".box").get_attribute("aria-checked") == "true"
        page.set_input_files("#speech", words)
        page.wait_for_selector("#taste:not([hidden])")
        drawn = "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b))"
        assert page.evaluate(f"{drawn}(document.querySelector('#tiles'))") > 0
        page.click("#make")
        page.wait_for_selector("#video:not([hidden])")
        until_true(page, "document.querySelector('#facts').textContent")
        assert page.locator("#facts").inner_text() == "0:01 · 512 × 512"
        assert page.locator("#ai-note").is_visible()
        play(page)
        with page.expect_download() as waiting:
            page.click("#download")
        assert waiting.value.suggested_filename.endswith(".mp4")
        with av.open(io.BytesIO(Path(waiting.value.path()).read_bytes())) as film:
            assert 36 <= sum(1 for _ in film.decode(video=0)) <= 38
        assert page.locator("#films li").count() >= 1


def test_a_job_can_be_cancelled(browser: Browser, served: Served, astronaut_file: Path, speech_file: Path) -> None:
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        page.set_input_files("#picture", astronaut_file)
        page.set_input_files("#speech", speech_file)
        page.click("#make")
        page.wait_for_selector("#stage[data-word='stage.begin'], #stage[data-word='stage.speak']")
        page.click("#cancel")
        page.wait_for_selector("#working", state="hidden")
        assert page.locator("#video").is_hidden()
        assert page.locator("#make").is_enabled()


def test_a_picture_without_a_face_is_told_in_its_place_and_in_chinese(
    browser: Browser, served: Served, tmp_path: Path
) -> None:
    ramp = np.linspace(0, 255, 200, dtype=np.uint8)
    Image.fromarray(np.broadcast_to(ramp[None, :, None], (160, 200, 3)).copy()).save(tmp_path / "ramp.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8 torn")
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        page.set_input_files("#picture", tmp_path / "ramp.png")
        page.wait_for_selector("#face-trouble:not([hidden])")
        assert page.locator("#face-trouble").inner_text().startswith("No face was found")
        page.click("#language")
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
        assert page.locator("#make").inner_text() == "生成影片"
        page.click("#another")
        page.set_input_files("#picture", tmp_path / "torn.jpg")
        page.wait_for_selector("#face-trouble small")
        assert page.locator("#face-trouble").inner_text().startswith("无法使用这张图片")
        page.reload()
        ready(page)
        assert page.locator("h1").inner_text() == "让面孔开口说话"


def test_a_browser_that_speaks_chinese_gets_chinese(browser: Browser, served: Served) -> None:
    with page_of(browser, served.running.url, served.alices_key, locale="zh-TW") as page:
        ready(page)
        assert page.locator("#face-title").inner_text().endswith("谁来说话")


def test_the_key_is_asked_for_and_stays_in_the_tab(browser: Browser, served: Served) -> None:
    with page_of(browser, served.running.url) as page:
        page.fill("#dialog-field", "lsk_wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog .trouble:not([hidden])")
        page.fill("#dialog-field", served.alices_key)
        page.keyboard.press("Enter")
        ready(page)
        assert page.locator("#engine option").count() >= 2
        assert served.alices_key in page.evaluate("Object.values(sessionStorage)")
        assert served.alices_key not in page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href")


def test_on_a_phone_speech_is_recorded_and_nothing_sticks_out(
    browser: Browser, served: Served, astronaut_file: Path
) -> None:
    with page_of(browser, served.running.url, served.alices_key, viewport=PHONE, color_scheme="dark") as page:
        ready(page)
        assert sideways(page) == 0
        choose(page, astronaut_file)
        page.click("#record")
        until_true(page, "/^0:0[1-9]$/.test(document.querySelector('#recorded').textContent)")
        assert float(page.locator("#meter").get_attribute("aria-valuenow") or 0) >= 0
        page.click("#stop")
        page.wait_for_selector("#listen")
        until_true(
            page, "(({ duration, currentTime }) => duration < 9 && !currentTime)(document.querySelector('#listen'))"
        )
        assert re.fullmatch(r"Your recording, 0:0[1-9]", page.locator("#said-name").inner_text())
        page.wait_for_selector("#taste:not([hidden])")
        page.click("#how-title")
        page.select_option("#engine", "warp")
        assert sideways(page) == 0
        page.set_viewport_size({"width": 320, "height": 640})
        assert sideways(page) == 0
