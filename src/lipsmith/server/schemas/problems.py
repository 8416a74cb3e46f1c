"""Errors as they go out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ProblemBody(BaseModel):
    """An error, as RFC 9457 has it. ``type`` is the word to switch on."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "face-error",
                    "title": "No face, or a face that this engine cannot make speak.",
                    "status": 422,
                    "detail": "No face was found in picture.",
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str
