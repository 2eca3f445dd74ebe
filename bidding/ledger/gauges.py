"""What the ledger writer measures, for Prometheus. One registry per writer, so tests may run several."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
SIZE_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000)


class LedgerMetrics:
    """Labels are bounded: faults come from a fixed list."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name = "luochui_ledger"
        self.lag = Histogram(
            f"{name}_lag_seconds",
            "Age of a batch's oldest entry",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        self.size = Histogram(
            f"{name}_batch_size", "Entries of a batch", buckets=SIZE_BUCKETS, registry=self.registry
        )
        self.entries = Counter(f"{name}_entries", "Entries recorded", registry=self.registry)
        self.repeated = Counter(f"{name}_repeated", "Entries delivered again", registry=self.registry)
        self.roots = Counter(f"{name}_roots", "Merkle roots signed", registry=self.registry)
        self.conflicts = Counter(
            f"{name}_conflicts", "Lots stopped by a conflict", ("fault",), registry=self.registry
        )
        self.halted = Gauge(f"{name}_halted_lots", "Lots whose recording has stopped", registry=self.registry)
        self.log_lost = Gauge(
            f"{name}_log_lost", "1 when the log ends before the ledger", registry=self.registry
        )
        self.interruptions = Counter(
            f"{name}_interruptions", "Times the writer had to start over", registry=self.registry
        )
        self.settled = Counter(f"{name}_settled", "Results appended", registry=self.registry)
        self.seals = Counter(f"{name}_seals", "Seals signed", registry=self.registry)

    def text(self) -> str:
        return generate_latest(self.registry).decode()
