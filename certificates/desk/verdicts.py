"""What the review says of each item of an order: an uploaded file, a section of what was filled in, an
original that was brought. One table for all; a file's verdict
stands with the file as well, for the applicant.

A refused item has its reason, and the applicant corrects exactly the refused ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.reasons import LONGEST_REASON
from certificates.orders import materials

FILE, SECTION, ORIGINAL = "file", "section", "original"
MOST_ITEMS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`item`: "file:<id>", "section:operator", "original:licence". `reason`: "" when it is accepted."""

    item: str
    reason: str = ""
    template: str = ""

    @property
    def refused(self) -> bool:
        return bool(self.reason)


_KEEP: Final = text(
    "INSERT INTO order_verdicts (number, item, verdict, template, reason, by_account, at)"
    " VALUES (:number, :item, :verdict, :template, :reason, :by, :now)"
    " ON CONFLICT (number, item) DO UPDATE SET verdict = excluded.verdict, template = excluded.template,"
    " reason = excluded.reason, by_account = excluded.by_account, at = excluded.at"
)
_OF: Final = text(
    "SELECT item, verdict, template, reason FROM order_verdicts"
    " WHERE number = :number AND verdict <> 'corrected'"
    " AND (CAST(:by AS bigint) IS NULL OR by_account = :by) ORDER BY item LIMIT :most"
)


class NoSuchFile(Exception):
    """The applicant has replaced the file since, or it is another order's."""


async def keep(
    connection: AsyncConnection, number: str, verdicts: Sequence[Verdict], *, by: int, now: datetime
) -> None:
    """Write what was said. The caller holds the order's row. Raises NoSuchFile."""
    for one in verdicts[:MOST_ITEMS]:
        reason = one.reason.strip()[:LONGEST_REASON]
        row = {"number": number, "item": one.item, "by": by, "now": now, "reason": reason}
        row |= {"verdict": "refused" if reason else "accepted", "template": one.template if reason else ""}
        await connection.execute(_KEEP, row)
        kind, _, file = one.item.partition(":")
        if kind == FILE and not await materials.see(connection, number, file, refused=reason):
            raise NoSuchFile(file)


async def of(connection: AsyncConnection, number: str, *, by: int | None = None) -> Mapping[str, Verdict]:
    """What stands, by item. `by`: only what this clerk has said."""
    rows = await connection.execute(_OF, {"number": number, "by": by, "most": MOST_ITEMS})
    return {row.item: Verdict(item=row.item, reason=row.reason, template=row.template) for row in rows}
