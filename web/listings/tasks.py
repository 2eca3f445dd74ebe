"""What waits for a person about listings: reviews and requests for administrators, returned drafts for
transferors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from office.accounts import Person, Role
from trading.tasks import MOST, Source, Task
from web.languages import N_
from web.listings.profile_tasks import SOURCES as RULES
from web.listings.words import REQUESTS
from web.site import Site

_SUBMITTED: Final = text(
    "SELECT lot, title, changed_at AS since FROM listings WHERE state = 'submitted'"
    " ORDER BY changed_at, lot LIMIT :most"
)
_RETURNED: Final = text(
    "SELECT l.lot, l.title, l.changed_at AS since FROM listings AS l"
    " WHERE l.transferor_id = :me AND l.state = 'draft' AND (SELECT e.act FROM listing_events AS e"
    " WHERE e.lot = l.lot ORDER BY e.id DESC LIMIT 1) = 'return' ORDER BY l.changed_at DESC LIMIT :most"
)
_ASKED: Final = text(
    "SELECT r.lot, r.kind, r.asked_at AS since, l.title"
    " FROM listing_requests AS r JOIN listings AS l USING (lot)"
    " WHERE r.answer = '' ORDER BY r.asked_at, r.id LIMIT :most"
)


async def to_review(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """What transferors submitted."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_SUBMITTED, {"most": MOST})
        return tuple(
            Task(
                kind="listing.review",
                title=N_("审核公告：%(title)s"),
                lot=row.lot,
                address=f"/administration/listings/{row.lot}",
                since=row.since,
                facts={"title": row.title},
            )
            for row in rows
        )


async def returned(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """What an administrator sent back."""
    if person.role is not Role.TRANSFEROR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_RETURNED, {"me": person.id, "most": MOST})
        return tuple(
            Task(
                kind="listing.returned",
                title=N_("修改后重新提交：%(title)s"),
                lot=row.lot,
                address=f"/my/assets/{row.lot}",
                since=row.since,
                facts={"title": row.title},
            )
            for row in rows
        )


async def to_answer(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """What transferors ask for."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_ASKED, {"most": MOST})
        return tuple(
            Task(
                kind=f"listing.asked.{row.kind}",
                title=N_("答复转让方的申请：%(title)s"),
                lot=row.lot,
                address=f"/administration/listings/{row.lot}#requests",
                since=row.since,
                about=REQUESTS[row.kind],
                facts={"title": row.title},
            )
            for row in rows
        )


SOURCES: Final[tuple[Source, ...]] = (to_review, returned, to_answer, *RULES)
