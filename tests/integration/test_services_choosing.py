"""Which certificate an order is about: one's own, of who issued it, not revoked, in its renewal's window."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from certificates.issuing import issued
from certificates.issuing.writing import NotNow
from certificates.orders import about
from certificates.orders.about import Hindrance, Standings
from office.subjects import MarketSubjectKind, Subjects
from office.working_days import day_of
from signing.crl import Reason
from signing.sm2 import PrivateKey
from tests.issuingkit import CODE
from tests.orderkit import Applicant, last_code, request_of_organization
from tests.servicekit import Holders, holders_on, seen
from tests.webkit import web_on


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True) as web:
        yield await holders_on(web, tmp_path)


async def test_only_ones_own_certificate_of_that_authority_can_be_chosen(held: Holders) -> None:
    her = held.her
    mine = await held.holds(days_left=30)
    others = await held.holds(days_left=30, who="him")
    elsewhere = await held.holds(days_left=30, authority="sheca")
    a_persons = await held.holds("natural_person", days_left=30)
    await held.begins(her, "renew")
    await her.done("/authority", {"authority": "bjca"})
    page = (await her.get("/held_ukey")).text
    assert mine in page
    assert others not in page
    assert a_persons not in page
    assert "上海" in seen(page), "whose it is, and that it is renewed there"
    for serial, why in (
        (others, "没有找到这张证书"),
        (elsewhere, "要到发证的机构办理"),
        ("", "请选择一张证书"),
    ):
        answer = await her.post("/held_ukey", {"held": serial, "act": "choose"})
        assert answer.status_code == 422
        assert why in seen(answer.text)
        assert (await her.row())["about_certificate"] == ""
    await held.chooses(her, mine)
    order = await her.row()
    assert (order["about_certificate"], order["authority"]) == (mine, "bjca")

    # nobody else looks at it, or chooses in it
    held.him.number = her.number
    assert (await held.him.get("/held_ukey")).status_code == 404
    assert (await held.him.post("/held_ukey", {"held": others, "act": "choose"})).status_code == 404


async def test_what_an_operator_ordered_is_the_organizations_alone(held: Holders) -> None:
    """Whose authority has ended chooses nothing of it, in an order for nobody; and what was approved before
    is not carried out."""
    her, engine, now = held.her, held.web.site.engine, datetime.now(UTC)
    subjects = Subjects(engine, held.web.site.marks)
    profile = {"organization_name": "测试有限公司", "credit_code": CODE}
    await subjects.register(held.ids["him"], MarketSubjectKind.ORGANIZATION, profile, now=now)
    his = await subjects.of(held.ids["him"])
    assert his is not None
    put = (
        "INSERT INTO subject_operators (subject_id, login, account_id, state, last_day, box, made_by,"
        " made_at, taken_at) VALUES (:subject, 'her', :her, 'standing', :day, '', :him, :now, :now)"
    )
    ended = text("UPDATE subject_operators SET state = 'ended', ended_at = :now")
    async with engine.begin() as connection:
        await connection.execute(text(put), {**held.ids, "subject": his.id, "day": day_of(now), "now": now})
    theirs = await held.holds(days_left=30, market_subject=his.id)
    approved = await held.office.approved("renew", about=theirs, market_subject=his.id)
    order = await held.office.order(approved)
    async with engine.begin() as connection:
        assert (await about.still(connection, order, now)).hindrance is None
        await connection.execute(ended, {"now": now})
        for look in (about.still, about.look_again):
            assert (await look(connection, order, now)).hindrance is Hindrance.AUTHORITY_ENDED, look
    with pytest.raises(NotNow, match="former"):
        await held.office.asked(approved, PrivateKey.generate())

    await held.begins(her, "renew")
    assert (await her.row())["market_subject"] is None
    await her.done("/authority", {"authority": "bjca"})
    assert theirs not in (await her.get("/held_ukey")).text
    answer = await her.post("/held_ukey", {"held": theirs, "act": "choose"})
    assert (answer.status_code, (await her.row())["about_certificate"]) == (422, "")
    async with engine.connect() as connection:
        for_nobody = await held.office.order(her.number)
        assert await issued.of_applicant(connection, for_nobody, theirs) is None


async def test_two_renewals_sent_in_the_same_moment_are_one(held: Holders) -> None:
    engine, mine = held.web.site.engine, await held.holds(days_left=30)
    first, second = [await held.office.approved("renew", about=mine) for _ in range(2)]
    order, other = await held.office.order(first), await held.office.order(second)
    sent = text("UPDATE orders SET state = :state WHERE number = :number")
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    async def looks() -> Standings:
        async with engine.connect() as connection:
            return await about.alone(connection, other, mine)

    async with engine.begin() as connection:
        for number in (first, second):
            await connection.execute(sent, {"state": "filling", "number": number})
    async with engine.begin() as connection, asyncio.timeout(60):
        assert (await about.alone(connection, order, mine)).hindrance is None
        task = asyncio.create_task(looks())
        async with engine.connect() as watching:
            while not task.done() and not await watching.scalar(waits):
                await asyncio.sleep(0.01)
        await connection.execute(sent, {"state": "awaiting_payment", "number": first})
    assert (await task).hindrance is Hindrance.BUSY


async def test_the_certificate_decides_who_it_is(held: Holders) -> None:
    """What is typed against it is not taken: another company's code gets no certificate for this key."""
    her, mine = held.her, await held.holds(days_left=30)
    await held.begins(her, "renew")
    await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    await her.agree()
    page = (await her.get("/details")).text
    assert "测试有限公司" in page
    typed = {"product": "unit_12", "organization_name": "别的公司", "credit_code": "91330000MA27U0000X"}
    typed |= {
        "operator_name": "李经办",
        "operator_phone": "15112340305",
        "operator_number": "433101199001011234",
    }
    typed |= {"operator_email": "jb@example.cn", "operator_document": "id_card", "seal_kind": "official"}
    typed |= {"representative_name": "王法人", "representative_phone": "18612349043"}
    typed |= {"representative_document": "id_card", "representative_number": "11010519491231002X"}
    typed |= {"province": "湖南省", "city": "吉首市", "address": "人民北路 1 号"}
    await her.done("/details", typed)
    page = seen((await her.get("/confirm")).text)
    assert "别的公司" not in page
    assert "测试有限公司" in page


