"""Renewing, changing, an additional one, converting, revoking: over the pages, into virtual UKeys."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from certificates.catalogue.terms import add_months
from certificates.issuing.states import Holding
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct
from office.subjects import MarketSubjectKind, Subjects
from signing import seal_structures as structures
from signing.der import part, sequence
from signing.sm2 import PrivateKey
from signing.token import virtual
from tests.authoritykit import in_form_of_2014, info_of_version, signed_by_maker
from tests.deskkit import DESK
from tests.issuingkit import CODE, as_form
from tests.orderkit import Applicant, last_code, request_of_organization, sheet
from tests.servicekit import NAME, Holders, holders_on, seen
from tests.webkit import web_on

TYPED = {
    **request_of_organization(),
    "product": "unit_12",
    "representative_name": "王法人",
    "representative_document": "id_card",
    "representative_number": "11010519491231002X",
    "representative_phone": "18612349043",
}


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True, trust=tmp_path / "authority") as web:
        yield await holders_on(web, tmp_path)


async def to_payment_of_renewal(held: Holders, mine: str, **business: str) -> None:
    her = held.her
    await held.begins(her, "renew", **business)
    if business.get("channel", "hunan_shared") == "hunan_shared":
        await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    await her.agree()
    await her.done(
        "/details",
        {**TYPED, "product": business.get("product", "unit_12"), "years": "1", "invoice_title": NAME},
    )
    await her.confirm()


async def test_a_renewal_is_paid_and_written_at_home(held: Holders) -> None:
    """Shared: approved as soon as it is paid; the new term begins at the old end; key and PIN stay."""
    her, card = held.her, held.drawer.blank("我的")
    mine = await held.holds(card=card, days_left=30)
    before = await held.issued(mine)
    await to_payment_of_renewal(held, mine)
    await her.done("/payment", {"payment_way": "alipay"})
    await her.pay()
    assert await her.state() == "approved"
    serial = await held.writes(her)
    assert await her.state() == "done"
    after = await held.issued(serial)
    assert after.valid_until == add_months(before.valid_until, 12)
    assert (await held.issued(mine)).state is Holding.FOLLOWED
    contents = held.drawer.contents(card)
    assert contents.certificate is not None
    assert f"{contents.certificate.serial:x}" == serial
    virtual.station(held.drawer.folder).token(card).sign(b"the same PIN", held.drawer.pin)

    # what was renewed is not renewed again; the new one is too young
    await held.begins(her, "renew")
    await her.done("/authority", {"authority": "bjca"})
    assert mine not in (await her.get("/held_ukey")).text
    answer = await her.post("/held_ukey", {"held": serial, "act": "choose"})
    assert "还不到更新的时间" in seen(answer.text)


async def test_the_window_closes_before_the_money_comes(held: Holders) -> None:
    """网证通 renews online only while the certificate is valid: looked at again after the payment. The money
    goes back, and who applied hears why."""
    her = held.her
    mine = await held.holds(days_left=20, channel="hunan_sanzi", authority="netca", product="organization")
    await to_payment_of_renewal(held, mine, channel="hunan_sanzi", product="organization")
    assert await her.state() == "awaiting_payment"
    fen = (await her.row())["price_fen"]
    async with held.web.site.engine.begin() as connection:
        gone = datetime.now(UTC) - timedelta(hours=1)
        await connection.execute(
            text("UPDATE issued_certificates SET valid_until = :gone WHERE serial = :serial"),
            {"gone": gone, "serial": mine},
        )
        done = await perform(
            connection,
            her.number,
            OrderAct.PAID,
            By.clock(),
            now=datetime.now(UTC),
            facts={"fen": fen, "way": "transfer"},
        )
    assert (done.state, done.refund_due) == ("rejected", True)
    assert "已经过了可以在线更新的时间" in seen((await her.get()).text)


async def test_two_renewals_of_one_certificate_are_not_both_sent_off(held: Holders) -> None:
    her, mine = held.her, await held.holds(days_left=30)
    await to_payment_of_renewal(held, mine)
    first = her.number
    await held.begins(her, "renew")
    await her.done("/authority", {"authority": "bjca"})
    answer = await her.post("/held_ukey", {"held": mine, "act": "choose"})
    assert answer.status_code == 422
    assert first in seen(answer.text)


async def test_a_new_name_needs_the_ukey_a_code_and_a_checked_profile(held: Holders) -> None:
    her, card = held.her, held.drawer.blank("我的")
    mine = await held.holds(card=card, days_left=200)
    before = await held.issued(mine)
    held.today()
    begin = "/certificates/apply?channel=hunan_shared&service=modify&subject=organization&way=assistant"
    page = (await her.visitor.get(begin)).text  # said before anything is filled in
    assert "单位的名称要用对公账户核验" in page
    assert 'href="/my/subject/edit"' in page
    await held.begins(her, "modify")
    request = request_of_organization()
    await her.done("/request", request)
    await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    await her.agree()
    same = await her.post("/details", {**TYPED, "organization_name": NAME})
    assert (same.status_code, "没有变化" in seen(same.text)) == (422, True)
    free = await her.post("/details", {**TYPED, "organization_name": "谁也没核实的公司"})
    assert (free.status_code, "还没有核实" in seen(free.text)) == (422, True)

    subjects, now = Subjects(held.web.site.engine, held.web.site.marks), datetime.now(UTC)
    profile = {"organization_name": "测试新名有限公司", "credit_code": CODE}
    await subjects.register(held.ids["her"], MarketSubjectKind.ORGANIZATION, profile, now=now)
    unchecked = await her.post("/details", TYPED)
    assert (unchecked.status_code, "还没有核实" in seen(unchecked.text)) == (422, True)
    checked = "UPDATE subjects SET verified_at = now(), verified_by = '{}'"
    async with held.web.site.engine.begin() as connection:
        await connection.execute(text(checked.format("legal_representative_mobile")))
    by_phone = await her.post("/details", TYPED)
    assert (by_phone.status_code, "先用对公账户核验" in seen(by_phone.text)) == (422, True)
    async with held.web.site.engine.begin() as connection:
        await connection.execute(text(checked.format("corporate_account")))
    await her.done("/details", TYPED)
    await her.confirm()
    assert await her.state() == "awaiting_consent"

    # the code alone is not enough, and comes after the signature
    page = seen((await her.get("/consent")).text)
    assert "用 UKey 签名" in page
    assert "测试新名有限公司" in page
    assert "短信验证码" not in page
    await her.done("/consent/code")
    early = await her.post("/consent", {"code": await last_code(held.web), "agree": "1"})
    assert await her.state() == "awaiting_consent", early.status_code
    here = f"{her.here}/consent"
    stranger = await held.him.visitor.post(f"{here}/job", held.drawer.asks)
    assert stranger.status_code == 404
    job = await held.asked(her.visitor, f"{here}/job")
    answer = await held.drawer.does(job)
    forged = {**as_form(job.nonce, answer), "result": as_form(job.nonce, answer)["certificate"]}
    assert (await her.visitor.post(f"{here}/signed", forged)).status_code == 422
    await held.does(her.visitor, f"{here}/job", f"{here}/signed")
    assert await her.state() == "awaiting_consent"
    async with held.web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE order_codes SET made_at = made_at - interval '2 minutes'"))
    await her.done("/consent/code")
    await her.done("/consent", {"code": await last_code(held.web), "agree": "1"})
    assert await her.state() == "approved"

    serial = await held.writes(her)
    after = await held.issued(serial)
    assert after.valid_until == before.valid_until
    assert held.drawer.contents(card).certificate.subject.common_name == "测试新名有限公司"  # type: ignore[union-attr]
    await held.office.round()
    assert (await held.issued(mine)).state is Holding.REVOKED


async def test_an_additional_one_is_consented_to_by_the_ukey_that_is_held(held: Holders) -> None:
    her, card = held.her, held.drawer.blank("我的")
    kind: dict[str, Any] = {"channel": "guangdong_gpcloud", "authority": "netca", "way": "counter"}
    kind["product"] = "organization"
    ended = await held.holds(days_left=-3, **kind)
    mine = await held.holds(card=card, days_left=200, **kind)
    held.today()
    await held.begins(her, "additional", channel="guangdong_gpcloud", way="online")
    refused = await her.post("/held_ukey", {"held": ended, "act": "choose"})
    assert "已在" in seen(refused.text), "an expired one signs nothing"
    await held.chooses(her, mine)
    await her.agree()
    await her.done("/details", {**TYPED, "product": "organization", "years": "1", "invoice_title": NAME})
    await her.confirm()
    for wanted in (await her.row())["materials"]:
        answer = await her.upload(wanted, sheet())
        assert answer.status_code == 303, answer.text[:800]
    await her.done("/material")
    assert await her.state() == "awaiting_consent"
    code = await her.post("/consent", {"code": "123456", "agree": "1"})
    assert await her.state() == "awaiting_consent", code.status_code
    here = f"{her.here}/consent"
    await held.does(her.visitor, f"{here}/job", f"{here}/signed")
    assert await her.state() == "awaiting_payment"


async def test_a_seal_of_the_old_form_is_exchanged_and_a_good_one_is_not(held: Holders) -> None:
    her, card = held.her, held.drawer.blank("我的")
    mine = await held.holds(card=card, days_left=200)
    await held.begins(her, "convert", channel="xiangxi")
    await held.chooses(her, mine)
    seal = held.drawer.contents(card).seal
    assert seal is not None
    page = seen((await her.get("/seal_check")).text)
    assert "2023-07-31" in page

    async def checked(content: bytes) -> str:
        answer = await her.post("/seal_check", {"act": "check"}, files={"seal": ("seal.esl", content)})
        return seen(answer.text)

    assert "这个文件里没有电子印章" in await checked(b"%PDF-1.7 nothing")
    assert "符合 GB/T 38540-2020，不用替换" in await checked(seal.der)
    on = await her.post("/seal_check", {"act": "on"})
    assert on.status_code == 422, "nothing to convert"

    # what a holder makes of a good one, or without its maker, is exchanged for nothing
    info, nobody = info_of_version(seal.der, 3), structures.bits(PrivateKey.generate().sign(b"x")).dump()
    damaged = bytearray(seal.der)
    damaged[-5] ^= 1
    own = sequence(info, *(part(seal.der, at) for at in (1, 2)), nobody)
    for content in (
        bytes(damaged),
        own,
        in_form_of_2014(part(seal.der, 0), seal.der, part(seal.der, 3)),
        in_form_of_2014(info, seal.der, nobody),
    ):
        assert "制章人的签名对不上" in await checked(content)
        assert (await her.post("/seal_check", {"act": "on"})).status_code == 422

    signed = signed_by_maker(held.office.authority, info)
    version_3 = sequence(info, part(seal.der, 1), part(seal.der, 2), signed)
    assert "版本号不是" in await checked(version_3)
    await checked(seal.der)
    assert (await her.post("/seal_check", {"act": "on"})).status_code == 422, "the last look counts"
    assert "老格式" in await checked(in_form_of_2014(info, seal.der, signed))
    await her.done("/seal_check", {"act": "on"})
    await her.done("/authority", {"authority": "bjca"})
    await her.agree()
    await her.done("/details", TYPED)
    await her.confirm()
    order = await her.row()
    assert (order["state"], order["price_fen"]) == ("approved", 0)
    serial = await held.writes(her)
    assert (await held.issued(serial)).valid_until == (await held.issued(mine)).valid_until
    await held.office.round()
    assert (await held.issued(mine)).state is Holding.REVOKED


async def test_a_revocation_asks_whether_the_organization_still_exists(held: Holders) -> None:
    her = held.her
    mine = await held.holds(channel="hunan_sanzi", authority="netca", product="organization")
    await held.begins(her, "revoke", channel="hunan_sanzi", way="counter")
    await held.chooses(her, mine, "choose_order")
    missing = await her.post("/details", TYPED)
    assert missing.status_code == 422
    await her.done("/details", {**TYPED, "standing": "dissolved"})
    assert (await her.row())["circumstances"] == ["dissolved"]
    await her.done("/details", {**TYPED, "standing": "exists"})
    assert (await her.row())["circumstances"] == []


async def test_at_the_counter_a_renewal_of_a_certificate_of_an_account_is_written(held: Holders) -> None:
    """Who walks in has no account: the document says whose certificate it is, also for the authority."""
    card, one = held.drawer.blank("客户的"), held.one
    mine = await held.holds(
        card=card, days_left=-5, channel="hunan_sanzi", authority="netca", product="organization"
    )
    walk_in = await one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:renew:organization"})
    number = walk_in.headers["location"].split("/")[3]
    at_desk = Applicant(held.web, one.visitor, number, one.token)
    await held.chooses(at_desk, mine, "choose_order", document=CODE)
    await at_desk.agree()
    await at_desk.done("/details", {**TYPED, "product": "organization", "years": "2", "invoice_title": NAME})
    await at_desk.confirm()
    if await at_desk.state() == "awaiting_material":
        await at_desk.done("/material")
    assert "已收款" in await one.act(number, "payment", {"way": "wechat", "counted": "1"})
    verdicts = {f"verdict-{item}": "accepted" for item in await one.items(number)}
    await one.act(number, "paper", {**verdicts, "decision": "approve"})
    await one.act(number, "take")
    await one.decide(number, "approve")
    assert await at_desk.state() == "approved"
    here = f"/certificates/issue/{number}"
    await held.does(one.visitor, f"{here}/request-job", f"{here}/request")
    await held.does(one.visitor, f"{here}/install-job", f"{here}/installed")
    order = await at_desk.row()
    assert order["state"] == "awaiting_collection"
    after = await held.issued(order["certificate"])
    assert after.follows == mine
    assert abs(after.valid_until - add_months(datetime.now(UTC), 24)) < timedelta(minutes=10), (
        "from the issue"
    )
