"""What an act makes public, whom it tells, and what it leaves in the audit log: all in the act's transaction.

Nothing here names a person who takes part, and nobody's number: registrants are told through their lot alone.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.accounts import Role
from office.audit.trail import CLOCK, account, record
from office.messages.telling import To, ToAccount, ToRegistrantsOf, ToRegistration, ToRole, tell
from trading.lifecycle.listing import Listing
from trading.lifecycle.states import Actor, AnnouncementKind, Audience
from trading.lifecycle.table import Transition

TITLES: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.ANNOUNCEMENT: "交易公告",
    AnnouncementKind.SUPPLEMENTARY: "补充公告",
    AnnouncementKind.CORRECTION: "更正公告",
    AnnouncementKind.SUSPENSION: "中止公告",
    AnnouncementKind.RESUMPTION: "恢复公告",
    AnnouncementKind.WITHDRAWAL: "撤回公告",
    AnnouncementKind.UNSOLD: "流拍公告",
    AnnouncementKind.RESULT: "成交结果公告",
    AnnouncementKind.TERMINATION: "终结公告",
}
"""Announcements are Chinese whatever the pages speak."""
_PUBLIC: Final = (
    *("state", "asset_class", "method", "title", "place", "starting_price", "increment", "deposit"),
    *("registration_starts", "registration_ends", "deposit_ends", "opens_at", "provisional"),
    *("extensions", "corrections"),
)
_PUBLISH: Final = text(
    "INSERT INTO announcements (lot, kind, number, title, facts, published_at)"
    " SELECT CAST(:lot AS text), :kind, CAST(:lot AS text) || '-' || lpad((count(*) + 1)::text, 2, '0'),"
    " :title, CAST(:facts AS jsonb), :now FROM announcements WHERE lot = CAST(:lot AS text)"
)


async def publish(
    connection: AsyncConnection,
    row: Transition,
    listing: Listing,
    *,
    now: datetime,
    reason: str,
    more: Mapping[str, Any],
) -> None:
    """The announcement of an act, with the public facts of this moment. The listing's row is locked."""
    if row.announces is None:
        return
    facts = {name: getattr(listing, name) for name in _PUBLIC} | {"reason": reason, **more}
    values = {
        "lot": listing.lot,
        "kind": row.announces.value,
        "title": f"{listing.title}{TITLES[row.announces]}",
        "facts": json.dumps(facts, ensure_ascii=False, default=_written),
        "now": now,
    }
    await connection.execute(_PUBLISH, values)


async def tell_audiences(
    connection: AsyncConnection,
    row: Transition,
    listing: Listing,
    *,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    """A message for each audience of the row, of the kind "lot.<act>"; finance never reads which lot."""
    about: dict[str, str | int] = {"lot": listing.lot, "title": listing.title, "state": listing.state.value}
    about |= {"reason": reason} if reason else {}
    for name in ("registration_ends", "opens_at", "due_at"):
        moment = getattr(listing, name)
        about |= {name: moment.isoformat()} if moment else {}
    for audience in sorted(row.tells):
        to = _addressed(audience, listing, facts)
        if to is None:
            continue
        kind = f"lot.{row.act.value}"
        if audience is Audience.FINANCE:
            until = listing.deposit_ends.isoformat() if listing.deposit_ends else ""
            await tell(connection, to, f"finance.{row.act.value}", {"until": until}, now=now)
        else:
            await tell(connection, to, kind, about, now=now)


def _addressed(audience: Audience, listing: Listing, facts: Mapping[str, Any]) -> To | None:
    match audience:
        case Audience.TRANSFEROR:
            return ToAccount(listing.transferor_id)
        case Audience.ADMINISTRATORS:
            return ToRole(Role.ADMINISTRATOR)
        case Audience.FINANCE:
            return ToRole(Role.FINANCE)
        case Audience.REGISTRANTS:
            return ToRegistrantsOf(listing.lot)
        case Audience.WINNER:
            return _winner(facts)


def _winner(facts: Mapping[str, Any]) -> To | None:
    """The caller says who it is, after the close."""
    if facts.get("winner_registration"):
        return ToRegistration(str(facts["winner_registration"]))
    return ToAccount(int(facts["winner_account"])) if facts.get("winner_account") else None


async def audit(
    connection: AsyncConnection,
    before: Listing,
    done: Listing,
    act: str,
    actor: Actor,
    account_id: int | None,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    """One entry: who did what to the lot."""
    who = CLOCK if account_id is None else account(account_id)
    said = {
        "before": before.state.value,
        "after": done.state.value,
        "reason": reason,
        "version": done.version,
    }
    role = "" if actor is Actor.CLOCK else actor.value
    await record(
        connection, at=now, actor=who, role=role, act=f"lot.{act}", subject=done.lot, facts=said | dict(facts)
    )


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
