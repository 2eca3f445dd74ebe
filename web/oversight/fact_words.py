"""Facts of audit entries as people read them: names and states in words, amounts in yuan, Beijing time.

Exports keep the names and values as they were written.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from office import money
from web.awards.words import SOURCES
from web.languages import N_
from web.listings.words import LOT_STATES
from web.oversight.words import PERIODS
from web.shown import BEIJING
from web.visits import Visit
from web.words import ROLES

NAMES: Final[Mapping[str, str]] = {
    "account": N_("账号编号"),
    "after": N_("办理后"),
    "amount": N_("金额"),
    "answer": N_("答复"),
    "batch": N_("批次"),
    "bank": N_("银行"),
    "before": N_("办理前"),
    "broken": N_("断链"),
    "count": N_("数量"),
    "fields": N_("项目"),
    "invoice": N_("发票"),
    "kind": N_("种类"),
    "known": N_("已有"),
    "last_day": N_("最迟"),
    "lot": N_("标的编号"),
    "missing": N_("未付"),
    "name": N_("名称"),
    "new": N_("新增"),
    "number": N_("编号"),
    "objection": N_("异议编号"),
    "opens_at": N_("开始竞价"),
    "paddle": N_("竞买号"),
    "paid": N_("已付"),
    "part": N_("期"),
    "payer": N_("付款人"),
    "period": N_("时期"),
    "price": N_("价格"),
    "rank": N_("顺位"),
    "reason": N_("理由"),
    "role": N_("身份"),
    "round": N_("次序"),
    "source": N_("由来"),
    "title": N_("标题"),
    "total": N_("合计"),
    "ukey": N_("UKey 编号"),
    "until": N_("到哪天"),
    "version": N_("版本"),
    "why": N_("原因"),
    "winner_account": N_("竞得人的账号编号"),
}
"""What has no word here is shown by its name."""
FEN: Final = frozenset({"amount", "missing", "paid", "price", "total", "starting_price", "deposit", "fee"})
"""Facts that are amounts, in fen."""
_WORDED: Final[Mapping[str, Mapping[Any, str]]] = {
    "after": LOT_STATES,
    "before": LOT_STATES,
    "period": PERIODS,
    "role": ROLES,
    "source": SOURCES,
}


def worded(visit: Visit, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of each fact that says something."""
    return [
        (visit.text(NAMES[name]) if name in NAMES else name, _value(visit, name, value))
        for name, value in facts.items()
        if value not in ("", None, [], {})
    ]


def _value(visit: Visit, name: str, value: Any) -> str:
    if name in FEN and isinstance(value, int) and not isinstance(value, bool):
        return f"{'-' if value < 0 else ''}¥ {money.yuan(abs(value))}"
    table = _WORDED.get(name, {})
    if isinstance(value, str) and value in table:
        return visit.text(table[value])
    if name.endswith("_at") and isinstance(value, str):
        return _moment(value)
    return str(value)


def _moment(written: str) -> str:
    try:
        return f"{datetime.fromisoformat(written).astimezone(BEIJING):%Y-%m-%d %H:%M}"
    except ValueError:
        return written
