"""Whose telephone or card may stand for an organization that has a certificate here: those of the legal
representative whom its order named, as it was proved or reviewed then.

Unlocking and replacing don't look at a UKey, so what is typed now proves nothing: it was anybody's own name.
Who has another representative, or the representative another telephone, takes the check of the account.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import Service
from certificates.issuing import issued
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order
from office.contacts import phone
from office.identity import REPRESENTATIVE, IdentityCheck
from office.marks import BoxUnreadable

FIELDS: Final = (
    "representative_name",
    "representative_document",
    "representative_number",
    "representative_phone",
)
_WITHOUT_UKEY: Final = frozenset({Service.UNLOCK, Service.REPLACE})


async def represented(
    connection: AsyncConnection, boxes: OrderBoxes, order: Order, check: IdentityCheck
) -> Mapping[str, str] | None:
    """The fields of the representative as the certificate's own order has them. None: they may be typed.

    {}: that order knew none, or its box can't be opened any more, and no representative proves anything.
    """
    if Service(order.service) not in _WITHOUT_UKEY or check not in REPRESENTATIVE:
        return None
    if not order.about_certificate:
        return None
    row = await issued.by_serial(connection, order.about_certificate)
    try:
        details = {} if row is None else await boxes.details(connection, row.number)
    except BoxUnreadable:
        return {}
    return {name: details[name] for name in FIELDS if details.get(name)}


def is_they(details: Mapping[str, str], former: Mapping[str, str]) -> bool:
    """Whether these details name that representative: the document's number, above all."""
    if not former.get("representative_number"):
        return False
    return all(_plain(name, details.get(name, "")) == _plain(name, former[name]) for name in former)


def _plain(name: str, value: str) -> str:
    return (phone(value) or value) if name == "representative_phone" else value
