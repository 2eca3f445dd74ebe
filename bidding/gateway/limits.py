"""Frequency limits of the gateway. Pure. They protect the gateway and are no rule of the auction."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second on average, and so many at once."""

    per_second: float
    burst: int


class TokenBucket:
    """Takes tokens at a Rate. `now` is any monotonic time in seconds."""

    __slots__ = ("_rate", "_seen", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._seen = now

    def wait_ms(self, now: float) -> int:
        """How long until a token is there; 0: at once."""
        self._refill(now)
        missing = 1.0 - self._tokens
        return 0 if missing <= 0 else max(1, round(missing / self._rate.per_second * 1000))

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self._refill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def full(self, now: float) -> bool:
        """Whether it is as good as a new one."""
        self._refill(now)
        return self._tokens >= self._rate.burst

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._seen) * self._rate.per_second
        self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._seen = now
