"""``lipsmith avatar``: prepared avatars, made, listed, looked at, checked, moved and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import AvatarBroken, AvatarStale, EngineUnavailable, OptionError
from ..options import build
from .engine_flags import engine_flags, engine_options
from .flags import flags_from
from .generate import WORDS as FILM_WORDS
from .generate import AsJson, Quiet, Settings
from .progress import shown
from .records import print_json

if TYPE_CHECKING:
    from ..avatars.manifest import AvatarInfo
    from ..avatars.playback import Clip
    from ..avatars.store import AvatarStore

from ..avatars.options import AvatarOptions

app = typer.Typer(name="avatar", rich_markup_mode=None)
WORDS = {
    **{name: FILM_WORDS[name] for name in ("engine", "faces", "still", "seed")},
    "key": "The screen behind the person, kept for 'speak --background': none, auto, alpha (its own), or #rrggbb.",
    "fps": "Frames per second of the avatar: 25, 29.97, 30000/1001, or 'source' for the video's own.",
}
Name = Annotated[str, typer.Argument(metavar="ID", help="The avatar's name.")]
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class ShownAvatar:
    """What ``show`` says besides the sheet."""

    avatar: AvatarInfo
    clips: tuple[Clip, ...]
    sheet: Path


@app.callback(invoke_without_command=True)
def avatar(context: typer.Context) -> None:
    """Prepared avatars: compute the face once, speak for ever. $LIPSMITH_AVATARS says where they lie."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@engine_flags
@flags_from(AvatarOptions, WORDS)
def create(
    name: Name,
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="An image, a video, or a folder of numbered images.")
    ],
    clip: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="One more film: 'speaking' while it speaks, any other name a gesture."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Make it again, whatever is there.")] = False,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Prepare PICTURE once under the name ID. The same again is found at once; another source or option is refused.

    Examples:

      lipsmith avatar create anna anna.mp4

      lipsmith avatar create anna idle.mp4 --clip speaking=talk.mp4 --clip wave=wave.mp4 --refresh

      lipsmith avatar create boss portrait.jpg --still --set gain=1.2
    """
    options["engine_options"] = engine_options(options, settings or [])
    options["clips"] = _clips(clip or [])
    wish = build(AvatarOptions, options)
    loaded = wish.load()
    with shown(quiet) as progress:
        info = _shelf().create(name, picture, loaded.engine, wish, refresh=refresh, progress=progress)
    _tell(info, as_json, quiet)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the avatars, their engines, lengths and sizes. Example: lipsmith avatar list --json"""
    store = _shelf()
    infos = store.list()
    if as_json:
        print_json(infos)
        return
    for info in infos:
        print(_line(info))
    for name, problem in store.broken().items():
        print(f"{name}: damaged. {problem}")
    print(f"{len(infos)} avatars, {_amount(sum(info.bytes for info in infos))} in {store.root}")


