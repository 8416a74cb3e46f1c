"""``/v1/avatars``: faces made ready once, to speak again and again. Each client has a shelf of its own."""

from __future__ import annotations

import io
from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Response, UploadFile

from ...avatars.shelf import Shelf
from ...errors import AvatarMissing
from ..problems import Problem
from ..schemas import Avatar, Avatars, Job, avatar_of
from ..services import Owner, Parts, Services
from ..store import NewJob, new_id
from ..uploads import fresh_folder, measure, save, shown_name, size_of
from ..wishes import avatar_wish, parse_options
from .jobs import admit, answer

TILES, COLUMNS = 8, 4  # of a preview
NAME = "^[a-z0-9][a-z0-9-]{0,47}$"
router = APIRouter(tags=["avatars"])
AvatarId = Annotated[str, Path(pattern=NAME, examples=["anna"])]


@router.post("/avatars", status_code=202)
def create_avatar(
    parts: Parts,
    owner: Owner,
    response: Response,
    picture: Annotated[UploadFile, File(description="A portrait or a video.")],
    id: Annotated[str | None, Form(pattern=NAME, description="Its name; left out: one is made up.")] = None,  # noqa: A002
    options: Annotated[
        str,
        Form(max_length=4000, description="JSON: engine, fps, faces, still, seed ...", examples=["{}"]),
    ] = "{}",
) -> Job:
    """Make an avatar of an uploaded picture. Watch the job that is answered; then dub with ``avatar=<id>``."""
    given = parse_options(options)
    avatar_wish(given)
    name = id or new_id()
    check_place(parts, owner, name, size_of(picture))
    job = new_id()
    with fresh_folder(parts.jobs / job, keep=True) as folder:
        size = save(picture, folder / "picture")
        measure(parts, folder)
        asked = {"picture": shown_name(picture), "avatar": name, "options": given}
        request = {"asked": asked, "task": {"avatar": name, "options": given}}
        row = admit(parts, NewJob(job, owner, "avatar", request, size))
    response.headers["Location"] = f"/v1/jobs/{row.id}"
    return answer(parts, row)


@router.get("/avatars")
def list_avatars(parts: Parts, owner: Owner) -> Avatars:
    """Your avatars, by name."""
    return Avatars(avatars=[avatar_of(info) for info in parts.shelf(owner).list()])


@router.get("/avatars/{avatar}")
def show_avatar(parts: Parts, owner: Owner, avatar: AvatarId) -> Avatar:
    """One avatar."""
    check_there(parts, owner, avatar)
    return avatar_of(parts.shelf(owner).info(avatar))


@router.get(
    "/avatars/{avatar}/preview",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "A sheet of its plates."}},
)
def avatar_preview(parts: Parts, owner: Owner, avatar: AvatarId) -> Response:
    """A contact sheet: up to eight of its plates."""
    from PIL import Image

    from ...media.draw import contact_sheet

    check_there(parts, owner, avatar)
    with parts.shelf(owner).open(avatar) as opened:
        tiles = min(TILES, opened.info.frames)
        plates = [opened.plate((2 * k + 1) * opened.info.frames // (2 * tiles)) for k in range(tiles)]
        sheet = contact_sheet([plate.image for plate in plates], [str(plate.index) for plate in plates], COLUMNS)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")


@router.delete("/avatars/{avatar}", status_code=204)
def delete_avatar(parts: Parts, owner: Owner, avatar: AvatarId) -> None:
    """Remove the avatar; a job that speaks with it goes on."""
    check_there(parts, owner, avatar)
    parts.shelf(owner).delete(avatar)


def check_there(parts: Services, owner: str, avatar: str) -> None:
    """Raise Problem not-found unless the client has such an avatar."""
    try:
        parts.shelf(owner).info(avatar)
    except AvatarMissing:
        raise Problem("not-found", "You have no avatar of that name.") from None


def check_place(parts: Services, owner: str, name: str, size: int) -> None:
    """Raise Problem unless the client may make the avatar ``name`` of ``size`` uploaded bytes."""
    parts.check_room(owner, size)
    own = parts.shelf(owner).list()
    if any(info.id == name for info in own):
        raise Problem("exists", f"You have an avatar '{name}': delete it first, or give another name.")
    if len(own) >= parts.options.own_avatars:
        raise Problem("too-many-avatars", f"You have {len(own)} avatars, the most that one client may: delete one.")
    shelves = [path for path in (parts.options.folder / "avatars").iterdir() if path.is_dir()]
    stored = sum(info.bytes for path in shelves for info in Shelf(path).list())
    if stored + parts.store.used() + size > parts.options.disk_bytes:
        raise Problem("no-space", "Avatars, uploads and results fill the room that this server may use.", 300)
