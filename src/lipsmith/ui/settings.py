"""The settings of the page: its address and the largest upload."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OptionError
from ..options import check

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class UiOptions:
    """How the page is served.

    Raises:
        OptionError: a value that cannot be, or an address other machines reach: the page asks nobody for a key.
    """

    host: str = "127.0.0.1"  # address to listen on
    port: int = 7860  # 0: the first free one from 7860 on
    insecure: bool = False  # listen beyond this machine: whoever reaches it may use it
    upload_mb: int = 512  # of one file

    def __post_init__(self) -> None:
        check(self)
        if not 0 <= self.port <= 65535:
            raise OptionError(f"port is {self.port}; it can be 0 to 65535.")
        if self.upload_mb < 1:
            raise OptionError(f"upload_mb is {self.upload_mb}; it can be 1 or more.")
        if self.host not in LOOPBACK and not self.insecure:
            raise OptionError(
                f"{self.host} can be reached from other machines, and this page asks nobody for a key: say --insecure, "
                "or use 'lipsmith serve --keys', which does."
            )


__all__ = ["UiOptions"]
