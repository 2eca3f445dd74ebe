"""Orders at the demonstration's certificate desk, made the way a clerk makes them for who stands there.

One waits for its money, one for its papers, two for review. People and organizations are invented; what is
there already stays.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.scope import Case, PaymentWay, Service, SubjectKind, Way
from certificates.catalogue.store import Catalogue, ensure_defaults
from certificates.desk.counter import Counter, brought
from certificates.desk.reviewing import Decision
from certificates.desk.verdicts import Verdict
from certificates.desk.walk_ins import WalkIns
from certificates.orders.mine import Mine
from certificates.orders.orders import Orders
from certificates.orders.performing import By
from certificates.orders.states import OrderState
from certificates.orders.steps import Step
from office.marks import Marks

CHANNEL: Final = "hunan_sanzi"
_OPERATOR: Final = {
    "operator_name": "测试经办人",
    "operator_document": "id_card",
    "operator_number": "433101199001011234",
    "operator_phone": "+8613800000001",
    "operator_email": "operator@example.cn",
}
_ORGANIZATION: Final = {
    "seal_kind": "official",
    "organization_name": "测试样例有限公司",
    "credit_code": "91110000600037341L",
    "representative_name": "测试法人",
    "invoice_title": "测试样例有限公司",
    **_OPERATOR,
}
_PERSON: Final = {
    "seal_kind": "signature",
    "applicant_name": "测试申请人",
    "applicant_document": "id_card",
    "applicant_number": "110101199003070003",
    "applicant_phone": "+8613800000002",
    "applicant_email": "person@example.cn",
    "invoice_title": "测试申请人",
}
PEOPLE: Final[Mapping[SubjectKind, Mapping[str, str]]] = {
    SubjectKind.ORGANIZATION: _ORGANIZATION,
    SubjectKind.NATURAL_PERSON: _PERSON,
}
ORDERS: Final = (
    (SubjectKind.ORGANIZATION, OrderState.IN_REVIEW),
    (SubjectKind.NATURAL_PERSON, OrderState.IN_REVIEW),
    (SubjectKind.ORGANIZATION, OrderState.AWAITING_PAPER),
    (SubjectKind.NATURAL_PERSON, OrderState.AWAITING_PAYMENT),
)
"""Who applies for a first certificate, and how far the order goes."""
_THERE: Final = text("SELECT count(*) FROM walk_ins WHERE clerk_id = :clerk")


async def fill_desk(engine: AsyncEngine, marks: Marks, platform: str, clerk: int, *, now: datetime) -> int:
    """How many orders were made; 0 when the clerk has begun some before."""
    async with engine.begin() as connection:
        await ensure_defaults(connection, now)
        if await connection.scalar(_THERE, {"clerk": clerk}):
            return 0
    orders = Orders(engine, marks, platform)
    for subject, target in ORDERS:
        await _make(orders, Counter(engine, marks), engine, clerk, subject, target, now)
    return len(ORDERS)


async def _make(
    orders: Orders,
    counter: Counter,
    engine: AsyncEngine,
    clerk: int,
    subject: SubjectKind,
    target: OrderState,
    now: datetime,
) -> None:
    stored = await Catalogue(engine).published(CHANNEL)
    assert stored is not None, CHANNEL
    case = Case(service=Service.ISSUE, subject=subject, way=Way.COUNTER)
    number, _closed = await WalkIns(engine).begin(clerk, stored, case, now=now)

    async def mine() -> Mine:
        return await orders.of(number, By.applicant(clerk))

    agreements = frozenset(str(one.kind) for one in stored.rules.agreements_for(case))
    await orders.accept(await mine(), agreements, now=now)
    product = stored.rules.products_for(subject, stored.rules.authorities[0])[0].key
    await orders.save(await mine(), Step.DETAILS, PEOPLE[subject], now=now, product=product)
    await orders.confirm(await mine(), now=now)
    if (await mine()).order.state is OrderState.AWAITING_MATERIAL:
        await orders.finish_material(await mine(), now=now)
    if target is OrderState.AWAITING_PAYMENT:
        return
    order = (await mine()).order
    way = PaymentWay.ON_THE_SPOT if subject is SubjectKind.ORGANIZATION else PaymentWay.WECHAT
    await counter.take_money(number, clerk, way, order.price_fen, version=order.version, now=now)
    if target is OrderState.IN_REVIEW:
        there = await mine()
        seen = [Verdict(item=item) for item, _material in brought(there)]
        await counter.receive(there, clerk, seen, Decision.APPROVE, {}, now=now)
