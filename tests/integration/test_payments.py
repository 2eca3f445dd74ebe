"""Money for orders against the database: what pays, what goes back, forged and repeated messages, kills."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.scope import PaymentWay
from certificates.orders.boxes import OrderBoxes
from certificates.orders.needs import KEPT_FOR
from certificates.orders.performing import By, Lacks, NotAllowed, perform
from certificates.orders.rounds import OrderRound
from certificates.orders.states import OrderAct
from certificates.payments import (
    assigning,
    by_hand,
    counter,
    invoices,
    paying_back,
    refund_history,
    refunds,
)
from certificates.payments.port import ProviderAway, RefundAnswer
from certificates.payments.receipts import Conflict
from office.banking.proposals import CannotDo, Proposals
from office.banking.signed import MessageRefused, Refusal
from office.database import create_engine
from office.messages.delivering import BOX
from tests.channelkit import KINDS
from tests.paykit import PERSON, UNIT, Payments
from tests.unit.test_channel_paying import PRODUCTS, ROWS

PRICE = 35_000
OTHER_UNIT, OTHER_CODE = "更正有限公司", "91350100M000100Y43"


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


async def test_a_name_corrected_after_the_payment_gets_its_own_invoice(house: Payments) -> None:
    """A returned order is nobody's word yet; approved with another name, its first invoice is void."""
    order = await house.order()
    await house.pays_by_code(order)
    await house.settle()

    async def current() -> invoices.OrderInvoice:
        async with house.engine.connect() as connection:
            found = await invoices.invoice_of(connection, house.marks, order)
        assert found is not None
        return found

    first = await current()
    details = {"organization_name": OTHER_UNIT, "credit_code": OTHER_CODE, "operator_email": "jb@example.cn"}
    async with house.engine.begin() as connection:
        await OrderBoxes(house.marks).keep_details(connection, order, details, house.now)
    for state in ("returned", "in_review"):
        await house.set(order, state)
        await house.settle()
        assert await current() == first
    for state in ("approved", "issuing", "done"):
        await house.set(order, state)
        await house.settle()
        made = await current()
        assert (made.title, made.tax_number) == (OTHER_UNIT, OTHER_CODE)
        assert (made.state, made.fen) == ("made", PRICE)
    async with house.engine.connect() as connection:
        found = await connection.execute(text("SELECT number, state, voided_at FROM order_invoices"))
        rows = {row.number: row for row in found}
    assert {number: row.state for number, row in rows.items()} == {first.number: "void", made.number: "made"}
    assert rows[first.number].voided_at is not None
    assert (await house.row(order))["invoice"] == made.number
    told = [each for each in await letters(house, "certificate.invoice", "email") if first.number in each]
    assert any(made.number in each and "已作废" in each for each in told)
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


async def test_paid_orders_that_nobody_goes_on_with_end_and_all_of_it_goes_back(house: Payments) -> None:
    lapsed, refused = await house.order(), await house.order()
    for order, state in ((lapsed, "returned"), (refused, "awaiting_identity")):
        await house.pays_by_code(order)
        await house.settle()
        await house.set(order, state)
    async with house.engine.begin() as connection:
        clerk, reason = By.clerk(house.clerk), "联系不上申请人"
        await perform(connection, refused, OrderAct.REJECT, clerk, now=house.now, reason=reason)
    house.now += KEPT_FOR + timedelta(days=1)
    await OrderRound(house.engine, house.marks, "平台").round(house.now)
    await house.settle()
    assert [await house.state(order) for order in (lapsed, refused)] == ["expired", "rejected"]
    assert await house.refunds() == [("alipay", PRICE, "paid")] * 2
    assert [(await house.row(order))["refund_due"] for order in (lapsed, refused)] == [False, False]
    await house.check()


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
    for _ in range(paying_back.MOST_ATTEMPTS + 3):
        await house.settle()
        house.later(hours=7)
    assert await house.refunds() == [("alipay", PRICE, "failed")]
    await house.check()
    house.provider = whole
    async with house.engine.begin() as connection:
        (found,), _ = await refunds.page(connection, "failed", 1)
        assert found.attempts == paying_back.MOST_ATTEMPTS
        await paying_back.again(connection, found.id, found.version, house.now)
        with pytest.raises(paying_back.WrongState):
            await paying_back.again(connection, found.id, found.version, house.now)
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
        await paying_back.handed_back(connection, found.id, found.version, house.now)
    assert await house.refunds() == [("on_the_spot", 4_000, "paid")]
    await house.check()


async def test_the_counter_takes_nothing_for_an_order_that_is_not_done_there(house: Payments) -> None:
    order = await house.order()  # on the shared platform, which takes Alipay and has no counter
    given: dict[str, Any] = {"reference": "K1", "by": house.clerk, "now": house.now}
    for way in (PaymentWay.ALIPAY, PaymentWay.WECHAT, PaymentWay.ON_THE_SPOT):
        with pytest.raises(counter.NotTakenHere):
            async with house.engine.begin() as connection:
                await counter.take(connection, house.marks, order, way, PRICE, **given)
    assert await house.receipts(order) == []
    assert await house.state(order) == "awaiting_payment"


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


