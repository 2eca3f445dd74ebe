"""Paying for an order over the pages: the demonstration's code, its notifications, who may do what."""

import asyncio
import html
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from certificates.catalogue.scope import PaymentWay
from certificates.orders.order import locked
from certificates.payments import receipts
from certificates.payments.demonstration import key_of
from certificates.payments.settling import settle
from office.accounts import Role
from office.banking.signed import signed_headers
from tests.orderkit import (
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    request_of_organization,
)
from tests.paykit import NOON, UNIT, Payments
from tests.webkit import ADDRESS, Visitor, Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def at_code(who: Applicant, way: str = "alipay") -> str:
    """The order is at its code; the address of the demonstration's page."""
    await who.done("/payment", {"payment_way": way})
    await who.done("/payment/code")
    page = await who.get("/payment/code")
    found = re.search(r'href="(/demo/pay/ZF\d+)"', page.text)
    assert found, page.text[:3000]
    return found[1]


async def test_who_chooses_a_way_and_who_judges_the_money_never_wait_for_each_other(web: Web) -> None:
    """The round of the steward holds the order and then writes its account."""
    who = await applicant(web, "her")
    await who.begin()
    await who.to_payment(request_of_organization(), details_of_organization())
    await who.done("/payment", {"payment_way": "alipay"})
    judged = text("UPDATE order_accounts SET judged_version = 0 WHERE order_number = :n")
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    now, engine = web.site.clock(), web.site.engine

    async def chosen() -> None:  # the second half of web/certificates/pay.choose
        async with engine.begin() as connection:
            await receipts.reopen(connection, who.number, now)
            await settle(connection, web.site.marks, who.number, now)

    async def until_it_waits() -> None:
        async with engine.connect() as looking:
            while not await looking.scalar(waits):
                await asyncio.sleep(0.02)

    async with engine.begin() as round_:
        await locked(round_, who.number)
        choosing = asyncio.create_task(chosen())
        await asyncio.wait_for(until_it_waits(), 20)
        await round_.execute(judged, {"n": who.number})
    await choosing


async def test_an_order_of_the_shared_platform_is_paid_by_code_and_goes_to_review(web: Web) -> None:
    who = await applicant(web, "her")
    await who.begin()
    await who.to_payment(request_of_organization(), details_of_organization())
    assert await who.state() == "awaiting_payment"
    address = await at_code(who)
    phone = web.visitor()
    answer = await phone.post(address, {"amount": plain_price(await who.row()), "telling": "twice"})
    assert answer.status_code == 303, answer.text[:1000]
    row = await who.row()
    assert (row["state"], row["payment_way"], row["paid_fen"]) == ("in_review", "alipay", row["price_fen"])


def plain_price(row: object) -> str:
    fen = int(row["price_fen"])  # type: ignore[index]
    return f"{fen // 100}.{fen % 100:02d}"


BANK_KEY = SecretStr("the key of the bank, long enough!")


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Paying:
    """A site with orders at their payment, that belong to who is signed in."""

    web: Web
    house: Payments
    clock: Clock
    her: Visitor

    async def order(self, channel: str = "hunan_shared", **more: Any) -> str:
        """Its address."""
        number = await self.house.order(channel, account_id=self.house.account, **more)
        return f"/certificates/orders/{number}"

    async def version(self, order: str) -> dict[str, str]:
        return {"version": str((await self.house.row(order[-16:]))["version"])}

    async def does(self, order: str, path: str) -> httpx.Response:
        return await self.her.post(f"{order}/payment/{path}", await self.version(order))

    def passes(self, **more: int) -> None:
        self.clock.now += timedelta(**more)
        self.house.now = self.clock.now


@pytest.fixture
async def paying(database: str, valkey: str) -> AsyncIterator[Paying]:
    clock, keys = Clock(), {"shifan": (BANK_KEY,)}
    async with web_on(database, valkey, demo=True, clock=clock, bank_keys=keys) as web:
        house = await Payments.on(web.site.engine)
        house.marks = web.site.marks
        her = web.visitor()
        cookie, _ = await web.site.sessions.start(house.account, Role.BIDDER, "payer")
        her.client.cookies.set("luochui_session", cookie, domain=ADDRESS.removeprefix("http://"))
        yield Paying(web, house, clock, her)