@app.command()
def show(
    name: Name,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The sheet. [default: ID.avatar.png]")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a contact sheet with boxes and masks, and say what is known. Example: lipsmith avatar show anna --json"""
    from ..avatars.contact_sheet import avatar_sheet
    from ..media.contact_sheet import write_png
    from ..media.writer import check_output

    sheet = output or Path(f"{name}.avatar.png")
    with _shelf().open(name) as opened:
        check_output(sheet, sheet=True)
        write_png(sheet, avatar_sheet(opened))
        known = ShownAvatar(opened.info, opened.loop.clips, sheet)
    if as_json:
        print_json(known)
        return
    print(_line(known.avatar))
    for clip in known.clips:
        closed = sum(end - begin for begin, end in clip.idle)
        print(f"  clip {clip.name}: plates {clip.start} to {clip.stop - 1}, {len(clip.cuts)} cuts, {closed} at rest")
    for notice in known.avatar.notices:
        print(f"  note: {notice}")
    print(f"  sheet: {sheet}")


@app.command()
def check(names: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None, as_json: AsJson = False) -> None:
    """Read every byte of these avatars, or of all; exit code 3: one is unusable. Example: lipsmith avatar check anna"""
    store = _shelf()
    found: dict[str, str | None] = dict(store.broken()) if not names else {}
    for name in names or [info.id for info in store.list()]:
        try:
            store.check(name)
        except (AvatarBroken, AvatarStale, EngineUnavailable) as problem:
            found[name] = str(problem)
        else:
            found[name] = None
    if as_json:
        print_json([{"id": name, "fault": found[name]} for name in sorted(found)])
    else:
        for name in sorted(found):
            print(f"{name}: {found[name] or 'whole'}")
    if any(found.values()):
        raise typer.Exit(AvatarBroken.exit_code)


@app.command()
def rename(name: Name, new: Annotated[str, typer.Argument(metavar="NEW")], as_json: AsJson = False) -> None:
    """Call an avatar something else. Example: lipsmith avatar rename anna anna-2"""
    _tell(_shelf().rename(name, new), as_json, quiet=False)


@app.command()
def delete(names: Annotated[list[str], typer.Argument(metavar="ID...")], as_json: AsJson = False) -> None:
    """Remove avatars. Example: lipsmith avatar delete anna"""
    store = _shelf()
    for name in names:
        store.expect(name)  # one that is misspelt deletes none of the others
    for name in dict.fromkeys(names):
        store.delete(name)
    if as_json:
        print_json({"deleted": names})
    else:
        print(f"deleted {', '.join(names)}")


@app.command()
def export(name: Name, file: Annotated[Path, typer.Argument(metavar="FILE.lipsmith")], as_json: AsJson = False) -> None:
    """Write one portable file. Example: lipsmith avatar export anna anna.lipsmith"""
    _shelf().export(name, file)
    if as_json:
        print_json({"id": name, "file": file, "bytes": file.stat().st_size})
    else:
        print(f"{file}: {_amount(file.stat().st_size)}")


@app.command("import")
def bring_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.lipsmith, or what others prepared for MuseTalk.")],
    name: Annotated[str | None, typer.Option("--id", help="What to call it. [default: as the file]")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Replace one of that name.")] = False,
    fps: Annotated[
        str | None, typer.Option(help="Of what others prepared. [default: as its files say, else 25]")
    ] = None,
    version: Annotated[str | None, typer.Option(help="... and MuseTalk's version: v15 or v1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take over an exported avatar, an avatar folder of MuseTalk's realtime script, or a <id>_preprocessed.pkl.

    Example: lipsmith avatar import anna.lipsmith --id anna
    """
    from ..compat.upstream_avatar import is_upstream

    if not is_upstream(file):
        _tell(_shelf().bring_in(file, name, refresh=refresh), as_json, quiet=False)
        return
    from ..compat.upstream_import import bring_upstream
    from ..media.video import parse_rate

    options = {} if version is None else {"version": version}
    with shown(as_json) as progress:
        info = bring_upstream(
            _shelf(), file, name, fps=parse_rate(fps), options=options, refresh=refresh, progress=progress
        )
    _tell(info, as_json, quiet=False)


@app.command()
def gc(
    max_size: Annotated[
        str | None, typer.Option(help="Keep at most so much, dropping what was used longest ago: 500M, 20G.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove leftovers, and with --max-size the avatars used longest ago. Example: lipsmith avatar gc --max-size 20G"""
    gone = _shelf().collect(None if max_size is None else parse_size(max_size))
    if as_json:
        print_json({"deleted": gone})
    else:
        print(f"deleted {', '.join(gone)}" if gone else "nothing to delete")


@app.command()
def warm(name: Name, as_json: AsJson = False) -> None:
    """Read an avatar and draw its first frame, so that disk and engine are ready. Example: lipsmith avatar warm anna"""
    from ..pipeline.speak import warm_up

    seconds: Mapping[str, float] = warm_up(_shelf(), name)
    if as_json:
        print_json(seconds)
    else:
        print(", ".join(f"{stage} {value:.2f} s" for stage, value in seconds.items()))


def parse_size(text: str) -> int:
    """Bytes of "500M", "20 GB" or "1000".

    Raises:
        OptionError: it is no size.
    """
    word = text.strip().lower().removesuffix("b").strip()
    unit = word[-1:] if word[-1:].isalpha() else ""
    try:
        size = float(word.removesuffix(unit)) * _UNITS[unit]
    except (ValueError, KeyError):
        size = -1.0
    if not 0 <= size < float("inf"):
        raise OptionError(f"'{text}' is no size: write it as 500M or 20G.")
    return int(size)


def _clips(words: list[str]) -> dict[str, Path]:
    clips: dict[str, Path] = {}
    for word in words:
        name, sign, file = word.partition("=")
        if not (name and sign and file) or name in clips:
            raise OptionError(f"'{word}' names no further clip; write each once, as speaking=talk.mp4.")
        clips[name] = Path(file)
    return clips


def _shelf() -> AvatarStore:
    from ..avatars.store import AvatarStore

    return AvatarStore()


def _tell(info: AvatarInfo, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(info)
    elif not quiet:
        print("\n".join([_line(info), *(f"note: {notice}" for notice in info.notices)]))


def _line(info: AvatarInfo) -> str:
    length = (
        "a still picture" if info.frames == 1 else f"{float(info.frames / info.fps):.1f} s at {float(info.fps):g} fps"
    )
    more = f", clips {', '.join(info.clips)}" if len(info.clips) > 1 else ""
    width, height = info.size
    return (
        f"{info.id}: {width}x{height}, {length}{more}, {info.faces} speaking, {info.engine} {info.engine_version}, "
        f"{_amount(info.bytes)}, of {info.source}"
    )


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
