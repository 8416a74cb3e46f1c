"""Downloads official files that are published at an address of their own, outside the Hugging Face hub."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from .catalogue import OfficialFile

TIMEOUT = 30.0  # s without a byte
CHUNK = 1 << 20  # bytes


def download(one: OfficialFile, address: str, staging: Path) -> Path:
    """Download ``address`` into ``staging``; a stopped download continues where it stopped. Returns the file.

    Raises:
        OSError: the server cannot be reached, refuses, or stops in the middle.
    """
    staging.mkdir(parents=True, exist_ok=True)
    path = staging / f"{one.name}.{(one.sha256 or '')[:16]}.part"  # so that another version of the file starts anew
    here = path.stat().st_size if path.is_file() else 0
    if one.size and here > one.size:  # two downloads at a time wrote to it, say: nothing can continue it
        path.unlink()
        here = 0
    if not (one.size and here == one.size):
        try:
            _append(address, path, here, one.size)
        except http.client.HTTPException as problem:
            raise OSError(f"the connection broke: {type(problem).__name__}") from problem
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as problem:
            raise OSError(str(problem.reason)) from None
    if one.size and (seen := path.stat().st_size) < one.size:
        raise OSError(f"it stopped at {seen} of {one.size} bytes")
    return path


def _append(address: str, path: Path, here: int, size: int) -> None:
    """Write what follows the first ``here`` bytes. Beyond a known ``size`` at most one chunk is read."""
    headers = {"User-Agent": "lipsmith", "Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the catalogue's own https addresses
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        goes_on = here and answer.status == http.client.PARTIAL_CONTENT
        with path.open("ab" if goes_on else "wb") as file:
            while (chunk := answer.read(CHUNK)) and not (size and file.tell() > size):
                file.write(chunk)


__all__ = ["download"]
