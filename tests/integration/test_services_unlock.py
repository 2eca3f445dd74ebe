"""A forgotten PIN: who may have it set anew, and that only the assistant learns the new one."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from signing.jobs import UnlockTask
from signing.sm2 import PrivateKey
from signing.token import virtual
from signing.token.port import Pin, PinState
from signing.unlocking import UnlockError, open_secret
from tests.deskkit import DESK
from tests.issuingkit import CODE
from tests.orderkit import Applicant, last_code, request_of_organization
from tests.servicekit import Holders, holders_on, seen
from tests.webkit import web_on

NEW = Pin("new246810")
TYPED = {
    **request_of_organization(),
    "representative_name": "王法人",
    "representative_document": "id_card",
    "representative_number": "11010519491231002X",
    "representative_phone": "18612349043",
}
STRANGER = {"representative_name": "随便谁", "representative_number": "433101199001011234"}
STRANGER |= {"representative_phone": "13800000009"}
"""Somebody with a telephone, who is no representative of this organization."""
ACCOUNT = {"account_bank": "示范银行吉首支行", "account_number": "6222000012345678"}


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True) as web:
        yield await holders_on(web, tmp_path)


def opens(held: Holders, card: str, pin: Pin) -> bool:
    token = virtual.station(held.drawer.folder).token(card)
    token.sign(b"something", pin)
    return token.info().pin_state is PinState.OK


async def test_after_the_identity_check_a_code_releases_one_new_pin(held: Holders) -> None:
    """The shared platform: one of three checks, the code, the PIN twice in the assistant."""
    her, card = held.her, held.drawer.blank("我的")
    mine = await held.holds(card=card)
    held.locks(card)
    await held.begins(her, "unlock")
    await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    await her.done("/details", {**TYPED, "check_organization": "corporate_account", **STRANGER, **ACCOUNT})
    await her.confirm()
    other = await her.post("/identity/organization", {"check_organization": "legal_representative_mobile"})
    assert (other.status_code, "办这张证书时登记的不一样" in seen(other.text)) == (422, True)
    await her.done("/change")
    typed = {**TYPED, **STRANGER, "check_organization": "legal_representative_mobile"}
    await her.done("/details", typed)
    page = (await her.get("/confirm")).text
    assert "发票" not in seen(page), "it is free: nobody asks for an invoice"
    await her.confirm()
    assert await her.state() == "awaiting_identity"
    here = f"/certificates/unlock/{her.number}"
    early = await her.visitor.post(f"{here}/job", {**held.drawer.asks, "code": "123456"})
    assert early.status_code in (409, 422)
    await her.identify()
    assert await her.state() == "approved"

    # the code goes to the legal representative, who was checked; a wrong one, and somebody else, get nothing
    page = seen((await her.visitor.get(here)).text)
    assert "解锁授权码" in page
    assert "186****9043" in page
    sent = await her.visitor.post(f"{here}/code", {})
    assert sent.status_code == 303, seen(sent.text)
    code = await last_code(held.web)
    wrong = await her.visitor.post(f"{here}/job", {**held.drawer.asks, "code": f"{int(code) ^ 1:06d}"})
    assert wrong.status_code == 422
    assert await her.state() == "approved"
    for path, form in ((f"{here}/job", {**held.drawer.asks, "code": code}), (f"{here}/code", {})):
        assert (await held.him.visitor.post(path, form)).status_code == 404
    assert (await held.him.visitor.get(here)).status_code == 404

    job = await held.asked(her.visitor, f"{here}/job", {"code": code})
    assert await her.state() == "issuing"
    again = await her.visitor.post(f"{here}/job", {**held.drawer.asks, "code": code})
    assert again.status_code == 422, "a code releases once"
    assert isinstance(job.task, UnlockTask)
    with pytest.raises(UnlockError):
        open_secret(job.task.secret, PrivateKey.generate())

    said = held.unlocks(job, card, NEW)
    assert base64.b64decode(said["result"]) == b"unlocked, replaced"
    stranger = await held.him.visitor.post(f"{here}/unlocked", said)
    assert stranger.status_code == 404
    done = await her.visitor.post(f"{here}/unlocked", said)
    assert done.status_code == 200, done.text
    order = await her.row()
    assert (order["state"], order["certificate"], order["crypto_card"]) == ("done", mine, card)
    assert opens(held, card, NEW)
    assert "新密码已设好" in seen((await her.visitor.get(here)).text)
    await _nothing_of_it_is_kept(held, NEW)


async def _nothing_of_it_is_kept(held: Holders, pin: Pin) -> None:
    """Neither the PIN nor the UKey's code stands anywhere in the database."""
    async with held.web.site.engine.connect() as connection:
        tables = (
            await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        for table in list(tables):
            rows = (await connection.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars()
            for row in rows:
                assert pin.reveal() not in row, table
                assert "SO2345678912345" not in row, table


async def test_the_operator_of_the_last_order_is_approved_at_once_another_is_reviewed(held: Holders) -> None:
    """网证通: same operator, no material; another one uploads and waits for a clerk."""
    her, card = held.her, held.drawer.blank("我的")
    details = {"operator_name": "李经办", "operator_document": "id_card", "operator_phone": "+8615112340305"}
    details |= {
        "operator_number": "433101199001011234",
        "organization_name": "测试有限公司",
        "credit_code": CODE,
    }
    kind: dict[str, Any] = {"channel": "hunan_sanzi", "authority": "netca", "product": "organization"}
    mine = await held.holds(card=card, details=details, state="approved", **kind)
    held.locks(card)
    async with held.web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE orders SET state = 'done', finished_at = now()"))

    await held.begins(her, "unlock", channel="hunan_sanzi")
    await held.chooses(her, mine)
    assert "15112340305" not in (await her.get("/details")).text, "who the last one was has to be known"
    await her.done("/details", {**TYPED, "operator_phone": "13900000001"})
    await her.confirm()
    order = await her.row()
    assert (order["state"], order["circumstances"]) == ("awaiting_material", [])
    await her.done("/change")

    await her.done("/details", TYPED)
    await her.confirm()
    order = await her.row()
    assert (order["state"], order["circumstances"]) == ("approved", ["same_operator"])
    assert order["materials"] == []

    here = f"/certificates/unlock/{her.number}"
    await her.visitor.post(f"{here}/code", {})
    job = await held.asked(her.visitor, f"{here}/job", {"code": await last_code(held.web)})
    lost = held.unlocks(job, card, NEW)
    assert opens(held, card, NEW)
    async with held.web.site.engine.begin() as connection:  # the answer was lost; a minute later, again
        await connection.execute(text("UPDATE order_codes SET made_at = made_at - interval '2 minutes'"))
    await her.visitor.post(f"{here}/code", {})
    job = await held.asked(her.visitor, f"{here}/job", {"code": await last_code(held.web)})
    said = held.unlocks(job, card, Pin("second13579"))
    done = await her.visitor.post(f"{here}/unlocked", said)
    assert done.status_code == 200, done.text
    assert await her.state() == "done"
    assert opens(held, card, Pin("second13579"))
    assert (await her.visitor.post(f"{here}/unlocked", lost)).status_code == 200, "said late: nothing happens"


async def test_at_the_counter_the_clerks_assistant_unlocks(held: Holders) -> None:
    card = held.drawer.blank("客户的")
    mine = await held.holds(card=card, channel="hunan_sanzi", authority="netca", product="organization")
    held.locks(card)
    walk_in = await held.one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:unlock:organization"})
    at_desk = Applicant(held.web, held.one.visitor, walk_in.headers["location"].split("/")[3], held.one.token)
    await held.chooses(at_desk, mine, "choose_order", document=CODE)
    await at_desk.done("/details", TYPED)
    await at_desk.confirm()
    number, one = at_desk.number, held.one
    while (state := await at_desk.state()) != "awaiting_paper":
        assert state == "awaiting_material", state
        await at_desk.done("/material")
    here = f"{DESK}/orders/{number}/unlock"
    assert (await one.post(f"{here}/job", held.drawer.asks)).status_code == 409, "before the review: nothing"
    items = await one.items(number)
    await one.act(
        number, "paper", {**{f"verdict-{item}": "accepted" for item in items}, "decision": "approve"}
    )
    await one.act(number, "take")
    await one.decide(number, "approve")
    assert await at_desk.state() == "approved"
    assert "请客户自己" in seen((await one.get(here)).text)
    assert "再改一次" in seen((await one.get(here)).text)
    await way_is(held, number, "post")
    assert "由您在 UKey 助手的窗口里输入两次，您会知道它" in seen((await one.get(here)).text)
    await way_is(held, number, "counter")
    assert (await held.her.visitor.get(here)).status_code in (403, 404)
    home = await one.visitor.get(f"/certificates/unlock/{number}")
    assert home.status_code == 404, "at home: only where the channel says so"
    job = await held.asked(one.visitor, f"{here}/job")
    done = await one.visitor.post(f"{here}/unlocked", held.unlocks(job, card, NEW))
    assert done.status_code == 200, done.text
    assert await at_desk.state() == "awaiting_collection"
    assert opens(held, card, NEW)


async def way_is(held: Holders, number: str, way: str) -> None:
    async with held.web.site.engine.begin() as connection:
        await connection.execute(
            text("UPDATE orders SET way = :w WHERE number = :n"), {"w": way, "n": number}
        )
