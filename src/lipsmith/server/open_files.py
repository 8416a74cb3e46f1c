"""How many files and sockets the server may have open."""

from __future__ import annotations

import logging

BESIDE = 1024
"""Files beside the connections: uploads, results, pipes to workers, sockets of WebRTC."""
log = logging.getLogger(__name__)


def allow_open_files(connections: int) -> None:
    """Raise this process's own limit, often 1024, so that ``connections`` have room. Warn if that cannot be."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    wanted = connections + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        return
    most = wanted if hard == unlimited else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning(
            "This process may open %d files, and %d connections want %d: raise its limit (LimitNOFILE of systemd, "
            "ulimit -n), or lower --connections.", most, connections, wanted,
        )  # fmt: skip
