"""What /metrics tells. Counters are fed by those who act; gauges are read when somebody asks."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


class Metrics:
    """The metrics of one process, in a registry of their own; docs/operations.md explains each."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.check_ins = Counter(
            "tocsin_check_ins", "Check-ins by what became of them.", ["outcome", "reason"], registry=self.registry
        )
        self.events = Counter(
            "tocsin_events", "Integration events by what became of them.", ["outcome", "reason"], registry=self.registry
        )
        self.incident_changes = Counter(
            "tocsin_incident_changes",
            "Changes of incidents by the status that each led to, and why.",
            ["status", "reason"],
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "tocsin_batch_size",
            "Check-ins and events committed together.",
            buckets=_BATCH_SIZES,
            registry=self.registry,
        )
        self.delivery_attempts = Counter(
            "tocsin_delivery_attempts", "Attempts to deliver an alert.", ["provider", "outcome"], registry=self.registry
        )
        self.pruned = Counter(
            "tocsin_pruned_rows", "Rows deleted because they are kept no longer.", ["reason"], registry=self.registry
        )
        self._tick_lag = self._gauge("tocsin_tick_lag_seconds", "How late the latest deadline was judged.")
        self._queue_depth = self._gauge("tocsin_queue_depth", "Check-ins and events that wait to be committed.")
        self._undelivered_age = self._gauge(
            "tocsin_oldest_undelivered_alert_seconds", "Age of the oldest alert that some channel still has to get."
        )
        self._undelivered = self._gauge("tocsin_undelivered_alerts", "Deliveries that are still on their way.")
        self._open_incidents = self._gauge("tocsin_open_incidents", "Incidents that are Open.")

    def watch(
        self, *, tick_lag: Callable[[], float] | None = None, queue_depth: Callable[[], int] | None = None
    ) -> None:
        """Reads these gauges from the process whenever somebody asks."""
        if tick_lag:
            self._tick_lag.set_function(tick_lag)
        if queue_depth:
            self._queue_depth.set_function(queue_depth)

    def set_vitals(self, *, open_incidents: int, undelivered: int, undelivered_age: float) -> None:
        """What only the database knows; set just before the metrics are written out."""
        self._open_incidents.set(open_incidents)
        self._undelivered.set(undelivered)
        self._undelivered_age.set(undelivered_age)

    def count_changes(self, changes: Mapping[tuple[str, str], int]) -> None:
        """Incidents have changed: (new status, name of the reason), each with how often it came."""
        for (status, reason), times in changes.items():
            self.incident_changes.labels(status, reason).inc(times)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def described(self) -> Iterable[Metric]:
        """Every metric with its name and its meaning."""
        return self.registry.collect()

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)
