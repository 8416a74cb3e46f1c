"""``/v1/avatars``: faces prepared once, to speak many times. Each client has its own."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, count
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Path, Response, UploadFile
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from ...avatars.manifest import AvatarInfo
from ...avatars.options import FIRST_CLIP
from ...avatars.store import AvatarStore
from ...errors import AvatarMissing
from ...jobs.folders import CLIP_PREFIX, PICTURE
from ...jobs.queue import NewJob, new_id
from ...jobs.tasks.avatar import TASK as AVATAR
from ..problems import Problem
from ..request_options import avatar_request, check_available, parse_options
from ..schemas.avatars import AvatarBody, AvatarList, AvatarName, NewName, avatar_of
from ..schemas.jobs import Job
from ..state import AppState, Owner, StateDep
from ..upload_route import UploadRoute
from ..uploads import fresh_folder, measure, save, shown_name
from .jobs import admit, answer

TILES, COLUMNS = 8, 4
"""Of a preview: pictures at most, and how many stand side by side."""
MOST_CLIPS = 8
POSTER_QUALITY = 92
MOST_LETTERS = 40
"""Of an id that is made of a name."""
CLIP = "^[a-z][a-z0-9_]{0,47}$"
NAME = "^[a-z0-9][a-z0-9-]{0,47}$"
router = APIRouter(tags=["avatars"], route_class=UploadRoute)
AvatarId = Annotated[str, Path(pattern=NAME, examples=["anna"])]


@dataclass
class AvatarForm:
    """The form of a new avatar."""

    picture: Annotated[UploadFile, File(description="A portrait or a video: the clip `idle`.")]
    id: Annotated[
        str | None, Form(pattern=NAME, description="For addresses; left out: made of the name, else a random one.")
    ] = None
    name: Annotated[AvatarName | None, Form(description="What people call it; left out: its id.")] = None
    options: Annotated[
        str, Form(max_length=4000, description="JSON: engine, fps, faces, still, seed ...", examples=["{}"])
    ] = "{}"
    clips: Annotated[
        list[UploadFile] | None,
        File(max_length=MOST_CLIPS, description="Further films of the same size: `speaking`, and gestures."),
    ] = None
    clip_names: Annotated[
        list[Annotated[str, StringConstraints(pattern=CLIP)]] | None,
        Form(max_length=MOST_CLIPS, description="The names of `clips`, in their order."),
    ] = None


@router.post("/avatars", status_code=202)
async def create_avatar(
    state: StateDep, owner: Owner, response: Response, form: Annotated[AvatarForm, Depends()]
) -> Job:
    """Make an avatar from an uploaded picture. The answer is a job; when it is done, dub with ``avatar=<id>``.

    The clip `speaking` plays while the avatar speaks. A live session shows any other clip once, on request.
    """
    given = await run_in_threadpool(avatar_options, form.options)
    name, clips = await run_in_threadpool(chosen_id, state, owner, form), named_clips(form)
    await run_in_threadpool(check_place, state, owner, name)
    job = new_id()
    async with fresh_folder(state.jobs / job) as folder:
        size = save(form.picture, folder / PICTURE)
        size += sum(save(clip, folder / f"{CLIP_PREFIX}{clip_name}") for clip_name, clip in clips.items())
        await measure(state, owner, folder)
        task = {"avatar": name, "options": given, "clips": list(clips), "title": form.name or ""}
        asked = {**task, "picture": shown_name(form.picture)}
        row = await run_in_threadpool(
            admit, state, NewJob(job, owner, AVATAR.name, {"asked": asked, "task": task}, size)
        )
    response.headers["Location"] = f"/v1/jobs/{row.id}"
    return await run_in_threadpool(answer, state, row)


@router.get("/avatars")
def list_avatars(state: StateDep, owner: Owner) -> AvatarList:
    """Your avatars, by name."""
    return AvatarList(avatars=[avatar_of(info) for info in state.avatar_store(owner).list()])


@router.get("/avatars/{avatar}")
def show_avatar(state: StateDep, owner: Owner, avatar: AvatarId) -> AvatarBody:
    """One avatar."""
    check_there(state, owner, avatar)
    return avatar_of(state.avatar_store(owner).info(avatar))


@router.get(
    "/avatars/{avatar}/preview",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "A sheet of its pictures."}},
)
async def avatar_preview(state: StateDep, owner: Owner, avatar: AvatarId) -> Response:
    """A contact sheet: up to eight of its pictures."""
    await run_in_threadpool(check_there, state, owner, avatar)
    sheet = await state.pictures.make(owner, lambda: sheet_of(state.avatar_store(owner), avatar))
    return Response(sheet, media_type="image/png")


@router.get(
    "/avatars/{avatar}/poster",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "Its first picture in full size."},
        304: {"description": "The picture that the caller has (`If-None-Match`) is still the right one."},
    },
)
async def avatar_poster(
    state: StateDep, owner: Owner, avatar: AvatarId, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The picture that a live session begins with, in full size. It has an `ETag`."""
    await run_in_threadpool(check_there, state, owner, avatar)
    store = state.avatar_store(owner)
    headers = {"ETag": poster_tag(store.info(avatar)), "Cache-Control": "private, no-cache"}
    if if_none_match and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    poster = await state.pictures.make(owner, lambda: poster_of(store, avatar))
    return Response(poster, media_type="image/jpeg", headers=headers)


