"""Objections: made within their periods, answered once, suspending the lot, hiding who made them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from office.accounts import Role
from office.clock import utc_now
from tests.tradingkit import MutableClock, a_clock, make_listing
from tests.webkit import Visitor, Web, web_on
from trading.lifecycle.performing import Listing
from trading.lifecycle.states import LotState
from trading.objections import PERIODS
from trading.objectors import BOX, ObjectorRound

WORDS = "公告里的建筑面积与不动产权证书不一致，请核实。"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def listing(web: Web, state: LotState = LotState.ANNOUNCED, **fields: Any) -> Listing:
    """The dates are the clock's of the kit; nothing here asks for them."""
    clock: MutableClock = a_clock()
    return await make_listing(web.site.engine, state, clock=clock, **fields)


async def make(visitor: Visitor, lot: str, **more: Any) -> httpx.Response:
    return await visitor.post("/objections/new", {"lot": lot, "text": WORDS}, **more)


async def execute(web: Web, statement: str) -> list[Any]:
    async with web.site.engine.begin() as connection:
        return list((await connection.execute(text(statement))).all())


async def test_an_objection_is_made_answered_and_read(web: Web) -> None:
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER, "张三")
    other = await web.signed_in("other", Role.BIDDER)
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    assert "提交异议" in (await one.get(f"/objections/new?lot={lot}")).text
    answer = await make(one, lot, files={"file": ("证明.png", PNG, "image/png")})
    here = answer.headers["location"]
    assert "异议已提交" in (await one.get(here)).text
    assert "答复异议" in (await clerk.get("/my/tasks")).text
    assert "有新的异议" in (await clerk.get("/my/messages")).text
    page = (await clerk.get(here)).text
    assert WORDS in page
    assert "张三" not in page
    assert "标的结束以后才能看到" in page
    assert (await clerk.get(f"{here}/file")).content[:3] == b"\xff\xd8\xff"
    for stranger in (other, await web.signed_in("seller", Role.TRANSFEROR)):
        assert (await stranger.get(here)).status_code == 404
        assert (await stranger.get(f"{here}/file")).status_code == 404
        assert (await stranger.post(f"{here}/withdraw")).status_code == 404
    form = {"decision": "uphold", "answer": "经核实，面积有误，将发布更正公告。"}
    assert (await clerk.post(f"{here}/answer", {**form, "answer": ""})).status_code == 422
    assert (await clerk.post(f"{here}/answer", {**form, "decision": "maybe"})).status_code == 422
    assert "已答复" in (await clerk.post_and_follow(f"{here}/answer", form)).text
    assert "已经答复或者撤回" in (await clerk.post_and_follow(f"{here}/answer", form)).text
    assert "将发布更正公告" in (await one.get(here)).text
    assert "您的异议有答复了" in (await one.get("/my/messages")).text
    assert "现在没有要办的事" in (await clerk.get("/my/tasks")).text
    assert lot not in (await other.get("/my/objections")).text
    assert "成立" in (await one.get("/my/objections")).text


async def test_no_copy_of_the_database_says_who_objected_to_what(web: Web) -> None:
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER, "张三")
    person = await web.site.accounts.by_login("one")
    assert person is not None
    await make(one, lot)
    (row,) = await execute(web, "SELECT * FROM objections")
    assert "建筑面积" not in str(row)
    assert json.dumps("建筑面积")[1:-1].encode() not in bytes(row.content)
    entries = await execute(web, "SELECT actor, subject FROM audit_entries WHERE act = 'objection.make'")
    assert [tuple(entry) for entry in entries] == [("objector", lot)]
    told = await execute(web, f"SELECT * FROM messages WHERE account_id = {person.id}")
    assert told == []


