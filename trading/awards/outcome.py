"""What an auction ended with, read from its sealed ledger and computed again by replaying it.

The result never changes; whose turn it is after a refusal follows from the same entries.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.ledger.file import MAX_ENTRIES
from bidding.ledger.replay import replay
from bidding.messages import BidAccepted, parse
from bidding.terms import Fen

_SEAL: Final = text("SELECT statement FROM lot_seals WHERE lot = :lot")
_LINES: Final = text("SELECT line FROM ledger_entries WHERE lot = :lot AND seq <= :last ORDER BY seq")


class LedgerUnfit(Exception):
    """The ledger does not give the result that its seal names: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paddle with its own highest bid."""

    paddle: str
    price: Fen


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sold lot. `in_line`: the highest bidder first, then everyone by their own highest bid; bids below the
    reserve have no effect. `holders`: those with a priority right before the winner's, by rank."""

    lot: str
    head: str
    count: int
    winner: str
    price: Fen
    at: datetime
    in_line: tuple[Candidate, ...]
    holders: tuple[tuple[str, int], ...]

    def next_after(self, passed: Collection[str]) -> Candidate | None:
        """The first who was not passed over."""
        return next((each for each in self.in_line if each.paddle not in passed), None)


async def outcome_of(connection: AsyncConnection, lot: str) -> Outcome | None:
    """None unless the lot is sold and its ledger is sealed. Raises LedgerUnfit."""
    statement = await connection.scalar(_SEAL, {"lot": lot})
    if statement is None:
        return None
    seal = json.loads(statement)
    if seal.get("result") != "sold":
        return None
    if not 0 < seal["count"] <= MAX_ENTRIES:
        raise LedgerUnfit(lot)
    lines = list((await connection.execute(_LINES, {"lot": lot, "last": seal["count"]})).scalars())
    return await asyncio.to_thread(outcome_from, lines, seal)


def outcome_from(lines: Sequence[str], seal: Mapping[str, str | int]) -> Outcome:
    """Replay the entries and hold them against the seal. Raises LedgerUnfit."""
    replayed = replay(lines)
    if replayed.findings or replayed.session is None or replayed.opening is None:
        raise LedgerUnfit(f"{seal['lot']}: the entries do not follow the rules")
    session, opening = replayed.session, replayed.opening
    if (session.leader, session.price) != (seal["winner"], seal["price"]):
        raise LedgerUnfit(f"{seal['lot']}: another winner or price than the seal's")
    ranks = dict(opening.qualified)
    own = ranks.get(session.leader, 0)
    holders = [(paddle, rank) for paddle, rank in opening.qualified if rank > 0 and (own == 0 or rank < own)]
    return Outcome(
        lot=str(seal["lot"]),
        head=str(seal["head"]),
        count=len(lines),
        winner=session.leader,
        price=Fen(session.price),
        at=datetime.fromtimestamp(int(seal["at"]) / 1000, UTC),
        in_line=_in_line(lines, opening.reserve or Fen(0)),
        holders=tuple(sorted(holders, key=lambda each: (each[1], each[0]))),
    )


def _in_line(lines: Sequence[str], reserve: Fen) -> tuple[Candidate, ...]:
    """Own highest bids, the highest first; of one price the later, who exercised a priority right."""
    last: dict[str, tuple[int, int]] = {}
    for text_ in lines:
        if '"kind":"bid_accepted"' not in text_:
            continue
        entry = parse(text_)
        if isinstance(entry, BidAccepted) and entry.price >= reserve:
            last[entry.paddle] = (int(entry.price), entry.seq)
    order = sorted(last.items(), key=lambda each: each[1], reverse=True)
    return tuple(Candidate(paddle, Fen(price)) for paddle, (price, _) in order)
