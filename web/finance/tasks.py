"""What waits for finance: each kind of it is one task with its number, since the list behind it is paged.

Nothing here names a lot: whose money it is stays secret until the close.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import TextClause, text

from office.accounts import Role
from trading.tasks import Rows, Source
from web.languages import N_

_EVALUATIONS: Final = text(
    "SELECT count(*) AS count, min(deposit_ends) AS since FROM listings WHERE state = 'evaluation'"
    " AND deposit_ends > coalesce((SELECT max(until) FROM statement_marks), '-infinity') HAVING count(*) > 0"
)
_MONEY: Final = text(
    "SELECT standing AS each, count(*) AS count, min(changed_at) AS since FROM moneys"
    " WHERE standing IN ('unmatched', 'foreign', 'late') GROUP BY standing ORDER BY standing"
)
_OVERPAID: Final = text(
    "SELECT count(*) AS count, min(changed_at) AS since FROM sub_accounts WHERE state = 'overpaid'"
    " HAVING count(*) > 0"
)
_PROPOSALS: Final = text(
    "SELECT count(*) AS count, min(asked_at) AS since FROM money_proposals"
    " WHERE state = 'open' AND asked_by <> :me HAVING count(*) > 0"
)
_REFUNDS: Final = text(
    "SELECT state AS each, count(*) AS count, min(changed_at) AS since, CASE WHEN min(due_on) < '9000-01-01'"
    " THEN (min(due_on) + time '23:59') AT TIME ZONE 'Asia/Shanghai' END AS due_at"
    " FROM refunds WHERE state IN ('due', 'failed') GROUP BY state ORDER BY state"
)
_ORDERS: Final = text(
    "SELECT standing AS each, count(*) AS count, min(changed_at) AS since FROM order_receipts"
    " WHERE standing IN ('unknown', 'foreign', 'wrong_remark', 'wrong_way') AND returned < fen"
    " GROUP BY standing ORDER BY standing"
)
_ORDER_REFUNDS: Final = text(
    "SELECT count(*) AS count, min(changed_at) AS since FROM order_refunds"
    " WHERE state = 'failed' OR (state = 'due' AND way = 'on_the_spot') HAVING count(*) > 0"
)
_RECONCILIATIONS: Final = text(
    "SELECT count(*) AS count, min(ends) AS since FROM (SELECT DISTINCT r.source, r.day,"
    " (r.day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS ends FROM (SELECT source,"
    " (paid_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM order_receipts"
    " WHERE source IN ('alipay', 'wechat') AND paid_at > CAST(:now AS timestamptz) - interval '30 days') r"
    " WHERE NOT EXISTS (SELECT FROM payment_reconciliations p WHERE p.way = r.source AND p.day = r.day)) d"
    " WHERE ends <= :now HAVING count(*) > 0"
)
"""Days of a provider that brought money and whose file nobody has looked at."""
MONEY: Final = {
    "unmatched": N_("处理无法识别的来款：%(count)s 笔"),
    "foreign": N_("处理付款户名不符的款项：%(count)s 笔"),
    "late": N_("处理逾期到账的款项：%(count)s 笔"),
}
REFUNDS: Final = {
    "due": N_("办理退款：%(count)s 笔"),
    "failed": N_("重新办理失败的退款：%(count)s 笔"),
}
ORDERS: Final = {
    "unknown": N_("处理找不到订单的办证来款：%(count)s 笔"),
    "foreign": N_("处理付款户名不符的办证来款：%(count)s 笔"),
    "wrong_remark": N_("处理附言不符的办证来款：%(count)s 笔"),
    "wrong_way": N_("处理付款方式不对的办证来款：%(count)s 笔"),
}


def _counted(query: TextClause, kind: str, title: str | Mapping[str, str], address: str) -> Rows:
    """One task for all of a kind, with its number; `query` says how many, and since when."""
    return Rows(role=Role.FINANCE, query=query, kind=kind, title=title, address=address, facts=("count",))


SOURCES: Final[tuple[Source, ...]] = (
    _counted(_EVALUATIONS, "statements.complete", N_("导入对账单，并标记为完整"), "/finance"),
    _counted(_MONEY, "money.{each}", MONEY, "/finance/transactions?standing={each}"),
    _counted(
        _OVERPAID,
        "money.overpaid",
        N_("退还多缴的保证金：%(count)s 个子账号"),
        "/finance/deposits?state=overpaid",
    ),
    _counted(_PROPOSALS, "money.proposals", N_("复核同事的申请：%(count)s 项"), "/finance/proposals"),
    _counted(_REFUNDS, "refund.{each}", REFUNDS, "/finance/refunds?state={each}"),
    _counted(_ORDERS, "payment.{each}", ORDERS, "/finance/certificates?standing={each}"),
    _counted(
        _RECONCILIATIONS,
        "payment.reconcile",
        N_("与支付机构对账：%(count)s 天没有对过"),
        "/finance/certificates/reconciliation",
    ),
    _counted(
        _ORDER_REFUNDS, "payment.refund", N_("办理办证退款：%(count)s 笔"), "/finance/certificates/refunds"
    ),
)
