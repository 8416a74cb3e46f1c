"""``/docs``: every operation, tried with a key, from this server alone and without inline code."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from lipsmith.server.api_docs import FILES
from tests.support.browser import CHROMIUM, chromium, page_of
from tests.support.live_server import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HAS_BROWSER = bool(CHROMIUM and find_spec("playwright"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not HAS_BROWSER:
        pytest.skip("needs chromium and playwright")
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("name", ["", *FILES])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_the_page_is_here_without_a_key_and_strict(served: Served, name: str, coding: str) -> None:
    with served.running.client() as anyone:
        answer = anyone.get(f"/docs/{name}".rstrip("/"), headers={"Accept-Encoding": coding})
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers.get("content-encoding", "identity") == coding
    assert answer.content == ((FILES[name or "docs.html"] / (name or "docs.html")).read_bytes())


@pytest.mark.parametrize("name", ["redoc.standalone.js", "../api_docs.py", "%2e%2e/pages.py", "docs.html/x"])
def test_nothing_else_is_served(served: Served, name: str) -> None:
    assert served.bob.get(f"/docs/{name}").status_code == 404


def opened(page: Page) -> Page:
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector(".opblock")
    return page


def test_it_shows_every_operation_and_calls_with_a_key_and_asks_no_other_site(served: Served, browser: Browser) -> None:
    asked: list[str] = []
    with page_of(browser, "about:blank") as page:  # at its end there must have been no error, so none of the policy's
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{served.running.url}/docs")
        shown = opened(page).locator(".opblock").count()
        operations = served.bob.get("/v1/openapi.json").json()["paths"]
        assert shown == sum(len(path) for path in operations.values()) >= 17
        page.click(".btn.authorize")
        page.fill(".auth-container input", served.alices_key)
        page.click(".auth-btn-wrapper .authorize")
        page.click(".auth-btn-wrapper .btn-done")
        about = page.locator(".opblock", has=page.locator("[data-path='/v1/about']"))
        about.locator(".opblock-summary-control").click()
        about.locator(".execute").click()
        about.locator(".live-responses-table .response .response-col_status", has_text="200").wait_for()
    elsewhere = [url for url in asked if not url.startswith((f"{served.running.url}/", "data:", "blob:"))]
    assert elsewhere == []


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/live"])
def test_the_pages_lead_to_it_and_lend_it_their_key(served: Served, browser: Browser, path: str) -> None:
    with page_of(browser, f"{served.running.url}{path}", key=served.alices_key) as page:
        page.wait_for_selector("body[data-ready]", state="attached")
        link = page.locator("footer a[href=docs]")
        assert link.inner_text() == "API documentation"
        link.click()
        opened(page)
        page.wait_for_selector(".btn.authorize.locked")


@pytest.mark.slow
def test_a_stranger_makes_a_film_on_it(served: Served, browser: Browser, portrait: bytes) -> None:
    """With a picture and a text alone: every other field begins as it may be sent."""
    if served.alice.get("/v1/about").json()["voice"] is None:
        pytest.skip("needs a voice")
    with page_of(browser, f"{served.running.url}/docs", key=served.alices_key) as page:
        film = opened(page).locator("#operations-jobs-create_job")
        film.locator(".opblock-summary-control").click()
        film.locator("input[type=file]").first.set_input_files(
            {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": portrait}
        )
        film.locator("tr", has_text="A text to read aloud").locator("input[type=text]").fill("Good morning.")
        film.locator(".execute").click()
        film.locator(".live-responses-table .response .response-col_status", has_text="202").wait_for()