async def test_the_fixed_remark_leads_nowhere_where_orders_of_two_people_fit(house: Payments) -> None:
    """A stranger typed the payer's name into an older order of this price; two people share a name."""
    there: dict[str, Any] = {"way": "counter", "payment_way": "transfer", "price": 60_000}
    namesake = {"number_mark": "one", "details": {"organization_name": "同名的公司"}}
    stranger = await house.order("guangdong_gpcloud", account_id=house.clerk, number_mark="own", **there)
    own = await house.order("guangdong_gpcloud", number_mark="own", **there)
    other = await house.order("guangdong_gpcloud", **there, **namesake)
    exact = await house.order("guangdong_gpcloud", **there, **namesake | {"number_mark": "two"})
    await house.settle()
    await house.bank(
        house.bank_row(60_000, FIXED),
        house.bank_row(60_000, FIXED, payer="同名的公司"),
    )
    await house.settle()
    assert await house.receipts(None) == [("unknown", 60_000, 0)] * 2
    house.later(minutes=1)
    # the payer gives up: a stranger's order still gets nothing
    async with house.engine.begin() as connection:
        over = text("UPDATE orders SET state = 'expired', finished_at = :now WHERE number = :own")
        await connection.execute(over, {"now": house.now, "own": own})
    await house.settle()
    assert await house.receipts(None) == [("unknown", 60_000, 0)] * 2
    for order in (stranger, other, exact):
        assert await house.state(order) == "awaiting_payment"
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
            named = (
                "stranger" if fixed and kind == "N" and payer == "organization" else payer
            )  # typed in vain
            expected[order] = (payer, _standing(ways, named, fixed=fixed))
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


async def letters(house: Payments, kind: str = "certificate.money", channel: str = "sms") -> list[str]:
    """What was written to the order's telephone or address, the oldest first."""
    found = text("SELECT box FROM deliveries WHERE kind = :kind AND channel = :channel ORDER BY id")
    async with house.engine.connect() as connection:
        rows = list((await connection.execute(found, {"kind": kind, "channel": channel})).scalars())
    return [json.loads(house.marks.unbox(BOX, bytes(row)))["content"] for row in rows]


async def test_the_applicant_is_told_what_became_of_the_money_each_once(house: Payments) -> None:
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.bank(house.bank_row(1_500, order))
    await house.bank(house.bank_row(4_000, order, payer="别人"))
    for _ in range(3):
        await house.settle()
    short, foreign = await letters(house)
    assert f"{order} 收到 15.00 元，还差 25.00 元" in short
    assert "付款户名不对" in foreign
    assert "请用单位的对公账户重新付款" in foreign
    assert f"https://example.cn/certificates/orders/{order}" in foreign
    assert UNIT not in short + foreign
    await house.bank(house.bank_row(2_500, order))
    await house.bank(house.bank_row(4_000, order))
    await house.settle()
    assert await house.state(order) == "in_review"
    doubled = (await letters(house))[2:]
    assert [("已经付清，后来又收到 40.00 元" in one) for one in doubled] == [True]
    await house.set(order, "rejected")
    await house.settle()
    async with house.engine.begin() as connection:
        await connection.execute(text("UPDATE refunds SET state = 'paid'"))
    await house.settle()
    told = (await letters(house))[3:]
    assert sorted(one.split(" ")[3] for one in told if "退款" in one) == ["15.00", "25.00", "40.00"]


async def test_who_sends_an_order_a_hundred_fen_does_not_ring_its_telephone_a_hundred_times(
    house: Payments,
) -> None:
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.bank(*(house.bank_row(1, order) for _ in range(40)))
    await house.settle()
    assert len(await house.receipts(order)) == 40
    assert len(await letters(house)) == 10
    house.later(days=2)
    await house.bank(house.bank_row(1, order))
    await house.settle()
    assert len(await letters(house)) == 11
    await house.check()


async def test_an_account_that_chose_english_is_told_in_english_and_what_is_mended_is_not_told(
    house: Payments,
) -> None:
    async with house.engine.begin() as connection:
        await connection.execute(
            text("UPDATE accounts SET locale = 'en' WHERE id = :id"), {"id": house.account}
        )
    qr = await house.order("hunan_shared")
    await house.bank(house.bank_row(PRICE, qr))
    charge = await house.charge(qr)
    await house.tell(house.paid(charge, 10_000))
    await house.tell(house.paid(charge, PRICE - 10_000))  # short for a moment: nobody writes about it
    await house.settle()
    assert UNIT not in repr(house.bank_row(PRICE, qr))
    (wrong,) = await letters(house)
    assert f"350.00 yuan for your certificate order {qr} in a way that it can't be paid" in wrong
    (invoice,) = await letters(house, "certificate.invoice", "email")
    assert f"/certificates/orders/{qr}" in invoice
    assert "is ready" in invoice


