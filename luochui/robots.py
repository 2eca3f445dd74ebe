"""How the robots of the demonstration bid: like people who have a limit, hesitate, and mistype at times."""

import asyncio
import random
from dataclasses import dataclass
from typing import Final

import structlog

from bidding.messages import Phase
from luochui.seat import Lost, Seat

log = structlog.get_logger(__name__)

MOST_BIDS: Final = 60
"""Of one robot on one lot, refused ones included."""
TYPING_ERRORS: Final = 0.07
STEPS: Final = (1, 1, 1, 1, 2, 2, 3, 5)
"""Increments of one bid, as often as people take them."""


@dataclass(frozen=True, slots=True)
class Temperament:
    """Pauses in s; `limit_steps` increments above the starting price is where this robot gives up.

    `matches`: holds a priority right and exercises it rather than raise.
    """

    shortest_pause_s: float
    longest_pause_s: float
    limit_steps: int
    matches: bool = False


async def bid_like_a_person(seat: Seat, temperament: Temperament, chance: random.Random) -> None:
    """Bid until the limit is passed, the lot has ended, or nothing can be done any more."""
    placed = 0
    try:
        while placed < MOST_BIDS and await seat.reaches(Phase.TIMED_BIDDING):
            await asyncio.sleep(chance.uniform(temperament.shortest_pause_s, temperament.longest_pause_s))
            if seat.state.phase is not Phase.TIMED_BIDDING:
                continue
            if seat.paddle is None or seat.state.leader == seat.paddle:
                await seat.change()
                continue
            price = _next_price(seat, temperament, chance)
            if price is None:
                return
            placed += 1
            await _bid(seat, price, chance)
    except Lost:
        log.info("robot_lost_the_lot", lot=seat.lot)


async def _bid(seat: Seat, price: int, chance: random.Random) -> None:
    if chance.random() < TYPING_ERRORS:
        wrong = price + seat.state.increment // 2 if chance.random() < 0.5 else price * 1_000
        await seat.bid(wrong)
        await asyncio.sleep(chance.uniform(0.5, 3))
    answer = await seat.bid(price)
    if answer["type"] == "limited":
        await asyncio.sleep(answer["retry_ms"] / 1000)


def _next_price(seat: Seat, temperament: Temperament, chance: random.Random) -> int | None:
    """What to bid next; None above the limit."""
    state = seat.state
    if temperament.matches and state.bids and seat.rank:
        price = state.price
    else:
        price = state.lowest + (chance.choice(STEPS) - 1) * state.increment
    limit = state.starting_price + temperament.limit_steps * state.increment
    if price > limit:
        price = state.lowest
    return price if price <= limit else None
