"""What a gateway measures, for Prometheus. One registry per gateway object, so tests may run several."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

ACK_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Labels are bounded: outcomes, codes and causes come from fixed lists."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        prefix = "luochui_gateway"
        self.connections = Gauge(f"{prefix}_connections", "Open connections", registry=self.registry)
        self.rooms = Gauge(f"{prefix}_rooms", "Lots that somebody watches", registry=self.registry)
        self.bids = Counter(f"{prefix}_bids", "Bids by outcome", ("outcome",), registry=self.registry)
        self.ack_seconds = Histogram(
            f"{prefix}_ack_seconds", "From a bid to its answer", buckets=ACK_BUCKETS, registry=self.registry
        )
        self.malformed = Counter(
            f"{prefix}_malformed", "Messages that were not understood", ("code",), registry=self.registry
        )
        self.entries = Counter(f"{prefix}_entries", "Entries read from the logs", registry=self.registry)
        self.unreadable = Counter(
            f"{prefix}_unreadable_entries", "Entries that could not be taken in", registry=self.registry
        )
        self.deliveries = Gauge(f"{prefix}_deliveries", "Writes to watchers", registry=self.registry)
        self.slow_readers = Gauge(
            f"{prefix}_slow_readers_dropped",
            "Readers that fell behind",
            registry=self.registry,
        )
        self.sessions_ended = Counter(
            f"{prefix}_sessions_ended", "Sockets closed with their session", registry=self.registry
        )
        self.probe_seconds = Gauge(
            f"{prefix}_probe_seconds", "Round trip of the last probe", registry=self.registry
        )
        self.mass_disconnects = Counter(
            f"{prefix}_mass_disconnects", "Times when very many left at once", registry=self.registry
        )
        self.mass_disconnect = Gauge(
            f"{prefix}_mass_disconnect", "1 while very many have just left", registry=self.registry
        )

    def text(self) -> str:
        return generate_latest(self.registry).decode()
