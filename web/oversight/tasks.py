"""What waits for a person here: documents to seal, UKeys to confirm, objections to answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from office import money
from office.accounts import Person, Role
from trading.sale_lists import Which
from trading.sale_states import Paper
from trading.sales import PAGE, SaleDocument
from trading.tasks import MOST, Rows, Source, Task
from web.languages import N_
from web.site import Site

DOCUMENTS: Final[Mapping[Paper, str]] = {
    Paper.CONFIRMATION: N_("成交确认书：%(title)s"),
    Paper.CONTRACT: N_("交易合同：%(title)s"),
    Paper.AWARD: N_("成交决定：%(title)s"),
    Paper.CERTIFICATE: N_("交易凭证：%(title)s"),
}
WAITS: Final = N_("等您盖章。成交价 %(price)s 元，编号 %(number)s。")
WAITS_OFD: Final = N_(
    "OFD 版等您盖章：PDF 版已有您的印章，OFD 版还没有，三方都盖章才完整，请补盖。编号 %(number)s。"
)
NO_TRANSFEROR: Final = N_("转让方还没有账号，请办理：建立账号后，文件会自动转给它。编号 %(number)s。")

_OPEN_OBJECTIONS: Final = text(
    "SELECT o.id, o.lot, l.title, o.made_at AS since, o.due_at FROM objections o"
    " JOIN listings l ON l.lot = o.lot WHERE o.state = 'open' ORDER BY o.due_at, o.id LIMIT :most"
)


async def documents_to_seal(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """For parties what waits for their seal; for administrators what lacks the transferor's account."""
    if person.role not in (Role.BIDDER, Role.TRANSFEROR, Role.ADMINISTRATOR):
        return ()
    mine = None if person.role is Role.ADMINISTRATOR else person.id
    found: list[SaleDocument] = []
    for number in range(1, MOST // PAGE + 1):
        documents, _ = await site.sales.of_person(mine, Which.DUE, page=number)
        found += documents
        if len(documents) < PAGE:
            break
    ofd_waits = frozenset() if mine is None else await site.sales.lack_ofd_seal_of(person.id, found)
    return [_document(one, lacks_ofd=one.id in ofd_waits, official=mine is None) for one in found]


def _document(one: SaleDocument, *, lacks_ofd: bool, official: bool) -> Task:
    return Task(
        kind="document.seal",
        title=DOCUMENTS[one.paper],
        about=NO_TRANSFEROR if official else WAITS_OFD if lacks_ofd else WAITS,
        facts={
            "title": one.title,
            "number": one.number,
            "price": money.yuan(one.price),
        },
        lot=one.lot,
        address=f"/documents/{one.id}",
        since=one.changed_at,
    )


async def ukeys_to_confirm(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    if person.role is not Role.ADMINISTRATOR:
        return ()
    return [
        Task(
            kind="ukey.confirm",
            title=N_("确认 UKey %(name)s"),
            about=N_("有人申请把这个 UKey 绑定到账号，请核对名称。"),
            facts={"name": one.subject},
            address=f"/administration/accounts/{one.account_id}",
            since=one.bound_at,
        )
        for one in await site.ukeys.pending()
    ]


SOURCES: Final[tuple[Source, ...]] = (
    documents_to_seal,
    ukeys_to_confirm,
    Rows(
        role=Role.ADMINISTRATOR,
        query=_OPEN_OBJECTIONS,
        kind="objection.answer",
        title=N_("答复异议：%(title)s"),
        address="/objections/{id}",
        about=N_("有人提出异议，请核实后答复；必要时可以中止标的。"),
    ),
)
