"""What waits for a person after an auction, from the review to the handover.

Papers to seal are tasks of their own (web/oversight/tasks.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, TextClause, text

from office.accounts import Person, Role
from trading.tasks import MOST, Source, Task
from web.languages import N_
from web.site import Site

_LISTING: Final = "l.lot, l.title, l.due_at, l.changed_at AS since"
_REVIEWS: Final = text(
    f"SELECT {_LISTING} FROM awards a JOIN listings l ON l.lot = a.lot"  # noqa: S608
    " WHERE a.state = 'review' AND l.state = 'review' ORDER BY l.due_at LIMIT :most"
)
_OVERDUE: Final = text(
    f"SELECT {_LISTING} FROM listings l"  # noqa: S608
    " WHERE l.state IN ('negotiation', 'confirmation', 'contract', 'payment')"
    " AND (l.due_at <= :now OR l.state = 'payment' AND l.alarmed_at IS NOT NULL)"
    " ORDER BY l.due_at LIMIT :most"
)
_OFFERS: Final = text(
    "SELECT o.lot, l.title, o.due_at, o.asked_at AS since FROM priority_offers o"
    " JOIN listings l ON l.lot = o.lot WHERE o.account_id = :me AND o.source = 'priority'"
    " AND o.answer = 'asked' AND o.due_at > :now ORDER BY o.due_at LIMIT :most"
)
_NEXT: Final = text(_OFFERS.text.replace("'priority'", "'next_bidder'"))
_PRICES: Final = text(
    f"SELECT {_LISTING} FROM listings l"  # noqa: S608
    " WHERE l.transferor_id = :me AND l.state = 'negotiation' ORDER BY l.due_at LIMIT :most"
)
_NO_CONTRACT: Final = (
    "NOT EXISTS (SELECT FROM sale_documents d WHERE d.lot = l.lot AND d.paper = 'contract'"
    " AND d.state NOT IN ('refused', 'void'))"
)
_CONTRACTS: Final = text(
    f"SELECT {_LISTING} FROM listings l WHERE l.transferor_id = :me"  # noqa: S608
    f" AND l.state = 'contract' AND {_NO_CONTRACT} ORDER BY l.due_at LIMIT :most"
)
_DRAFTS: Final = text(
    f"SELECT {_LISTING} FROM awards a JOIN listings l ON l.lot = a.lot"  # noqa: S608
    f" WHERE a.account_id = :me AND a.state = 'awarded' AND l.state = 'contract' AND {_NO_CONTRACT}"
    " AND EXISTS (SELECT FROM contract_versions v WHERE v.lot = l.lot AND v.shown AND NOT EXISTS"
    " (SELECT FROM contract_comments c WHERE c.lot = v.lot AND c.version = v.version"
    " AND c.party = 'transferee')"
    " AND v.version = (SELECT max(version) FROM contract_versions w WHERE w.lot = l.lot AND w.shown))"
    " ORDER BY l.due_at LIMIT :most"
)
_PAYMENTS: Final = text(
    f"SELECT {_LISTING} FROM awards a JOIN listings l ON l.lot = a.lot"  # noqa: S608
    " JOIN price_accounts p ON p.lot = l.lot AND p.state = 'open'"
    " WHERE a.account_id = :me AND a.state = 'awarded' AND l.state = 'payment' ORDER BY l.due_at LIMIT :most"
)
_TO_HAND_OVER: Final = text(
    f"SELECT {_LISTING} FROM listings l LEFT JOIN handovers h ON h.lot = l.lot"  # noqa: S608
    " WHERE l.transferor_id = :me AND (l.state = 'publication' AND h.lot IS NULL"
    " OR l.state IN ('payment', 'publication', 'completed') AND h.objection <> '')"
    " ORDER BY l.changed_at LIMIT :most"
)
_HANDED_OVER: Final = text(
    "SELECT l.lot, l.title, NULL::timestamptz AS due_at, h.made_at AS since FROM handovers h"
    " JOIN listings l ON l.lot = h.lot JOIN awards a ON a.lot = h.lot AND a.state = 'awarded'"
    " WHERE a.account_id = :me AND h.confirmed_at IS NULL AND h.objection = ''"
    " AND l.state IN ('payment', 'publication', 'completed') ORDER BY h.made_at LIMIT :most"
)


async def _found(site: Site, query: TextClause, person: Person, now: datetime) -> Sequence[Row[Any]]:
    given = {"me": person.id, "now": now, "most": MOST}
    wanted = {name: value for name, value in given.items() if f":{name}" in query.text}
    async with site.engine.connect() as connection:
        return (await connection.execute(query, wanted)).all()


def _source(role: Role, query: TextClause, kind: str, title: str, page: str, about: str) -> Source:
    """Rows of one query as tasks of one role."""

    async def find(site: Site, person: Person, now: datetime) -> Sequence[Task]:
        if person.role is not role:
            return ()
        return [
            Task(
                kind=kind,
                title=title,
                lot=row.lot,
                address=f"/sales/{row.lot}{page}",
                since=row.since,
                due_at=row.due_at,
                about=about,
                facts={"title": row.title},
            )
            for row in await _found(site, query, person, now)
        ]

    return find


SOURCES: Final[tuple[Source, ...]] = (
    _source(
        Role.ADMINISTRATOR,
        _REVIEWS,
        "award.review",
        N_("资格审查：%(title)s"),
        "/review",
        N_("请核对报名材料，决定是否通过。"),
    ),
    _source(
        Role.ADMINISTRATOR,
        _OVERDUE,
        "award.overdue",
        N_("超过办理期限：%(title)s"),
        "",
        N_("请查看等谁办理；必要时认定违约。"),
    ),
    _source(
        Role.BIDDER,
        _OFFERS,
        "award.offer",
        N_("答复是否行使优先购买权：%(title)s"),
        "/offer",
        N_("期限内不答复，视为放弃。"),
    ),
    _source(
        Role.BIDDER,
        _NEXT,
        "award.next_offer",
        N_("答复是否按您的最高报价受让：%(title)s"),
        "/offer",
        N_("期限内不答复，视为不接受。"),
    ),
    _source(
        Role.TRANSFEROR,
        _PRICES,
        "award.price",
        N_("填写最终成交价：%(title)s"),
        "/price",
        N_("请填写成交价，上传会议决定。"),
    ),
    _source(
        Role.TRANSFEROR,
        _CONTRACTS,
        "contract.draft",
        N_("起草合同：%(title)s"),
        "/contract",
        N_("成交确认书已盖齐，请起草合同并定稿。"),
    ),
    _source(
        Role.BIDDER,
        _DRAFTS,
        "contract.read",
        N_("查看合同草稿：%(title)s"),
        "/contract",
        N_("有不同意见可以提出；没有就等转让方定稿。"),
    ),
    _source(
        Role.BIDDER,
        _PAYMENTS,
        "award.payment",
        N_("支付价款：%(title)s"),
        "/payment",
        N_("请按页面上的账号和期限付款。"),
    ),
    _source(
        Role.TRANSFEROR,
        _TO_HAND_OVER,
        "handover.write",
        N_("填写交接单：%(title)s"),
        "/handover",
        N_("标的交付以后，请填写交接单。"),
    ),
    _source(
        Role.BIDDER,
        _HANDED_OVER,
        "handover.answer",
        N_("核对交接单：%(title)s"),
        "/handover",
        N_("请核对后确认，或者写明哪里不对。"),
    ),
)
