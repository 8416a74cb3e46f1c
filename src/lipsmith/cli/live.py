"""``lipsmith live``: broadcast a prepared avatar to a stream, a film or a virtual camera."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError, OutputError
from ..options import build, check_track
from ..pipeline.speak import SpeakOptions, engine_for
from ..tts.text_to_file import TextToFile
from .engine_flags import engine_options, prepared_flags
from .flags import flags_from
from .generate import HELP as FILM_HELP
from .generate import AsJson, Settings
from .inputs import refuse_file
from .records import counted, print_json
from .texts import TEXT_HELP, speech_files, text_asked_for

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from ..realtime.host import Sink
    from ..transports.broadcast import BroadcastReport
    from ..transports.push import PushSink

POLL = 0.5
"""Seconds between two checks of the streams."""
HELP = {
    "push": "Stream to rtmp://, rtmps:// or srt://; reconnects if it breaks. Default: $LIPSMITH_PUSH.",
    "record": "Record the broadcast to a film (.mp4, .mov, .webm).",
    "camera": "Show it as a virtual camera, without sound.",
    "stay": "Seconds to stay on the air after the last speech.",
    "forever": "Stay on the air until Ctrl-C.",
    "overwrite": "Replace a film that is there already.",
    "audio_track": FILM_HELP["audio_track"],
}


@dataclass(frozen=True, slots=True)
class BroadcastOptions:
    """Where an avatar is broadcast to, and for how long."""

    push: str = ""
    record: Path | None = None
    camera: bool = False
    stay: float = 0.0
    forever: bool = False
    overwrite: bool = False
    audio_track: int | None = None

    def __post_init__(self) -> None:
        check_track(self.audio_track)
        if not 0 <= self.stay < 86_400:
            raise OptionError(
                f"stay is {self.stay}; give 0 or more seconds, less than a day; --forever stays until Ctrl-C."
            )
        if not (self.address or self.record or self.camera):
            raise OptionError("Say where the avatar is to be seen: --push URL, --record FILM or --camera.")
        if self.address:
            from ..transports.push import check_target

            check_target(self.address)

    @property
    def address(self) -> str:
        """Where to push the stream; empty: nowhere."""
        return self.push or os.environ.get("LIPSMITH_PUSH", "")

    @property
    def longer(self) -> bool:
        """Whether it stays on the air without speech."""
        return self.forever or self.stay > 0

    def sinks(self, engine: str) -> list[Sink]:
        """The sinks to open; the AI mark of those that carry one names ``engine``."""
        from ..media.writer import FilmOptions, check_output
        from ..transports.camera import CameraSink
        from ..transports.push import PushOptions, PushSink
        from ..transports.recording import Recording

        if self.record:
            check_output(self.record, overwrite=self.overwrite)
        film = FilmOptions(engine=engine, overwrite=self.overwrite)
        sinks: list[Sink] = [PushSink(self.address, PushOptions(engine=engine))] if self.address else []
        sinks += [Recording(self.record, options=film)] if self.record else []
        return sinks + ([CameraSink()] if self.camera else [])


@prepared_flags
@flags_from(TextToFile, TEXT_HELP)
@flags_from(BroadcastOptions, HELP)
def live(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="An avatar; 'lipsmith avatar list' names them.")],
    speeches: Annotated[
        list[Path] | None, typer.Argument(metavar="SPEECH...", help="Sounds or videos, said one after the other.")
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Broadcast the avatar ID in real time. It idles, says each SPEECH, and idles again. Ctrl-C ends it cleanly.

    The address contains a secret key. Give it in $LIPSMITH_PUSH to keep it out of the list of processes.

    Examples:

      lipsmith live anna hello.wav --push rtmp://127.0.0.1/live/key

      lipsmith live anna --text "Good morning." --record morning.mp4 --stay 3

      lipsmith live anna --camera --forever
    """
    from ..avatars.store import AvatarStore
    from ..media.sound import open_speech
    from ..transports.broadcast import broadcast
    from ..transports.push import PushSink

    refuse_file(name)
    text = text_asked_for(context, flags)
    changed = SpeakOptions(engine_options=engine_options(flags, settings or []))
    options = build(BroadcastOptions, flags)
    with speech_files(speeches or [], text, may_be_empty=options.longer) as files, AvatarStore().open(name) as avatar:
        engine = engine_for(avatar, changed)
        sinks = options.sinks(f"{avatar.info.engine} {avatar.info.engine_version}")
        sounds = [open_speech(file, track=options.audio_track) for file in files]
        typer.echo(f"{name} is on the air; Ctrl-C ends it.", err=True)
        stay = None if options.forever else options.stay
        run = broadcast(avatar, engine, sounds, sinks, stay)
        report = asyncio.run(_until_stopped(run, [sink for sink in sinks if isinstance(sink, PushSink)]))
    _tell(report, sinks, as_json)


async def _until_stopped(run: Coroutine[Any, Any, BroadcastReport], pushes: Sequence[PushSink]) -> BroadcastReport:
    """Await ``run``, which SIGTERM ends as Ctrl-C does, and print how the streams' connections change."""
    task = asyncio.ensure_future(run)
    with suppress(NotImplementedError):  # Windows
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    printed = ""
    while not task.done():
        await asyncio.wait([task], timeout=POLL)
        for sink in pushes:
            state = "connected" if sink.connected else sink.trouble
            if state and state != printed:
                printed = state
                typer.echo(f"stream: {state}", err=True)
    return task.result()


def _tell(report: BroadcastReport, sinks: Sequence[Sink], as_json: bool) -> None:
    """Print the report; raise typer's Exit if an output was lost, or the only one never connected."""
    from ..transports.push import PushSink
    from ..transports.recording import Recording

    films = [sink.film for sink in sinks if isinstance(sink, Recording)]
    lost = [sink.trouble for sink in sinks if isinstance(sink, PushSink) and not sink.connections]
    _print_report(report, next(iter(films), None), as_json, lost)
    if report.troubles or len(lost) == len(sinks):
        raise typer.Exit(OutputError.exit_code)


def _print_report(report: BroadcastReport, film: Path | None, as_json: bool, lost: Sequence[str]) -> None:
    """``lost``: why each stream that was never connected was not."""
    never = [f"the stream was never connected: {reason or 'the server did not answer in time'}" for reason in lost]
    if as_json:
        print_json({"film": film, **asdict(report), "never_connected": never})
    else:
        said = counted(report.spoken, "speech", "speeches")
        heard = f", heard by {report.speech_encoder}" if report.speech_encoder else ""
        print(f"{float(report.frames / report.fps):.1f} s on the air, {said} said{heard}")
        if film:
            print(f"film: {film}")
        for note in (*_notes(report), *never):
            print(f"note: {note}")


def _notes(report: BroadcastReport) -> Sequence[str]:
    late = f"{counted(report.stalls, 'picture')} came late: this machine is busy, or too slow for it"
    stalls = [late] if report.stalls else []
    return [*stalls, *report.troubles]


__all__ = ["live"]
