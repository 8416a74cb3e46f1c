"""The tasks that workers do, by name. A file in ``tasks`` with a ``TASK`` adds one; no other file changes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..options import build, nearest

if TYPE_CHECKING:
    from pathlib import Path

    from ..stopwatch import Progress


@dataclass(frozen=True, slots=True)
class TaskContext:
    """Where a task works, and for whom."""

    data: Path  # the data folder, which clients never see
    owner: str
    uploads: Path  # folder with the uploads, see ``folders``
    output: Path  # folder for what the task makes
    progress: Progress

    @property
    def avatars(self) -> Path:
        """The folder of the owner's avatars."""
        return self.data / "avatars" / self.owner


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """How jobs of one kind are treated."""

    result_file: Callable[[Mapping[str, Any]], str] | None = None  # options -> name of the result; None: no file
    retry: bool = True  # whether a job is started again when whoever ran it is gone
    is_whole: Callable[[Path], bool] = lambda _: False
    """Whether the output folder of a job whose runner is gone holds a whole result all the same."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task.

    ``run`` gets options of the type ``options`` and returns a dataclass or a mapping, which is the task's report. None:
    no worker runs the task, because whoever submits such a job runs it.
    """

    name: str
    options: type[Any]
    run: Callable[[Any, TaskContext], object] | None
    job: JobPolicy | None = None  # None: the task is no kind of job


@dataclass(slots=True)
class TaskRegistry:
    """Tasks by name."""

    _tasks: dict[str, TaskSpec] = field(default_factory=dict)

    def register(self, tasks: Iterable[TaskSpec]) -> None:
        """Add tasks."""
        self._tasks.update({task.name: task for task in tasks})

    @property
    def job_kinds(self) -> list[str]:
        """The names of the tasks that are kinds of jobs, sorted."""
        return sorted(name for name, task in self._tasks.items() if task.job is not None)

    def policy(self, kind: str) -> JobPolicy:
        """How jobs of ``kind`` are treated; the default for a kind that is not known here."""
        task = self._tasks.get(kind)
        return (task.job if task else None) or JobPolicy()

    def result_file(self, kind: str, options: Mapping[str, Any]) -> str | None:
        """The name of the file that a job with these options leaves; None: it leaves none."""
        named = self.policy(kind).result_file
        return None if named is None else named(options)

    def run(self, name: str, options: Mapping[str, Any], context: TaskContext) -> object:
        """Do a task and return its report.

        Raises:
            OptionError: there is no such task, or the options are wrong.
            LipsmithError: the task's own.
        """
        task = self._tasks.get(name)
        if task is None or task.run is None:
            runnable = [known.name for known in self._tasks.values() if known.run is not None]
            raise OptionError(f"No worker does the task '{name}'. {nearest(name, runnable)}")
        return task.run(build(task.options, options), context)


@cache
def task_registry() -> TaskRegistry:
    """The tasks of the package ``tasks``."""
    from . import tasks

    registry = TaskRegistry()
    names = [one.name for one in pkgutil.iter_modules(tasks.__path__)]
    registry.register(importlib.import_module(f"{tasks.__name__}.{name}").TASK for name in names)
    return registry


__all__ = ["JobPolicy", "TaskContext", "TaskRegistry", "TaskSpec", "task_registry"]
