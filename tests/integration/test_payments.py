"""Money for orders against the database: what pays, what goes back, forged and repeated messages, kills."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.scope import PaymentWay
from certificates.orders.performing import Lacks, NotAllowed
from certificates.payments import counter, invoices, refunds
from certificates.payments.port import ProviderAway, RefundAnswer
from certificates.payments.receipts import Conflict
from office.banking.signed import MessageRefused, Refusal
from office.database import create_engine
from office.messages.delivering import BOX
from tests.channelkit import KINDS
from tests.paykit import PERSON, UNIT, Payments
from tests.unit.test_channel_paying import PRODUCTS, ROWS

PRICE = 35_000


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def house(engine: AsyncEngine) -> Payments:
    return await Payments.on(engine)


async def test_forged_stale_and_repeated_messages_change_nothing(house: Payments) -> None:
    order = await house.order()
    charge = await house.charge(order)
    paid = house.paid(charge, PRICE)
    with pytest.raises(MessageRefused) as forged:
        await house.tell(paid, key=SecretStr("x" * 64))
    assert forged.value.refusal is Refusal.NOT_SIGNED
    with pytest.raises(MessageRefused) as stale:
        await house.tell(paid, at=house.now - timedelta(minutes=6))
    assert stale.value.refusal is Refusal.NOT_FRESH
    assert await house.state(order) == "awaiting_payment"
    nonce = "n" * 20
    assert await house.tell(paid, nonce=nonce)
    with pytest.raises(MessageRefused) as replayed:
        await house.tell(paid, nonce=nonce)
    assert replayed.value.refusal is Refusal.REPLAYED
    assert not await house.tell(paid)  # told again by the provider: known
    with pytest.raises(MessageRefused) as other:
        await house.tell(house.paid(charge, PRICE + 1, trade=paid.trade))
    assert other.value.refusal is Refusal.CONFLICTING
    assert await house.times_paid(order) == 1
    assert await house.receipts(order) == [("counted", PRICE, 0)]
    await house.check()


async def test_short_doubled_late_and_unknown_money_each_has_its_place(house: Payments) -> None:
    order = await house.order()
    charge = await house.charge(order)
    await house.tell(house.paid(charge, 10_000))
    assert await house.state(order) == "awaiting_payment"
    assert await house.receipts(order) == [("short", 10_000, 0)]
    rest = await house.pays_by_code(order)  # the next code is for the rest
    assert rest.fen == 25_000
    assert await house.state(order) == "in_review"
    await house.tell(house.paid(charge, 10_000))  # somebody scanned the old code again
    assert (await house.receipts(order))[-1] == ("doubled", 10_000, 10_000)
    await house.tell(house.paid("ZF" + "9" * 22, 500))
    assert await house.receipts(None) == [("unknown", 500, 0)]

    ended = await house.order()
    late = await house.charge(ended)
    await house.set(ended, "expired")
    await house.tell(house.paid(late, PRICE))
    assert await house.receipts(ended) == [("late", PRICE, PRICE)]
    over = await house.order()
    await house.pays_by_code(over, PRICE + 5_000)
    assert await house.receipts(over) == [("counted", PRICE + 5_000, 5_000)]
    assert (await house.row(over))["paid_fen"] == PRICE
    await house.check()


async def test_a_cancelled_order_goes_back_once_and_its_invoice_is_void(house: Payments) -> None:
    order = await house.order()
    await house.pays_by_code(order)
    await house.settle()
    async with house.engine.connect() as connection:
        made = await invoices.invoice_of(connection, house.marks, order)
        letters = list(
            (
                await connection.execute(
                    text(
                        "SELECT box FROM deliveries WHERE kind = 'certificate.invoice' AND channel = 'email'"
                    )
                )
            ).scalars()
        )
    assert made is not None
    assert (made.title, made.state, made.fen) == (UNIT, "made", PRICE)
    assert UNIT not in repr(made)
    assert len(letters) == 1
    assert made.number in house.marks.unbox(BOX, bytes(letters[0])).decode("unicode_escape")
    assert invoices.render(made, seller="平台").startswith(b"%PDF")
    await house.set(order, "cancelled")
    await house.settle()
    await house.settle()
    assert await house.refunds() == [("alipay", PRICE, "paid")]
    async with house.engine.connect() as connection:
        void = await invoices.invoice_of(connection, house.marks, order)
        gone = await connection.scalar(text("SELECT sum(fen) FROM demo_pay_refunds"))
    assert void is not None
    assert void.state == "void"
    assert gone == PRICE
    await house.check()


class Shaky:
    """A provider that does what it is asked, and dies before it says so."""

    def __init__(self, inner: Any, dies: int) -> None:
        self.inner, self.dies = inner, dies

    async def refund(self, refunding: Any, now: Any) -> RefundAnswer:
        answer = await self.inner.refund(refunding, now)
        self.dies -= 1
        if self.dies >= 0:
            raise ProviderAway("died")
        assert isinstance(answer, RefundAnswer)
        return answer


async def test_a_refund_whose_answer_is_lost_goes_out_once(house: Payments) -> None:
    order = await house.order()
    await house.pays_by_code(order)
    await house.set(order, "rejected")
    whole = house.provider
    house.provider = Shaky(whole, dies=3)
    for _ in range(6):
        await house.settle()
        house.later(hours=7)
    assert await house.refunds() == [("alipay", PRICE, "paid")]
    async with house.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM demo_pay_refunds")) == 1
    await house.check()


async def test_a_provider_that_never_answers_is_asked_so_often_and_then_finance_decides(
    house: Payments,
) -> None:
    order = await house.order()
    await house.pays_by_code(order)
    await house.set(order, "rejected")
    whole = house.provider
    house.provider = Shaky(whole, dies=99)
    for _ in range(refunds.MOST_ATTEMPTS + 3):
        await house.settle()
        house.later(hours=7)
    assert await house.refunds() == [("alipay", PRICE, "failed")]
    await house.check()
    house.provider = whole
    async with house.engine.begin() as connection:
        (found,), _ = await refunds.page(connection, "failed", 1)
        assert found.attempts == refunds.MOST_ATTEMPTS
        await refunds.again(connection, found.id, found.version, house.now)
        with pytest.raises(refunds.WrongState):
            await refunds.again(connection, found.id, found.version, house.now)
    await house.settle()
    assert await house.refunds() == [("alipay", PRICE, "paid")]
    await house.check()


async def test_money_at_the_counter_is_the_price_in_a_way_that_is_taken_there(house: Payments) -> None:
    there = {"way": "counter", "payment_way": "on_the_spot", "price": 4_000}
    order = await house.order("hunan_sanzi", **there)

    async def take(fen: int, reference: str, way: PaymentWay = PaymentWay.ON_THE_SPOT) -> None:
        async with house.engine.begin() as connection:
            given: dict[str, Any] = {"reference": reference, "by": house.clerk, "now": house.now}
            await counter.take(connection, house.marks, order, way, fen, **given)

    with pytest.raises(Lacks):
        await take(3_999, "K1")
    with pytest.raises(counter.NotTakenHere):
        await take(4_000, "K1", PaymentWay.ALIPAY)
    await take(4_000, "K1")
    assert await house.receipts(order) == [("counted", 4_000, 0)]
    with pytest.raises(NotAllowed):
        await take(4_000, "K2")
    await house.set(order, "cancelled")
    await house.settle()
    assert await house.refunds() == [("on_the_spot", 4_000, "due")]
    async with house.engine.begin() as connection:
        (found,), _ = await refunds.page(connection, "", 1)
        await refunds.handed_back(connection, found.id, found.version, house.now)
    assert await house.refunds() == [("on_the_spot", 4_000, "paid")]
    await house.check()


async def test_a_transfer_finds_its_order_by_the_number_and_the_payer_rule_holds(house: Payments) -> None:
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.bank(house.bank_row(4_000, f"证书费 {order.lower()}", payer="别的公司"))
    await house.settle()
    assert await house.receipts(order) == [("foreign", 4_000, 0)]
    assert await house.state(order) == "awaiting_payment"
    await house.bank(house.bank_row(4_000, order, payer="测试 有限公司"))
    await house.settle()
    assert await house.state(order) == "in_review"
    assert await house.receipts(order) == [("foreign", 4_000, 0), ("counted", 4_000, 0)]
    qr = await house.order("hunan_shared")
    await house.bank(house.bank_row(PRICE, qr))
    await house.settle()
    assert await house.receipts(qr) == [("wrong_way", PRICE, 0)]
    await house.check()


async def test_the_fixed_remark_leads_to_the_payers_order(house: Payments) -> None:
    remark = "办理广东政府采购智慧云CA"
    there = {"way": "counter", "payment_way": "transfer"}
    first = await house.order("guangdong_gpcloud", price=60_000, **there)
    second = await house.order("guangdong_gpcloud", price=100_000, **there)
    await house.settle()
    await house.bank(
        house.bank_row(100_000, remark),
        house.bank_row(60_000, remark, payer="没有订单的公司"),
        house.bank_row(60_000, f"{remark}！"),
        house.bank_row(60_000, f"{remark} {first}"),
    )
    await house.settle()
    assert await house.state(second) == "in_review"
    assert await house.receipts(first) == [("wrong_remark", 60_000, 0)]
    assert await house.receipts(None) == [("unknown", 60_000, 0)]
    await house.bank(house.bank_row(60_000, remark))
    await house.settle()
    assert await house.state(first) == "in_review"
    await house.check()


async def test_a_transfer_goes_back_with_finances_batch(house: Payments) -> None:
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.bank(house.bank_row(4_000, order))
    await house.settle()
    assert await house.state(order) == "in_review"
    await house.set(order, "rejected")
    await house.settle()
    assert await house.refunds() == [("transfer", 4_000, "due")]
    async with house.engine.begin() as connection:
        await connection.execute(text("UPDATE refunds SET state = 'paid'"))
    await house.settle()
    assert await house.refunds() == [("transfer", 4_000, "paid")]
    assert (await house.row(order))["refund_due"] is False
    async with house.engine.connect() as connection:
        payee = (await connection.execute(text("SELECT payee_name, payee_account FROM refunds"))).one()
    assert tuple(payee) == (UNIT, "6222000012345678")


async def test_conflicting_counter_numbers_are_refused(house: Payments) -> None:
    there = {"way": "counter", "payment_way": "on_the_spot", "price": 4_000}
    one, two = await house.order("hunan_sanzi", **there), await house.order("hunan_sanzi", **there)
    given: dict[str, Any] = {"reference": "K1", "by": house.clerk, "now": house.now}
    async with house.engine.begin() as connection:
        await counter.take(connection, house.marks, one, PaymentWay.ON_THE_SPOT, 4_000, **given)
    with pytest.raises(Conflict):
        async with house.engine.begin() as connection:
            await counter.take(connection, house.marks, two, PaymentWay.ON_THE_SPOT, 4_000, **given)
    assert await house.state(two) == "awaiting_payment"
    assert PERSON not in repr(await house.receipts(one))


FIXED = "办理广东政府采购智慧云CA"


async def test_each_row_of_the_payer_table_holds_for_real_transfers(house: Payments) -> None:
    """Every business of the table is paid by its organization, its own person and a stranger."""
    expected: dict[str, tuple[str, str]] = {}
    rows = []
    for place, (channel, service, way, kind, ways) in enumerate(row for row in ROWS if row[4]):
        for payer in ("organization", "own", "stranger"):
            names = {"organization": f"单位{place}{payer}", "own": f"个人{place}{payer}"}
            order = await house.order(
                channel,
                price=10_000,
                service=service,
                way=way,
                subject=str(KINDS[kind]),
                product=PRODUCTS.get(channel, {}).get(kind, ""),
                payment_way="transfer" if "transfer" in ways else next(iter(ways)),
                details={"organization_name": names["organization"], "applicant_name": names["own"]},
            )
            fixed = channel == "guangdong_gpcloud"
            paid = house.bank_row(10_000, FIXED if fixed else order, payer=names.get(payer, f"旁人{place}"))
            rows.append(paid)
            expected[order] = (payer, _standing(ways, payer, fixed=fixed))
    await house.settle()
    await house.bank(*rows)
    await house.settle()
    for order, (payer, standing) in expected.items():
        row, found = await house.row(order), await house.receipts(order)
        said = (row["channel"], row["service"], row["way"], row["subject"], payer)
        assert found == ([(standing, 10_000, 0)] if standing else []), said
        assert row["state"] == ("in_review" if standing == "counted" else "awaiting_payment"), said
    await house.check()


def _standing(ways: dict[str, str], payer: str, *, fixed: bool) -> str:
    """ "": with a fixed remark a stranger's money, or one that is not taken so, leads to no order."""
    if "transfer" not in ways:
        return "" if fixed else "wrong_way"
    if payer in ways["transfer"].split():
        return "counted"
    return "" if fixed and payer == "stranger" else "foreign"
