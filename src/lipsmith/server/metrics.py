"""What Prometheus reads at ``/metrics``. Each application has a registry of its own."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from starlette.types import Scope

    from ..jobs.queue import JobQueue, JobRecord
    from .config import ServerSettings
    from .sessions.registry import SessionRegistry

STATES = ("queued", "running", "done", "failed", "cancelled")
COUNTED = {
    "stalls": "Ticks of open sessions at which a picture was not ready.",
    "late": "Ticks of open sessions that came late.",
    "rebased": "Clocks of open sessions that were set anew.",
    "dropped": "Pictures that slow listeners of open sessions were not shown.",
}
SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Counts requests and jobs as they happen; reads the job queue and the sessions when Prometheus scrapes."""

    def __init__(self, store: JobQueue, settings: ServerSettings, sessions: SessionRegistry) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Jobs(store, settings))
        self.registry.register(_Sessions(sessions))
        labels = ("method", "route", "status")
        self._requests = Counter("lipsmith_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "lipsmith_job_seconds", "Work on jobs that were done.", ("kind",), buckets=SECONDS, registry=self.registry
        )

    def seen(self, scope: Scope, status: int) -> None:
        """Count one answer, by its route: paths hold ids, and would make endlessly many labels."""
        prefix = "/v1" if scope["path"].startswith("/v1/") else ""
        route = getattr(scope.get("route"), "path", "")
        label = prefix + route.removeprefix(prefix) if route else "other"
        self._requests.labels(scope["method"] if route else "any", label, status).inc()

    def finished(self, job: JobRecord, seconds: float) -> None:
        """Count one job whose work ended after ``seconds``, if it is done."""
        if job.state == "done":
            self._seconds.labels(job.kind).observe(seconds)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Sessions(Collector):
    """Asks the hosts of live sessions."""

    def __init__(self, sessions: SessionRegistry) -> None:
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        hosts = self._sessions.stats()
        yield _gauge("sessions", "Live sessions that are open.", sum(one.sessions for one in hosts))
        yield _gauge("sessions_speaking", "Live sessions that speak.", sum(one.speaking for one in hosts))
        for name, text in COUNTED.items():
            yield CounterMetricFamily(f"lipsmith_{name}", text, sum(getattr(one, name) for one in hosts))
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
        sizes: Counts[int] = sum((Counts(one.batches) for one in hosts), Counts())
        batches = CounterMetricFamily("lipsmith_render_batches", "Calls of render by rows.", labels=["rows"])
        for rows, count in sorted(sizes.items()):
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
        yield GaugeMetricFamily("lipsmith_queue_slack", "Jobs that the queue still takes.", slack)
        yield GaugeMetricFamily("lipsmith_disk_bytes", "Uploads and results on disk.", self._store.used())
