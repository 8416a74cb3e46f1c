"""A job kind is one file: whoever asks the registry knows it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsmith.errors import OptionError
from lipsmith.jobs import tasks
from lipsmith.jobs.folders import uploads_in
from lipsmith.jobs.registry import TaskContext, task_registry
from lipsmith.jobs.worker import as_json, do_task, task_request
from lipsmith.workers.messages import Message

KIND = """
from dataclasses import dataclass
from lipsmith.jobs.registry import JobPolicy, TaskSpec
@dataclass
class CountOptions:
    word: str = ""
def count(options, context):
    (context.output / "count.txt").write_text(str(len(options.word)))
    return {"letters": len(options.word), "owner": context.owner}
TASK = TaskSpec("count", CountOptions, count, JobPolicy(lambda _: "count.txt", retry=False))
"""


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more file in the package of tasks."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "count.py").write_text(KIND)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "tasks")])
    task_registry.cache_clear()
    yield
    task_registry.cache_clear()


def test_a_new_file_is_a_new_kind_of_job(counting: None, tmp_path: Path) -> None:
    registry = task_registry()
    assert registry.job_kinds == ["avatar", "count", "dub", "recording"]
    assert registry.result_file("count", {}) == "count.txt"
    assert not registry.policy("count").retry
    request = task_request("count", {"word": "four"}, tmp_path, tmp_path, tmp_path, "alice")
    answer = do_task(Message(request), lambda _: None)
    assert answer.header == {"letters": 4, "owner": "alice"}
    assert (tmp_path / "count.txt").read_text() == "4"
    assert (tmp_path / "report.json").read_text() == '{"letters": 4, "owner": "alice"}'


def test_results_and_policies_of_the_kinds_there_are() -> None:
    registry = task_registry()
    assert registry.result_file("dub", {"format": "webm"}) == "film.webm"
    assert registry.result_file("recording", {}) == "film.mp4"
    assert registry.result_file("avatar", {}) is None
    assert [registry.policy(kind).retry for kind in registry.job_kinds] == [True, True, False]
    assert registry.policy("of another version").retry


@pytest.mark.parametrize("name", ["dubb", "recording"])
def test_what_no_worker_does_is_refused(name: str, tmp_path: Path) -> None:
    context = TaskContext(tmp_path, "alice", tmp_path, tmp_path, lambda _: None)
    with pytest.raises(OptionError, match="No worker does"):
        task_registry().run(name, {}, context)
    with pytest.raises(OptionError, match="'formatt'"):
        task_registry().run("dub", {"formatt": "mp4"}, context)


def test_uploads_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("picture", "clip-wave", "clip-nod", "other"):
        (tmp_path / name).touch()
    found = uploads_in(tmp_path)
    assert (found.picture, found.speech, list(found.clips)) == (tmp_path / "picture", None, ["nod", "wave"])


def test_reports_become_json() -> None:
    nan = float("nan")
    assert as_json({"a": (1, nan, None, True), "b": Path("x"), "c": 0.1234567}) == {
        "a": [1, None, None, True],
        "b": "x",
        "c": 0.1234567,
    }
