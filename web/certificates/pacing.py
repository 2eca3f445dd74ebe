"""How often something may be done in a while: a count in Redis with an end."""

import hashlib
from typing import Final

from office.identity_checks import TooManyChecks
from web.languages import N_
from web.visits import Visit

_COUNTS: Final = "luochui:order-pace"
CHECKS_PER_ADDRESS: Final = 100
"""Identity checks from one network address in a day, of orders and market subjects: a hall full of people."""
TOO_MANY_CHECKS: Final = N_("今天核验的次数太多了，请明天再试，或者联系客服。")


async def may(visit: Visit, what: str, key: str, *, most: int, seconds: int) -> bool:
    """Count one, for all web processes together. `key` is kept as a digest."""
    name = f"{_COUNTS}:{what}:{hashlib.sha256(key.encode()).hexdigest()}"
    pipe = visit.site.redis.pipeline(transaction=True)
    pipe.set(name, 0, ex=seconds, nx=True)
    pipe.incr(name)
    return int((await pipe.execute())[1]) <= most


async def require_check(visit: Visit) -> None:
    """Before a provider of identity checks is asked. Raises TooManyChecks."""
    if not await may(visit, "identity", visit.address, most=CHECKS_PER_ADDRESS, seconds=24 * 3600):
        raise TooManyChecks(visit.address)
