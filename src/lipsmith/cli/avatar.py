"""``lipsmith avatar``: make, list, show, check, rename, copy and delete prepared avatars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import AvatarBroken, AvatarStale, EngineUnavailable, OptionError
from ..options import build
from .engine_flags import engine_flags, engine_options
from .flags import SectionedCommand, flags_from
from .generate import HELP as FILM_HELP
from .generate import AsJson, Overwrite, Quiet, Settings
from .inputs import refuse_swapped_avatar
from .progress import progress_display
from .records import counted, print_json

if TYPE_CHECKING:
    from ..avatars.manifest import AvatarInfo
    from ..avatars.playback import Clip
    from ..avatars.store import AvatarStore

from ..avatars.options import AvatarOptions

app = typer.Typer(name="avatar", rich_markup_mode=None)
HELP = {
    **{name: FILM_HELP[name] for name in ("engine", "faces", "still", "seed")},
    "key": "The screen behind the person, for 'speak --background': none, auto, alpha (the picture's own), or #rrggbb.",
    "fps": "Frames per second of the avatar: 25, 29.97, 30000/1001, or 'source' for the video's own (above 120:"
    " halved).",
}
Name = Annotated[str, typer.Argument(metavar="ID", help="The avatar's name.")]
_SMALLEST = 10**5  # bytes; a smaller limit is a unit forgotten
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class ShownAvatar:
    """What ``show`` prints."""

    avatar: AvatarInfo
    clips: tuple[Clip, ...]
    sheet: Path | None  # None: none was asked for


@app.callback(invoke_without_command=True)
def avatar(context: typer.Context) -> None:
    """Avatars: faces prepared once, to speak often. They are stored in $LIPSMITH_AVATARS."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(cls=SectionedCommand)
@engine_flags
@flags_from(AvatarOptions, HELP)
def create(
    name: Name,
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="An image, a video, or a folder of numbered images.")
    ],
    clip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="One more film: 'speaking' plays while the avatar speaks; any other name is a gesture.",
        ),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Make it again even if it exists.")] = False,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Prepare PICTURE once under the name ID. The same again returns at once; another source or option is refused.

    Examples:

      lipsmith avatar create anna anna.mp4

      lipsmith avatar create anna idle.mp4 --clip speaking=talk.mp4 --refresh

      lipsmith avatar create boss portrait.jpg --still --set gain=1.2
    """
    refuse_swapped_avatar(name, picture)
    options["engine_options"] = engine_options(options, settings or [])
    options["clips"] = _clips(clip or [])
    avatar_options = build(AvatarOptions, options)
    loaded = avatar_options.load()
    with progress_display(quiet) as progress:
        info = _store().create(name, picture, loaded.engine, avatar_options, refresh=refresh, progress=progress)
    _print_info(info, as_json, quiet)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the avatars, their engines, lengths and sizes. Example: lipsmith avatar list --json"""
    store = _store()
    infos = store.list()
    if as_json:
        print_json(infos)
        return
    for info in infos:
        print(_line(info))
    for name, problem in store.broken().items():
        print(f"{name}: damaged. {problem}")
    print(f"{counted(len(infos), 'avatar')}, {_amount(sum(info.bytes for info in infos))} in {store.root}")


