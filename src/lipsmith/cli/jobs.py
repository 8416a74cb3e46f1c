"""``lipsmith jobs``: do, list and cancel the jobs of a data folder without a server."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, OptionError
from ..options import build, check
from .flags import flags_from
from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..jobs.queue import JobRecord
    from ..jobs.sqlite import SqliteQueue

LOOK_SECONDS = 0.2
"""Between two checks whether the queue is empty."""
HELP = {
    "workers": "Jobs that run at a time.",
    "attempts": "How many times a job is started before it counts as failed.",
    "lease_seconds": "A job without a heartbeat for this time is started again.",
    "job_minutes": "A job is stopped after this time.",
    "drain_seconds": "Time that running jobs get on Ctrl-C or SIGTERM before they go back to the queue.",
    "once": "Stop when no job waits.",
}
Data = Annotated[
    Path,
    typer.Option(envvar="LIPSMITH_DATA", help="The data folder, the same as for 'lipsmith serve'.", metavar="FOLDER"),
]
DATA = Path("lipsmith-data")
app = typer.Typer(name="jobs", rich_markup_mode=None, no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How ``lipsmith jobs work`` works."""

    workers: int = 1
    attempts: int = 3
    lease_seconds: int = 15
    job_minutes: int = 120
    drain_seconds: int = 30
    once: bool = False

    def __post_init__(self) -> None:
        check(self)
        for name, least in (("workers", 1), ("drain_seconds", 0)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be {least} or more.")


@app.callback()
def jobs() -> None:
    """Do, list and cancel jobs of a data folder. No server is needed; one may run beside."""


@app.command()
@flags_from(WorkOptions, HELP)
def work(data: Data = DATA, **flags: Any) -> None:
    """Do the jobs of a data folder until Ctrl-C or SIGTERM.

    Several of these commands, and a server, may work on one folder of one machine: each job is done once.

    Examples:

      lipsmith serve --workers 0 --data films

      lipsmith jobs work --data films --workers 2

      lipsmith jobs work --data films --once
    """
    from ..jobs.runner import JobRunner, RunnerOptions

    options = build(WorkOptions, flags)
    how = {name: getattr(options, name) for name in ("workers", "attempts", "lease_seconds", "job_minutes")}
    queue = _open(data)
    runner = JobRunner(queue, RunnerOptions(data.expanduser().resolve(), **how), on_finished=_tell_finished)
    runner.start(until_empty=options.once)
    typer.echo(f"Working on the jobs in {data}; Ctrl-C stops.", err=True)
    try:
        while runner.working:
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:  # also SIGTERM
        typer.echo("Stopping: running jobs get a moment. Ctrl-C again stops at once.", err=True)
    try:
        runner.drain(options.drain_seconds)
    except KeyboardInterrupt:
        runner.drain(0)
    queue.close()


@app.command("list")
def list_jobs(
    data: Data = DATA,
    limit: Annotated[int, typer.Option(min=1, help="How many jobs to list at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the jobs of a data folder, newest first.

    Examples:

      lipsmith jobs list --data films

      lipsmith jobs list --data films --json
    """
    queue = _open(data)
    try:
        found = queue.page(None, limit)
    finally:
        queue.close()
    if as_json:
        print_json([_shown(job) for job in found])
        return
    for job in found:
        print(_line(job))
    print(f"{len(found)} job{'' if len(found) == 1 else 's'} in {data}")


@app.command()
def cancel(
    job: Annotated[str, typer.Argument(metavar="ID", help="A job; 'lipsmith jobs list' names them.")],
    data: Data = DATA,
) -> None:
    """Cancel the job ID, whether it waits or runs. A job that is over stays as it is.

    Example: lipsmith jobs cancel 6f1c9b0de2a74c53 --data films
    """
    queue = _open(data)
    try:
        found = queue.cancel(job)
    finally:
        queue.close()
    if found is None:
        raise InputError(f"There is no job '{job}' in {data}: 'lipsmith jobs list' names them.")
    print(_line(found))


def _open(data: Path) -> SqliteQueue:
    from ..jobs.sqlite import open_queue

    return open_queue(data.expanduser())


def _tell_finished(job: JobRecord, seconds: float) -> None:
    state = "given back" if job.state == "queued" else job.state
    trouble = f": {job.problem['detail']}" if job.problem else ""
    typer.echo(f"{job.id} ({job.kind}) is {state} after {seconds:.1f} s{trouble}", err=True)


def _shown(job: JobRecord) -> dict[str, Any]:
    """The fields of a job but its lease, which is for its runner alone."""
    return {one.name: getattr(job, one.name) for one in fields(job) if one.name not in ("lease", "revision")}


def _line(job: JobRecord) -> str:
    stage = f" {job.stage} {job.stage_done}/{job.stage_total or '?'}" if job.state == "running" and job.stage else ""
    trouble = f" {job.problem['detail']}" if job.problem else ""
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created))
    return f"{job.id}  {created}  {job.kind:9}  {job.state}{stage}{trouble}  ({job.owner})"


__all__ = ["app"]
