"""What waits for finance. Nothing here names a lot: whose money it is stays secret until the close."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import text

from office.accounts import Person, Role
from trading.tasks import Source, Task
from trading.working_days import at_minute
from web.languages import N_
from web.site import Site

_MONEY: Final = text(
    "SELECT standing, count(*) AS items, min(changed_at) AS since FROM moneys"
    " WHERE standing IN ('unmatched', 'foreign', 'late') GROUP BY standing ORDER BY standing"
)
_PROPOSALS: Final = text(
    "SELECT count(*) AS items, min(asked_at) AS since FROM money_proposals"
    " WHERE state = 'open' AND asked_by <> :me"
)
_REFUNDS: Final = text(
    "SELECT state, count(*) AS items, min(due_on) AS due_on, min(changed_at) AS since FROM refunds"
    " WHERE state IN ('due', 'failed') GROUP BY state ORDER BY state"
)
_EVALUATIONS: Final = text(
    "SELECT count(*) AS items, min(deposit_ends) AS since FROM listings WHERE state = 'evaluation'"
    " AND deposit_ends > coalesce((SELECT max(until) FROM statement_marks), '-infinity')"
)
_OVERPAID: Final = text(
    "SELECT count(*) AS items, min(changed_at) AS since FROM sub_accounts WHERE state = 'overpaid'"
)
MONEY: Final = {
    "unmatched": N_("处理无法识别的来款：%(count)s 笔"),
    "foreign": N_("处理付款户名不符的款项：%(count)s 笔"),
    "late": N_("处理逾期到账的款项：%(count)s 笔"),
}
REFUNDS: Final = {
    "due": N_("办理退款：%(count)s 笔"),
    "failed": N_("重新办理失败的退款：%(count)s 笔"),
}


async def money(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Each kind of what waits is one task with its number: the list behind it is paged."""
    if person.role is not Role.FINANCE:
        return ()
    async with site.engine.connect() as connection:
        problems = (await connection.execute(_MONEY)).all()
        proposals = (await connection.execute(_PROPOSALS, {"me": person.id})).one()
        refunds = (await connection.execute(_REFUNDS)).all()
        waiting = (await connection.execute(_EVALUATIONS)).one()
        overpaid = (await connection.execute(_OVERPAID)).one()
    tasks = [
        _task("statements.complete", N_("导入对账单，并标记为完整"), "/finance", waiting),
        *(
            _task(f"money.{row.standing}", MONEY[row.standing], _money_of(row.standing), row)
            for row in problems
        ),
        _task(
            "money.overpaid",
            N_("退还多缴的保证金：%(count)s 个子账号"),
            "/finance/deposits?state=overpaid",
            overpaid,
        ),
        _task("money.proposals", N_("复核同事的申请：%(count)s 项"), "/finance/proposals", proposals),
        *(
            _task(
                f"refund.{row.state}",
                REFUNDS[row.state],
                f"/finance/refunds?state={row.state}",
                row,
                row.due_on,
            )
            for row in refunds
        ),
    ]
    return [task for task in tasks if task is not None]


def _money_of(standing: str) -> str:
    return f"/finance/transactions?standing={standing}"


def _task(kind: str, title: str, address: str, row: object, due_on: date | None = None) -> Task | None:
    """None when nothing of this kind waits."""
    count, since = int(getattr(row, "items", 0)), getattr(row, "since", None)
    if not count:
        return None
    due_at = at_minute(due_on, 24 * 60 - 1) if due_on and due_on.year < 9000 else None
    return Task(
        kind=kind,
        title=title,
        address=address,
        since=since or datetime.fromtimestamp(0, UTC),
        due_at=due_at,
        facts={"count": count},
    )


SOURCES: Final[tuple[Source, ...]] = (money,)
