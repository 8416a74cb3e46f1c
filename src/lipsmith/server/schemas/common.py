"""What the schemas of several calls share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


def example(title: str | None = None, /, **members: Any) -> ConfigDict:
    """Settings of a model with one example; ``title`` is its name in the OpenAPI page if not that of the class."""
    return ConfigDict(title=title, json_schema_extra={"examples": [members]})


def request(**members: Any) -> ConfigDict:
    """Settings of a request's model with one example; a member that it does not know is refused."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [members]})


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Token(BaseModel):
    """Gives access to one resource for a while: put it into an address as ``?token=``."""

    model_config = example(
        token="lst_eyJ...",  # noqa: S106 - opens nothing
        expires="2026-01-31T12:10:00Z",
        url="/v1/jobs/6f1c9b0de2a74c53/result?token=lst_eyJ...",
    )
    token: str
    expires: str
    url: str
