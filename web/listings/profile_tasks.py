"""What waits for administrators about rules and days: others' drafts, and dates whose days nobody knows."""

from typing import Final

from sqlalchemy import text

from office.accounts import Role
from trading.tasks import Rows, Source
from web.languages import N_

_DRAFTS: Final = text(
    "SELECT id, version AS n, made_at AS since FROM rule_profiles"
    " WHERE state = 'draft' AND made_by IS DISTINCT FROM :me ORDER BY made_at LIMIT :most"
)
_UNKNOWN: Final = text(
    "SELECT CAST(extract(year FROM due_at AT TIME ZONE 'Asia/Shanghai') AS integer) AS year,"
    " due_at AS since, due_at FROM listings WHERE provisional AND due_at <= :now"
    " AND state IN ('announced', 'extended', 'publication') ORDER BY due_at, lot LIMIT :most"
)
SOURCES: Final[tuple[Source, ...]] = (
    Rows(  # who made a draft can't publish it, so the others are asked
        role=Role.ADMINISTRATOR,
        query=_DRAFTS,
        kind="profile.publish",
        title=N_("核对并发布交易规则草稿（第 %(n)s 版）"),
        address="/administration/profiles/{id}",
        facts=("n",),
    ),
    Rows(  # provisional dates have come, and their days are still unknown: one task for a year
        role=Role.ADMINISTRATOR,
        query=_UNKNOWN,
        kind="working_days.say",
        title=N_("有标的的暂定日期已到，请说明 %(year)s 年哪些天上班"),
        address="/administration/working-days?year={year}",
        facts=("year",),
    ),
)
