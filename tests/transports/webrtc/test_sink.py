"""WebRTC with real peers over loopback: in step, each for itself, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiortc")
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import Busy, InputError, OptionError, SoundError
from lipsmith.realtime.session import Session
from lipsmith.realtime.token_bucket import TokenBucket
from lipsmith.transports.webrtc.ports import loop_within
from lipsmith.transports.webrtc.sink import RtcOptions, Viewer, ViewerCallbacks, WebRtcSink
from lipsmith.transports.webrtc.viewer import DROPPED
from lipsmith.types import FilmInfo, Samples
from tests.support.peers import INFO, beat, play, until
from tests.support.rtc_client import RtcClient
from tests.support.session_doubles import MemoryAvatar, World

STEP = 0.010
"""Seconds that a beep may begin beside its flash: Opus itself shifts sound by 6.5 ms."""


@asynccontextmanager
async def live_sink(
    info: FilmInfo = INFO, options: RtcOptions | None = None, tone: float = 1000.0
) -> AsyncIterator[WebRtcSink]:
    sink = WebRtcSink(options)
    sink.open(info)
    playing = asyncio.create_task(play(sink, info, tone))
    try:
        yield sink
    finally:
        playing.cancel()
        await sink.hang_up()
        sink.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def watching(
    sink: WebRtcSink, client: RtcClient, callbacks: ViewerCallbacks | None = None
) -> AsyncIterator[Viewer]:
    viewer, answer = await sink.answer(await client.offer(), callbacks)
    try:
        await client.accept(answer)
        yield viewer
    finally:
        await client.close()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize(("fps", "rate"), [(Fraction(25), 24_000), (Fraction(30), 48_000)])
def test_beeps_and_flashes_have_the_same_time(codec: str, fps: Fraction, rate: int) -> None:
    async def scene() -> None:
        info, client = FilmInfo((64, 48), fps, rate), RtcClient(codec)
        async with live_sink(info) as sink, watching(sink, client):
            await until(lambda: len(client.seen.flashes()) >= 3 and len(client.seen.beeps()) >= 3)
        heard_from = client.seen.sound[0][0] + 0.1  # a flash before it has no beep to be compared with
        flashes, beeps = [flash for flash in client.seen.flashes() if flash > heard_from], client.seen.beeps()
        skews = [min((beep - flash for beep in beeps), key=abs) for flash in flashes[:2]]
        shift = 0.0 if fps == 25 else 0.020  # a packet of sound does not begin with every frame
        assert all(-shift - 0.002 < skew < STEP + shift for skew in skews), skews
        assert len(skews) == 2
        assert np.ptp(skews) < 0.005

    asyncio.run(scene())


def test_two_sessions_keep_to_themselves() -> None:
    async def scene() -> None:
        one, other = RtcClient(), RtcClient("H264")
        async with (
            live_sink(tone=800.0) as first,
            live_sink(tone=2400.0) as second,
            watching(first, one),
            watching(second, other),
        ):
            await until(lambda: bool(one.seen.beeps() and other.seen.beeps()))
        assert abs(one.seen.tone() - 800) < 60
        assert abs(other.seen.tone() - 2400) < 60

    asyncio.run(scene())


def test_viewers_of_one_session_share_its_coder() -> None:
    async def scene() -> None:
        clients = [RtcClient(), RtcClient()]
        async with live_sink(options=RtcOptions(viewers=2)) as sink:
            async with watching(sink, clients[0]), watching(sink, clients[1]):
                await until(lambda: all(client.seen.flashes() for client in clients))
                assert len(sink._encoders) == 1
                third = RtcClient()
                with pytest.raises(Busy, match="As many viewers watch"):
                    await sink.answer(await third.offer())
                await third.close()
            await until(lambda: not sink.viewers)

    asyncio.run(scene())


def test_a_microphone_is_heard_at_its_own_rate() -> None:
    async def scene() -> None:
        heard: list[Samples] = []

        def ear(samples: Samples, rate: int) -> None:
            assert rate == 48_000
            heard.append(samples)
            if len(heard) == 30:
                raise SoundError("enough")

        client = RtcClient(microphone=500.0, channel=True)
        async with live_sink() as sink, watching(sink, client, ViewerCallbacks(ear)):
            await until(lambda: len(heard) > 60 and bool(client.words))
        sound = np.concatenate(heard[20:60])
        assert heard[0].dtype == np.float32
        peak = np.argmax(np.abs(np.fft.rfft(sound))) * 48_000 / len(sound)
        assert abs(peak - 500) < 25
        assert json.loads(client.words[0]) == {"type": "error", "detail": "enough"}

    asyncio.run(scene())


@pytest.mark.parametrize(("tone", "loss"), [(9_000.0, 1), (10_000.0, 1), (11_000.0, 6)])
def test_what_a_microphone_says_is_played_with_its_whole_width(tone: float, loss: float) -> None:
    """From a tone at the client to what a session at 24 kHz plays: coded by Opus and resampled once, nothing more.

    11 kHz lies where the resampler already falls towards the end of the band at 12 kHz. ``loss`` is in dB.
    """

    async def scene() -> None:
        engine = FakeEngine()
        film = FilmInfo((32, 24), Fraction(25), 24_000)
        world = World(Session(MemoryAvatar(engine), engine, film), engine)
        client, said = RtcClient(microphone=tone), 0

        def say(samples: Samples, rate: int) -> None:
            nonlocal said
            said += world.session.say(samples, rate) and len(samples)

        async with live_sink() as sink, watching(sink, client, ViewerCallbacks(say)):
            await until(lambda: said > 48_000)
        world.session.end()
        world.run(40)
        played = world.heard()[1][7_200:19_200]  # half a second from its middle
        spectrum = np.abs(np.fft.rfft(played * np.hanning(len(played)))) * 4 / len(played)  # amplitudes
        near = slice(round(tone / 2) - 5, round(tone / 2) + 6)  # bins of 2 Hz
        assert abs(20 * np.log10(spectrum[near].max() / (16_000 / 32_768))) < loss

    asyncio.run(scene())


def test_a_viewer_that_floods_is_told_and_let_go() -> None:
    async def scene() -> None:
        said: list[Mapping[str, Any]] = []
        client = RtcClient(channel=True)
        async with live_sink() as sink, watching(sink, client, ViewerCallbacks(None, said.append)) as viewer:
            await until(lambda: client.channel.readyState == "open")
            viewer._messages = TokenBucket(1.0, 120.0, lambda: 0.0)  # time stands still: no more are allowed
            for _ in range(120 + DROPPED):
                client.channel.send('{"type": "interrupt"}')
            await until(viewer.gone.is_set)
            assert len(said) == 120
            assert json.loads(client.words[0])["error"] == "TooManyMessages"

    asyncio.run(scene())


def test_events_and_words_go_over_the_data_channel() -> None:
    async def scene() -> None:
        words: list[Mapping[str, Any]] = []
        client = RtcClient(channel=True)
        async with live_sink() as sink, watching(sink, client, ViewerCallbacks(message=words.append)):
            await until(lambda: client.channel.readyState == "open")
            client.channel.send('{"type": "interrupt"}')
            client.channel.send("no JSON")
            client.channel.send("[1]")
            await until(lambda: len(words) == 1 and len(client.words) == 2)
            sink.send_event({"type": "speaking", "time": 1.5})
            await until(lambda: len(client.words) == 3)
        assert words == [{"type": "interrupt"}]
        assert json.loads(client.words[2]) == {"type": "speaking", "time": 1.5}

    asyncio.run(scene())


def test_a_viewer_who_lost_the_picture_gets_a_whole_one() -> None:
    async def scene() -> None:
        client = RtcClient()
        async with live_sink() as sink, watching(sink, client) as viewer:
            await until(lambda: len(client.seen.pictures) > 5)
            made = dict(sink._key_times)
            await client.video.receiver._send_rtcp_pli(viewer._connection.getSenders()[1]._ssrc)
            await until(lambda: sink._key_times != made)
            assert viewer.connected

    asyncio.run(scene())


@pytest.mark.parametrize("mode", ["nothing", "words", "cut", "three", "codec"])
def test_garbage_is_refused_in_a_sentence(mode: str) -> None:
    async def scene() -> None:
        client = RtcClient()
        offer = await client.offer()
        await client.close()
        section = offer[offer.index("m=video") :]
        garbage = {
            "nothing": "",
            "words": "give me video",
            "cut": offer[: offer.index("a=fingerprint")],
            "three": offer + section + section,
            "codec": offer.replace("VP8/90000", "AV1/90000").replace("opus/48000", "lyra/48000"),
        }
        sink = WebRtcSink()
        sink.open(INFO)
        with pytest.raises(InputError, match="send the complete SDP"):
            await sink.answer(garbage[mode])
        assert sink.viewers == ()
        sink.close()

    asyncio.run(scene())


def test_mutilated_offers_never_break_the_server() -> None:
    async def scene() -> None:
        client = RtcClient()
        lines = (await client.offer()).splitlines()
        await client.close()
        sink = WebRtcSink()
        sink.open(INFO)
        random = np.random.default_rng(3)
        for _ in range(60):
            hurt = list(lines)
            for _ in range(int(random.integers(1, 4))):
                place = int(random.integers(1, len(hurt)))
                cut = int(random.integers(0, len(hurt[place]) + 1))
                hurt[place] = [hurt[place][:cut], "", hurt[place][:cut] + "\0" + hurt[place][cut:]][
                    int(random.integers(3))
                ]
            try:
                viewer, _ = await sink.answer("\r\n".join(hurt) + "\r\n")
            except InputError:
                continue
            await viewer.close()
        assert sink.viewers == ()
        sink.close()

    asyncio.run(scene())


def test_who_never_connects_is_let_go() -> None:
    async def scene() -> None:
        async with live_sink(options=RtcOptions(connect_seconds=0.3)) as sink:
            client = RtcClient()
            await sink.answer(await client.offer())
            assert len(sink.viewers) == 1
            await until(lambda: not sink.viewers)
            await client.close()

    asyncio.run(scene())


def test_who_vanishes_without_a_word_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    import aioice.ice

    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.2)  # instead of 5 s, six times

    async def scene() -> None:
        client, other = RtcClient(), RtcClient()
        async with live_sink() as sink, watching(sink, client), watching(sink, other):
            await until(lambda: bool(client.seen.pictures and other.seen.pictures))
            client.vanish()
            await until(lambda: len(sink.viewers) == 1)
            seen = len(other.seen.pictures)
            await until(lambda: len(other.seen.pictures) > seen + 5)

    asyncio.run(scene())


def test_connecting_again_and_again_leaves_nothing() -> None:
    async def scene() -> None:
        async with live_sink() as sink:
            for cycle in range(6):
                client = RtcClient()
                async with watching(sink, client):
                    await until(lambda seen=client.seen: len(seen.pictures) > 0)
                await until(lambda: not sink.viewers)
                if cycle == 2:
                    threads, tasks = threading.active_count(), len(asyncio.all_tasks())
            await until(lambda: threading.active_count() <= threads and len(asyncio.all_tasks()) <= tasks)

    asyncio.run(scene())


def test_a_jammed_loop_moves_both_media_together() -> None:
    async def scene() -> None:
        import time

        client = RtcClient()
        async with live_sink() as sink, watching(sink, client):
            await until(lambda: len(client.seen.flashes()) >= 1)
            feeder = threading.Thread(
                target=lambda: [sink.write(beat(k)) or time.sleep(0.04) for k in range(1000, 1030)]
            )
            feeder.start()
            feeder.join()  # nothing in this loop can be sent
            assert sink.rebased > 0
            count = len(client.seen.pictures)
            await until(lambda: len(client.seen.pictures) > count + 10)

    asyncio.run(scene())


def test_media_ports_come_from_the_range_only() -> None:
    async def scene() -> None:
        client = RtcClient()
        async with live_sink(options=RtcOptions(ports="40100-40139")) as sink:
            _, answer = await sink.answer(await client.offer())
            ports = [int(line.split()[5]) for line in answer.splitlines() if line.startswith("a=candidate")]
            assert ports
            assert all(40100 <= port <= 40139 for port in ports)
            await client.close()

    with asyncio.Runner(loop_factory=loop_within(range(40100, 40140))) as runner:
        runner.run(scene())


def test_a_range_wants_its_loop() -> None:
    async def scene() -> None:
        with pytest.raises(OptionError, match="loop_within"):
            WebRtcSink(RtcOptions(ports="40100-40139"))

    asyncio.run(scene())
