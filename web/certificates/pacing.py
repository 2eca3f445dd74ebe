"""How often something may be done in a while: a count in Redis with an end."""

import hashlib
from typing import Final

from web.visits import Visit

_COUNTS: Final = "luochui:order-pace"


async def may(visit: Visit, what: str, key: str, *, most: int, seconds: int) -> bool:
    """Count one, for all web processes together. `key` is kept as a digest."""
    name = f"{_COUNTS}:{what}:{hashlib.sha256(key.encode()).hexdigest()}"
    pipe = visit.site.redis.pipeline(transaction=True)
    pipe.set(name, 0, ex=seconds, nx=True)
    pipe.incr(name)
    return int((await pipe.execute())[1]) <= most
