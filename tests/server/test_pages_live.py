"""The live page in a real browser: the mouth moves while sound plays and stands still otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lipsmith.tts.espeak_library import has_espeak
from tests.support.browser import (
    CHROMIUM,
    PHONE,
    beginning,
    chromium,
    connect,
    page_of,
    sideways,
    until_true,
    write_wav,
)
from tests.support.live_server import Served, make_avatar, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api")
pytest.importorskip("aiortc")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")

MOUTH = (0.375, 0.235, 0.12, 0.09)  # of the astronaut's picture: left, top, width, height
WATCH = """async ([source, [left, top, wide, high], seconds]) => {
  const shown = document.querySelector(source), small = document.createElement("canvas");
  small.width = 48; small.height = 32;
  const paint = small.getContext("2d", { willReadFrequently: true });
  const sound = shown.srcObject && new AudioContext(), ear = sound?.createAnalyser();
  sound?.createMediaStreamSource(shown.srcObject).connect(ear);
  const heard = new Float32Array(2048), loud = [], moved = [];
  let before = null;
  const w = shown.videoWidth ?? shown.width, h = shown.videoHeight ?? shown.height;
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    paint.drawImage(shown, left * w, top * h, wide * w, high * h, 0, 0, 48, 32);
    const { data } = paint.getImageData(0, 0, 48, 32);
    if (before) moved.push(data.reduce((sum, value, place) => sum + Math.abs(value - before[place]), 0) / data.length);
    before = data;
    ear?.getFloatTimeDomainData(heard);
    loud.push(Math.sqrt(heard.reduce((sum, one) => sum + one * one, 0) / heard.length));
    await new Promise((done) => setTimeout(done, 80));
  }
  await sound?.close();
  return [moved.sort((a, b) => a - b), Math.max(...loud)];
}"""


LATE_FIGURES = """
  window.asked = window.told = 0;
  const ask = RTCPeerConnection.prototype.getStats;
  RTCPeerConnection.prototype.getStats = async function () {
    asked += 1;
    const figures = await ask.call(this);
    await new Promise((done) => setTimeout(done, 1500));
    told += 1;
    return figures;
  };
"""


@pytest.fixture(scope="module")
def browser(speech_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its microphone hears the shipped speech, again and again."""
    said = write_wav(tmp_path_factory.mktemp("microphone") / "said.wav", *beginning(speech_file, 6))
    with chromium(f"--use-file-for-fake-audio-capture={said}") as opened:
        yield opened


