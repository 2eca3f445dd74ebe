"""Open data: every announcement as a release, in the manner of the Open Contracting Data Standard (OCDS 1.1,
with the sale of public assets in place of a purchase). docs/open-data.md describes every field.

Releases are made from what was published and from nothing else: the winner stands in them as the rule
profile of the lot lets the result announcement name them, and only once that announcement is out.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.lots import AssetClass
from trading.lifecycle.listing import Announcement
from trading.lifecycle.states import AnnouncementKind
from trading.listings import fields

PREFIX: Final = "luochui"
"""Of the open contracting ids: luochui-XX-SW-2026-0007."""
SETTLES: Final = timedelta(seconds=20)
"""A number may be given before a smaller one is committed: a page shows nothing younger than any transaction
may last (office.database.STATEMENT_TIMEOUT_MS), so that no reader who goes by the cursor ever misses one."""
PAGE: Final = 50
MOST: Final = 200
CURRENCY: Final = "CNY"
TAGS: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.ANNOUNCEMENT: "tender",
    AnnouncementKind.SUPPLEMENTARY: "tenderAmendment",
    AnnouncementKind.CORRECTION: "tenderAmendment",
    AnnouncementKind.SUSPENSION: "tenderUpdate",
    AnnouncementKind.RESUMPTION: "tenderUpdate",
    AnnouncementKind.WITHDRAWAL: "tenderCancellation",
    AnnouncementKind.TERMINATION: "tenderCancellation",
    AnnouncementKind.UNSOLD: "tenderUpdate",
    AnnouncementKind.RESULT: "award",
}
STATUS: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.ANNOUNCEMENT: "active",
    AnnouncementKind.SUPPLEMENTARY: "active",
    AnnouncementKind.CORRECTION: "active",
    AnnouncementKind.SUSPENSION: "suspended",
    AnnouncementKind.RESUMPTION: "active",
    AnnouncementKind.WITHDRAWAL: "withdrawn",
    AnnouncementKind.TERMINATION: "cancelled",
    AnnouncementKind.UNSOLD: "unsuccessful",
    AnnouncementKind.RESULT: "complete",
}
CLASSES: Final[Mapping[str, str]] = {one.value: one.value for one in AssetClass}


class NotACursor(ValueError):
    """What was sent as a cursor is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`after`: the announcement after which the page begins. The oldest come first, so that a reader who
    keeps the last cursor misses nothing that comes later."""

    after: int = 0
    since: datetime | None = None
    lot: str = ""
    asset_class: AssetClass | None = None
    kind: AnnouncementKind | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """`cursor`: after the last that is shown; it leads to what comes later. `more`: there is some now."""

    announcements: tuple[Announcement, ...]
    cursor: str
    more: bool


async def page_of(connection: AsyncConnection, wanted: Wanted, now: datetime) -> Page:
    """One page in the order of publication."""
    where, values = _conditions(wanted, now)
    rows = await connection.execute(
        text(
            "SELECT a.id, a.lot, a.kind, a.number, a.title, a.facts, a.published_at"  # noqa: S608
            f" FROM announcements AS a WHERE {where} ORDER BY a.id LIMIT :limit"
        ),
        {**values, "limit": wanted.limit + 1},
    )
    found = [
        Announcement(
            id=row.id,
            lot=row.lot,
            kind=AnnouncementKind(row.kind),
            number=row.number,
            title=row.title,
            facts=row.facts,
            published_at=row.published_at,
        )
        for row in rows
    ]
    shown = tuple(found[: wanted.limit])
    return Page(shown, cursor(shown[-1].id if shown else wanted.after), len(found) > wanted.limit)


def _conditions(wanted: Wanted, now: datetime) -> tuple[str, dict[str, Any]]:
    found = ["a.id > :after", "a.published_at <= :settled"]
    values: dict[str, Any] = {"after": wanted.after, "settled": now - SETTLES}
    given: tuple[tuple[str, str, Any], ...] = (
        ("a.published_at >= :since", "since", wanted.since),
        ("a.lot = :lot", "lot", wanted.lot or None),
        ("a.facts ->> 'asset_class' = :class", "class", wanted.asset_class and wanted.asset_class.value),
        ("a.kind = :kind", "kind", wanted.kind and wanted.kind.value),
    )
    for condition, name, value in given:
        if value is not None:
            found.append(condition)
            values[name] = value
    return " AND ".join(found), values


def cursor(announcement: int) -> str:
    """Opaque to readers: what it is made of may change."""
    return base64.urlsafe_b64encode(json.dumps({"a": announcement}).encode()).decode().rstrip("=")


def from_cursor(text: str) -> int:
    """Raises NotACursor."""
    try:
        padded = text[:100] + "=" * (-len(text[:100]) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        after = found["a"]
    except (ValueError, binascii.Error, KeyError, TypeError, UnicodeEncodeError) as wrong:
        raise NotACursor(text[:20]) from wrong
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**62:
        raise NotACursor(text[:20])
    return after


# ── a release ───────────────────────────────────────────────────────────────────────────────────────────────


def release(announcement: Announcement, *, base: str) -> dict[str, Any]:
    """One announcement as a release. `base`: the platform's address, for the links."""
    facts = announcement.facts
    seller = str(facts.get("transferor") or "")
    made: dict[str, Any] = {
        "ocid": f"{PREFIX}-{announcement.lot}",
        "id": announcement.number,
        "date": _utc(announcement.published_at),
        "tag": [TAGS[announcement.kind]],
        "language": "zh",
        "initiationType": "tender",
        "announcement": {
            "kind": announcement.kind.value,
            "title": announcement.title,
            "reason": str(facts.get("reason") or ""),
            "pdf": f"{base}/announcements/{announcement.lot}/{announcement.id}.pdf",
        },
        "tender": _tender(announcement, base),
    }
    if seller:
        made["parties"] = [{"name": seller, "roles": ["seller"]}]
    if announcement.kind is AnnouncementKind.RESULT:
        made |= _award(announcement)
    return made


