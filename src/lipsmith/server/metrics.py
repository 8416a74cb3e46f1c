"""What Prometheus reads at ``/metrics``. Each application has a registry of its own."""

from __future__ import annotations

import shutil
from collections import Counter as Counts
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..version import __version__

if TYPE_CHECKING:
    from ..jobs.queue import JobQueue
    from .config import ServerSettings
    from .connections import ConnectionTable
    from .sessions.registry import SessionRegistry

STATES = ("queued", "running", "done", "failed", "cancelled")
COUNTED = {
    "stalls": "Ticks of live sessions at which a picture was not ready.",
    "late": "Ticks of live sessions that came late.",
    "rebased": "Clocks of live sessions that were set anew.",
    "dropped": "Pictures that slow listeners of live sessions were not shown.",
    "overflows": "Faces of live sessions that were drawn again in fp32, as numbers overflowed.",
}
DONE = "done"
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
JOB_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Counts requests, jobs and sessions as they end; reads the rest when Prometheus scrapes."""

    def __init__(
        self, store: JobQueue, settings: ServerSettings, sessions: SessionRegistry, connections: ConnectionTable
    ) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        for collector in (_Jobs(store, settings), _Sessions(sessions), _Connections(connections)):
            registry.register(collector)
        Info("lipsmith_build", "The server's version.", registry=registry).info({"version": __version__})
        labels = ("method", "route", "status")
        self._requests = Counter("lipsmith_requests", "Requests answered.", labels, registry=registry)
        self._answers = Histogram(
            "lipsmith_request_seconds", "From a request's header to its answer's.", ("route",),
            buckets=REQUEST_SECONDS, registry=registry,
        )  # fmt: skip
        self.uploads = Gauge("lipsmith_uploads", "Uploads that are coming in.", registry=registry)
        self._ended = Counter(
            "lipsmith_jobs_ended", "Work on jobs that ended, by how.", ("kind", "outcome"), registry=registry
        )
        self._seconds = Histogram(
            "lipsmith_job_seconds", "Work on jobs that were done.", ("kind",), buckets=JOB_SECONDS, registry=registry
        )
        self._sessions = Counter(
            "lipsmith_sessions_ended", "Live sessions, by how they ended.", ("outcome",), registry=registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer, which began ``seconds`` after its request."""
        self._requests.labels(method, route, status).inc()
        self._answers.labels(route).observe(seconds)

    def job_ended(self, kind: str, outcome: str, seconds: float) -> None:
        """Count one job whose work ended after ``seconds``."""
        self._ended.labels(kind, outcome).inc()
        if outcome == DONE:
            self._seconds.labels(kind).observe(seconds)

    def session_ended(self, outcome: str) -> None:
        """Count one live session."""
        self._sessions.labels(outcome).inc()

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Connections(Collector):
    """Asks the table of connections."""

    def __init__(self, table: ConnectionTable) -> None:
        self._table = table

    def collect(self) -> Iterator[Metric]:
        held = GaugeMetricFamily("lipsmith_connections", "Open connections.", labels=["kind"])
        held.add_metric(["client"], self._table.with_key)
        held.add_metric(["keyless"], self._table.without_key)
        yield held
        ended = CounterMetricFamily(
            "lipsmith_connections_ended", "Connections that the server ended.", labels=["reason"]
        )
        for reason, count in sorted(self._table.ended.items()):
            ended.add_metric([reason], count)
        yield ended
        refused = CounterMetricFamily("lipsmith_connections_refused", "Requests without a place.", labels=["problem"])
        for problem, count in sorted(self._table.refused.items()):
            refused.add_metric([problem], count)
        yield refused


class _Sessions(Collector):
    """Asks the hosts of live sessions."""

    def __init__(self, sessions: SessionRegistry) -> None:
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        hosts = self._sessions.stats()
        yield _gauge("sessions", "Live sessions that are open.", sum(one.sessions for one in hosts))
        yield _gauge("sessions_speaking", "Live sessions that speak.", sum(one.speaking for one in hosts))
        yield _gauge("viewers", "Who watches live sessions.", self._sessions.viewers())
        failed = self._sessions.voice_errors
        yield CounterMetricFamily("lipsmith_voice_errors", "Texts that the voice could not read.", failed)
        counts = self._sessions.counts()
        for name, text in COUNTED.items():
            yield CounterMetricFamily(f"lipsmith_{name}", text, counts[name])
        yield _gauge("hearing_share", "Cores that encode speech if all speak.", sum(one.hearing for one in hosts))
        heard: Counts[str] = sum((Counts(one.encoders) for one in hosts), Counts())
        encoders = GaugeMetricFamily("lipsmith_session_encoders", "Live sessions by speech encoder.", labels=["name"])
        for name, count in sorted(heard.items()):
            encoders.add_metric([name or "only"], count)
        yield encoders
        slack = min((one.slack_seconds for one in hosts), default=0.0)
        yield _gauge("render_slack_seconds", "Time that one more session would leave.", slack)
        lag = GaugeMetricFamily("lipsmith_tick_lag_seconds", "How late ticks come.", labels=["quantile"])
        lag.add_metric(["0.5"], max((one.lag_p50 for one in hosts), default=0.0))
        lag.add_metric(["0.99"], max((one.lag_p99 for one in hosts), default=0.0))
        yield lag
        first = sorted(seconds for one in hosts for seconds in one.first_pictures)
        waits = GaugeMetricFamily(
            "lipsmith_first_picture_seconds", "From when speech could begin to its first picture.", labels=["quantile"]
        )
        for share in (0.5, 0.95) if first else ():
            waits.add_metric([str(share)], first[min(len(first) - 1, int(share * len(first)))])
        yield waits
        batches = CounterMetricFamily("lipsmith_render_batches", "Calls of render by rows.", labels=["rows"])
        for rows, count in sorted(self._sessions.batches().items()):
            batches.add_metric([str(rows)], count)
        yield batches


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lipsmith_{name}", text, value)


class _Jobs(Collector):
    def __init__(self, store: JobQueue, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings

    def collect(self) -> Iterator[Metric]:
        counts = self._store.counts()
        jobs = GaugeMetricFamily("lipsmith_jobs", "Jobs that are kept.", labels=["state"])
        for state in STATES:
            jobs.add_metric([state], counts.get(state, 0))  # type: ignore[call-overload]
        yield jobs
        slack = self._settings.queue - counts.get("queued", 0)
        yield _gauge("queue_slack", "Jobs that the queue still takes.", slack)
        yield _gauge("disk_bytes", "Uploads and results on disk.", self._store.used())
        yield _gauge("disk_budget_bytes", "What uploads and results may take.", self._settings.disk_bytes)
        free = shutil.disk_usage(self._settings.folder).free
        yield _gauge("disk_free_bytes", "Free on the disk of the data folder.", free)
