"""What waits for administrators about rules and days: others' drafts, and dates whose days nobody knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from office.accounts import Person, Role
from trading.tasks import MOST, Source, Task
from trading.working_days import day_of
from web.languages import N_
from web.site import Site

_DRAFTS: Final = text(
    "SELECT id, version, made_at FROM rule_profiles WHERE state = 'draft' AND made_by IS DISTINCT FROM :me"
    " ORDER BY made_at LIMIT :most"
)
_UNKNOWN: Final = text(
    "SELECT due_at FROM listings WHERE provisional AND due_at <= :now"
    " AND state IN ('announced', 'extended', 'publication') ORDER BY due_at, lot LIMIT :most"
)


async def drafts_to_publish(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Who made a draft can't publish it, so the others are asked."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_DRAFTS, {"me": person.id, "most": MOST})
        return tuple(
            Task(
                kind="profile.publish",
                title=N_("核对并发布交易规则草稿（第 %(n)s 版）"),
                address=f"/administration/profiles/{row.id}",
                since=row.made_at,
                facts={"n": row.version},
            )
            for row in rows
        )


async def days_to_say(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Provisional dates have come, and their days are still unknown: one task for a year."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_UNKNOWN, {"now": now, "most": MOST})
        return tuple(
            Task(
                kind="working_days.say",
                title=N_("有标的的暂定日期已到，请说明 %(year)s 年哪些天上班"),
                address=f"/administration/working-days?year={day_of(row.due_at).year}",
                since=row.due_at,
                due_at=row.due_at,
                facts={"year": day_of(row.due_at).year},
            )
            for row in rows
        )


SOURCES: Final[tuple[Source, ...]] = (drafts_to_publish, days_to_say)
