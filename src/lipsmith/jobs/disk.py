"""The disk of a data folder: how much room it has, and a reserve that is given up so that a full disk can be freed."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..errors import disk_full

if TYPE_CHECKING:
    from pathlib import Path

SPARE_BYTES = 200_000_000
"""Of the disk, which uploads and recordings leave free for results."""
START_BYTES = 50_000_000
"""Free bytes without which no job is started: it could not finish."""
RESERVE, RESERVE_BYTES = "reserve", 8 << 20
"""Name and size of the file that is given up. Deleting needs some room: SQLite writes down what goes before it does."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class DataDisk:
    """The disk that holds the folder ``data``. Several processes may share the folder."""

    def __init__(self, data: Path) -> None:
        self._data, self._reserve = data, data / RESERVE

    def free(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self._data).free

    def takes_jobs(self) -> bool:
        """Whether a job may start."""
        return self.free() >= START_BYTES

    def trouble(self) -> str | None:
        """That the disk is full, in a sentence; None: it has room for new jobs."""
        free = self.free()
        if free >= SPARE_BYTES:
            return None
        return f"The disk is full: {free // 1_000_000} MB are free, and new jobs need {SPARE_BYTES // 1_000_000} MB."

    def fill_reserve(self) -> None:
        """Make the reserve again, once there is plenty of room."""
        if self._reserve.exists() or self.free() < SPARE_BYTES + RESERVE_BYTES:
            return
        partial = self._reserve.with_name(f".{RESERVE}.part")
        try:
            with partial.open("wb") as file:
                file.write(os.urandom(1 << 20) * (RESERVE_BYTES >> 20))  # which no file system stores as nothing
            partial.replace(self._reserve)
        finally:
            partial.unlink(missing_ok=True)

    def give_up_reserve(self) -> bool:
        """Free the reserve's room; False: there is no reserve."""
        try:
            self._reserve.unlink()
        except OSError:
            return False
        log.warning("the disk of %s is full: the reserve was given up, so that something can be deleted", self._data)
        return True

    def freeing(self, act: Callable[[], T]) -> T:
        """Do what frees room. On a full disk it is done again without the reserve. Raises as ``act``, if that fails."""
        try:
            return act()
        except Exception as error:
            if not disk_full(error) or not self.give_up_reserve():
                raise
        return act()


__all__ = ["DataDisk"]
