"""What the pages offer, refuse and explain: texts, files, engines, failures, avatars, the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import CHROMIUM, chromium, page_of, ready, until_true
from tests.support.live_server import Served, make_avatar, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")

FULL = {"type": "busy", "title": "-", "status": 503, "detail": "One session is open, and there is no room for another."}
TALKER = {
    "id": "talker", "name": "A talker", "size": [64, 64],
    "links": {"self": "/v1/avatars/talker", "poster": "/v1/avatars/talker/poster"},
}  # fmt: skip
FAILED = {
    "id": "0" * 16, "kind": "dub", "state": "failed", "progress": 0.4, "stage": None, "position": None, "attempts": 1,
    "created": "2026-01-31T12:00:00Z", "request": {"picture": "portrait.jpg", "text": "Good morning. " * 9},
    "problem": {"type": "face-error", "status": 422, "detail": "No face was found in the first minute."},
    "links": {"self": f"/v1/jobs/{'0' * 16}"},
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def changed(route: Route, change: Any) -> None:
    """Answer with what the server says, changed."""
    body = route.fetch().json()
    change(body)
    route.fulfill(json=body)


def with_voice(page: Page, languages: list[str], **members: Any) -> None:
    """Let the page believe that the server has a voice, and ``members`` of ``/v1/about``."""
    told = {"voice": {"name": "espeak:en-us", "languages": languages}, **members}
    page.route("**/v1/about", lambda route: changed(route, lambda body: body.update(told)))
    page.reload()
    ready(page)


def test_a_text_is_sent_instead_of_speech_and_a_full_server_is_told_in_our_words(
    browser: Browser, served: Served
) -> None:
    sent: list[str] = []

    def refuse(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.fulfill(status=503, json=FULL, content_type="application/problem+json")

    with page_of(browser, served.running.url, served.alices_key) as page:
        page.route("**/v1/avatars", lambda route: route.fulfill(json={"avatars": [TALKER]}))
        with_voice(page, ["en-us", "de"])
        page.route("**/v1/jobs", refuse)
        page.locator("#avatars .chip", has_text="talker").click()
        assert page.locator("#missing").inner_text() == "Type, record or choose some speech first."
        page.fill("#text", "  Guten Morgen.  ")
        page.click("#how-title")
        page.select_option("#voice", label="German")
        page.select_option("#speed", "1.25")
        page.click("#make")
        page.wait_for_selector("#make-trouble:not([hidden])")
        said = page.locator("#make-trouble").inner_text()
        assert said.startswith("The server is full. Try again in a moment.")
        assert str(FULL["detail"]) in said
        assert page.evaluate("document.activeElement.id") == "make"
        page.click("#language")  # an error that shows is translated, too
        assert page.locator("#make-trouble").inner_text().startswith("服务器已满")
    fields = {
        part.split('name="')[1].split('"')[0]: part.partition("\r\n\r\n")[2].strip()
        for part in sent[0].split("------")
        if 'name="' in part
    }
    assert fields.pop("options") == '{"crf":18}'
    assert fields == {
        "avatar": "talker", "text": "Guten Morgen.", "language": "de", "speed": "1.25", "format": "mp4",
    }  # fmt: skip


def test_a_bad_file_is_named_and_another_can_be_chosen_at_once(
    browser: Browser, served: Served, tmp_path: Path, astronaut_file: Path
) -> None:
    (tmp_path / "my torn <b>.jpg").write_bytes(b"\xff\xd8 torn")
    (tmp_path / "my torn.wav").write_bytes(b"RIFF torn")
    (tmp_path / "huge.png").write_bytes(bytes(5_100_000))
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        page.locator("#picture").focus()
        page.set_input_files("#picture", tmp_path / "my torn <b>.jpg")
        page.wait_for_selector("#face-trouble:not([hidden])")
        assert page.locator("#face-trouble").inner_text().startswith("“my torn <b>.jpg” is not")
        assert page.locator("#drop").is_visible()
        assert page.evaluate("document.activeElement.id") == "picture"
        page.set_input_files("#picture", tmp_path / "huge.png")
        until_true(page, "/^“huge.png”: .* 5 MB/.test(document.querySelector('#face-trouble').textContent)")
        page.set_input_files("#picture", astronaut_file)
        page.wait_for_selector(".box")
        assert page.locator("#face-trouble").is_hidden()
        page.set_input_files("#speech", tmp_path / "my torn.wav")
        page.wait_for_selector("#speech-trouble:not([hidden])")
        assert page.locator("#speech-trouble").inner_text().startswith("“my torn.wav” is not")
        assert page.locator("#said").is_hidden()


def test_what_cannot_run_and_what_failed_says_why(browser: Browser, served: Served) -> None:
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        engines = served.alice.get("/v1/about").json()["engines"]
        lacking = [
            {**one, "unavailable": "The weights are not here."} if one["name"] == "musetalk" else one for one in engines
        ]
        page.route("**/v1/jobs?limit=8", lambda route: route.fulfill(json={"jobs": [FAILED], "next": None}))
        with_voice(page, [], engines=lacking)
        assert page.locator("#engine option[value=musetalk]").evaluate("(one) => [one.disabled, one.textContent]") == [
            True, "musetalk (cannot run here)",
        ]  # fmt: skip
        page.click("#how-title")
        page.click("#why-not summary")
        assert page.locator("#unavailable").inner_text() == "musetalk: The weights are not here."
        line = page.locator("#films li").inner_text()
        assert "failed" in line
        assert line.endswith("No face was found in the first minute.")
        assert "portrait.jpg + “Good morning." in line
        page.click("#language")
        until_true(page, "document.querySelector('#films .why').textContent.startsWith('没有找到可以说话的面孔')")


def test_an_avatar_is_named_renamed_and_deleted_after_a_question(
    browser: Browser, served: Served, portrait: bytes, astronaut_file: Path
) -> None:
    make_avatar(served.alice, portrait, "plain")
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        ready(page)
        with page.expect_request(lambda asked: asked.method == "POST" and asked.url.endswith("/avatars")) as making:
            page.route(
                "**/v1/avatars", lambda route: route.fallback() if route.request.method == "GET" else route.abort()
            )
            page.set_input_files("#picture", astronaut_file)
            page.wait_for_selector("dialog[open]")
            assert page.input_value("#dialog-field") == "Astronaut"
            page.fill("#dialog-field", "Eileen at work")
            page.keyboard.press("Enter")
        assert 'name="name"\r\n\r\nEileen at work\r\n' in (making.value.post_data_buffer or b"").decode("latin-1")
        page.wait_for_selector("#who-trouble:not([hidden])")
        page.locator("#avatars .chip", has_text="plain").click()
        page.click("#rename")
        page.fill("#dialog-field", "Zoë <i>")
        page.keyboard.press("Enter")
        until_true(
            page, "[...document.querySelectorAll('#avatars .chip')].some((one) => one.textContent === 'Zoë <i>')"
        )
        assert page.evaluate("document.activeElement.id") == "rename"
        assert served.alice.get("/v1/avatars/plain").json()["name"] == "Zoë <i>"
        page.click("#delete")
        assert page.locator("dialog h2").inner_text() == "Delete “Zoë <i>”?"
        page.keyboard.press("Escape")
        assert served.alice.get("/v1/avatars/plain").status_code == 200
        page.click("#delete")
        page.click("dialog .danger")
        until(lambda: served.alice.get("/v1/avatars/plain").status_code == 404)


def test_signing_out_forgets_the_key_and_asks_for_it_again(browser: Browser, served: Served) -> None:
    with page_of(browser, served.running.url) as page:
        page.fill("#dialog-field", served.alices_key)
        page.keyboard.press("Enter")
        ready(page)
        page.click("#sign")
        page.wait_for_selector("dialog[open]")
        assert page.evaluate("Object.values(sessionStorage)") == []
        page.click("dialog button[type=button]")
        page.wait_for_selector("#make-trouble:not([hidden])")
        assert page.locator("#sign").inner_text() == "Enter key"
        assert "Press “Enter key” above" in page.locator("#make-trouble").inner_text()


def test_the_original_runs_to_and_fro_in_step_with_the_film(browser: Browser, served: Served) -> None:
    with page_of(browser, served.running.url, served.alices_key) as page:
        ready(page)
        moments = page.evaluate(
            "import('/studio-compare.js').then((one) => [0, 1.5, 2, 2.5, 4, 5].map((at) => one.momentOf(at, 2)))"
        )
    assert moments == [0, 1.5, 2, 1.5, 0, 1]


def test_a_session_that_waits_listens_only_while_the_microphone_is_on(browser: Browser, served: Served) -> None:
    words = """import('/live-state.js').then(({ say, state }) => [{}, null].map((microphone) => {
      state.microphone = microphone;
      say('idle');
      return document.querySelector('#state').textContent;
    }))"""
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        ready(page)
        assert page.evaluate(words) == ["Listening", "Ready"]


def test_pictures_that_wait_again_and_again_are_one_wait_and_what_was_shown_comes_back(
    browser: Browser, served: Served
) -> None:
    steps = """import('/live-state.js').then(({ say, stall }) => {
      const acts = [], later = window.setTimeout, stop = window.clearTimeout, seen = [];
      window.setTimeout = (act) => acts.push(act);
      window.clearTimeout = (one) => { acts[one - 1] = () => {}; };
      const look = () => seen.push(document.querySelector('#screen').dataset.state);
      say('armed'); stall(); stall();
      acts[0](); look();
      acts[1](); look();
      Object.assign(window, { setTimeout: later, clearTimeout: stop });
      return seen;
    })"""
    with page_of(browser, f"{served.running.url}/live", served.alices_key) as page:
        ready(page)
        assert page.evaluate(steps) == ["stalled", "armed"]
        page.set_viewport_size({"width": 320, "height": 640})
        tall = "(ids) => ids.map((id) => document.querySelector(`#${id} span`).offsetHeight)"
        assert max(page.evaluate(tall, ["microphone", "interrupt"])) < 20  # one line each: no word breaks


def test_languages_have_names_and_a_track_belongs_to_its_file(browser: Browser, served: Served) -> None:
    named = "(codes) => import('/studio-options.js').then(({ byName }) => byName(codes))"
    codes = ["xq-x-odd", "ca-ba", "en-029", "en-us-nyc", "es-419", "de"]
    track = """import('/studio-state.js').then(({ chose, state }) =>
      [[2, 'a'], [2, 'b'], [1, 'b']].map(([tracks, name]) => {
      if (state.speech?.name !== name) state.speech = new File([], name, { type: 'video/mp4' });
      state.tracks = tracks;
      chose('speech');
      const field = document.querySelector('#track'), value = field.value;
      field.value = 9;
      return [value, document.querySelector('#film-form').noValidate];
    }))"""
    with page_of(browser, served.running.url, served.alices_key) as page:
        with_voice(page, ["de", "en-us"], voices=["f1"])
        assert page.evaluate(named, codes) == [
            ["ca-ba", "Catalan (ca-ba)"], ["en-029", "English (en-029)"], ["en-us-nyc", "English (en-us-nyc)"],
            ["de", "German"], ["es-419", "Latin American Spanish"], ["xq-x-odd", "xq-x-odd"],
        ]  # fmt: skip
        assert page.evaluate(track) == [["", True], ["", True], ["9", True]]
