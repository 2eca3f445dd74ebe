"""How long bids wait at the gateways, lot by lot, for the public account after the close.

`luochui:delays:<lot>` is a hash: `bids`, `gateway_max_ms`, `gateway_p99_ms`. Each gateway adds what it has
measured when the lot ends or when it leaves; of several, the larger figure stands.
"""

import math
from collections import Counter
from typing import Final

from bidding.pipeline import Pipeline

EXPIRES_S: Final = 30 * 86_400
LOTS_AT_MOST: Final = 5_000

_ADD: Final = """
redis.call('HINCRBY', KEYS[1], 'bids', ARGV[1])
for i, name in ipairs({'gateway_p99_ms', 'gateway_max_ms'}) do
  local known = redis.call('HGET', KEYS[1], name)
  local told = ARGV[i + 1]
  if not known or tonumber(known) < tonumber(told) then redis.call('HSET', KEYS[1], name, told) end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


def key_of(lot: str) -> str:
    return f"luochui:delays:{lot}"


class Delay:
    """The delays of one lot in steps of 0.1 ms, above 10 ms in steps that grow: never told too small."""

    __slots__ = ("_steps", "bids", "max_ms")

    def __init__(self) -> None:
        self._steps: Counter[float] = Counter()
        self.bids = 0
        self.max_ms = 0.0

    def took(self, ms: float) -> None:
        self.bids += 1
        self.max_ms = max(self.max_ms, math.ceil(ms * 10) / 10)
        step = 0.1 if ms < 10 else 10.0 ** (math.floor(math.log10(ms)) - 1)
        self._steps[round(math.ceil(ms / step) * step, 1)] += 1

    @property
    def p99_ms(self) -> float:
        """99 of 100 bids took no longer."""
        wanted, passed = math.ceil(self.bids * 0.99), 0
        for ms, count in sorted(self._steps.items()):
            passed += count
            if passed >= wanted:
                return min(ms, self.max_ms)
        return self.max_ms


class Delays:
    """Of the lots that live; the ones begun longest ago are left out beyond the bound."""

    def __init__(self) -> None:
        self._lots: dict[str, Delay] = {}

    def took(self, lot: str, ms: float) -> None:
        if lot not in self._lots and len(self._lots) >= LOTS_AT_MOST:
            del self._lots[next(iter(self._lots))]
        self._lots.setdefault(lot, Delay()).took(ms)

    def lots(self) -> list[str]:
        return list(self._lots)

    async def publish(self, pipeline: Pipeline, lot: str) -> None:
        """Add what was measured, and forget it. May raise BookUnavailable: then it is lost."""
        delay = self._lots.pop(lot, None)
        if delay is None:
            return
        connection = await pipeline.ready()
        figures = str(delay.bids), f"{delay.p99_ms:.1f}", f"{delay.max_ms:.1f}"
        await connection.ask("EVAL", _ADD, "1", key_of(lot), *figures, str(EXPIRES_S))