async def test_a_revoked_certificate_is_refused_at_each_step(held: Holders) -> None:
    her, mine = held.her, await held.holds(days_left=30)
    await held.begins(her, "renew")
    await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    done = held.office.authority.revoke(int(mine, 16), Reason.KEY_COMPROMISE)
    async with held.web.site.engine.begin() as connection:
        await issued.revoke(connection, mine, str(done.reason), done.at)
    answer = await her.post("/held_ukey", {"held": mine, "act": "choose"})
    assert answer.status_code == 422
    assert "已注销" in seen(answer.text)


WINDOWS = (
    ("hunan_shared", "bjca", 89.5, ""),
    ("hunan_shared", "bjca", 91, "还不到更新的时间"),
    ("hunan_shared", "bjca", -364, ""),
    ("hunan_shared", "bjca", -367, "已经不能这样更新"),
    ("hunan_sanzi", "netca", 89, ""),
    ("hunan_sanzi", "netca", 92, "还不到更新的时间"),
    ("hunan_sanzi", "netca", -1, "已经不能这样更新"),
)


async def test_windows_of_renewal_of_both_families(held: Holders) -> None:
    """To the day: test_channel_windows.py. Here: that the page asks them, and says on which day it opens."""
    her = held.her
    for channel, authority, days, word in WINDOWS:
        shared = channel == "hunan_shared"
        product = "unit_12" if shared else "organization"
        mine = await held.holds(days_left=days, channel=channel, authority=authority, product=product)
        await held.begins(her, "renew", channel=channel)
        if shared:
            await her.done("/authority", {"authority": authority})
        answer = await her.post("/held_ukey", {"held": mine, "act": "choose"})
        assert answer.status_code == (422 if word else 303), (channel, days, seen(answer.text))
        assert word in seen(answer.text), (channel, days)
        if "还不到" in word:
            opens = day_of(datetime.now(UTC) + timedelta(days=days)) - timedelta(days=89 if shared else 90)
            assert opens.isoformat() in answer.text, (channel, days)
    mine = await held.holds(days_left=92, channel="hunan_sanzi", authority="netca", product="organization")
    await held.begins(her, "renew", channel="hunan_sanzi", way="counter")
    await held.chooses(her, mine, "choose_order")


async def test_what_the_own_channel_does_is_done_there(held: Holders) -> None:
    """Both channels are 网证通's; each has its own prices."""
    her = held.her
    mine = await held.holds(days_left=30, channel="hunan_sanzi", authority="netca", product="organization")
    await held.begins(her, "renew", channel="guangdong_gpcloud")
    answer = await her.post("/held_ukey", {"held": mine, "act": "choose"})
    assert answer.status_code == 422
    assert "请到那个渠道办理" in seen(answer.text)


async def test_a_lost_one_is_found_by_a_code_to_the_operator(held: Holders) -> None:
    her, mine = held.her, await held.holds()
    await held.begins(her, "replace", way="online")
    await her.done("/request", request_of_organization())
    await her.done("/authority", {"authority": "bjca"})
    page = (await her.get("/choose_order")).text
    assert "密码卡号" in page
    assert "CARD0001" in page, "the list shows the number of the crypto card"

    refused = await her.post(
        "/choose_order", {"held": mine, "act": "choose", "whose": "operator", "code": ""}
    )
    assert refused.status_code == 422
    sent = await her.post("/choose_order", {"held": mine, "act": "send", "whose": "operator"})
    assert (sent.status_code, "151****0305" in sent.text) == (200, True), seen(sent.text)
    code = await last_code(held.web)
    other = await her.post(
        "/choose_order", {"held": mine, "act": "choose", "whose": "legal_representative", "code": code}
    )
    assert other.status_code == 422, "a code to the operator is none of the legal representative"
    wrong = await her.post(
        "/choose_order", {"held": mine, "act": "choose", "whose": "operator", "code": f"{int(code) ^ 1:06d}"}
    )
    assert wrong.status_code == 422
    await held.chooses(her, mine, "choose_order", whose="operator", code=code)
    assert (await her.row())["about_certificate"] == mine


async def test_at_the_counter_the_clerk_finds_it_by_the_document(held: Holders) -> None:
    mine = await held.holds(channel="hunan_sanzi", authority="netca", product="organization")
    walk_in = await held.one.post(
        "/certificates/desk/walk-in", {"business": "hunan_sanzi:revoke:organization"}
    )
    assert walk_in.status_code == 303, walk_in.text
    at_desk = Applicant(held.web, held.one.visitor, walk_in.headers["location"].split("/")[3], held.one.token)
    page = (await at_desk.get("/choose_order")).text
    assert mine not in page
    found = await at_desk.post("/choose_order", {"act": "find", "document": "91110000600037341L"})
    assert mine in found.text
    refused = await at_desk.post(
        "/choose_order", {"act": "choose", "held": mine, "document": "91330106MA27UAB123"}
    )
    assert refused.status_code == 422
    await held.chooses(at_desk, mine, "choose_order", document="91110000600037341L")
    assert (await at_desk.row())["about_certificate"] == mine
