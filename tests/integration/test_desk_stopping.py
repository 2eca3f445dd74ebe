"""What has begun and does not go on: ended at the desk, or by the clock where only the subscriber goes on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import AuthorityError, State
from certificates.issuing import requests
from certificates.issuing.states import Holding
from certificates.orders.needs import KEPT_FOR
from certificates.orders.performing import By
from certificates.orders.rounds import OrderRound
from certificates.orders.unlocking import NotUnlocked, Unlocking
from office.working_days import day_of
from signing.sm2 import PrivateKey
from tests.deskkit import row
from tests.servicekit import Holders, holders_on, seen
from tests.webkit import web_on

STOP = "终止，回到审核"


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True) as web:
        yield await holders_on(web, tmp_path)


async def unlocking(held: Holders, *, at_desk: bool = False) -> str:
    """An order whose UKey the authority knows no code of: refused."""
    card = held.drawer.blank("我的")
    held.drawer.codes.forget(card)  # type: ignore[union-attr]
    channel = {"channel": "hunan_sanzi", "authority": "netca", "product": "organization"} if at_desk else {}
    mine = await held.holds(card=card, **channel)  # type: ignore[arg-type]
    way = {"channel": "hunan_sanzi", "product": "organization", "way": "counter"} if at_desk else {}
    number = await held.office.approved("unlock", about=mine, **way)  # type: ignore[arg-type]
    by, assistant = By.clerk(held.ids["clerk1"]), held.drawer.key.public_key
    work = Unlocking(held.web.site.engine, held.web.site.marks, "p")
    await work.release(number, by, assistant, None, now=held.office.now)
    await held.office.round()
    with pytest.raises(NotUnlocked, match=r"refused\."):
        await work.released(number)
    assert (await row(held.web, number))["state"] == "issuing"
    return number


async def test_an_unlocking_that_does_not_go_on_is_ended_at_the_desk(held: Holders) -> None:
    number, one = await unlocking(held, at_desk=True), held.one
    assert STOP in (await one.get(one.order(number))).text
    assert (await held.her.visitor.post(one.order(number, "/stop"), {"reason": "x"})).status_code == 403
    assert "请写明原因" in await one.act(number, "stop")
    assert (await row(held.web, number))["state"] == "issuing"
    said = await one.act(number, "stop", {"reason": "这个 UKey 没有解锁码"})
    assert "订单回到审核" in said
    assert (await row(held.web, number))["state"] == "in_review"
    assert STOP not in (await one.get(one.order(number))).text
    await one.act(number, "take")
    await one.decide(number, "reject", words="请申请补办")
    assert (await row(held.web, number))["state"] == "rejected"


async def test_a_revocation_is_ended_at_the_desk_once_the_authority_has_not_done_it_for_long(
    held: Holders, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, one = await held.holds(channel="hunan_sanzi"), held.one
    number = await held.office.approved("revoke", channel="hunan_sanzi", product="", about=mine)

    def refuses(*_given: object, **_more: object) -> None:
        raise AuthorityError("not now")

    monkeypatch.setattr(DemonstrationAuthority, "revoke", refuses)
    await held.office.round()
    assert STOP not in (await one.get(one.order(number))).text, "it was asked just now"
    assert "已有变化" in await one.act(number, "stop", {"reason": "x"})
    assert (await row(held.web, number))["state"] == "issuing"
    async with held.web.site.engine.begin() as connection:
        stuck = text("UPDATE authority_requests SET tries = :tries WHERE number = :number")
        await connection.execute(stuck, {"tries": requests.STUCK_AFTER, "number": number})
    assert "请先联系证书机构" in seen((await one.get(one.order(number))).text)
    await one.act(number, "stop", {"reason": "证书机构不办"})
    assert (await row(held.web, number))["state"] == "in_review"


async def test_what_nobody_unlocks_or_downloads_at_home_ends_and_is_paid_back(held: Holders) -> None:
    office = held.office
    key, round_ = PrivateKey.generate(), OrderRound(office.engine, office.marks, "p")
    locked = await unlocking(held)
    held.today()
    first = await office.issued(await office.approved(), key)
    waits, begun = [await office.approved("renew", about=first, paid_fen=20_000) for _ in range(2)]
    desk = await office.approved(
        "renew", about=first, channel="hunan_sanzi", way="counter", product="organization"
    )
    await office.asked(begun, key)
    await office.round()
    made = await office.writing.made(begun)
    assert made is not None
    until = day_of(office.now + KEPT_FOR).isoformat()
    for number, home in ((waits, True), (desk, False)):
        page = seen((await held.her.visitor.get(f"/certificates/orders/{number}")).text)
        assert (f"请在 {until} 以前" in page) is home
    office.now += KEPT_FOR - timedelta(minutes=1)
    await round_.round(office.now)
    assert [(await row(held.web, one))["state"] for one in (waits, begun, locked)] == [
        "approved",
        "issuing",
        "issuing",
    ]
    office.now += timedelta(hours=1)
    await round_.round(office.now)
    for one in (waits, begun):
        ended = await row(held.web, one)
        assert (ended["state"], ended["refund_due"]) == ("expired", True)
    assert (await row(held.web, locked))["state"] == "expired"
    assert (await row(held.web, desk))["state"] == "approved", "the desk goes on with it"
    await office.round()
    assert (await held.issued(made.request.serial)).state is Holding.REVOKED
    assert office.authority.status(int(first, 16)).state is State.GOOD
