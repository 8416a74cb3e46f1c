"""``integrated_musetalk_service.py`` and ``ultra_fast_realtime_inference.py``: one call of the C# program, one answer.

``python -m lipsmith.compat.csharp.command`` is the first of them. See docs/csharp.md.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from ...errors import LipsmithError, OptionError
from .flags import Script, ServiceFlags, check, parse
from .output import Answer, Pipe, failure, own_pipe

_ALWAYS_WELL = ("check_cache", "service_info")


def integrated() -> None:
    """The program ``integrated_musetalk_service.py``."""
    sys.exit(main("integrated_musetalk_service.py", sys.argv[1:]))


def ultra_fast() -> None:
    """The program ``ultra_fast_realtime_inference.py``."""
    sys.exit(main("ultra_fast_realtime_inference.py", sys.argv[1:]))


def main(script: Script, words: Sequence[str]) -> int:
    """Carry out one call and answer on standard output; the exit code: 0 it went well, 1 it did not.

    Asking about a template or about the service always ends with 0, as the C# program expects.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # --help, before the pipe is ours
    try:
        flags = parse(script, words)
    except OptionError as problem:
        own_pipe().answer({"success": False, "template_id": None, **failure(problem), "message": "参数错误"})
        return 1
    pipe = own_pipe()
    answer = answered(flags, pipe)
    pipe.answer(answer)
    return 0 if answer.get("success") or flags.verb in _ALWAYS_WELL else 1


def answered(flags: ServiceFlags, pipe: Pipe) -> Answer:
    """What comes of a call, whatever happens: the border at which every error becomes an answer."""
    from .actions import unable, work

    try:
        check(flags)
        return work(flags, pipe)
    except (Exception, KeyboardInterrupt) as problem:
        if flags.verbose and not isinstance(problem, LipsmithError):
            sys.excepthook(type(problem), problem, problem.__traceback__)
        told = failure(problem)
        pipe.say(f"❌ {told['error']}")
        return unable(flags, told)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    integrated()
