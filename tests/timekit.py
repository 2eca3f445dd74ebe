"""The book's time in the hands of a test, and promises about real time, asked so that a machine that stands
still for seconds does not break them.

`FROZEN` and `LEAPING` stand in for the prelude of the book's script: the one is the time that a test has set
and nothing else, the other is the real time and the leaps that a test has made it take.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from office.clock import utc_now

PATIENCE_S = 60.0
"""How long a test waits for what comes by itself. Only a fault takes so long, or a machine that is no use."""


FROZEN_AT = "luochui-test:now"
FROZEN = f"""
local function time_ms()
  return tonumber(redis.call('GET', '{FROZEN_AT}'))
end
"""
AHEAD = "luochui-test:ahead"
LEAPING = f"""
local function time_ms()
  local time = redis.call('TIME')
  local ahead = tonumber(redis.call('GET', '{AHEAD}') or '0')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + ahead
end
"""


class ClockAhead:
    """A platform's clock that runs ahead when it is told to."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


async def soon(attempt: Callable[[], Awaitable[object]], within_s: float, *, attempts: int = 5) -> None:
    """At least one of these attempts is as quick as promised.

    One that is slow has met a busy machine; if all are slow, they have met a fault.
    """
    took = []
    for _ in range(attempts):
        began = time.monotonic()
        await attempt()
        took.append(time.monotonic() - began)
        if took[-1] < within_s:
            return
    raise AssertionError(f"never within {within_s} s, but {', '.join(f'{one:.2f}' for one in took)}")
