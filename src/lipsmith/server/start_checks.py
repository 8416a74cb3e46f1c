"""What is checked once before the server starts: the environment's variables, the data folder, the address.

A setting that is empty or misread must not weaken the server without a word: it is refused, or the log says so.
"""

from __future__ import annotations

import difflib
import errno
import logging
import os
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import OptionError
from .config import NOT_EMPTY, PREFIX, ServerSettings, is_loopback, variable_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .auth.keys import Keys

OTHER_VARIABLES = ("AVATARS", "COMPLETE", "DEBUG", "MODELS", "PUSH", "VOICE_KEY")
"""Of the other commands and of libraries, without ``PREFIX``."""
ALIKE = 0.75
"""How alike a variable and a setting are if one is a misspelling of the other, 0 to 1."""
FOLDERS = ("jobs", "incoming", "avatars")
"""Below the data folder, for the server's own user alone."""
log = logging.getLogger(__name__)


def check_variables(environment: Mapping[str, str]) -> None:
    """Warn of variables that look like settings and are none.

    Raises:
        OptionError: one is the misspelt name of a setting, or says that there are keys, and is empty.
    """
    for name in NOT_EMPTY:
        variable = variable_of(name)
        if variable in environment and not environment[variable].strip():
            raise OptionError(f"{variable} is empty: give it keys, or unset it for a server without keys.")
    known = [name.upper() for name in ServerSettings.model_fields] + list(OTHER_VARIABLES)
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in known:
            continue
        if close := difflib.get_close_matches(name, known, n=1, cutoff=ALIKE):
            raise OptionError(
                f"There is no setting {variable}. Did you mean {PREFIX}{close[0]}? Unset it, or rename it."
            )
        log.warning("There is no setting %s: it has no effect.", variable)


def prepare_data(folder: Path) -> None:
    """Make the data folder and its folders, for the server's own user alone. Raises OptionError if that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            with suppress(PermissionError):  # another user's, who may write there
                (folder / name).chmod(0o700)
    except (FileExistsError, NotADirectoryError):
        raise OptionError(f"--data is '{folder}', where a file stands in the way; name a folder.") from None
    except OSError as reason:
        raise OptionError(f"--data is '{folder}', which cannot be used: {reason.strerror}. Name another.") from reason
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError(f"--data is '{folder}', where this user may not write; name another.")
    if os.name == "posix" and folder.stat().st_mode & stat.S_IRWXO:
        log.warning("Every user of this machine may look into %s: chmod 700 %s", folder, folder)


def warn_of_settings(settings: ServerSettings, keys: Keys) -> None:
    """Say what the settings open, and what they leave without effect."""
    if settings.insecure and not keys and not is_loopback(settings.host):
        log.warning("No key is needed (--insecure): anybody who reaches %s may use this server.", settings.host)
    turn = any(url.startswith("turn") for url in settings.rtc().urls)
    if turn and not settings.turn_secret:
        log.warning("--ice names a TURN server without $%s: most such servers refuse.", variable_of("turn_secret"))
    if settings.turn_secret and not turn:
        log.warning("$%s has no effect: --ice names no TURN server.", variable_of("turn_secret"))


def listen(settings: ServerSettings) -> list[socket.socket]:
    """Sockets bound to the server's address, one for each kind of address. Raises OptionError if none can be."""
    host = settings.host.strip("[]")
    bound: list[socket.socket] = []
    failed: OSError | None = None
    try:
        found = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as reason:
        raise OptionError(_refused(settings, reason)) from None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            bound.append(socket.create_server(address[:2], family=family))
        except OSError as reason:
            failed = reason
            if reason.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # a machine without IPv6
                break
    if failed is not None and (not bound or failed.errno == errno.EADDRINUSE):
        for one in bound:
            one.close()
        raise OptionError(_refused(settings, failed)) from None
    return bound


def _refused(settings: ServerSettings, reason: OSError) -> str:
    """Why the server cannot listen, as one sentence."""
    if isinstance(reason, socket.gaierror) or reason.errno == errno.EADDRNOTAVAIL:
        return f"--host is '{settings.host}'; it must be an address of this machine, such as 127.0.0.1 or 0.0.0.0."
    if reason.errno == errno.EADDRINUSE:
        return f"--port {settings.port} of {settings.host} is taken by another program: stop it, or give another port."
    if reason.errno == errno.EACCES:
        return f"--port {settings.port} is for the system's own services: give one from 1024 on."
    return f"The server cannot listen on {settings.host}, port {settings.port}: {reason.strerror}."
