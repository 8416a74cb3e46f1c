"""How far picture and sound are apart in a real browser.

``LIPSMITH_TEST_SKEW_SECONDS=60 pytest -s tests/transports/test_browser_skew.py`` prints the figures; Chromium takes
some 20 s to bring its two jitter buffers together.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiortc")
pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("playwright.async_api")
import uvicorn
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from lipsmith.transports.webrtc.sink import RtcOptions, WebRtcSink
from tests.support.peers import INFO, play, until

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--autoplay-policy=no-user-gesture-required"]
SECONDS = float(os.environ.get("LIPSMITH_TEST_SKEW_SECONDS", "5"))
WARM = 20
"""Beeps, one a second, after which the browser has found its pace."""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_beep_and_flash_reach_the_browser_together() -> None:
    async def scene() -> None:  # in one loop: aioice keeps what it asks by mDNS for as long as a process lives
        for codec in ("vp8", "h264"):
            _check(codec, *await _watch(codec))

    asyncio.run(scene())


def _check(codec: str, flashes: list[float], beeps: list[float], estimates: list[float]) -> None:
    skews = np.array([min((beep - flash for beep in beeps), key=abs) for flash in flashes])
    settled = skews[WARM:] if len(skews) > WARM else skews
    print(
        f"\n{codec}: sound after picture, median of {len(settled)}: {np.median(settled):.0f} ms rendered, "
        f"{np.median(estimates[-len(settled) :] or [np.nan]):.0f} ms as the browser estimates itself"
    )
    assert abs(np.median(settled)) < 350  # of a second between beeps: they belong together


async def _watch(codec: str) -> tuple[list[float], list[float], list[float]]:
    sink = WebRtcSink(RtcOptions(codec=codec))
    sink.open(INFO)
    playing = asyncio.create_task(play(sink))

    async def answer(request: Request) -> Response:
        _, sdp = await sink.answer((await request.body()).decode())
        return Response(sdp)

    async def page(request: Request) -> FileResponse:
        return FileResponse(Path(__file__).with_name("skew.html"))

    app = Starlette(routes=[Route("/", page), Route("/whep", answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return await _browse(f"http://127.0.0.1:{port}/")
    finally:
        playing.cancel()
        await sink.hang_up()
        sink.close()
        server.should_exit = True
        await serving


async def _browse(url: str) -> tuple[list[float], list[float], list[float]]:
    async with async_playwright() as control:
        browser = await control.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        page.set_default_timeout(150_000)
        await page.goto(url)
        await page.evaluate("watch()")
        await page.wait_for_timeout(1000 * SECONDS)
        await page.wait_for_function("flashes.length > 1 && beeps.length > 1")
        flashes, beeps, estimates = await page.evaluate("[flashes, beeps, estimates]")
        await browser.close()
    return flashes, beeps, estimates
