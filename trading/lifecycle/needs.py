"""What must be true for an act, besides state and actor: how each need of the table is looked up."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.terms import PriorityMode
from trading.lifecycle import dates
from trading.lifecycle.listing import Listing, read
from trading.lifecycle.states import Act, LotState
from trading.lifecycle.table import BEFORE_AUCTION, FINAL, Transition
from trading.lifecycle.table import Need as Need
from trading.profiles import store
from trading.profiles.profile import RuleProfile
from trading.working_days import WorkingDays, calendar_of

LONGEST_REASON: Final = 800
"""Characters, as the forms say: the audit log keeps the reason with the other facts of the entry."""


class Lacks(Exception):
    """Something that must be true is not."""

    def __init__(self, need: Need) -> None:
        super().__init__(need.value)
        self.need = need


@dataclass(frozen=True, slots=True)
class Situation:
    """What an act is judged on: the locked listing, and what it becomes."""

    listing: Listing
    row: Transition
    rules: RuleProfile
    profile_id: int
    calendar: WorkingDays
    reason: str
    facts: Mapping[str, Any]
    changes: Mapping[str, Any]
    now: datetime

    def with_changes(self, changes: Mapping[str, Any]) -> "Situation":
        return replace(self, changes=changes)

    def value(self, name: str) -> Any:
        """A column as it will be."""
        return self.changes[name] if name in self.changes else getattr(self.listing, name)


async def situation(
    connection: AsyncConnection,
    listing: Listing,
    row: Transition,
    changes: Mapping[str, Any],
    reason: str,
    facts: Mapping[str, Any],
    now: datetime,
) -> Situation:
    """A draft follows the profile that is published now; from its announcement on a lot keeps its own."""
    profile = await store.get_on(connection, listing.profile_id)
    if row.act in (Act.SUBMIT, Act.ANNOUNCE):
        method, kind = (str(changes.get(n, getattr(listing, n))) for n in ("method", "asset_class"))
        profile = await store.published_on(connection, kind, method)
    if profile is None:
        raise Lacks(Need.PROFILE)
    calendar = await calendar_of(connection)
    return Situation(listing, row, profile.rules, profile.id, calendar, reason, facts, changes, now)


async def check(connection: AsyncConnection, it: Situation) -> None:
    """Raises Lacks with the first need that is not met, in the order of the row."""
    for need in it.row.needs:
        if not await _CHECKS[need](connection, it):
            raise Lacks(need)


Check = Callable[[AsyncConnection, Situation], Awaitable[bool]]


def _simply(check: Callable[[Situation], bool]) -> Check:
    async def ask(connection: AsyncConnection, it: Situation) -> bool:
        return check(it)

    return ask


def _price_floor(it: Situation) -> bool:
    valuation = it.value("valuation")
    if valuation is None or it.facts.get("approval_document"):
        return True
    return bool(it.value("starting_price") * 1000 >= valuation * it.rules.price_floor_permille)


def _deposit_share(it: Situation) -> bool:
    share, price = it.value("deposit") * 1000, it.value("starting_price")
    return bool(it.rules.deposit_share_min * price <= share <= it.rules.deposit_share_max * price)


async def _relist_floor(connection: AsyncConnection, it: Situation) -> bool:
    if it.listing.relisted_from is None:
        return True
    old = await read(connection, it.listing.relisted_from)
    if old is None:
        return False
    return bool(it.value("starting_price") * 1000 >= old.starting_price * it.rules.relist_floor_permille)


def _dates(it: Situation) -> bool:
    starts, ends, opens = (
        it.value(name) for name in ("registration_starts", "registration_ends", "opens_at")
    )
    if starts is None or ends is None or opens is None or it.value("deposit_ends") is None:
        return False
    ordered = it.now < ends <= opens and starts < it.value("deposit_ends") <= ends
    return ordered and dates.long_enough(it.rules, it.calendar, starts, ends)


def _due(it: Situation) -> bool:
    due = it.listing.due_at
    return due is not None and due <= it.now and not it.listing.provisional


def _next_is_offered(it: Situation) -> bool:
    """A right that lapses leaves the auction's result as it was: its highest bidder comes by the rules."""
    lapsed = it.row.act is Act.REFUSE_AWARD and it.facts.get("source") == "priority"
    return lapsed or it.rules.offer_to_next_after_refusal


def _final_price(it: Situation) -> bool:
    price = it.value("final_price")
    return price is not None and price >= it.listing.starting_price


_RESULT: Final = text(
    "SELECT lots.phase, lots.sold, lot_seals.lot IS NOT NULL AS sealed"
    " FROM lots LEFT JOIN lot_seals ON lot_seals.lot = lots.id WHERE lots.id = :lot"
)


def _result(phase: str, sold: bool | None) -> Check:
    """The ledger's: a lot that closed is believed when its record is sealed."""

    async def ask(connection: AsyncConnection, it: Situation) -> bool:
        row = (await connection.execute(_RESULT, {"lot": it.listing.lot})).first()
        if row is None or row.phase != phase:
            return False
        return sold is None or bool(row.sealed and row.sold is sold)

    return ask


async def _priority_is_offered(connection: AsyncConnection, it: Situation) -> bool:
    asked = text("SELECT 1 FROM listing_events WHERE lot = :lot AND act = :act LIMIT 1")
    given = {"lot": it.listing.lot, "act": Act.OFFER_PRIORITY.value}
    if it.rules.priority_mode is not PriorityMode.OFFER:
        return False
    return (await connection.execute(asked, given)).first() is None


def _resumes_in(states: frozenset[LotState]) -> Check:
    return _simply(lambda it: it.listing.resume_state in states)


_CHECKS: Final[Mapping[Need, Check]] = {
    Need.REASON: _simply(lambda it: bool(it.reason)),
    Need.PROFILE: _simply(lambda it: True),  # `situation` has found it, or raised
    Need.PRICE_FLOOR: _simply(_price_floor),
    Need.RELIST_FLOOR: _relist_floor,
    Need.DEPOSIT_SHARE: _simply(_deposit_share),
    Need.DATES: _simply(_dates),
    Need.DUE: _simply(_due),
    Need.NOT_OVER: _simply(
        lambda it: it.listing.registration_ends is not None and it.now < it.listing.registration_ends
    ),
    Need.EXTENSION_LEFT: _simply(lambda it: it.listing.extensions < it.rules.most_extensions),
    Need.FINAL_PRICE: _simply(_final_price),
    Need.MEETING_DECISION: _simply(lambda it: bool(it.facts.get("meeting_decision"))),
    Need.RESULT_SOLD: _result("closed", True),
    Need.RESULT_UNSOLD: _result("closed", False),
    Need.RESULT_ABORTED: _result("aborted", None),
    Need.NEXT_IS_OFFERED: _simply(_next_is_offered),
    Need.PRIORITY_IS_OFFERED: _priority_is_offered,
    Need.BEFORE_AUCTION: _resumes_in(BEFORE_AUCTION),
    Need.AFTER_AUCTION: _resumes_in(frozenset(LotState) - BEFORE_AUCTION - FINAL),
}