@pytest.fixture(scope="module")
def speech(speech_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped one, five times over: long enough for a browser that is late."""
    samples, rate = beginning(speech_file, 60)
    return write_wav(tmp_path_factory.mktemp("speech") / "long.wav", np.tile(samples, 5), rate)


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    """One that does not move of itself."""
    return make_avatar(served.alice, portrait, "calm", '{"engine": "warp", "still": true}')


@pytest.fixture(autouse=True)
def nothing_left(served: Served) -> Iterator[None]:
    """The next test finds no session of this one, even where it failed."""
    yield
    for session in served.alice.get("/v1/sessions").json()["sessions"]:
        served.alice.delete(session["links"]["self"])


def shows(page: Page, place: str, pattern: str) -> None:
    """Wait until a text is as it should be."""
    asked = "([place, pattern]) => RegExp(pattern).test(document.querySelector(place).innerText)"
    until_true(page, asked, [place, pattern])


def rests(page: Page, most: float) -> bool:
    """Whether the mouth comes to move less than ``most`` and nothing to sound; a busy browser plays what it kept."""
    return any(moved < most and loud < 0.001 for moved, loud in (mouth(page, 1.0) for _ in range(15)))


def speaks(page: Page, still: float, source: str = "#video") -> float:
    """How much the mouth moves, which must be more than ``still``, with sound; a busy browser shows it late."""
    for _ in range(10):
        moved, loud = mouth(page, 2.0, source)
        if moved > 3 * still + 0.5 and (loud > 0.02 or source == "#canvas"):
            return moved
    raise AssertionError(f"it moves by {moved}, not more than {still}, and sounds {loud} loud")


def mouth(page: Page, seconds: float = 1.6, source: str = "#video") -> tuple[float, float]:
    """How much the mouth moves, levels of 255 from sample to sample, and the loudest sound meanwhile."""
    moved, loud = page.evaluate(WATCH, [source, MOUTH, seconds])
    return float(np.quantile(moved, 0.8)), float(loud)


def test_the_mouth_moves_with_the_sound_and_an_interruption_ends_both(
    browser: Browser, served: Served, avatar: str, speech: Path
) -> None:
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        connect(page, avatar)
        still, silent = mouth(page)
        page.set_input_files("#speech", speech)
        page.wait_for_selector("#screen[data-state=speaking]")
        moving = speaks(page, still)
        assert silent < 0.001
        shows(page, "#latency", r"^\d+ ms$")
        shows(page, "#stream", r"^512 × 512 · \d+/s · ")
        page.click("#interrupt")
        page.wait_for_selector("#screen[data-state=idle]")
        assert rests(page, moving / 3)
        page.click("#end")
        page.wait_for_selector("#start:not([hidden])")
        until(lambda: not served.alice.get("/v1/sessions").json()["sessions"])


@pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")
def test_what_is_typed_is_read_aloud_with_the_mouth(browser: Browser, served: Served, avatar: str) -> None:
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        connect(page, avatar)
        assert page.locator("#no-voice").is_hidden()
        still, silent = mouth(page, 1.0)
        page.fill("#text", "This is typed, and a voice of the server reads it aloud. 这句话由服务器朗读出来。" * 5)
        page.press("#text", "Enter")
        page.wait_for_selector("#screen[data-state=speaking]")
        speaks(page, still)
        assert silent < 0.001
        assert page.input_value("#text") == ""
        page.keyboard.press("Escape")
        page.wait_for_selector("#screen[data-state=idle]")
        page.fill("#text", "...")
        page.click("#send")
        page.wait_for_selector("#say-trouble:not([hidden])")
        assert page.input_value("#text") == "..."


def test_the_microphone_drives_the_mouth(browser: Browser, served: Served, avatar: str) -> None:
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        connect(page, avatar)
        still, _ = mouth(page, 1.0)
        page.click("#microphone")
        page.wait_for_selector("#screen[data-state=speaking]")
        assert page.locator("#mute").get_attribute("aria-pressed") == "true"
        assert page.evaluate("document.querySelector('#video').muted")
        moving = speaks(page, still)
        page.click("#microphone")
        page.wait_for_selector("#screen[data-state=idle]")
        assert page.locator("#mute").get_attribute("aria-pressed") == "false"
        assert rests(page, moving / 3)


def test_a_websocket_serves_where_webrtc_does_not(browser: Browser, served: Served, avatar: str, speech: Path) -> None:
    url, without = f"{served.running.url}/live", "delete window.RTCPeerConnection"
    with page_of(browser, url, served.alices_key, without, viewport=PHONE, locale="zh-CN") as page:
        connect(page, avatar)
        assert page.locator("#canvas").is_visible()
        still, _ = mouth(page, 1.0, "#canvas")
        page.set_input_files("#speech", speech)
        page.wait_for_selector("#screen[data-state=speaking]")
        speaks(page, still, "#canvas")
        shows(page, "#state", "^正在说话$")  # a busy machine says at times that it waits for pictures
        shows(page, "#stream", "JPEG")
        assert sideways(page) == 0


def test_a_session_that_ends_is_told_and_can_be_begun_again(browser: Browser, served: Served, avatar: str) -> None:
    """Figures of the line that come when it has ended trouble nobody."""
    with page_of(browser, f"{served.running.url}/live", served.alices_key, LATE_FIGURES) as page:
        connect(page, avatar)
        until_true(page, "asked > told")
        for session in served.alice.get("/v1/sessions").json()["sessions"]:
            served.alice.delete(session["links"]["self"])
        page.wait_for_selector("#trouble:not([hidden])")
        assert page.locator("#trouble").inner_text() == "The session has ended. Start again."
        until_true(page, "asked === told")
        page.click("#start")
        page.wait_for_selector("#screen[data-state=idle]")
        assert page.locator("#trouble").is_hidden()
        page.goto(f"{served.running.url}/")
        until(lambda: not served.alice.get("/v1/sessions").json()["sessions"])
