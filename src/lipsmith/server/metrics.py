"""What Prometheus reads at ``/metrics``; one registry per application, so that nothing is shared between tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from starlette.types import Scope

    from .settings import ServerOptions
    from .store import Row, Store

STATES = ("queued", "running", "done", "failed", "cancelled")
SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """The registry and what is counted as it happens; what the store knows is asked when Prometheus asks."""

    def __init__(self, store: Store, options: ServerOptions) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Stored(store, options))
        labels = ("method", "route", "status")
        self._requests = Counter("lipsmith_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "lipsmith_job_seconds", "Work on jobs that were done.", ("kind",), buckets=SECONDS, registry=self.registry
        )

    def seen(self, scope: Scope, status: int) -> None:
        """Count one answer. The route, not the path: ids would make endless rows."""
        prefix = "/v1" if scope["path"].startswith("/v1/") else ""
        route = getattr(scope.get("route"), "path", "")
        label = prefix + route.removeprefix(prefix) if route else "other"
        self._requests.labels(scope["method"] if route else "any", label, status).inc()

    def finished(self, job: Row, seconds: float) -> None:
        """Count one job that is done."""
        self._seconds.labels(job.kind).observe(seconds)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Stored(Collector):
    def __init__(self, store: Store, options: ServerOptions) -> None:
        self._store, self._options = store, options

    def collect(self) -> Iterator[Metric]:
        counts = self._store.counts()
        jobs = GaugeMetricFamily("lipsmith_jobs", "Jobs that are kept.", labels=["state"])
        for state in STATES:
            jobs.add_metric([state], counts.get(state, 0))  # type: ignore[call-overload]
        yield jobs
        slack = self._options.queue - counts.get("queued", 0)
        yield GaugeMetricFamily("lipsmith_queue_slack", "Jobs that the queue still takes.", slack)
        yield GaugeMetricFamily("lipsmith_disk_bytes", "Uploads and results on disk.", self._store.used())
