"""The programs ``integrated_musetalk_service.py`` and ``ultra_fast_realtime_inference.py``: one call, one answer.

``python -m lipsmith.compat.csharp.command`` runs the first of them. See docs/csharp.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

from ...errors import LipsmithError, OptionError
from ...signals import end_on_signals
from .flags import Script, ServiceFlags, check, parse
from .output import Answer, LineOutput, claim_stdout, failure

_ALWAYS_SUCCEED = ("check_cache", "service_info")


def integrated() -> None:
    """The program ``integrated_musetalk_service.py``."""
    sys.exit(main("integrated_musetalk_service.py", sys.argv[1:]))


def ultra_fast() -> None:
    """The program ``ultra_fast_realtime_inference.py``."""
    sys.exit(main("ultra_fast_realtime_inference.py", sys.argv[1:]))


def main(script: Script, arguments: Sequence[str]) -> int:
    """Carry out one call and answer on standard output. Returns the exit code: 0 for success, 1 for failure.

    ``--check_cache`` and ``--service_info`` always return 0, as the C# program expects.
    """
    end_on_signals()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # for --help, which argparse prints
    try:
        flags = parse(script, arguments)
    except OptionError as problem:
        claim_stdout().answer({"success": False, "template_id": None, **failure(problem), "message": "参数错误"})
        return 1
    pipe = claim_stdout()
    answer = answer_call(flags, pipe)
    pipe.answer(answer)
    return 0 if answer.get("success") or flags.verb in _ALWAYS_SUCCEED else 1


def answer_call(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Carry out a call; every error becomes an answer."""
    from .actions import execute, failed_answer

    try:
        check(flags)
        return execute(flags, pipe)
    except (Exception, KeyboardInterrupt) as problem:
        if flags.verbose and not isinstance(problem, LipsmithError):
            sys.excepthook(type(problem), problem, problem.__traceback__)
        failed = failure(problem)
        pipe.write_line(f"❌ {failed['error']}")
        return failed_answer(flags, failed)


if __name__ == "__main__":
    integrated()
