"""Slow down before the UKey's own counter runs out: whoever guesses waits, and the last try is asked for."""

import threading
from collections.abc import Callable
from typing import Final

DELAYS_S: Final = (0.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""To wait after as many wrong PINs in a row; the last for all more."""
MAX_UKEYS: Final = 64


class Patience:
    """Wrong PINs by the serial of a UKey. `now` is a monotonic clock in seconds. Safe in threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._wrong: dict[str, tuple[int, float]] = {}

    def wait_s(self, serial: str) -> float:
        """Seconds until the next PIN is taken; 0 when it is taken now."""
        with self._lock:
            _, until = self._wrong.get(serial, (0, 0.0))
            return max(0.0, until - self._now())

    def was_wrong(self, serial: str) -> None:
        """Count one."""
        with self._lock:
            times = self._wrong.pop(serial, (0, 0.0))[0] + 1
            delay = DELAYS_S[min(times, len(DELAYS_S) - 1)]
            self._wrong[serial] = (times, self._now() + delay)
            while len(self._wrong) > MAX_UKEYS:
                self._wrong.pop(next(iter(self._wrong)))

    def was_right(self, serial: str) -> None:
        """Forget what was wrong."""
        with self._lock:
            self._wrong.pop(serial, None)
