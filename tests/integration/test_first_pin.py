"""The first PIN of a new UKey: drawn by the authority, set by the assistant, told to its holder alone."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from certificates.issuing import pins
from certificates.issuing.remarks import BankAway, DemonstrationBank, NoBank, Remarks
from certificates.issuing.states import RequestKind
from certificates.issuing.telling import KIND, RESTS, NotTold, Telling
from certificates.issuing.writing import NotNow
from certificates.orders.performing import perform
from certificates.orders.states import OrderAct, OrderState
from office.accounts import Role
from signing.jobs import InstallTask
from signing.token import virtual
from signing.token.port import Pin, PinMustChange, PinState, WrongPin
from tests.issuingkit import ORGANIZATION, Desk, Issuing, as_form, issuing_on, with_rounds
from tests.orderkit import last_letter
from tests.sealingkit import job_of
from tests.webkit import Visitor, Web, web_on

PHONES = {"representative_phone": "+8613800000011", "account_number": "6222000011112222"}
DETAILS = {**ORGANIZATION, **PHONES}
SMS, REMARK = "sms:legal_representative", "transfer_remark:organization"
OWN = Pin("my-own-1")


@dataclass
class House:
    web: Web
    office: Issuing
    desk: Desk
    clerk: Visitor
    her: Visitor
    remarks: Remarks

    @property
    def telling(self) -> Telling:
        return Telling(self.web.site.engine, self.web.site.marks, self.remarks, "落槌")

    async def rows(self, sql: str) -> list[Any]:
        async with self.web.site.engine.connect() as connection:
            return list((await connection.execute(text(sql))).all())

    async def pin_of_sms(self) -> Pin:
        return _found((await last_letter(self.web, KIND))["content"], r"初始密码：(\d+)")

    async def pin_of_remark(self) -> Pin:
        sql = "SELECT content FROM outbox WHERE channel = 'bank' ORDER BY id DESC LIMIT 1"
        return _found((await self.rows(sql))[0].content, r"附言：(\d+)")


def _found(content: str, pattern: str) -> Pin:
    match = re.search(pattern, content)
    assert match is not None
    return Pin(match[1])


@pytest.fixture
async def house(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[House]:
    async with web_on(database, valkey, demo=True, trust=tmp_path / "authority") as web:
        clerk = await web.signed_in("clerk1", Role.CLERK)
        her = await web.signed_in("her", Role.BIDDER, "测试有限公司")
        people = [await web.site.accounts.by_login(login) for login in ("her", "clerk1")]
        ids = tuple(person.id for person in people if person is not None)
        office = await issuing_on(
            web.site.engine, tmp_path, datetime.now(UTC), marks=web.site.marks, people=(ids[0], ids[1])
        )
        desk = await office.desk(web, tmp_path / "ukeys")
        yield House(web, office, desk, clerk, her, DemonstrationBank(web.site.engine))


async def requested(house: House, number: str, serial: str) -> None:
    """Job 1: the key, and the authority's answer."""
    await house.office.lays(number, serial)
    here = f"/certificates/issue/{number}"
    job = job_of(house.web, await house.clerk.post(f"{here}/request-job"))
    kept = await house.clerk.post(f"{here}/request", as_form(job.nonce, await house.desk.does(job)))
    assert kept.status_code == 200, kept.text
    await house.office.round()


async def install_job(house: House, number: str, **form: str) -> Any:
    """Job 2 as the page asks for it, while the authority's round comes by."""
    asking = house.clerk.post(f"/certificates/issue/{number}/install-job", {**house.desk.asks, **form})
    return await with_rounds(house.office, asking)


async def installed(house: House, number: str) -> str:
    """Job 2 done; the page's whole text on the way."""
    given = await install_job(house, number)
    job = job_of(house.web, given)
    answer = await house.desk.does(job)
    done = await house.clerk.post(f"/certificates/issue/{number}/installed", as_form(job.nonce, answer))
    assert done.status_code == 200, done.text
    return str(given.text)


async def issued(house: House, way: str, service: str = "issue", **more: Any) -> tuple[str, str, str]:
    """(order, serial of its UKey, what the clerk's page got) of an order whose PIN comes this way."""
    serial = house.desk.blank(f"空白{len(virtual.ukeys(house.desk.folder))}")
    number = await house.office.approved(service, pin_way=way, details=DETAILS, **more)
    await requested(house, number, serial)
    return number, serial, await installed(house, number)


