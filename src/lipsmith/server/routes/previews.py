"""``/v1/previews``: the faces in an upload, and how they would speak, before a film is made."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.concurrency import run_in_threadpool

from ...jobs.folders import PICTURE, SPEECH
from ..request_options import generate_request, parse_options
from ..schemas.previews import PreviewBody
from ..state import Owner, StateDep
from ..upload_route import PlaceDep, UploadRoute
from ..uploads import measure, preview, save

router = APIRouter(tags=["previews"], route_class=UploadRoute)


@router.post("/previews")
async def create_preview(
    state: StateDep,
    owner: Owner,
    place: PlaceDep,
    picture: Annotated[UploadFile, File(description="A portrait or a video.")],
    speech: Annotated[UploadFile | None, File(description="Any sound or video, for a sheet.")] = None,
    options: Annotated[str, Form(max_length=4000, description="Options of the film, as JSON.", examples=["{}"])] = "{}",
) -> PreviewBody:
    """The faces in the first picture that has any, and with speech a sheet of its loudest moment. Nothing is kept."""
    given = parse_options(options)
    await run_in_threadpool(generate_request, given)
    save(picture, place.folder / PICTURE)
    save(speech, place.folder / SPEECH)
    measured = await measure(state, owner, place.folder)
    facts = measured["picture"]
    seen = await preview(state, owner, place.folder, given)
    return PreviewBody(
        kind=facts["kind"],
        size=seen["size"],
        shown_at=seen["shown_at"],
        seconds=facts["seconds"],
        has_sound=facts["has_sound"],
        audio_tracks=measured.get("speech", facts)["audio_tracks"],
        faces=seen["faces"],
        view=_address(place.folder / "view.jpg", "image/jpeg"),
        sheet=_address(place.folder / "sheet.png", "image/png") if seen["sheet"] else None,
    )


def _address(path: Path, kind: str) -> str:
    """A picture as a ``data:`` URL."""
    return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode()