async def test_a_code_is_a_picture_digits_and_an_address_and_runs_out_and_is_renewed(paying: Paying) -> None:
    her, order = paying.her, await paying.order()
    number = order[-16:]
    assert (await her.get(f"{order}/payment/code")).status_code == 303  # none was asked for yet
    assert (await paying.does(order, "code")).headers["location"] == f"{order}/payment/code"
    page = (await her.get(f"{order}/payment/code")).text
    shown = re.search(r'<div class="pay-qr__frame" role="img" aria-label="([^"]+)"><svg', page)
    assert shown
    assert "350.00" in shown[1]
    assert '<noscript><meta http-equiv="refresh"' in page
    first = re.search(r'href="(/demo/pay/ZF\d+)"', page)
    digits = re.search(r"<strong>(\d{4} \d{4})</strong>", page)
    assert first
    assert digits
    typed = await paying.web.visitor().get("/demo/pay", params={"number": digits[1]})
    assert typed.headers["location"] == first[1]
    named = await paying.web.visitor().get(
        "/demo/pay", params={"number": first[1].rpartition("/")[2].lower()}
    )
    assert named.headers["location"] == first[1]
    for wrong in ("00000000", "ZF" + "0" * 22, "\0", "x" * 200):
        missing = await paying.web.visitor().get("/demo/pay", params={"number": wrong})
        assert missing.status_code == 404
        assert "没有这样的付款码" in missing.text
    again = await paying.does(order, "code")
    assert again.status_code == 303
    assert first[1] in (await her.get(f"{order}/payment/code")).text  # the same code while it works
    assert (await her.get(f"{order}/payment/code/standing")).json() == {"now": "open"}

    paying.passes(minutes=31)
    over = (await her.get(f"{order}/payment/code")).text
    assert "付款码已经失效" in over
    assert "pay-qr__frame" not in over
    assert (await her.get(f"{order}/payment/code/standing")).json() == {"now": "over"}
    late = await paying.web.visitor().post_and_follow(first[1], {"amount": "350.00", "telling": "once"})
    assert "已经失效" in late.text
    assert (await paying.web.visitor().get("/demo/pay", params={"number": digits[1]})).status_code == 404
    await paying.does(order, "code")
    renewed = re.search(r'href="(/demo/pay/ZF\d+)"', (await her.get(f"{order}/payment/code")).text)
    assert renewed
    assert renewed[1] != first[1]
    assert (await paying.web.visitor().get("/demo/pay/%00")).status_code == 404
    done = await paying.web.visitor().post(renewed[1], {"amount": "350.00", "telling": "twice"})
    assert done.status_code == 303
    assert await paying.house.state(number) == "in_review"
    assert (await her.get(f"{order}/payment/code/standing")).json() == {"now": "paid", "to": f"{order}/go-on"}
    await paying.house.check()
    paying.passes(hours=24)
    finance = await paying.web.signed_in("fin", Role.FINANCE)
    assert "与支付机构对账：1 天没有对过" in (await finance.get("/my/tasks")).text
    day = f"{NOON:%Y-%m-%d}"
    await finance.post("/finance/certificates/reconciliation", {"way": "alipay", "day": day})
    assert "与支付机构对账：" not in (await finance.get("/my/tasks")).text


async def test_a_payment_that_came_as_its_code_ran_out_is_found_by_the_question(paying: Paying) -> None:
    order = await paying.order()
    await paying.does(order, "code")
    phone = re.search(r'href="(/demo/pay/ZF\d+)"', (await paying.her.get(f"{order}/payment/code")).text)
    assert phone
    await paying.web.visitor().post(phone[1], {"amount": "350.00", "telling": "later"})
    paying.passes(minutes=31)
    assert "我已付款" in (await paying.her.get(f"{order}/payment/code")).text
    assert (await paying.does(order, "check")).headers["location"] == f"{order}/go-on"
    assert await paying.house.state(order[-16:]) == "in_review"
    await paying.house.check()


async def test_nobody_else_sees_or_asks_for_a_code(paying: Paying) -> None:
    order = await paying.order()
    await paying.does(order, "code")
    other, nobody = await paying.web.signed_in("other", Role.BIDDER), paying.web.visitor()
    for path in ("", "/code", "/code/standing"):
        assert (await other.get(f"{order}/payment{path}")).status_code == 404
        assert (await nobody.get(f"{order}/payment{path}")).status_code in (303, 401)
    for path in ("", "/code", "/check"):
        assert (await other.post(f"{order}/payment{path}", await paying.version(order))).status_code == 404


async def test_a_transfer_is_made_by_hand_in_the_demonstrations_bank(paying: Paying) -> None:
    """From the order's page to the pretended bank, with its form filled in; then with a wrong name."""
    order = await paying.order("hunan_sanzi", price=4_000, payment_way="transfer")
    page = (await paying.her.get(f"{order}/payment")).text
    link = re.search(r'href="(/demo/bank\?[^"]+)"', page)
    assert link
    bank = await paying.her.get(html.unescape(link[1]))
    form = dict(re.findall(r'name="(account|amount|name|remark|form)"[^>]*? value="([^"]*)"', bank.text))
    assert form["remark"] == order[-16:]
    assert (form["amount"], form["name"]) == ("40.00", UNIT)
    stranger = paying.web.visitor()
    other = dict(re.findall(r'name="(form)"[^>]*? value="([^"]*)"', (await stranger.get("/demo/bank")).text))
    await stranger.post("/demo/bank", {**form, **other, "name": "别的公司"})
    assert "银行已通知平台" in (await paying.her.post_and_follow("/demo/bank", form)).text
    await paying.house.settle()
    assert await paying.house.state(order[-16:]) == "in_review"
    standings = sorted(each[0] for each in await paying.house.receipts(order[-16:]))
    assert standings == ["counted", "foreign"]
    nowhere = await paying.her.post("/demo/bank", {**form, "account": "12345678901"})
    assert nowhere.status_code == 422
    assert "没有哪家银行有这样的账号" in nowhere.text
    await paying.house.check()