def _tender(announcement: Announcement, base: str) -> dict[str, Any]:
    facts = announcement.facts
    period = _without_empty(
        {"startDate": _moment(facts, "registration_starts"), "endDate": _moment(facts, "registration_ends")}
    )
    return _without_empty(
        {
            "id": announcement.lot,
            "title": str(facts.get("title") or ""),
            "description": str(facts.get("overview") or ""),
            "disclosures": str(facts.get("disclosures") or ""),
            "eligibilityCriteria": str(facts.get("conditions") or ""),
            "status": STATUS[announcement.kind],
            "assetClass": str(facts.get("asset_class") or ""),
            "saleMethod": str(facts.get("method") or ""),
            "location": str(facts.get("place") or ""),
            "startingPrice": _money(facts.get("starting_price")),
            "increment": _money(facts.get("increment")),
            "deposit": _money(facts.get("deposit")),
            "valuation": _money(facts.get("valuation")),
            "registrationPeriod": period,
            "depositDeadline": _moment(facts, "deposit_ends"),
            "auctionStart": _moment(facts, "opens_at"),
            "datesProvisional": bool(facts.get("provisional")),
            "details": _details(facts),
            "documents": _documents(facts, f"{base}/announcements/{announcement.lot}"),
            "url": f"{base}/announcements/{announcement.lot}",
        }
    )


def _details(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = CLASSES.get(str(facts.get("asset_class") or ""))
    details = facts.get("details")
    if known is None or not isinstance(details, Mapping):
        return []
    return [
        {
            "name": each.name,
            "label": each.label,
            "value": details[each.name],
            "text": fields.shown(each, details[each.name]),
        }
        for each in fields.fields_of(AssetClass(known))
        if each.name in details
    ]


def _documents(facts: Mapping[str, Any], base: str) -> list[dict[str, Any]]:
    files: Sequence[Mapping[str, Any]] = facts.get("files") or ()
    return [
        {
            "id": str(file["id"]),
            "documentType": "picture" if file["kind"] == "picture" else "attachment",
            "title": file["name"],
            "size": file["size"],
            "sm3": file["digest"],
            "url": f"{base}/files/{file['id']}",
        }
        for file in files
    ]


def _award(announcement: Announcement) -> dict[str, Any]:
    """As the result announcement names the buyer: by name, masked, or by paddle."""
    facts = announcement.facts
    buyer = str(facts.get("transferee") or "")
    award = _without_empty(
        {
            "id": str(facts.get("award") or f"{announcement.lot}-award"),
            "status": "active",
            "date": _utc(announcement.published_at),
            "value": _money(facts.get("final_price")),
            "saleMethod": str(facts.get("sale_method") or ""),
            "buyers": [{"name": buyer}] if buyer else [],
            "paddle": str(facts.get("paddle") or ""),
            "ledgerRoot": str(facts.get("ledger_root") or ""),
        }
    )
    return {"awards": [award]}


def _money(fen: object) -> dict[str, Any] | None:
    """Yuan as text: a JSON number is a float to most who read it."""
    if not isinstance(fen, int):
        return None
    return {"amount": f"{fen // 100}.{fen % 100:02d}", "currency": CURRENCY}


def _moment(facts: Mapping[str, Any], name: str) -> str:
    said = facts.get(name)
    return _utc(datetime.fromisoformat(str(said))) if said else ""


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
