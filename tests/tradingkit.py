"""Listings in any state, brought there through real transitions; a clock that tests move.

    engine = create_engine(database)
    clock = a_clock()
    listing = await make_listing(engine, state=LotState.REVIEW, clock=clock)
    async with engine.begin() as connection:
        await perform(connection, listing.lot, Act.AWARD, By.administrator(7), now=clock())

The days of the default clock are in a year whose calendar is published.
"""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding import lots
from bidding.lots import SALT_BYTES, AssetClass, Offer, Secrets
from bidding.terms import Fen, Terms
from office.accounts import Role
from trading.lifecycle import performing
from trading.lifecycle.performing import By, Listing, perform
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.profiles.store import ensure_defaults

_S = LotState
MONDAY: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""2 March 2026, 9:00 in Beijing; an ordinary working week follows."""
_counter = itertools.count(1)

STEPS: Final[dict[LotState, tuple[LotState, Act]]] = {
    _S.SUBMITTED: (_S.DRAFT, Act.SUBMIT),
    _S.ANNOUNCED: (_S.SUBMITTED, Act.ANNOUNCE),
    _S.EVALUATION: (_S.ANNOUNCED, Act.END_REGISTRATION),
    _S.EXTENDED: (_S.EVALUATION, Act.EXTEND),
    _S.SUSPENDED: (_S.ANNOUNCED, Act.SUSPEND),
    _S.NEGOTIATION: (_S.EVALUATION, Act.NEGOTIATE),
    _S.IN_AUCTION: (_S.EVALUATION, Act.GO_TO_AUCTION),
    _S.REVIEW: (_S.IN_AUCTION, Act.HAMMER),
    _S.PRIORITY_OFFER: (_S.REVIEW, Act.OFFER_PRIORITY),
    _S.NEXT_OFFER: (_S.REVIEW, Act.OFFER_NEXT),
    _S.CONFIRMATION: (_S.REVIEW, Act.AWARD),
    _S.CONTRACT: (_S.CONFIRMATION, Act.CONFIRM),
    _S.PAYMENT: (_S.CONTRACT, Act.CONTRACT_SEALED),
    _S.PUBLICATION: (_S.PAYMENT, Act.PAID),
    _S.COMPLETED: (_S.PUBLICATION, Act.END_PUBLICATION),
    _S.ARCHIVED: (_S.COMPLETED, Act.ARCHIVE),
    _S.UNSOLD: (_S.EVALUATION, Act.FAIL),
    _S.WITHDRAWN: (_S.ANNOUNCED, Act.WITHDRAW),
    _S.ABORTED: (_S.IN_AUCTION, Act.ABORT),
}
"""How `make_listing` comes to each state: from which one, by which act."""


class MutableClock:
    """A clock that stands until a test moves it."""

    def __init__(self, at: datetime = MONDAY) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        """`advance(days=1, hours=2)`; the new time."""
        self.at += timedelta(**by)
        return self.at

    def reach(self, moment: datetime | None) -> datetime:
        """To a moment, if it is ahead."""
        assert moment is not None
        self.at = max(self.at, moment)
        return self.at


def a_clock(at: datetime = MONDAY) -> MutableClock:
    return MutableClock(at)


async def an_account(engine: AsyncEngine, role: Role = Role.ADMINISTRATOR, login: str = "") -> int:
    """The id of an account with this role; the same one again for the same login (by default one a role)."""
    put = text(
        "INSERT INTO accounts (login, password_hash, role, name, created_at)"
        " VALUES (:login, '-', :role, :login, now())"
        " ON CONFLICT (login) DO UPDATE SET name = excluded.name RETURNING id"
    )
    async with engine.begin() as connection:
        values = {"login": login or f"the-{role.value}", "role": role.value}
        return int((await connection.execute(put, values)).scalar_one())


async def make_listing(
    engine: AsyncEngine,
    state: LotState = LotState.DRAFT,
    *,
    clock: MutableClock | None = None,
    transferor_id: int | None = None,
    **fields: Any,
) -> Listing:
    """A listing in this state, brought there by acts from DRAFT on; the clock is moved to its dates.

    `fields`: columns, e.g. lot="XX-1", method=SaleMethod.AUCTION, asset_class=…, starting_price=Fen(…).
    Sold lots (REVIEW and later) get a row in `lots` with the winner "1001" at the starting price, and a seal.
    """
    clock = clock or a_clock()
    owner = transferor_id or await an_account(engine, Role.TRANSFEROR)
    values = _values(fields) | {"transferor_id": owner}
    async with engine.begin() as connection:
        await ensure_defaults(connection, clock())
        listing = await performing.add(connection, values, now=clock())
    return await bring(engine, listing, state, clock)


async def bring(engine: AsyncEngine, listing: Listing, state: LotState, clock: MutableClock) -> Listing:
    """Take a listing on to a state, along STEPS from the one in which it is."""
    for act in _acts(listing.state, state):
        listing = await act_on(engine, listing, act, clock)
    return listing


def _acts(start: LotState, state: LotState) -> list[Act]:
    acts: list[Act] = []
    while state is not start:
        if state not in STEPS:
            raise AssertionError(f"no way from {start} to {state}")
        state, act = STEPS[state]
        acts.insert(0, act)
    return acts


async def act_on(engine: AsyncEngine, listing: Listing, act: Act, clock: MutableClock) -> Listing:
    """One act by whoever does it, with everything that it needs."""
    by = await _by(engine, listing, act)
    if act in (Act.END_REGISTRATION, Act.END_PUBLICATION):
        clock.reach(listing.due_at)
    facts: dict[str, Any] = {}
    async with engine.begin() as connection:
        if act is Act.HAMMER:
            await keep_result(connection, listing, sold=True)
        if act is Act.ABORT:
            await keep_result(connection, listing, sold=None)
        if act is Act.OFFER_NEXT:  # no profile that is shipped does
            put = "UPDATE rule_profiles SET fields = fields || CAST(:fields AS jsonb) WHERE id = :id"
            rules = {"fields": '{"offer_to_next_after_refusal": true}', "id": listing.profile_id}
            await connection.execute(text(put), rules)
        if act is Act.AGREE_PRICE:
            facts = {"meeting_decision": "d" * 64}
        changes = {"final_price": listing.starting_price} if act is Act.AGREE_PRICE else {}
        return await perform(
            connection, listing.lot, act, by, now=clock(), reason="测试原因", facts=facts, changes=changes
        )


async def _by(engine: AsyncEngine, listing: Listing, act: Act) -> By:
    if act in (Act.SUBMIT, Act.AGREE_PRICE):
        return By.transferor(listing.transferor_id)
    if act in (Act.RETURN, Act.ANNOUNCE, Act.SUSPEND, Act.RESUME, Act.WITHDRAW, Act.CORRECT, Act.AWARD):
        return By.administrator(await an_account(engine))
    if act in (Act.REFUSE_AWARD, Act.DEFAULT):
        return By.administrator(await an_account(engine))
    return By.clock()


async def keep_result(
    connection: AsyncConnection,
    listing: Listing,
    *,
    sold: bool | None,
    winner: str = "1001",
    price: int | None = None,
) -> None:
    """The auction's result as the ledger leaves it; `sold` None: aborted."""
    offer = Offer(
        terms=Terms(lot=listing.lot, starting_price=listing.starting_price, increment=listing.increment),
        opens_at=1,
        title=listing.title,
        asset_class=listing.asset_class,
        transferor=listing.transferor,
    )
    salt = "0" * 2 * SALT_BYTES
    if await lots.lot(connection, listing.lot) is None:
        await lots.put_on(connection, offer, Secrets(None, salt, salt, salt))
    paid = price or listing.starting_price
    await connection.execute(
        text(
            "UPDATE lots SET phase = :phase, sold = :sold, winner = :winner, leader = :winner,"
            " price = :price, closed_at = 1 WHERE id = :lot"
        ),
        {
            "phase": "aborted" if sold is None else "closed",
            "sold": sold,
            "lot": listing.lot,
            "winner": winner if sold else "",
            "price": paid if sold else 0,
        },
    )
    statement = {
        "lot": listing.lot,
        "winner": winner if sold else "",
        "price": paid,
        "count": 3,
        "head": "0" * 64,
    }
    await connection.execute(
        text(
            "INSERT INTO lot_seals (lot, statement, signature, key_id) VALUES (:lot, :said, '', 'test')"
            " ON CONFLICT DO NOTHING"
        ),
        {"lot": listing.lot, "said": json.dumps(statement | {"sold": bool(sold), "at": 1})},
    )


def _values(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "lot": f"XX-SW-2026-{next(_counter):04d}",
        "transferor": "甲方示例单位",
        "asset_class": AssetClass.PHYSICAL,
        "method": SaleMethod.COMPETITIVE_BIDDING,
        "title": "测试标的一辆",
        "place": "湘西州吉首市",
        "starting_price": Fen(1_000_000),
        "increment": Fen(10_000),
        "deposit": Fen(100_000),
        **fields,
    }


async def do(
    engine: AsyncEngine, listing: Listing, act: Act, by: By, clock: MutableClock, **more: Any
) -> Listing:
    async with engine.begin() as connection:
        return await perform(connection, listing.lot, act, by, now=clock(), **more)


async def change_rules(engine: AsyncEngine, listing: Listing, **fields: Any) -> None:
    put = text("UPDATE rule_profiles SET fields = fields || CAST(:fields AS jsonb) WHERE id = :id")
    async with engine.begin() as connection:
        await connection.execute(put, {"fields": json.dumps(fields), "id": listing.profile_id})
