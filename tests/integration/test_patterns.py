"""Signs of collusion: found after the close only, from keyed hashes and opened boxes; each look on record."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.sealed.port import StillSealed
from office.sign_ins import Outcome, Seen, SignIns
from tests.tradingkit import a_clock, make_listing
from tests.webkit import Web, web_on
from trading.defaulters import Defaulters
from trading.lifecycle.states import LotState
from trading.patterns import Pair, Patterns, Sign, shared
from trading.registrations.application import Application
from trading.registrations.mine import APPLICATION


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def execute(web: Web, statement: str, **values: Any) -> Sequence[Any]:
    async with web.site.engine.begin() as connection:
        done = await connection.execute(text(statement), values)
        return done.all() if done.returns_rows else []


async def bidder(web: Web, lot: str, login: str, *, device: str, address: str) -> tuple[int, str]:
    """A bidder with a paddle, who was seen on the day of the close; account and registration."""
    account_id = await web.account(login, Role.BIDDER, f"{login}公司")
    registration = await web.site.sealed.register(account_id, lot)
    await web.site.sealed.give_paddle(registration)
    (row,) = await execute(web, "SELECT closed_at, opens_at FROM lots WHERE id = :lot", lot=lot)
    at = datetime.fromtimestamp((row.closed_at or row.opens_at) / 1000, UTC)
    seen = Seen(address, device, "Chrome/1")
    await SignIns(web.site.engine, web.site.marks).note(account_id, Outcome.UKEY, seen, at)
    return account_id, registration


async def form(web: Web, registration: str, **fields: Any) -> None:
    data = replace(Application(name="x"), **fields).as_bytes()
    box = await web.site.sealed.seal(registration, APPLICATION, data)
    await execute(
        web,
        "INSERT INTO registrations (registration, state, made_at, changed_at)"
        " VALUES (:registration, 'qualified', now(), now())",
        registration=registration,
    )
    await execute(
        web,
        "INSERT INTO registration_boxes (registration, name, box, made_at)"
        " VALUES (:registration, :name, :box, now())",
        registration=registration,
        name=APPLICATION,
        box=box,
    )


async def paid(web: Web, registration: str, number: str, payer: str) -> None:
    await web.site.sealed.bind_sub_account(number, registration)
    await execute(
        web,
        "INSERT INTO bank_transactions (bank, serial, amount, value_time, payer_name, payer_key,"
        " payer_account, payer_bank, sub_account, remark, source, received_at)"
        " VALUES ('x', :number, 1, now(), :payer, :payer, '', '', :number, '', 'statement', now())",
        number=number,
        payer=payer,
    )


async def test_bidders_who_share_something_are_found(web: Web) -> None:
    lot = (await make_listing(web.site.engine, LotState.REVIEW, clock=a_clock())).lot
    _, first = await bidder(web, lot, "one", device="laptop", address="10.0.0.1")
    _, second = await bidder(web, lot, "two", device="laptop", address="10.0.0.2")
    _, third = await bidder(web, lot, "three", device="tablet", address="10.0.0.2")
    await form(web, first, phone="+8613800138000", contact="李四")
    await form(web, third, phone="+8613800138000", contact="王五")
    await paid(web, first, "1" * 18, "甲公司")
    await paid(web, second, "2" * 18, "甲公司")
    await paid(web, third, "3" * 18, "乙公司")
    bidders, findings = await Patterns(web.site.engine, web.site.sealed).of_lot(lot)
    paddles = {one.registration: one.paddle for one in bidders}
    found = {(one.sign, frozenset(one.paddles)): one.times for one in findings}
    assert found == {
        (Sign.SAME_DEVICE, frozenset({paddles[first], paddles[second]})): 1,
        (Sign.SAME_ADDRESS, frozenset({paddles[second], paddles[third]})): 1,
        (Sign.SAME_OPERATOR, frozenset({paddles[first], paddles[third]})): 1,
        (Sign.SAME_PAYER, frozenset({paddles[first], paddles[second]})): 1,
    }
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    page = (await regulator.get(f"/oversight/patterns/{lot}")).text
    for words in ("one公司", "用过同一台设备", "保证金由同一人缴纳", "经办人相同", "用过同一个网络地址"):
        assert words in page, words
    assert lot in (await regulator.get("/oversight/patterns")).text
    looks = await execute(web, "SELECT subject FROM audit_entries WHERE act = 'look.patterns'")
    assert [look.subject for look in looks] == [lot]
    for role in (Role.ADMINISTRATOR, Role.BIDDER, Role.FINANCE):
        other = await web.signed_in(f"a-{role}", role)
        assert (await other.get(f"/oversight/patterns/{lot}")).status_code == 403


async def test_nothing_is_found_before_the_close(web: Web) -> None:
    lot = (await make_listing(web.site.engine, LotState.IN_AUCTION, clock=a_clock())).lot
    account_id = await web.account("one", Role.BIDDER)
    await web.site.sealed.give_paddle(await web.site.sealed.register(account_id, lot))
    with pytest.raises(StillSealed):
        await Patterns(web.site.engine, web.site.sealed).of_lot(lot)


async def test_the_same_two_again_and_again_are_found(web: Web) -> None:
    accounts = [await web.account(login, Role.BIDDER, f"{login}公司") for login in ("one", "two", "three")]
    lots = []
    for pair in (accounts[:2], accounts[:2], accounts[1:], accounts[:2]):
        lot = (await make_listing(web.site.engine, LotState.REVIEW, clock=a_clock())).lot
        lots.append(lot)
        for seq, account_id in enumerate(pair, start=1):
            paddle = await web.site.sealed.give_paddle(await web.site.sealed.register(account_id, lot))
            await execute(
                web,
                "INSERT INTO ledger_entries VALUES (:lot, :seq, 1, 'bid_accepted', 0,"
                " json_build_object('paddle', CAST(:paddle AS text))::text, '', '', '', 0)",
                lot=lot,
                seq=900 + seq,
                paddle=paddle,
            )
    pairs = await Patterns(web.site.engine, web.site.sealed).pairs()
    assert pairs == [Pair((accounts[0], accounts[1]), tuple(sorted((lots[0], lots[1], lots[3]))))]
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    page = (await regulator.post("/oversight/patterns/pairs")).text
    assert "one公司、two公司" in page
    assert "three公司" not in page


async def test_a_default_is_listed_once_and_lifted_with_a_reason(web: Web) -> None:
    lot = (await make_listing(web.site.engine, LotState.REVIEW, clock=a_clock())).lot
    account_id = await web.account("one", Role.BIDDER, "甲公司")
    await execute(
        web,
        "INSERT INTO awards (lot, round, source, account_id, transferee, price, state, reason, number,"
        " opened_at, decided_at)"
        " VALUES (:lot, 1, 'auction', :account_id, '甲', 100, 'defaulted', '未付款', 'A-1', now(), now())",
        lot=lot,
        account_id=account_id,
    )
    defaulters = Defaulters(web.site.engine)
    now = web.site.clock()
    assert [await defaulters.round(now), await defaulters.round(now)] == [1, 0]
    assert await defaulters.is_listed(account_id, now)
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    page = (await clerk.get("/oversight/defaulters")).text
    assert "甲公司" in page
    assert "未付款" in page
    (row,) = await execute(web, "SELECT id FROM defaulters")
    here = f"/oversight/defaulters/{row.id}/lift"
    assert "请写明移出的理由" in (await clerk.post_and_follow(here, {"because": ""})).text
    assert "已移出违约名单" in (await clerk.post_and_follow(here, {"because": "法院判决"})).text
    assert "已经移出" in (await clerk.post_and_follow(here, {"because": "法院判决"})).text
    assert not await defaulters.is_listed(account_id, now)
    assert await defaulters.round(now) == 0


def test_who_shares_a_value_is_grouped() -> None:
    assert shared({"1": {"a", "b"}, "2": {"b", "c"}, "3": {"c", "b"}, "4": {"d"}}) == {
        ("1", "2", "3"): 1,
        ("2", "3"): 1,
    }
    assert shared({}) == {}


async def test_the_device_check_asks_the_gateways_and_the_assistant(web: Web) -> None:
    visitor = web.visitor()
    page = await visitor.get("/device-check")
    assert "ws://auction.test:8001" in page.text
    assert "http://127.0.0.1:17161" in page.headers["content-security-policy"]
    now = (await visitor.get("/device-check/clock")).json()["now"]
    assert abs(now - datetime.now(UTC).timestamp() * 1000) < 60_000
