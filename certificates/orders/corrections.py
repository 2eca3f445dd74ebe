"""What a returned order has to have corrected: refused files, refused sections of what was filled in.

A file is corrected by another one; a section by any change in it. Whoever sends it again corrects exactly
these: everything else stays as it was reviewed. Paper that is about somebody is brought or sent again when
what is said of them may be typed anew.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders.fields import Section
from certificates.orders.order import Order
from certificates.orders.steps import Step


@dataclass(frozen=True, slots=True)
class ToCorrect:
    """`kinds` of files whose uploaded one was refused, and those already replaced since; `sections`."""

    kinds: frozenset[str]
    sections: frozenset[str]


_KINDS: Final = text("SELECT DISTINCT kind FROM order_materials WHERE number = :number AND seen = 'refused'")
_SECTIONS: Final = text(
    "SELECT split_part(item, ':', 2) FROM order_verdicts"
    " WHERE number = :number AND starts_with(item, 'section:') AND verdict IN ('refused', 'corrected')"
)
_CORRECTED: Final = text(
    "UPDATE order_verdicts SET verdict = 'corrected'"
    " WHERE number = :number AND item = ANY(:items) AND verdict = 'refused'"
)
_WITHDRAW: Final = text(
    "DELETE FROM order_verdicts WHERE number = :number AND starts_with(item, 'original:')"
)
_PEOPLE: Final = frozenset(
    {Section.ORGANIZATION, Section.REPRESENTATIVE, Section.APPLICANT, Section.OPERATOR}
)
"""Whose papers are held in the hand."""


async def of(connection: AsyncConnection, number: str) -> ToCorrect:
    values = {"number": number}
    kinds = frozenset((await connection.execute(_KINDS, values)).scalars())
    return ToCorrect(kinds, frozenset((await connection.execute(_SECTIONS, values)).scalars()))


async def corrected(connection: AsyncConnection, number: str, sections: Set[str]) -> None:
    """These sections were saved again: they are no longer in the way of sending the order again."""
    if sections:
        items = [f"section:{section}" for section in sorted(sections)]
        await connection.execute(_CORRECTED, {"number": number, "items": items})


async def ask_for_paper_again(connection: AsyncConnection, order: Order) -> bool:
    """Whether a return lets somebody be named whose papers nobody saw. Where nothing is uploaded, the paper
    is all there is to correct."""
    if Step.UPLOADS not in order.steps:
        return True
    return not _PEOPLE.isdisjoint((await of(connection, order.number)).sections)


async def withdraw_originals(connection: AsyncConnection, number: str) -> None:
    """What was said of the paper holds no more: it was about what was filled in then."""
    await connection.execute(_WITHDRAW, {"number": number})
