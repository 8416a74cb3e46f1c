"""``/v1/previews``: a quick look before time is spent."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from ..request_options import generate_request, parse_options
from ..schemas.previews import Preview
from ..state import StateDep
from ..store import new_id
from ..uploads import fresh_folder, measure, save

router = APIRouter(tags=["previews"])


@router.post("/previews")
def create_preview(
    parts: StateDep,
    picture: Annotated[UploadFile, File(description="A portrait or a video.")],
    speech: Annotated[UploadFile | None, File(description="Any sound or video; then a sheet is made.")] = None,
    options: Annotated[
        str, Form(max_length=4000, description="JSON of options as `lipsmith generate` has them.", examples=["{}"])
    ] = "{}",
) -> Preview:
    """Who is in the first picture, and with speech: that picture saying its loudest moment. Nothing is kept."""
    given = parse_options(options)
    generate_request(given)
    parts.check_open()
    with fresh_folder(parts.settings.folder / "looks" / new_id(), keep=False) as folder:
        save(picture, folder / "picture")
        save(speech, folder / "speech")
        facts = measure(parts, folder)["picture"]
        files = {name: str(folder / name) for name in ("picture", "speech") if (folder / name).exists()}
        task = {"do": "preview", "home": str(parts.settings.folder), "folder": str(folder), "options": given, **files}
        seen = parts.preview_worker.call(task)
        return Preview(
            kind=facts["kind"],
            size=seen["size"],
            seconds=facts["seconds"],
            has_sound=facts["has_sound"],
            faces=seen["faces"],
            view="data:image/jpeg;base64," + base64.b64encode((folder / "view.jpg").read_bytes()).decode(),
            sheet="data:image/png;base64," + base64.b64encode((folder / "sheet.png").read_bytes()).decode()
            if seen["sheet"]
            else None,
        )
