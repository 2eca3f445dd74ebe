"""The files of an order: which it needs, which there are. Their content lies in boxes (boxes.py).

A replaced file stays, out of use, until the order is over: what the review has seen can be looked up.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules, Document, Material, Step
from certificates.catalogue.scope import Case
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order
from certificates.orders.uploads import Bounds, Upload

MOST_FILES: Final = 60
"""Of one order, replaced ones included."""
MOST_BYTES: Final = 300 << 20
WITHIN: Final = timedelta(days=30)
"""So much one account, or telephone without an account, uploads in so long, in all its orders (ours). What is
cancelled or replaced counts as well: it is kept."""
FRONT, BACK = "front", "back"
VOUCHER: Final = Document.VOUCHER.value
_ON_PAPER_ALONE: Final = frozenset({Document.UKEY})
FORMS: Final = frozenset({Document.CERTIFICATE_FORM, Document.SEAL_SAMPLE_FORM})
"""Made here, printed, signed and stamped by hand, and uploaded again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to upload. `kind`: the document, with its side where there are two: operator_id.front."""

    kind: str
    material: Material

    @property
    def side(self) -> str:
        return self.kind.partition(".")[2]


@dataclass(frozen=True, slots=True)
class MaterialFile:
    """One uploaded file. `seen`: what the review said of it: "", accepted or refused, with its reason."""

    id: str
    kind: str
    media_type: str
    size: int
    width: int
    height: int
    remarks: tuple[str, ...]
    seen: str
    reason: str
    added_at: datetime
    replaced_at: datetime | None


class TooManyFiles(Exception):
    """This order has had MOST_FILES."""


class TooMuch(Exception):
    """Who applies has uploaded MOST_BYTES lately."""


class NotWanted(Exception):
    """The order asks for no file of this kind."""


def wanted(rules: ChannelRules, case: Case) -> tuple[Wanted, ...]:
    """What is uploaded for a case, in the channel's order; nothing where the channel has no such step."""
    route = rules.route(case)
    if route is None or Step.UPLOADS not in route.steps:
        return ()
    found: list[Wanted] = []
    for material in rules.materials_for(case):
        if material.document in _ON_PAPER_ALONE or material.document is Document.VOUCHER:
            continue
        sides = (f".{FRONT}", f".{BACK}") if material.both_sides else ("",)
        found += [Wanted(f"{material.document}{side}", material) for side in sides]
    return tuple({one.kind: one for one in found}.values())


def bounds(rules: ChannelRules, kind: str) -> Bounds:
    """What a file of this kind may be: only forms may be PDFs, where the channel takes them."""
    document = kind.partition(".")[0]
    pdf = rules.uploads.form_pdf and document in FORMS
    return Bounds(rules.uploads.images, rules.uploads.most_bytes, pdf)


_OF: Final = text(
    "SELECT id, kind, media_type, size, width, height, remarks, seen, reason, added_at, replaced_at"
    " FROM order_materials WHERE number = :number AND (:all OR replaced_at IS NULL)"
    " ORDER BY added_at, id LIMIT :most"
)
_ADD: Final = text(
    "INSERT INTO order_materials (id, number, kind, media_type, size, width, height, remarks, added_at)"
    " VALUES (:id, :number, :kind, :media_type, :size, :width, :height, :remarks, :now)"
)
_REPLACE: Final = text(
    "UPDATE order_materials SET replaced_at = :now"
    " WHERE number = :number AND kind = :kind AND replaced_at IS NULL"
)
_REMOVE: Final = text(
    "UPDATE order_materials SET replaced_at = :now"
    " WHERE number = :number AND id = :id AND replaced_at IS NULL RETURNING kind"
)
_COUNT: Final = text("SELECT count(*) FROM order_materials WHERE number = :number")
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 1330660684))")
_LATELY: Final = text(
    "SELECT coalesce(sum(m.size), 0) FROM orders o JOIN order_materials m ON m.number = o.number"
    " WHERE (o.account_id = :account OR (:begun <> '' AND o.begun_mark = :begun))"
    " AND o.changed_at > :since AND m.added_at > :since"
)
_SEE: Final = text(
    "UPDATE order_materials SET seen = :seen, reason = :reason"
    " WHERE number = :number AND id = :id AND replaced_at IS NULL RETURNING kind"
)


async def of(connection: AsyncConnection, number: str, *, replaced: bool = False) -> Sequence[MaterialFile]:
    rows = await connection.execute(_OF, {"number": number, "all": replaced, "most": MOST_FILES})
    return [_file(row) for row in rows]


async def add(
    connection: AsyncConnection, boxes: OrderBoxes, order: Order, kind: str, upload: Upload, now: datetime
) -> str:
    """The new file's id; it takes the place of an earlier one of its kind. The caller holds the order's row.

    Raises TooManyFiles, TooMuch.
    """
    number = order.number
    await _require_room(connection, order, len(upload.content), now)
    if int(await connection.scalar(_COUNT, {"number": number}) or 0) >= MOST_FILES:
        raise TooManyFiles(number)
    await connection.execute(_REPLACE, {"number": number, "kind": kind, "now": now})
    made = secrets.token_hex(8)
    row = {"id": made, "number": number, "kind": kind, "media_type": upload.media_type, "now": now}
    row |= {"size": len(upload.content), "width": upload.width, "height": upload.height}
    await connection.execute(_ADD, row | {"remarks": [str(one) for one in upload.remarks]})
    await boxes.keep(connection, number, content_name(made), upload.content, now)
    if upload.preview:
        await boxes.keep(connection, number, preview_name(made), upload.preview, now)
    return made


async def _require_room(connection: AsyncConnection, order: Order, size: int, now: datetime) -> None:
    """What a clerk types in for somebody at the counter has no bound. Raises TooMuch."""
    whose = {"account": order.account_id, "begun": order.begun_mark}
    await connection.execute(_ONE_AT_A_TIME, {"whose": f"{order.account_id} {order.begun_mark}"})
    lately = await connection.scalar(_LATELY, {**whose, "since": now - WITHIN})
    if int(lately or 0) + size > MOST_BYTES:
        raise TooMuch(order.number)


async def remove(connection: AsyncConnection, number: str, file: str, now: datetime) -> bool:
    return (await connection.execute(_REMOVE, {"number": number, "id": file, "now": now})).first() is not None


async def see(connection: AsyncConnection, number: str, file: str, *, refused: str = "") -> bool:
    """What the review says of one file: refused with a reason, or accepted. For the desk."""
    seen = "refused" if refused else "accepted"
    values = {"number": number, "id": file, "seen": seen, "reason": refused[:500]}
    return (await connection.execute(_SEE, values)).first() is not None


def content_name(file: str) -> str:
    return f"file {file}"


def preview_name(file: str) -> str:
    return f"preview {file}"


def _file(row: Any) -> MaterialFile:
    return MaterialFile(**{**row._mapping, "remarks": tuple(row.remarks)})