async def test_money_is_given_to_an_order_by_two_people_whatever_its_remark_and_payer(
    house: Payments,
) -> None:
    one = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    two = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.bank(house.bank_row(4_000, one, payer="测试公司旧名"), house.bank_row(4_000, "办证费"))
    await house.settle()
    async with house.engine.begin() as connection:
        await connection.execute(text("UPDATE moneys SET standing = 'unmatched' WHERE standing = 'unseen'"))
        stray = text("SELECT transaction_id AS id, version FROM moneys WHERE standing = 'unmatched'")
        money = (await connection.execute(stray)).one()
        foreign = (await connection.execute(text("SELECT id, version FROM order_receipts"))).one()
    asking: dict[str, Any] = {"by": house.clerk, "now": house.now}
    other: dict[str, Any] = {"by": house.account, "now": house.now}
    proposals = Proposals(house.engine, assigning.carried_out(house.marks))
    for wrong, obstacle in (("20260304ABCDEFGH", "unknown_order"), ("", "unknown_order")):
        with pytest.raises(CannotDo) as refused:
            await assigning.propose_receipt(
                house.engine, foreign.id, foreign.version, wrong, "依据", **asking
            )
        assert refused.value.obstacle == obstacle
    with pytest.raises(CannotDo) as no_reason:
        await assigning.propose_receipt(house.engine, foreign.id, foreign.version, one, " ", **asking)
    assert no_reason.value.obstacle == "no_reason"
    first = await assigning.propose_receipt(
        house.engine, foreign.id, foreign.version, one, "曾用名，有变更通知书", **asking
    )
    second = await assigning.propose_transaction(house.engine, money.id, money.version, two, "来电", **asking)
    with pytest.raises(CannotDo) as own:
        await proposals.decide(first, True, **asking)
    assert own.value.obstacle == "own_proposal"
    assert await house.state(one) == "awaiting_payment"
    for each in (first, second):
        await proposals.decide(each, True, **other)
    assert [await house.state(each) for each in (one, two)] == ["in_review", "in_review"]
    await house.check()
    await house.set(two, "rejected")
    await house.settle()
    assert await house.refunds() == [("transfer", 4_000, "due")]
    await house.check()


async def test_what_was_proposed_and_overtaken_is_not_carried_out(house: Payments) -> None:
    """The money went back, or the order was paid or ended, between the proposal and the other's word."""
    order, other = await house.order(), await house.order()
    await house.tell(house.paid("ZF" + "9" * 22, PRICE))
    async with house.engine.connect() as connection:
        stray = (await connection.execute(text("SELECT id, version FROM order_receipts"))).one()
    asking: dict[str, Any] = {"by": house.clerk, "now": house.now}
    deciding: dict[str, Any] = {"by": house.account, "now": house.now}
    proposals = Proposals(house.engine, assigning.carried_out(house.marks))
    first = await assigning.propose_receipt(house.engine, stray.id, stray.version, order, "查到", **asking)
    await house.pays_by_code(order)
    with pytest.raises(CannotDo) as paid:
        await proposals.decide(first, True, **deciding)
    assert paid.value.obstacle == "unknown_order"
    await proposals.decide(first, False, **deciding)
    second = await assigning.propose_receipt(house.engine, stray.id, stray.version, other, "查到", **asking)
    await by_hand.give_back(house.engine, stray.id, stray.version, "查不到", **asking)
    with pytest.raises(CannotDo) as gone:
        await proposals.decide(second, True, **deciding)
    assert gone.value.obstacle == "overtaken"
    await house.settle()
    assert await house.times_paid(other) == 0
    await house.check()


async def test_a_refund_that_is_accepted_is_asked_for_until_it_has_left(house: Payments) -> None:
    """And every question and answer stands in its history."""
    order = await house.order()
    await house.pays_by_code(order)
    await house.set(order, "rejected")
    house.provider = Slow(house.provider, accepted=3)
    for _ in range(5):
        await house.settle()
        house.later(hours=7)
    assert await house.refunds() == [("alipay", PRICE, "paid")]
    async with house.engine.connect() as connection:
        (found,), _ = await refunds.page(connection, "paid", 1)
        acts = [one.act for one in await refund_history.events(connection, found.id)]
    assert [str(one) for one in reversed(acts)] == ["planned", *["asked", "accepted"] * 3, "asked", "paid"]
    await house.check()


class Slow:
    """A provider that takes its time."""

    def __init__(self, inner: Any, accepted: int) -> None:
        self.inner, self.accepted = inner, accepted

    async def refund(self, refunding: Any, now: Any) -> RefundAnswer:
        self.accepted -= 1
        if self.accepted >= 0:
            return RefundAnswer(None)
        answer = await self.inner.refund(refunding, now)
        assert isinstance(answer, RefundAnswer)
        return answer
