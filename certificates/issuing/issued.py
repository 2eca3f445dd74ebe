"""Certificates that were issued: who holds what, since when, until when, revoked when.

A certificate with its seal is a box: it names a person, and may hold the person's number. What is in it is
read by who has the platform's secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.issuing.states import Holding, before
from certificates.orders.order import Order
from office.marks import Marks
from signing.installing import Bundle, parse_bundle

PAGE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One row. `serial` is the hex of the certificate's number, `fingerprint` of SM3 over its DER."""

    serial: str
    fingerprint: str
    request_id: int
    number: str
    """Of the order."""
    account_id: int | None
    state: Holding
    channel: str
    authority: str
    subject: str
    product: str
    medium: str
    """The number on the UKey."""
    crypto_card: str
    """What the device calls itself (the token's serial number)."""
    follows: str
    """The certificate in whose place it came; "" for a first one."""
    valid_from: datetime
    valid_until: datetime
    box: bytes = field(repr=False)
    made_at: datetime
    written_at: datetime | None
    revoked_at: datetime | None
    reason: str

    def bundle(self, marks: Marks) -> Bundle:
        """Certificate, chain and seal. Raises BoxUnreadable, MalformedDer."""
        return parse_bundle(marks.unbox(purpose(self.serial), self.box))


COLUMNS: Final = tuple(each.name for each in fields(Issued))
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM issued_certificates"  # noqa: S608 - our own names
_FORMER: Final = text("SELECT number_mark, market_subject FROM orders WHERE number = :number")
_PUT: Final = text(
    f"INSERT INTO issued_certificates ({', '.join(COLUMNS)})"  # noqa: S608
    f" VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
)


def purpose(serial: str) -> str:
    """Of the key of a certificate's box."""
    return f"certificate issued {serial}"


async def put(connection: AsyncConnection, issued: Issued) -> None:
    values = {name: getattr(issued, name) for name in COLUMNS}
    await connection.execute(_PUT, values | {"state": str(issued.state)})


async def by_serial(connection: AsyncConnection, serial: str, *, lock: bool = False) -> Issued | None:
    return await _one(connection, "serial = :value", serial, lock=lock)


async def by_fingerprint(connection: AsyncConnection, fingerprint: str) -> Issued | None:
    return await _one(connection, "fingerprint = :value", fingerprint)


async def about(connection: AsyncConnection, order: Order, *, lock: bool = False) -> Issued | None:
    """The certificate that an order is about, when it is its applicant's."""
    return await of_applicant(connection, order, order.about_certificate, lock=lock)


async def of_applicant(
    connection: AsyncConnection, order: Order, serial: str, *, lock: bool = False
) -> Issued | None:
    """The certificate, when it was issued to who this order is of; None: to somebody else.

    For the same market subject; the account counts only where it was for none: an operator's account got what
    an organization ordered, and keeps nothing of it. And as far as both are known, to the same document
    number. Who stands at the counter has no account: there the document number alone says who it is.
    """
    row = await by_serial(connection, serial, lock=lock)
    if row is None or row.number == order.number:
        return row
    former = (await connection.execute(_FORMER, {"number": row.number})).first()
    if former is None:
        return None
    if order.number_mark and former.number_mark and order.number_mark != former.number_mark:
        return None
    if order.account_id is None:
        return row if order.number_mark and order.number_mark == former.number_mark else None
    if former.market_subject is not None:
        return row if former.market_subject == order.market_subject else None
    return row if row.account_id == order.account_id else None


async def of_account(
    connection: AsyncConnection, account_id: int, *, most: int = PAGE, skipped: int = 0
) -> Sequence[Issued]:
    """Of one account, the newest first; what never came into a UKey is left out."""
    found = text(
        f"{_SELECT} WHERE account_id = :account AND written_at IS NOT NULL"
        " ORDER BY made_at DESC, serial LIMIT :most OFFSET :skipped"
    )
    rows = await connection.execute(found, {"account": account_id, "most": most, "skipped": skipped})
    return [_issued(row) for row in rows]


