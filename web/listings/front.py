"""Announcements as cards: of the list, and of the start page."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from trading.listings.search import Found, Stage, current
from web.visits import Visit

ON_THE_FRONT: Final = 3


@dataclass(frozen=True, slots=True)
class Card:
    one: Found
    stage: Stage


def cards(visit: Visit, found: tuple[Found, ...]) -> list[Card]:
    now = visit.site.clock()
    return [Card(one, one.stage(now)) for one in found]


async def is_announced(visit: Visit, lot: str) -> bool:
    """Whether a lot has an announcement; one that was put on by hand has none."""
    async with visit.site.engine.connect() as connection:
        asked = text("SELECT EXISTS (SELECT 1 FROM listings WHERE lot = :lot AND announced_at IS NOT NULL)")
        return bool((await connection.execute(asked, {"lot": lot})).scalar_one())


async def on_the_front(visit: Visit) -> list[Card]:
    """The latest announcements that one can still register for."""
    async with visit.site.engine.connect() as connection:
        return cards(visit, await current(connection, ON_THE_FRONT, visit.site.clock()))