def opens(house: House, serial: str, pin: Pin) -> None:
    """The PIN that was told opens the UKey: it signs nothing until its holder has chosen another."""
    token = virtual.station(house.desk.folder).token(serial)
    assert token.info().pin_state is PinState.TO_BE_CHANGED
    with pytest.raises(PinMustChange):
        token.sign(b"before", pin)
    with pytest.raises(WrongPin):
        token.change_pin(house.desk.pin, OWN)  # the factory's, which the clerk knows
    token.change_pin(pin, OWN)
    assert token.sign(b"after", OWN)


async def test_the_told_pin_opens_the_ukey_and_is_seen_nowhere_else(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    """By SMS and by the remark of a transfer, for a first UKey and for a replaced one; each told once."""
    number, serial, page = await issued(house, SMS)
    assert await house.telling.round(house.office.now) == 1
    assert await house.telling.round(house.office.now) == 0
    pin = await house.pin_of_sms()
    letter = await last_letter(house.web, KIND)
    assert letter["address"] == PHONES["representative_phone"]
    opens(house, serial, pin)
    shown = (await house.clerk.get(f"/certificates/issue/{number}")).text
    logged = "".join(capfd.readouterr())
    everything = await house.rows(
        "SELECT facts::text FROM audit_entries UNION ALL SELECT facts::text FROM order_events"
        " UNION ALL SELECT box::text FROM first_pins UNION ALL SELECT answer::text FROM authority_requests"
    )
    for seen in (page, shown, logged, str(everything)):
        assert pin.reveal() not in seen
        assert "SO2345678912345" not in seen
    hers = (await house.her.get(f"/certificates/orders/{number}")).text
    assert "短信发到法定代表人手机（已发出）" in hers
    assert pin.reveal() not in hers

    # lost and replaced: another UKey, another PIN, by a transfer's remark
    virtual.unplug("空白0", house.desk.folder)
    certificate = (await house.office.order(number)).certificate
    number, serial, _page = await issued(house, REMARK, "replace", about=certificate)
    assert await house.telling.round(house.office.now) == 1
    remark = await house.pin_of_remark()
    assert remark != pin
    (transfer,) = await house.rows("SELECT address, subject FROM outbox WHERE channel = 'bank'")
    assert (transfer.address, transfer.subject) == ("****2222", "收款 0.01 元")
    opens(house, serial, remark)


async def test_it_is_told_when_the_channels_steps_say_so_and_again_within_bounds(house: House) -> None:
    number, _serial, _page = await issued(house, SMS)
    order, now = await house.office.order(number), house.office.now
    assert pins.is_due(order)
    async with house.web.site.engine.begin() as connection:  # a channel that tells after the parcel
        turned = [str(step) for step in order.steps if step != "pin"] + ["pin"]
        await connection.execute(text("UPDATE orders SET steps = :steps"), {"steps": turned})
    assert await house.telling.round(now) == 0
    async with house.web.site.engine.begin() as connection:
        facts = {"courier": "顺丰", "tracking": "SF1"}
        await perform(connection, number, OrderAct.SHIP, house.office.by, now=now, facts=facts)
    assert await house.telling.round(now) == 1
    pin, here = await house.pin_of_sms(), f"/certificates/orders/{number}"

    # again: not at once, not by anybody else, at most MOST_SENDS times, the same PIN
    assert "现在不能再发" in (await house.her.post_and_follow(f"{here}/pin")).text
    await an_hour_later(house)
    other = await house.web.signed_in("other", Role.BIDDER)
    assert (await other.post(f"{here}/pin")).status_code == 404
    assert "再发一次密码" in (await house.her.get(here)).text
    assert "密码已再发一次" in (await house.her.post_and_follow(f"{here}/pin")).text
    assert await house.pin_of_sms() == pin
    await an_hour_later(house)
    assert "密码已再发一次" in (await house.her.post_and_follow(f"{here}/pin")).text
    assert await house.telling.round(now) == 1  # the third: the box is emptied
    (row,) = await house.rows("SELECT box, sends, emptied_at FROM first_pins")
    assert (row.box, row.sends) == (None, pins.MOST_SENDS)
    assert "现在不能再发" in (await house.her.post_and_follow(f"{here}/pin")).text
    assert len(await house.rows(f"SELECT 1 FROM deliveries WHERE kind = '{KIND}'")) == pins.MOST_SENDS
    assert "平台不再保留" in (await house.her.get(here)).text
    answers = await house.rows("SELECT answer FROM authority_requests WHERE kind = 'first_pin'")
    assert [one.answer for one in answers] == [None]


async def an_hour_later(house: House) -> None:
    async with house.web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE first_pins SET sent_at = sent_at - interval '1 hour'"))


async def test_what_cannot_be_told_waits_and_says_why(house: House) -> None:
    house.remarks = NoBank()
    with pytest.raises(BankAway):
        await house.remarks.send("1", "2", "3", house.office.now)
    number, serial, _page = await issued(house, REMARK)
    assert [await house.telling.round(house.office.now) for _ in range(2)] == [0, 0]
    assert "银行暂时没有回应" in (await house.her.get(f"/certificates/orders/{number}")).text
    house.remarks = DemonstrationBank(house.web.site.engine)
    telling, later = house.telling, house.office.now + RESTS
    assert await telling.round(house.office.now) == 1
    opens(house, serial, await house.pin_of_remark())
    house.remarks = NoBank()
    with pytest.raises(NotTold):
        await house.telling.again(number, later + pins.PAUSE)
    assert [one.sends for one in await house.rows("SELECT sends FROM first_pins")] == [1]
    assert await house.telling.round(house.office.now + pins.KEPT_FOR + timedelta(seconds=1)) == 1
    assert [one.box for one in await house.rows("SELECT box FROM first_pins")] == [None]


async def test_interrupted_the_pin_stays_the_same_and_another_ukey_gets_another(house: House) -> None:
    serial = house.desk.blank("空白一")
    number = await house.office.approved(pin_way=SMS, details=DETAILS)
    await requested(house, number, serial)
    lost = job_of(house.web, await install_job(house, number))
    assert isinstance(lost.task, InstallTask)
    assert "first_pin" not in repr(lost.task)
    await house.desk.does(lost)  # set and written, and nobody heard of it
    (before,) = await house.rows("SELECT request_id, box::text AS box FROM first_pins")
    await installed(house, number)  # though the UKey wants its PIN changed: nobody types one
    (after,) = await house.rows("SELECT request_id, box::text AS box FROM first_pins")
    assert before == after
    assert await house.telling.round(house.office.now) == 1
    opens(house, serial, await house.pin_of_sms())


async def test_without_its_code_or_the_assistants_key_a_new_ukey_is_not_written(house: House) -> None:
    serial = house.desk.blank("空白一")
    house.office.codes.forget(serial)
    number = await house.office.approved(pin_way=SMS, details=DETAILS)
    await requested(house, number, serial)
    refused = await install_job(house, number)
    assert (refused.status_code, "授权码" in refused.text) == (409, True), refused.text
    nobody = await install_job(house, number, assistant="")
    assert (nobody.status_code, "UKey 助手" in nobody.text) == (409, True), nobody.text
    assert (await house.office.order(number)).state is OrderState.ISSUING
    made = await house.office.writing.made(number)
    assert made is not None
    with pytest.raises(NotNow):
        await house.office.writing.first_pin(made, house.desk.key.public_key)
    kinds = await house.rows(f"SELECT state FROM authority_requests WHERE kind = '{RequestKind.FIRST_PIN}'")
    assert [one.state for one in kinds] == ["refused"]


async def test_a_renewal_leaves_the_pin_alone(house: House) -> None:
    number = await house.office.approved("renew", pin_way="unchanged:applicant", about="00ff")
    assert not pins.is_told(await house.office.order(number))


async def test_the_clerks_page_says_that_the_writing_asks_for_no_pin(house: House) -> None:
    number = await house.office.approved("issue", pin_way=SMS, details=DETAILS)
    await house.office.lays(number, house.desk.blank("空白"))
    page = (await house.clerk.get(f"/certificates/issue/{number}")).text
    steps = re.search(r'data-part="steps">(.*?)</script>', page, re.DOTALL)
    assert steps, page
    key, writing = json.loads(steps[1])
    assert "waiting" not in key
    assert "不用输入 PIN" in writing["waiting"]
