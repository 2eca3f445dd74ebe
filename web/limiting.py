"""How often somebody may try to sign in.

Wrong passwords count, right ones do not. A browser that has signed in to the account before has a count of
its own (the OWASP device cookie), so nobody can lock a bidder out of an auction by guessing elsewhere.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

PER_PERSON_AND_ADDRESS: Final = RateLimitItemPerMinute(5, 5, namespace="sign-in-pair")
PER_ACCOUNT: Final = RateLimitItemPerMinute(30, 15, namespace="sign-in-account")
PER_ADDRESS: Final = RateLimitItemPerMinute(60, 15, namespace="sign-in-address")
PER_DEVICE: Final = RateLimitItemPerMinute(10, 15, namespace="sign-in-device")
"""Attempts in minutes."""
UKEY_PER_ADDRESS: Final = RateLimitItemPerMinute(120, 10, namespace="ukey-address")
UKEY_PER_VISIT: Final = RateLimitItemPerMinute(40, 10, namespace="ukey-visit")
"""Jobs for UKeys that are asked for: nothing can be guessed with them, but each costs a little."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in. `device`: the browser proves that it has signed in to the account before."""

    login: str
    address: str
    device: str = ""

    def counts(self) -> tuple[tuple[RateLimitItemPerMinute, str], ...]:
        login = hashlib.sha256(self.login.encode()).hexdigest()
        if self.device:
            return ((PER_DEVICE, self.device),)
        return (
            (PER_PERSON_AND_ADDRESS, f"{login}:{self.address}"),
            (PER_ACCOUNT, login),
            (PER_ADDRESS, self.address),
        )


def _storage(redis_url: str) -> RedisStorage:
    return RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix="luochui:limits",
        # A restarted server leaves dead sockets in the pool: redis-py's options, which limits passes on.
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3),  # type: ignore[arg-type]
        retry_on_error=[RedisConnectionError],  # type: ignore[arg-type]
    )


class SignInLimits:
    """Counts wrong passwords in Redis, for all web processes together."""

    def __init__(self, redis_url: str) -> None:
        self._limiter = FixedWindowRateLimiter(_storage(redis_url))

    async def waiting_s(self, attempt: Attempt) -> int:
        """Take one attempt into account: 0 if it may go ahead, else the seconds to wait."""
        for item, key in attempt.counts():
            if wait := await self._wait(item, key):
                return wait
        return 0

    async def _wait(self, item: RateLimitItemPerMinute, key: str) -> int:
        if await self._limiter.hit(item, key):
            return 0
        stats = await self._limiter.get_window_stats(item, key)
        return max(1, int(stats.reset_time - time.time()) + 1)

    async def job_waiting_s(self, address: str, bound_to: str) -> int:
        """Before a job for a UKey is made: 0, or the seconds to wait."""
        return await self._wait(UKEY_PER_VISIT, bound_to) or await self._wait(UKEY_PER_ADDRESS, address)

    async def forget(self, attempt: Attempt) -> None:
        """The password was right: what this person tried here before no longer counts. The account's and the
        address's own counts lose only this attempt."""
        for item, key in attempt.counts():
            if item in (PER_PERSON_AND_ADDRESS, PER_DEVICE):
                await self._limiter.clear(item, key)
            else:
                await self._give_back(item, key)

    async def _give_back(self, item: RateLimitItemPerMinute, key: str) -> None:
        await self._limiter.storage.incr(item.key_for(key), item.get_expiry(), amount=-1)


OPEN_DATA_PER_ADDRESS: Final = RateLimitItemPerMinute(60, 1, namespace="open-data-address")


class ReaderLimits:
    """How often one address may read open data: a loop without a pause is soon written."""

    def __init__(self, redis_url: str) -> None:
        self._limiter = FixedWindowRateLimiter(_storage(redis_url))

    async def waiting_s(self, address: str) -> int:
        """Take one reading into account: 0 if it may go ahead, else the seconds to wait."""
        if await self._limiter.hit(OPEN_DATA_PER_ADDRESS, address):
            return 0
        stats = await self._limiter.get_window_stats(OPEN_DATA_PER_ADDRESS, address)
        return max(1, int(stats.reset_time - time.time()) + 1)
