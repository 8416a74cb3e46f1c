"""The output that the C# program reads: progress lines, a rule, a heading and JSON; errors in Chinese and English."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from ...errors import (
    AvatarBroken,
    AvatarMissing,
    AvatarStale,
    EngineUnavailable,
    FaceError,
    InputError,
    OptionError,
    OutputError,
)
from ...stopwatch import Stage

RULE = "=" * 50
HEADING = "📊 服务执行结果:"
Answer = dict[str, Any]

_STAGES = {
    "open": "读取音频 (reading the speech)",
    "look": "检测面部 (looking for faces)",
    "prepare": "预处理 (preparing)",
    "speak": "生成视频 (speaking)",
}
_OUT_OF_MEMORY = (
    "out_of_memory",
    "内存不足: 请减小 --batch_size 或启用 --fp16。",
    "Out of memory: take a smaller --batch_size, or --fp16.",
)
_ERRORS: tuple[tuple[type[BaseException], tuple[str, str, str]], ...] = (  # the first that matches
    (
        AvatarMissing,
        (
            "cache_missing",
            "模板缓存不存在: 请先运行预处理 (--preprocess)。",
            "The template is not prepared: run --preprocess first.",
        ),
    ),
    (
        FaceError,
        (
            "no_face",
            "未检测到有效面部: 请检查图片质量, 或调整 --bbox_shift。",
            "No valid face was found: check the picture's quality, or change --bbox_shift.",
        ),
    ),
    (
        AvatarStale,
        (
            "cache_stale",
            "模板缓存已过期: 请加 --force_refresh 重新预处理。",
            "The template was prepared from something else: prepare it again with --force_refresh.",
        ),
    ),
    (
        AvatarBroken,
        (
            "cache_broken",
            "模板缓存已损坏: 请加 --force_refresh 重新预处理。",
            "The prepared template is damaged: prepare it again with --force_refresh.",
        ),
    ),
    (OptionError, ("bad_argument", "参数错误。", "An argument is wrong.")),
    (InputError, ("bad_input", "输入文件无法使用。", "An input cannot be used.")),
    (EngineUnavailable, ("engine_unavailable", "引擎不可用。", "The engine cannot run here.")),
    (OutputError, ("cannot_write", "无法写入输出文件。", "The film cannot be written.")),
    (MemoryError, _OUT_OF_MEMORY),
    (KeyboardInterrupt, ("interrupted", "已中断。", "It was interrupted; nothing was written.")),
    (OSError, ("file_error", "文件读写失败。", "A file cannot be read or written.")),
)
_UNEXPECTED = ("unexpected", "意外错误。", "Something unexpected went wrong; --verbose shows where.")


def failure(problem: BaseException) -> Answer:
    """The answer's ``error`` and ``error_code`` for an exception."""
    message = " ".join(str(problem).split())
    kind = next((kind for base, kind in _ERRORS if isinstance(problem, base)), _UNEXPECTED)
    if (
        isinstance(problem, RuntimeError | EngineUnavailable) and "out of memory" in message.lower()
    ):  # as torch reports a full GPU
        kind = _OUT_OF_MEMORY
    code, chinese, english = kind
    detail = f" [{message or type(problem).__name__}]" if message or code == "unexpected" else ""
    return {"error": f"{chinese} {english}{detail}", "error_code": code}


@dataclass(slots=True)
class LineOutput:
    """Standard output, line by line. If the reader has closed it, the work goes on."""

    stream: IO[str]
    _shown: dict[str, int] = field(default_factory=dict)  # stage -> tenths shown

    def write_line(self, line: str) -> None:
        """Write one line and flush it."""
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"{line}\n")
            self.stream.flush()

    def progress(self, stage: Stage) -> None:
        """Write a line whenever another tenth of a stage is done."""
        tenth = 10 * stage.done // stage.total if stage.total else 0
        if self._shown.get(stage.name) != tenth:
            self._shown[stage.name] = tenth
            count = f"{stage.done}/{stage.total}" if stage.total else str(stage.done)
            self.write_line(f"⏳ {_STAGES.get(stage.name, stage.name)}: {count}")

    def answer(self, result: Mapping[str, Any]) -> None:
        """Write a blank line, the rule, the heading, and the JSON."""
        self.write_line(f"\n{RULE}\n{HEADING}\n{json.dumps(result, indent=2, ensure_ascii=False)}")


def claim_stdout() -> LineOutput:
    """Take standard output for the answer alone, in UTF-8; whatever libraries print goes to standard error instead."""
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(_stderr(), 1)
    errors = "surrogateescape" if os.name == "posix" else "backslashreplace"  # so that paths are written byte for byte
    return LineOutput(open(descriptor, "w", encoding="utf-8", errors=errors))  # noqa: PTH123 - a descriptor, open until the end


def _stderr() -> int:
    """The descriptor of standard error, or of the null device in processes that have none."""
    try:
        os.fstat(2)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
    return 2