@router.patch("/avatars/{avatar}")
def rename_avatar(state: StateDep, owner: Owner, avatar: AvatarId, body: NewName) -> AvatarBody:
    """Change what people call it. Its id stays, so addresses, jobs and live sessions go on."""
    check_there(state, owner, avatar)
    return avatar_of(state.avatar_store(owner).set_title(avatar, body.name))


@router.delete("/avatars/{avatar}", status_code=204)
def delete_avatar(state: StateDep, owner: Owner, avatar: AvatarId) -> None:
    """Remove the avatar; a job that speaks with it goes on."""
    check_there(state, owner, avatar)
    state.runner.freeing(lambda: state.avatar_store(owner).delete(avatar))


def avatar_options(text: str) -> dict[str, Any]:
    """The options of a new avatar. Raises OptionError, or EngineUnavailable."""
    given = parse_options(text)
    options = avatar_request(given)
    check_available(options.engine, options.engine_options)
    return given


def sheet_of(store: AvatarStore, avatar: str) -> bytes:
    """A contact sheet of the avatar, as PNG."""
    from PIL import Image

    from ...media.contact_sheet import contact_sheet

    with store.open(avatar) as opened:
        tiles = min(TILES, opened.info.frames)
        source_frames = [opened.source_frame((2 * k + 1) * opened.info.frames // (2 * tiles)) for k in range(tiles)]
        sheet = contact_sheet(
            [source_frame.image for source_frame in source_frames],
            [str(source_frame.index) for source_frame in source_frames],
            COLUMNS,
        )
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return file.getvalue()


def poster_of(store: AvatarStore, avatar: str) -> bytes:
    """The avatar's first picture, as JPEG."""
    from PIL import Image

    with store.open(avatar) as opened:
        image = Image.fromarray(opened.source_frame(0).image)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=POSTER_QUALITY, subsampling=0)
    return file.getvalue()


def poster_tag(info: AvatarInfo) -> str:
    """An ETag that changes with the avatar's pictures, and not with its name."""
    made_of = f"{info.id} {info.created} {info.source_hash} {info.size} {info.engine_version}"
    return f'"{sha256(made_of.encode()).hexdigest()[:16]}"'


def chosen_id(state: AppState, owner: str, form: AvatarForm) -> str:
    """The form's id, else one that the client has not used, made of the letters of its name that an id may have."""
    if form.id:
        return form.id
    plain = unicodedata.normalize("NFKD", form.name or "").encode("ascii", "ignore").decode().lower()
    wanted = re.sub("[^a-z0-9]+", "-", plain).strip("-")[:MOST_LETTERS].rstrip("-")
    if not wanted:
        return new_id()
    taken = {info.id for info in state.avatar_store(owner).list()}
    return next(one for one in chain([wanted], (f"{wanted}-{k}" for k in count(2))) if one not in taken)


def named_clips(form: AvatarForm) -> dict[str, UploadFile]:
    """Name of a clip -> its upload. Raises Problem unless there are as many names as clips, all different."""
    names, clips = form.clip_names or [], form.clips or []
    if len(names) != len(clips):
        raise Problem("invalid", f"{len(clips)} clips and {len(names)} clip_names: give one of each, in order.")
    if len({FIRST_CLIP, *names}) != len(names) + 1:
        raise Problem("invalid", f"Clips need names of their own, which are not '{FIRST_CLIP}'.")
    return dict(zip(names, clips, strict=True))


def check_there(state: AppState, owner: str, avatar: str) -> None:
    """Raise Problem not-found unless the client has such an avatar."""
    try:
        state.avatar_store(owner).info(avatar)
    except AvatarMissing:
        raise Problem("not-found", "You have no avatar of that name.") from None


def check_place(state: AppState, owner: str, name: str) -> None:
    """Raise Problem unless the client may make the avatar ``name``."""
    state.check_room(owner)
    own = state.avatar_store(owner).list()
    if any(info.id == name for info in own):
        raise Problem("exists", f"You have an avatar '{name}': delete it first, or give another name.")
    if len(own) >= state.settings.own_avatars:
        raise Problem("too-many-avatars", f"You have {len(own)} avatars, the most that one client may: delete one.")
    clients = [path for path in (state.settings.folder / "avatars").iterdir() if path.is_dir()]
    stored = sum(info.bytes for path in clients for info in AvatarStore(path).list())
    if stored + state.store.used() + state.incoming.bytes > state.settings.disk_bytes:
        raise Problem("no-space", "Avatars, uploads and results fill the room that this server may use.", 300)
