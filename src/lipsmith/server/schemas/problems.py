"""Errors in answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ProblemBody(BaseModel):
    """An error in the form of RFC 9457. Programs switch on ``type``."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "face-error",
                    "title": "No face, or a face that this engine cannot make speak",
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