async def has_key(connection: AsyncConnection, number: str, key: str) -> bool:
    """Whether a certificate was issued for this key (SM3, hex) to another order than this one, or abandoned:
    a first certificate is for a key that never had one."""
    found = text(
        "SELECT count(*) FROM authority_requests WHERE kind = 'certificate' AND about = :key"
        " AND serial <> '' AND number <> :number AND number IN (SELECT number FROM orders"
        " WHERE service IN ('issue', 'additional', 'replace'))"
    )
    return bool(await connection.scalar(found, {"key": key, "number": number}))


async def same_key(connection: AsyncConnection, serial: str, but_of: str) -> Sequence[str]:
    """The other certificates for the key of this one that nobody has revoked, but those of order `but_of`."""
    found = text(
        "SELECT i.serial FROM issued_certificates i JOIN authority_requests r ON r.id = i.request_id"
        " WHERE i.serial <> :serial AND i.state <> 'revoked' AND i.number <> :but_of AND r.about ="
        " (SELECT k.about FROM authority_requests k JOIN issued_certificates o ON o.request_id = k.id"
        " WHERE o.serial = :serial) ORDER BY i.serial"
    )
    rows = await connection.execute(found, {"serial": serial, "but_of": but_of})
    return [str(one) for one in rows.scalars()]


async def in_ukey(connection: AsyncConnection, card: str, but_of: str) -> bool:
    """Whether this UKey has a certificate of another order than `but_of` that nobody has revoked."""
    found = text(
        "SELECT EXISTS (SELECT FROM issued_certificates WHERE crypto_card = :card AND number <> :but_of"
        " AND written_at IS NOT NULL AND state <> 'revoked')"
    )
    return bool(await connection.scalar(found, {"card": card, "but_of": but_of}))


async def alone_in_ukey(connection: AsyncConnection, row: Issued) -> bool:
    """Whether this certificate is the one that its UKey uses: two that name one UKey are no proof of either.
    The one in whose place it came may still await its revocation."""
    found = text(
        "SELECT EXISTS (SELECT FROM issued_certificates WHERE crypto_card = :card AND state = 'written'"
        " AND serial <> :serial AND serial <> :follows)"
    )
    values = {"card": row.crypto_card, "serial": row.serial, "follows": row.follows}
    others = await connection.scalar(found, values)
    return row.state is Holding.WRITTEN and bool(row.crypto_card) and not others


async def write(connection: AsyncConnection, serial: str, medium: str, now: datetime) -> bool:
    """A UKey has it now. False: it was written before, or does not count any more."""
    return await _step(
        connection, serial, Holding.WRITTEN, "medium = :medium, written_at = :now", medium=medium, now=now
    )


async def follow(connection: AsyncConnection, serial: str) -> bool:
    """Its renewal is in the UKey."""
    return await _step(connection, serial, Holding.FOLLOWED)


async def revoke(connection: AsyncConnection, serial: str, reason: str, at: datetime) -> bool:
    """The authority has revoked it."""
    return await _step(
        connection, serial, Holding.REVOKED, "revoked_at = :at, reason = :reason", at=at, reason=reason
    )


async def _step(connection: AsyncConnection, serial: str, to: Holding, more: str = "", **values: Any) -> bool:
    """Decide and write in one step."""
    put = f"state = :to{', ' if more else ''}{more}"
    changed = text(
        f"UPDATE issued_certificates SET {put} WHERE serial = :serial AND state = ANY(:before)"  # noqa: S608
    )
    done = await connection.execute(
        changed, {**values, "to": str(to), "serial": serial, "before": list(before(to))}
    )
    return bool(done.rowcount)


async def _one(connection: AsyncConnection, where: str, value: str, *, lock: bool = False) -> Issued | None:
    found = text(f"{_SELECT} WHERE {where}{' FOR UPDATE' if lock else ''}")
    row = (await connection.execute(found, {"value": value})).first()
    return None if row is None else _issued(row)


def _issued(row: Row[Any]) -> Issued:
    return Issued(**{**row._mapping, "state": Holding(row.state), "box": bytes(row.box)})