async def test_who_objected_before_pseudonyms_gets_one_and_the_answer(web: Web) -> None:
    """As an upgrade leaves it: the maker in a box under the platform's secret."""
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER, "张三")
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    person = await web.site.accounts.by_login("one")
    assert person is not None
    here = (await make(one, lot)).headers["location"]
    await make(one, lot)
    marks = web.site.marks
    earlier = text("UPDATE objections SET pseudonym = '', objector = :box WHERE id = :id")
    boxes = (marks.box(BOX, json.dumps(person.id).encode()), b"of another secret")
    async with web.site.engine.begin() as connection:
        for number, box in enumerate(boxes, 1):
            await connection.execute(earlier, {"id": number, "box": box})
    assert "我的异议" in (await one.get("/my/objections")).text
    assert (await one.get(here)).status_code == 404
    assert "答复不会自动送达" in (await clerk.get(here)).text
    objectors = ObjectorRound(web.site.engine, web.site.sealed, marks)
    assert [await objectors.round(utc_now()) for _ in range(2)] == [2, 0]
    assert "答复不会自动送达" not in (await clerk.get(here)).text
    assert "答复不会自动送达" in (await clerk.get(here.replace("/1", "/2"))).text
    await clerk.post(f"{here}/answer", {"decision": "dismiss", "answer": "已经核实，公告无误。"})
    assert "已经核实，公告无误。" in (await one.get(here)).text
    assert await execute(web, "SELECT id FROM objections WHERE objector IS NOT NULL") == []


async def test_the_lot_is_suspended_with_a_public_reason(web: Web) -> None:
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER)
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    here = (await make(one, lot)).headers["location"]
    assert (await clerk.post(f"{here}/suspend", {"reason": ""})).status_code == 422
    page = await clerk.post_and_follow(f"{here}/suspend", {"reason": "收到异议，需要核实建筑面积"})
    assert "标的已中止" in page.text
    (found,) = await execute(web, f"SELECT state FROM listings WHERE lot = '{lot}'")
    assert found.state == "suspended"
    (published,) = await execute(
        web, f"SELECT facts FROM announcements WHERE lot = '{lot}' AND kind = 'suspension'"
    )
    assert published.facts["reason"] == "收到异议，需要核实建筑面积"
    again = await clerk.post_and_follow(f"{here}/suspend", {"reason": "再来一次"})
    assert "不能中止" in again.text


async def test_objections_come_in_their_periods_only(web: Web) -> None:
    one = await web.signed_in("one", Role.BIDDER)
    for state in (LotState.DRAFT, LotState.EVALUATION, LotState.UNSOLD, LotState.PUBLICATION):
        lot = (await listing(web, state)).lot
        answer = await make(one, lot)
        expected = 404 if state is LotState.DRAFT else 303 if state in PERIODS else 409
        assert answer.status_code == expected, state
    for lot in ("", "NO-SUCH", "x" * 40, "\x01"):
        assert (await one.get("/objections/new", params={"lot": lot})).status_code == 404


async def test_what_is_wrong_is_said_and_nothing_is_kept(web: Web) -> None:
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER)
    assert (await one.post("/objections/new", {"lot": lot, "text": "短"})).status_code == 422
    answer = await make(one, lot, files={"file": ("a.png", b"MZ program", "image/png")})
    assert answer.status_code == 422
    assert WORDS in answer.text
    for _ in range(3):
        assert (await make(one, lot)).status_code == 303
    answer = await make(one, lot)
    assert (answer.status_code, "三个异议在等答复" in answer.text) == (409, True)
    assert len(await execute(web, "SELECT id FROM objections")) == 3


async def test_the_transferor_does_not_object_to_the_own_lot(web: Web) -> None:
    seller = await web.signed_in("seller", Role.TRANSFEROR)
    person = await web.site.accounts.by_login("seller")
    assert person is not None
    lot = (await listing(web, transferor_id=person.id)).lot
    assert (await make(seller, lot)).status_code == 409


async def test_who_made_it_withdraws_it(web: Web) -> None:
    lot = (await listing(web)).lot
    one = await web.signed_in("one", Role.BIDDER)
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    here = (await make(one, lot)).headers["location"]
    assert "异议已撤回" in (await one.post_and_follow(f"{here}/withdraw")).text
    assert "已经答复或者撤回" in (await one.post_and_follow(f"{here}/withdraw")).text
    form = {"decision": "dismiss", "answer": "不成立，理由如下。"}
    assert "已经答复或者撤回" in (await clerk.post_and_follow(f"{here}/answer", form)).text


async def test_after_the_close_each_look_at_the_name_is_recorded(web: Web) -> None:
    lot = (await listing(web, LotState.PUBLICATION)).lot
    one = await web.signed_in("one", Role.BIDDER, "张三")
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    here = (await make(one, lot)).headers["location"]
    assert "张三" in (await regulator.get(here)).text
    looks = await execute(web, "SELECT subject FROM audit_entries WHERE act = 'look.objection'")
    assert len(looks) == 1
    assert "没有待答复的异议" not in (await regulator.get("/objections")).text