@app.command()
def show(
    name: Name,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a contact sheet (.png) with boxes and masks.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Print facts, and with -o write a contact sheet. Example: lipsmith avatar show anna -o anna.png"""
    from ..avatars.contact_sheet import avatar_sheet
    from ..media.stills import write_png
    from ..media.writer import check_output

    with _store().open(name) as opened:
        if output:
            check_output(output, sheet=True, overwrite=overwrite)
            output = write_png(output, avatar_sheet(opened), overwrite)
        shown = ShownAvatar(opened.info, opened.playback.clips, output)
    if as_json:
        print_json(shown)
        return
    print(_line(shown.avatar))
    for clip in shown.clips:
        closed = sum(end - begin for begin, end in clip.idle)
        cuts = counted(len(clip.cuts), "cut")
        print(f"  clip {clip.name}: frames {clip.start} to {clip.stop - 1}, {cuts}, {closed} at rest")
    for notice in shown.avatar.notices:
        print(f"  note: {notice}")
    if shown.sheet:
        print(f"  sheet: {shown.sheet}")


@app.command()
def check(names: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None, as_json: AsJson = False) -> None:
    """Read every byte of these avatars, or of all; exit code 3: one is unusable. Example: lipsmith avatar check anna"""
    store = _store()
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
    """Rename an avatar. Example: lipsmith avatar rename anna anna-2"""
    _print_info(_store().rename(name, new), as_json, quiet=False)


@app.command()
def delete(names: Annotated[list[str], typer.Argument(metavar="ID...")], as_json: AsJson = False) -> None:
    """Remove avatars. Example: lipsmith avatar delete anna"""
    store = _store()
    for name in names:
        store.require(name)  # a misspelt name deletes none of the others
    for name in dict.fromkeys(names):
        store.delete(name)
    if as_json:
        print_json({"deleted": names})
    else:
        print(f"deleted {', '.join(names)}")


@app.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.lipsmith")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write one portable file. Example: lipsmith avatar export anna anna.lipsmith"""
    file = _store().export(name, file, overwrite=overwrite)
    if as_json:
        print_json({"id": name, "file": file, "bytes": file.stat().st_size})
    else:
        print(f"{file}: {_amount(file.stat().st_size)}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.lipsmith, or an avatar prepared for MuseTalk.")],
    name: Annotated[str | None, typer.Option("--id", help="Name of the avatar. [default: the file's]")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Replace an avatar of that name.")] = False,
    fps: Annotated[
        str | None,
        typer.Option(help="Frames per second of an avatar for MuseTalk. [default: as its files say, else 25]"),
    ] = None,
    version: Annotated[str | None, typer.Option(help="MuseTalk's version of such an avatar: v15 or v1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import an exported avatar, an avatar folder of MuseTalk's realtime script, or a <id>_preprocessed.pkl.

    Example: lipsmith avatar import anna.lipsmith --id anna
    """
    from ..compat.upstream_avatar import is_upstream

    if not is_upstream(file):
        _print_info(_store().import_archive(file, name, refresh=refresh), as_json, quiet=False)
        return
    from ..compat.upstream_import import import_upstream
    from ..media.video import parse_rate

    options = {} if version is None else {"version": version}
    with progress_display(as_json) as progress:
        info = import_upstream(
            _store(), file, name, fps=parse_rate(fps), options=options, refresh=refresh, progress=progress
        )
    _print_info(info, as_json, quiet=False)


@app.command()
def gc(
    max_size: Annotated[str | None, typer.Option(help="Keep at most this much: 500M, 20G.")] = None,
    as_json: AsJson = False,
) -> None:
    """Remove leftovers, and with --max-size the avatars used longest ago. Example: lipsmith avatar gc --max-size 20G"""
    size = None if max_size is None else parse_size(max_size)
    if size and size < _SMALLEST:
        raise OptionError(f"'{max_size}' is less than any avatar needs: give a unit, as in 500M or 20G; 0 deletes all.")
    deleted = _store().collect_garbage(size)
    if as_json:
        print_json({"deleted": deleted})
    else:
        print(f"deleted {', '.join(deleted)}" if deleted else "nothing to delete")


@app.command()
def warm(name: Name, as_json: AsJson = False) -> None:
    """Read an avatar and draw its first frame, so that disk and engine are ready. Example: lipsmith avatar warm anna"""
    from ..pipeline.speak import warm_up

    seconds: Mapping[str, float] = warm_up(_store(), name)
    if as_json:
        print_json(seconds)
    else:
        print(", ".join(f"{stage} {value:.2f} s" for stage, value in seconds.items()))


def parse_size(text: str) -> int:
    """Bytes of "500M", "20 GB" or "1000".

    Raises:
        OptionError: ``text`` is no size.
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


def _clips(flags: list[str]) -> dict[str, Path]:
    clips: dict[str, Path] = {}
    for flag in flags:
        name, sign, file = flag.partition("=")
        if not (name and sign and file) or name in clips:
            raise OptionError(f"'{flag}' names no further clip; write each once, as speaking=talk.mp4.")
        clips[name] = Path(file)
    return clips


def _store() -> AvatarStore:
    from ..avatars.store import AvatarStore

    return AvatarStore()


def _print_info(info: AvatarInfo, as_json: bool, quiet: bool) -> None:
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
