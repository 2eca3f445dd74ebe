"""The only way in which a listing changes its state: one act, in the caller's transaction.

    async with engine.begin() as connection:
        await perform(connection, lot, Act.RETURN, By.administrator(7), now=clock(), reason="…")

The row is locked first and everything is judged on the locked row; state, dates, history, announcement,
messages and the audit entry are written together. Two at once: the second finds what the first left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from trading.lifecycle import announcing, needs, redating
from trading.lifecycle.listing import COLUMNS as COLUMNS
from trading.lifecycle.listing import Announcement as Announcement
from trading.lifecycle.listing import Listing as Listing
from trading.lifecycle.listing import ListingEvent as ListingEvent
from trading.lifecycle.listing import Listings as Listings
from trading.lifecycle.listing import listing_from, locked
from trading.lifecycle.needs import Lacks as Lacks
from trading.lifecycle.states import Act, Actor, LotState
from trading.lifecycle.table import Transition, rows, targets
from trading.profiles import store

CHANGEABLE: Final = frozenset(
    {
        *("title", "place", "overview", "disclosures", "conditions", "details", "transferor"),
        *(
            "asset_class",
            "method",
            "starting_price",
            "increment",
            "max_steps",
            "deposit",
            "valuation",
            "reserve",
        ),
        *("registration_starts", "registration_ends", "deposit_ends", "opens_at", "provisional"),
        *("final_price", "due_at"),
    }
)
"""What may be changed along with an act; the rest is written here alone."""


@dataclass(frozen=True, slots=True)
class By:
    """Who acts. The caller has made sure that the account has this role."""

    actor: Actor
    account_id: int | None = None

    @classmethod
    def clock(cls) -> "By":
        return cls(Actor.CLOCK)

    @classmethod
    def administrator(cls, account_id: int) -> "By":
        return cls(Actor.ADMINISTRATOR, account_id)

    @classmethod
    def transferor(cls, account_id: int) -> "By":
        return cls(Actor.TRANSFEROR, account_id)


class UnknownListing(Exception):
    """There is no listing with this id."""


class NotAllowed(Exception):
    """The table has no such row: wrong state, or wrong person."""

    def __init__(self, state: LotState, act: Act, actor: Actor) -> None:
        super().__init__(f"{act} by {actor} while {state}")
        self.state, self.act, self.actor = state, act, actor


class Stale(Exception):
    """Somebody else changed the listing since the form was shown."""


async def perform(
    connection: AsyncConnection,
    lot: str,
    act: Act,
    by: By,
    *,
    now: datetime,
    after: LotState | None = None,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    published: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Listing:
    """Carry out one act on a listing and return it as it is then.

    `after`: only where the table leads to several states (REFUSE_AWARD). `reason`: in words, shown to whom it
    concerns. `facts`: for history and audit, JSON; `published`: further public facts of the announcement.
    `changes`: columns that change along (CHANGEABLE). `version`: of the listing that the form showed.
    `facts["winner_registration"]` or `facts["winner_account"]`: whom the audience WINNER is, after the close.

    Raises UnknownListing, NotAllowed, Lacks (which need), Stale; nothing is changed then.
    """
    before = await locked(connection, lot)
    if before is None:
        raise UnknownListing(lot)
    if version is not None and version != before.version:
        raise Stale(lot)
    reason, facts = reason.replace("\r\n", "\n").strip(), dict(facts or {})
    if len(reason) > needs.LONGEST_REASON:
        raise Lacks(needs.Need.REASON)
    row, target = _row(before, act, by, after)
    wanted = _checked(changes or {})
    situation = await needs.situation(connection, before, row, wanted, reason, facts, now)
    dates = redating.dates(situation, target)
    situation = situation.with_changes({**wanted, **dates})
    await needs.check(connection, situation)
    values = {**redating.on_entering(situation, target), **situation.changes}
    values |= {"state": target, "resume_state": _resume_state(before, act), "version": before.version + 1}
    values |= {"changed_at": now, "profile_id": situation.profile_id}
    done = await _write(connection, lot, values)
    await _remember(connection, before, done, act, by, now, reason, facts)
    await announcing.publish(connection, row, done, now=now, reason=reason, more=published or {})
    await announcing.tell_audiences(connection, row, done, now=now, reason=reason, facts=facts)
    return done


def _row(before: Listing, act: Act, by: By, after: LotState | None) -> tuple[Transition, LotState]:
    """The row of the table and where it leads. Raises NotAllowed."""
    own = by.actor is not Actor.TRANSFEROR or by.account_id == before.transferor_id
    if act is Act.RESUME:
        after = before.resume_state if after in (None, before.resume_state) else None
    leads = [
        (row, target)
        for row in rows(act, before.state)
        for target in targets(row, before.state)
        if by.actor in row.who and (target is after if act is Act.RESUME else after in (None, target))
    ]
    if not own or not leads:
        raise NotAllowed(before.state, act, by.actor)
    if len(leads) > 1:
        raise ValueError(f"{act} while {before.state} leads to several states: say which")
    return leads[0]


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(f"not changed by an act: {', '.join(sorted(unknown))}")
    return dict(changes)


def _resume_state(before: Listing, act: Act) -> str:
    return before.state.value if act is Act.SUSPEND else ""


async def _write(connection: AsyncConnection, lot: str, values: Mapping[str, Any]) -> Listing:
    stored = {
        name: json.dumps(value, ensure_ascii=False) if name == "details" else getattr(value, "value", value)
        for name, value in values.items()
    }
    put = ", ".join(
        f"{name} = CAST(:{name} AS jsonb)" if name == "details" else f"{name} = :{name}" for name in stored
    )
    changed = text(f"UPDATE listings SET {put} WHERE lot = :lot RETURNING {', '.join(COLUMNS)}")  # noqa: S608
    return listing_from((await connection.execute(changed, {**stored, "lot": lot})).one())


_EVENT: Final = text(
    "INSERT INTO listing_events (lot, act, before, after, at, actor, actor_id, reason, facts)"
    " VALUES (:lot, :act, :before, :after, :at, :actor, :actor_id, :reason, CAST(:facts AS jsonb))"
)


async def _remember(
    connection: AsyncConnection,
    before: Listing,
    done: Listing,
    act: Act,
    by: By,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    """The history of the listing, and the audit log."""
    event = {
        "lot": done.lot,
        "act": act.value,
        "before": before.state.value,
        "after": done.state.value,
        "at": now,
        "actor": by.actor.value,
        "actor_id": by.account_id,
        "reason": reason,
        "facts": json.dumps(facts, ensure_ascii=False, default=str),
    }
    await connection.execute(_EVENT, event)
    await announcing.audit(connection, before, done, act.value, by.actor, by.account_id, now, reason, facts)


async def add(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> Listing:
    """A new listing, in state DRAFT, under the profile that is published now. For `ListingDrafts.create`.

    `values`: lot, transferor_id, transferor and CHANGEABLE columns. Raises Lacks(PROFILE).
    """
    profile = await store.published_on(connection, str(values["asset_class"]), str(values["method"]))
    if profile is None:
        raise Lacks(needs.Need.PROFILE)
    stored = {name: getattr(value, "value", value) for name, value in values.items()}
    stored |= {"details": json.dumps(dict(values.get("details", {})), ensure_ascii=False)}
    stored |= {"state": LotState.DRAFT.value, "profile_id": profile.id, "made_at": now, "changed_at": now}
    names = ", ".join(stored)
    marks = ", ".join("CAST(:details AS jsonb)" if name == "details" else f":{name}" for name in stored)
    put = text(f"INSERT INTO listings ({names}) VALUES ({marks}) RETURNING {', '.join(COLUMNS)}")  # noqa: S608
    return listing_from((await connection.execute(put, stored)).one())
