"""The live page has a button for each gesture of its avatar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import CHROMIUM, chromium, connect, page_of, ready
from tests.support.live_server import FAKE, Served, over, write_film

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("playwright.sync_api")
pytest.importorskip("aiortc")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    film = tmp_path_factory.mktemp("clips") / "film.mp4"
    write_film(film, portrait)
    clips = [("clips", ("c.mp4", film.read_bytes()))] * 2
    form = {"id": "gestures", "options": FAKE, "clip_names": ["speaking", "thumbs_up"]}
    made = served.alice.post("/v1/avatars", files=[("picture", ("p.jpg", portrait)), *clips], data=form)
    assert over(served.alice, made.json()["id"])["state"] == "done"
    return "gestures"


def test_a_gesture_is_asked_for_by_its_button(browser: Browser, served: Served, avatar: str) -> None:
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        ready(page)
        assert page.locator("#gestures").is_hidden()
        connect(page, avatar)
        assert page.locator("#gestures button").all_inner_texts() == ["thumbs up"]
        with page.expect_response(lambda answer: answer.url.endswith("/gesture")) as answered:
            page.click("#gestures button")
        assert answered.value.status == 204
        page.click("#end")
        page.wait_for_selector("#start:not([hidden])")
        assert page.locator("#gestures").is_hidden()
