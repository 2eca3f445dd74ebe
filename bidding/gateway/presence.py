"""What gateways tell each other each second: who is there, and how many watch which lot.

`luochui:gateway:<id>` is a JSON text that expires after 5 s; the sorted set `luochui:gateways` lists the ids.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bidding.pipeline import Pipeline

GATEWAYS: Final = "luochui:gateways"
EXPIRES_MS: Final = 5_000


def key_of(gateway: str) -> str:
    return f"luochui:gateway:{gateway}"


async def publish(pipeline: Pipeline, gateway: str, facts: Mapping[str, Any], now: int) -> None:
    """Say what this gateway has. May raise BookUnavailable."""
    connection = await pipeline.ready()
    text = json.dumps({"id": gateway, "at": now, **facts}, ensure_ascii=False, separators=(",", ":"))
    await asyncio.gather(
        connection.ask("SET", key_of(gateway), text, "PX", str(EXPIRES_MS)),
        connection.ask("ZADD", GATEWAYS, str(now), gateway),
        connection.ask("ZREMRANGEBYSCORE", GATEWAYS, "-inf", str(now - 10 * EXPIRES_MS)),
    )


async def withdraw(pipeline: Pipeline, gateway: str) -> None:
    connection = await pipeline.ready()
    await asyncio.gather(connection.ask("DEL", key_of(gateway)), connection.ask("ZREM", GATEWAYS, gateway))


async def present(pipeline: Pipeline) -> Sequence[Mapping[str, Any]]:
    """All gateways that have spoken lately, by id."""
    connection = await pipeline.ready()
    ids = await connection.ask("ZRANGE", GATEWAYS, "0", "-1")
    if not ids:
        return []
    texts = await connection.ask("MGET", *(key_of(name.decode()) for name in sorted(ids)))
    return [facts for text in texts if text is not None and (facts := _facts(text)) is not None]


def _facts(text: bytes) -> Mapping[str, Any] | None:
    """What a gateway says of itself; None for what no gateway of this version would say."""
    try:
        facts = json.loads(text)
        counts = facts["watchers"].values()
        whole = all(isinstance(count, int) for count in counts)
        return facts if whole and isinstance(facts["id"], str) and "mass_disconnect" in facts else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
