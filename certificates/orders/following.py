"""What becomes of the orders of a number when its owner is proved: they are the owner's from then on.

    checks = SubjectChecks(engine, marks, provider, following(marks))

A certificate is whose its order is (issuing/issued.py), so that the certificates go with them: the owner
renews, unlocks, replaces and revokes them, and the UKeys that the former account had bound end
(issuing/ending.py). What is still open was ordered by an account that does not act for the owner: nothing is
approved or carried out of it (about.py). The owner looks at it, and cancels it or has it rejected.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders.boxes import OrderBoxes
from office.marks import Marks
from office.subject_checks import Follow
from office.subjects import NUMBERS, MarketSubject, MarketSubjectKind

_KINDS: Final[Mapping[MarketSubjectKind, str]] = {
    MarketSubjectKind.ORGANIZATION: "organization",
    MarketSubjectKind.NATURAL_PERSON: "person",
}
"""How the orders' mark of a number calls it."""
_FOLLOW: Final = text(
    "UPDATE orders SET market_subject = :owner, version = version + 1 WHERE number_mark = :mark"
    " AND (market_subject = :former OR (market_subject IS NULL AND account_id = :account))"
)
"""Also what the account had begun for this number before it registered. A later version: no form that is open
somewhere counts any more."""


def following(marks: Marks) -> Follow:
    boxes = OrderBoxes(marks)

    async def follow(connection: AsyncConnection, former: MarketSubject, owner: MarketSubject) -> int:
        mark = boxes.number_mark(_KINDS[owner.kind], owner.profile[NUMBERS[owner.kind]])
        values = {"mark": mark, "owner": owner.id, "former": former.id, "account": former.account_id}
        return int((await connection.execute(_FOLLOW, values)).rowcount)

    return follow