async def test_the_handover_is_chosen_only_where_the_channel_has_both_ways(paying: Paying) -> None:
    """Whatever the form says: an order of the counter is never left to a courier that there is not."""
    her, chosen = paying.her, {"payment_way": "transfer", "price": 4_000}
    for channel, years, way, said, offered, kept in (
        ("hunan_sanzi", 0, "counter", "courier", False, True),
        ("guangdong_gpcloud", 1, "counter", "", False, True),
        ("guangdong_gpcloud", 1, "post", "collection", False, False),
        ("hunan_sanzi", 0, "online", "collection", True, True),
        ("hunan_sanzi", 0, "online", "courier", True, False),
    ):
        order = await paying.order(channel, years=years, way=way, collected=not kept, **chosen)
        assert ('name="handover"' in (await her.get(f"{order}/payment")).text) is offered, way
        form = {**await paying.version(order), "payment_way": "transfer", "handover": said}
        assert (await her.post(f"{order}/payment", form)).status_code == 303
        assert (await paying.house.row(order[-16:]))["collected"] is kept, (channel, way)


async def test_the_desk_sees_that_a_transfers_voucher_was_not_uploaded(paying: Paying) -> None:
    """Where the catalogue asks for one; the order goes on without it."""
    clerk = await paying.web.signed_in("desk", Role.CLERK)
    paid: dict[str, Any] = {"state": "in_review", "paid_fen": 35_000, "product": "organization", "years": 1}
    number = (await paying.order("shenzhen_ca", payment_way="transfer", **paid))[-16:]
    by_code = (await paying.order("shenzhen_ca", payment_way="wechat", **paid))[-16:]
    desk = "/certificates/desk/orders"
    assert "缺汇款凭证" in (await clerk.get(f"{desk}/{number}")).text
    assert "缺汇款凭证" not in (await clerk.get(f"{desk}/{by_code}")).text
    uploaded = text(
        "INSERT INTO order_materials (id, number, kind, media_type, size, width, height, remarks, added_at)"
        " VALUES ('0123456789abcdef', :number, 'voucher', 'image/jpeg', 9, 9, 9, '{}', :now)"
    )
    async with paying.house.engine.begin() as connection:
        await connection.execute(uploaded, {"number": number, "now": NOON})
    assert "缺汇款凭证" not in (await clerk.get(f"{desk}/{number}")).text


HOSTILE = ("\0", "\ud800", "x" * 600, 5.0, 5, None, [], {"a": "b"})


async def test_what_is_hostile_forged_stale_or_repeated_is_refused_the_same_way_by_both_receivers(
    paying: Paying,
) -> None:
    """A bank's and a payment provider's: one mechanism, over the real pages. Nothing gets to the database."""
    at = NOON.isoformat()
    payment = {"trade": "T1", "charge": "ZF1", "amount": "5.00", "paid_at": at}
    transfer = {"serial": "N1", "amount": "5.00", "value_time": at, "payer_name": "张三", "remark": ""}
    ways: tuple[tuple[str, SecretStr, dict[str, Any], Callable[[Any], Any]], ...] = (
        ("/pay/alipay", key_of(paying.web.site.marks, PaymentWay.ALIPAY), payment, lambda each: each),
        ("/bank/shifan", BANK_KEY, transfer, lambda each: {"transactions": [each]}),
    )
    client = paying.web.visitor().client
    for where, key, told, wrapped in ways:

        async def send(
            body: bytes, *, where: str = where, key: SecretStr = key, now: datetime = NOON, nonce: str = ""
        ) -> tuple[int, str]:
            headers = signed_headers(key, body, nonce=nonce or secrets.token_urlsafe(20), now=now)
            answer = await client.post(f"{where}/notifications", content=body, headers=headers)
            said = answer.json() if "json" in answer.headers["content-type"] else {}
            return answer.status_code, said.get("refused", "")

        for name in told:
            for value in HOSTILE:
                body = json.dumps(wrapped({**told, name: value})).encode()
                assert await send(body) == (422, "malformed"), (where, name, value)
        for broken in (b"", b"[" * 8_000, b"\xff", b"{"):
            assert await send(broken) == (422, "malformed")
        sound = json.dumps(wrapped(told)).encode()
        assert await send(sound, key=SecretStr("x" * 40)) == (401, "not_signed")
        assert await send(sound, now=NOON - timedelta(minutes=6)) == (401, "not_fresh")
        assert await send(sound, nonce="n" * 20) == (200, "")
        assert await send(sound, nonce="n" * 20) == (409, "replayed")
        other = json.dumps(wrapped({**told, "amount": "6.00"})).encode()
        assert await send(other) == (409, "conflicting")
        assert (await send(b" " * (1 << 17)))[0] == 413
        unknown = f"/{where.split('/')[1]}/nobody"
        assert await send(sound, where=unknown) == (404, "unknown_sender")
        assert (await client.post(f"{where}/notifications", data={"a": "b"})).status_code == 403
    async with paying.web.site.engine.connect() as connection:
        for table in ("order_receipts", "bank_transactions"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 1
