"""``/v1/previews``: the faces in an upload, and how they would speak, before a film is made."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from ...jobs.folders import PICTURE, SPEECH
from ...jobs.queue import new_id
from ..request_options import generate_request, parse_options
from ..schemas.previews import PreviewBody
from ..state import StateDep
from ..uploads import ask, fresh_folder, measure, save

router = APIRouter(tags=["previews"])


@router.post("/previews")
def create_preview(
    state: StateDep,
    picture: Annotated[UploadFile, File(description="A portrait or a video.")],
    speech: Annotated[UploadFile | None, File(description="Any sound or video, for a sheet.")] = None,
    options: Annotated[
        str, Form(max_length=4000, description="The options of `lipsmith generate`, as JSON.", examples=["{}"])
    ] = "{}",
) -> PreviewBody:
    """The faces in the first picture that has any, and with speech a sheet of its loudest moment. Nothing is kept."""
    given = parse_options(options)
    generate_request(given)
    state.check_open()
    with fresh_folder(state.settings.folder / "looks" / new_id(), keep=False) as folder:
        save(picture, folder / PICTURE)
        save(speech, folder / SPEECH)
        measured = measure(state, folder)
        facts = measured["picture"]
        seen = ask(state, state.preview_worker, "preview", {"options": given}, folder)
        return PreviewBody(
            kind=facts["kind"],
            size=seen["size"],
            shown_at=seen["shown_at"],
            seconds=facts["seconds"],
            has_sound=facts["has_sound"],
            audio_tracks=measured.get("speech", facts)["audio_tracks"],
            faces=seen["faces"],
            view="data:image/jpeg;base64," + base64.b64encode((folder / "view.jpg").read_bytes()).decode(),
            sheet="data:image/png;base64," + base64.b64encode((folder / "sheet.png").read_bytes()).decode()
            if seen["sheet"]
            else None,
        )
