"""What waits for a person after an auction, from the review to the handover.

Papers to seal are tasks of their own (web/oversight/tasks.py).
"""

from typing import Final

from sqlalchemy import text

from office.accounts import Role
from trading.tasks import Rows, Source
from web.languages import N_

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


SOURCES: Final[tuple[Source, ...]] = (
    Rows(
        role=Role.ADMINISTRATOR,
        query=_REVIEWS,
        kind="award.review",
        title=N_("资格审查：%(title)s"),
        address="/sales/{lot}/review",
        about=N_("请核对报名材料，决定是否通过。"),
    ),
    Rows(
        role=Role.ADMINISTRATOR,
        query=_OVERDUE,
        kind="award.overdue",
        title=N_("超过办理期限：%(title)s"),
        address="/sales/{lot}",
        about=N_("请查看等谁办理；必要时认定违约。"),
    ),
    Rows(
        role=Role.BIDDER,
        query=_OFFERS,
        kind="award.offer",
        title=N_("答复是否行使优先购买权：%(title)s"),
        address="/sales/{lot}/offer",
        about=N_("期限内不答复，视为放弃。"),
    ),
    Rows(
        role=Role.BIDDER,
        query=_NEXT,
        kind="award.next_offer",
        title=N_("答复是否按您的最高报价受让：%(title)s"),
        address="/sales/{lot}/offer",
        about=N_("期限内不答复，视为不接受。"),
    ),
    Rows(
        role=Role.TRANSFEROR,
        query=_PRICES,
        kind="award.price",
        title=N_("填写最终成交价：%(title)s"),
        address="/sales/{lot}/price",
        about=N_("请填写成交价，上传会议决定。"),
    ),
    Rows(
        role=Role.TRANSFEROR,
        query=_CONTRACTS,
        kind="contract.draft",
        title=N_("起草合同：%(title)s"),
        address="/sales/{lot}/contract",
        about=N_("成交确认书已盖齐，请起草合同并定稿。"),
    ),
    Rows(
        role=Role.BIDDER,
        query=_DRAFTS,
        kind="contract.read",
        title=N_("查看合同草稿：%(title)s"),
        address="/sales/{lot}/contract",
        about=N_("有不同意见可以提出；没有就等转让方定稿。"),
    ),
    Rows(
        role=Role.BIDDER,
        query=_PAYMENTS,
        kind="award.payment",
        title=N_("支付价款：%(title)s"),
        address="/sales/{lot}/payment",
        about=N_("请按页面上的账号和期限付款。"),
    ),
    Rows(
        role=Role.TRANSFEROR,
        query=_TO_HAND_OVER,
        kind="handover.write",
        title=N_("填写交接单：%(title)s"),
        address="/sales/{lot}/handover",
        about=N_("标的交付以后，请填写交接单。"),
    ),
    Rows(
        role=Role.BIDDER,
        query=_HANDED_OVER,
        kind="handover.answer",
        title=N_("核对交接单：%(title)s"),
        address="/sales/{lot}/handover",
        about=N_("请核对后确认，或者写明哪里不对。"),
    ),
)
