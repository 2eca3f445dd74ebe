"""What opens a UKey at a desk is encrypted to registered assistants alone; and the page with them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from certificates.issuing import requests
from certificates.issuing.assistants import AssistantRefused, DeskAssistants
from certificates.issuing.states import RequestKind
from certificates.issuing.writing import NotNow
from certificates.orders.unlocking import NotUnlocked, Unlocking
from office.accounts import Role
from signing.sm2 import PrivateKey, in_groups
from signing.token.port import Pin
from tests.issuingkit import Issuing, issuing_on
from tests.webkit import Visitor, Web, web_on

HERE = "/administration/assistants"
OWN = PrivateKey.generate().public_key
"""A clerk's own program's."""
CODE = Pin("SO2345678912345")


@dataclass
class House:
    web: Web
    office: Issuing
    administrator: Visitor

    async def assistants(self) -> DeskAssistants:
        return DeskAssistants(self.web.site.engine)


@pytest.fixture
async def house(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[House]:
    async with web_on(database, valkey) as web:
        administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
        yield House(
            web,
            await issuing_on(web.site.engine, tmp_path, datetime.now(UTC), marks=web.site.marks),
            administrator,
        )


async def test_administrators_register_and_end_assistants(house: House) -> None:
    page = (await house.administrator.get(HERE)).text
    assert "还没有登记助手" in page
    form = {"fingerprint": in_groups(OWN.fingerprint).upper(), "label": "一号电脑", "counter": "大厅一号窗口"}
    for wrong in ({"fingerprint": "12ab"}, {"label": ""}, {"counter": "很" * 61}):
        refused = await house.administrator.post(f"{HERE}/new", {**form, **wrong})
        assert refused.status_code == 422
        assert "大厅一号窗口" in refused.text or "counter" in wrong, "what was typed stays"
    assert (await house.administrator.post(f"{HERE}/new", form)).status_code == 303
    page = (await house.administrator.get(HERE)).text
    assert all(word in page for word in (in_groups(OWN.fingerprint), "一号电脑", "大厅一号窗口", "使用中"))
    assert (await house.administrator.post(f"{HERE}/new", form)).status_code == 422, "twice"

    assert (await house.administrator.post(f"{HERE}/1/end", {})).status_code == 303, "no reason: nothing"
    assert "使用中" in (await house.administrator.get(HERE)).text
    await house.administrator.post(f"{HERE}/1/end", {"reason": "电脑报废"})
    page = (await house.administrator.get(HERE)).text
    assert "使用中" not in page
    assert "电脑报废" in page
    assert (await house.administrator.post(f"{HERE}/x/end", {"reason": "x"})).status_code == 404
    assert (await house.administrator.post(f"{HERE}/new", form)).status_code == 303, "anew"
    async with house.web.site.engine.connect() as connection:
        entries = text(
            "SELECT act, actor, subject FROM audit_entries WHERE act LIKE 'assistant.%' ORDER BY id"
        )
        found = [tuple(row) for row in await connection.execute(entries)]
    assert [act for act, _who, _what in found] == [
        "assistant.register",
        "assistant.end",
        "assistant.register",
    ]
    assert all(who.startswith("account ") and what == OWN.fingerprint for _act, who, what in found)


@pytest.mark.parametrize("role", [None, Role.CLERK, Role.BIDDER, Role.REGULATOR])
async def test_nobody_else_does(house: House, role: Role | None) -> None:
    visitor = house.web.visitor() if role is None else await house.web.signed_in("somebody", role)
    form = {"fingerprint": OWN.fingerprint, "label": "我的", "counter": "我的", "reason": "x"}
    for answer in (
        await visitor.get(HERE),
        await visitor.post(f"{HERE}/new", form),
        await visitor.post(f"{HERE}/1/end", form),
    ):
        assert answer.status_code in (303, 401, 403), answer.status_code
    assert await DeskAssistants(house.web.site.engine).all() == []


async def test_a_first_pin_goes_to_a_registered_assistant_alone(house: House) -> None:
    """Also when the web is not asked at all: the authority's process decides."""
    office, here = house.office, await house.assistants()
    number = await office.approved(pin_way="sms:applicant")
    await office.asked(number, PrivateKey.generate())
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    office.codes.put(made.request.card, CODE)
    with pytest.raises(NotNow, match=r"first_pin\.assistant"):
        await office.writing.ask_first_pin(made, OWN, now=office.now)

    async def past_the_web() -> str:
        async with office.engine.begin() as connection:
            asked = await requests.ask(
                connection,
                RequestKind.FIRST_PIN,
                number,
                f"{made.request.id} {OWN.fingerprint}",
                content=OWN.to_pem(),
                card=made.request.card,
                now=office.now,
            )
        await office.round()
        async with office.engine.connect() as connection:
            row = await connection.execute(
                text("SELECT state, refusal, answer FROM authority_requests WHERE id = :id"), {"id": asked.id}
            )
            one = row.one()
        assert (one.answer is None) == (one.state == "refused")
        return f"{one.state} {one.refusal}".strip()

    assert await past_the_web() == "refused assistant"
    await here.register(OWN.fingerprint, "一号电脑", "大厅", office.clerk, now=office.now)
    await here.end((await here.all())[0].id, "丢了", office.clerk, now=office.now)
    assert await past_the_web() == "refused assistant", "one that was ended"
    await here.register(OWN.fingerprint, "一号电脑", "大厅", office.clerk, now=office.now)
    await office.writing.ask_first_pin(made, OWN, now=office.now)
    assert await past_the_web() == "answered"
    with pytest.raises(AssistantRefused, match="ended"):
        await here.end(1, "again", office.clerk, now=office.now)


async def test_at_the_desk_a_ukey_is_unlocked_by_a_registered_assistant_alone(house: House) -> None:
    """At home the code of the SMS is the proof, and any assistant will do."""
    office = house.office
    kind = {"channel": "hunan_sanzi", "product": "organization"}
    first = await office.approved(authority="netca", way="online", **kind)
    mine = await office.issued(first, PrivateKey.generate())
    office.codes.put((await office.order(first)).crypto_card, CODE)
    number = await office.approved("unlock", authority="netca", way="counter", about=mine, **kind)
    unlocking = Unlocking(office.engine, office.marks, "测试平台")
    with pytest.raises(NotUnlocked, match=r"refused\.assistant"):
        await unlocking.release(number, office.by, OWN, None, now=office.now)
    await office.registers(OWN)
    await unlocking.release(number, office.by, OWN, None, now=office.now)
    await office.round()
    assert await unlocking.released(number) is not None
