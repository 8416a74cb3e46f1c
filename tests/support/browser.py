"""A headless Chromium for the tests of the pages, and what they do with it again and again."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from lipsmith.types import Samples

CHROMIUM = shutil.which("chromium") or ""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
PHONE = {"width": 375, "height": 740}
NETWORK = "Failed to load resource"  # what Chromium says of every answer from 400 on


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()


@contextmanager
def page_of(browser: Browser, url: str, key: str = "", script: str = "", **how: Any) -> Iterator[Page]:
    """An open page, begun by ``script``; at the end it must have had no error but answers that told of one."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1200, "height": 900}, **how})
    if key:
        context.add_init_script(f"sessionStorage.setItem('lipsmith.key', '{key}')")
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(150_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(url)
    yield page
    context.close()
    errors = [one for one in wrong if not one.startswith(NETWORK)]
    assert not errors, errors


def ready(page: Page) -> None:
    """Wait until the page knows what its server takes."""
    page.wait_for_selector("body[data-ready]", state="attached")


def until_true(page: Page, expression: str, arg: Any = None) -> None:
    """Wait until ``expression`` is; the pages' rules forbid Playwright's own way of asking again and again."""
    until(lambda: bool(page.evaluate(expression, arg)))


def sideways(page: Page) -> int:
    """How many px the page can be scrolled to the right."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def write_wav(path: Path, samples: Samples, rate: int) -> Path:
    """Mono samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def beginning(speech: Path, seconds: float) -> tuple[Samples, int]:
    """The first samples of a speech, and their rate."""
    from lipsmith.media.sound import open_speech

    sound = open_speech(speech)
    heard = np.concatenate(list(sound.blocks()))
    return heard[: round(seconds * sound.rate)], sound.rate


def connect(page: Page, avatar: str) -> None:
    ready(page)
    page.locator("#avatars .chip", has_text=avatar).click()
    assert page.locator("#video").is_hidden()  # nothing begins of itself
    for _ in range(20):  # a busy machine refuses sessions that would stutter
        page.click("#start")
        page.wait_for_selector("#screen[data-state=idle], #trouble:not([hidden])")
        if page.locator("#trouble").is_hidden():
            break
        page.wait_for_timeout(1000)
    page.wait_for_selector("#screen[data-state=idle]")
    page.wait_for_timeout(400)
