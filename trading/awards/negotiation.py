"""A negotiated sale: the transferor enters the final price and uploads the meeting decision.

There is one registrant, so the price is the award: no auction, no ledger. Confirmation and contract follow as
they do after an auction. Source: spec/trading.md, "End of the announcement".
"""

from dataclasses import asdict
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.terms import Fen
from office.files import Files
from office.sealed.port import Sealed
from trading.awards.awards import NobodyThere, NotStanding, Person, number_of, person_behind
from trading.awards.records import AWARDS, LONGEST_REASON, AwardState, Source
from trading.lifecycle.listing import Listing, locked
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, LotState
from trading.listings.contents import Taken

log = structlog.get_logger(__name__)

LONGEST_NOTE: Final = 1_000
_KEEP: Final = text(
    "INSERT INTO agreed_prices"
    " (lot, price, decision, decision_size, decision_name, note, agreed_at, agreed_by)"
    " VALUES (:lot, :price, :decision, :size, :name, :note, :now, :by)"
)


class Negotiations:
    def __init__(self, engine: AsyncEngine, sealed: Sealed, files: Files) -> None:
        self._engine = engine
        self._sealed = sealed
        self._files = files

    async def buyer(self, lot: str) -> tuple[str, Person]:
        """Who negotiates: (paddle, person). Raises NobodyThere unless there is one; StillSealed before."""
        paddles = await self._sealed.qualified(lot)
        if len(paddles) != 1:
            raise NobodyThere(f"{lot}: {len(paddles)} qualified registrants")
        [paddle] = paddles
        return paddle, await person_behind(self._engine, self._sealed, lot, paddle)

    async def agree(
        self, lot: str, price: Fen, decision: Taken, note: str, *, by: int, version: int, now: datetime
    ) -> Listing:
        """The transferor's price stands: the award is made and the confirmation follows.

        Raises NotStanding, NobodyThere; of `perform` NotAllowed, Lacks (FINAL_PRICE: below the starting
        price), Stale; ValueError for a note that is too long.
        """
        if len(note) > LONGEST_NOTE:
            raise ValueError("the note is too long")
        paddle, buyer = await self.buyer(lot)
        kept = await self._files.keep(decision.content)
        async with self._engine.begin() as connection:
            listing = await locked(connection, lot)
            if listing is None or listing.state is not LotState.NEGOTIATION:
                raise NotStanding(lot)
            number = number_of("JD", lot, now)
            done = await perform(
                connection,
                lot,
                Act.AGREE_PRICE,
                By.transferor(by),
                now=now,
                facts={"meeting_decision": kept.name, "price": int(price), "award": number},
                changes={"final_price": price},
                version=version,
            )
            row = {"lot": lot, "price": price, "decision": kept.name, "size": kept.size, "note": note}
            await connection.execute(_KEEP, row | {"name": decision.name, "now": now, "by": by})
            award = asdict(buyer) | {"lot": lot, "round": 1, "source": Source.NEGOTIATION.value}
            award |= {"paddle": paddle, "price": price, "number": number, "reason": ""}
            award |= {"state": AwardState.AWARDED.value, "ledger_head": "", "ledger_count": 0}
            award |= {"opened_at": now, "decided_at": now, "decided_by": by}
            await connection.execute(insert(AWARDS).values(award))
        log.info("price_agreed", lot=lot)
        return done

    async def give_up(self, lot: str, reason: str, *, by: By, now: datetime) -> Listing:
        """They do not agree: unsold. Raises NotAllowed, ValueError without a reason."""
        if not 0 < len(reason) <= LONGEST_REASON:
            raise ValueError("giving up has a reason")
        async with self._engine.begin() as connection:
            return await perform(connection, lot, Act.FAIL, by, now=now, after=LotState.UNSOLD, reason=reason)
