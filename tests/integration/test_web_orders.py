"""Applying for a certificate over the pages: the wizard to the end of payment."""

import re
from collections.abc import AsyncIterator
from itertools import product

import pytest
from sqlalchemy import text

from certificates.authority.port import SubjectKind
from certificates.catalogue.scope import Case, Service, Way
from certificates.catalogue.store import Catalogue
from certificates.orders.boxes import OrderBoxes
from certificates.orders.needs import KEPT_FOR
from certificates.orders.performing import By, perform
from certificates.orders.rounds import OrderRound
from certificates.orders.states import OrderAct
from office.accounts import Role
from tests.orderkit import (
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    details_of_person,
    last_letter,
    request_of_organization,
    request_of_person,
    sheet,
)
from tests.webkit import Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


@pytest.fixture
async def her(web: Web) -> Applicant:
    one = await applicant(web, "her")
    await one.begin()
    return one


async def test_an_organization_applies_at_the_shared_platform_until_it_is_paid(her: Applicant) -> None:
    await her.fill(request_of_organization(), details_of_organization())
    assert await her.state() == "filling"
    await her.confirm()
    assert await her.state() == "awaiting_identity"
    await her.identify()
    assert await her.state() == "awaiting_material"
    await her.upload_all()
    assert await her.state() == "awaiting_consent"
    unsent = await her.post("/consent", {"code": "123456", "agree": "1"})
    assert (unsent.status_code, "请先发送验证码" in unsent.text) == (422, True)
    await her.consent()
    assert await her.state() == "awaiting_payment"
    await her.done("/payment", {"payment_way": "alipay"})
    await her.pay()
    row = await her.row()
    assert (row["state"], row["paid_fen"], row["price_fen"]) == ("in_review", 35_000, 35_000)
    assert row["pin_way"] == "sms:legal_representative"
    page = await her.get()
    assert "待审核" in page.text
    assert "151****0305" in page.text
    assert "15112340305" not in page.text


async def test_what_was_not_agreed_to_is_named(her: Applicant) -> None:
    await her.done("/request", request_of_organization())
    await her.done("/authority", {"authority": "bjca"})
    answer = await her.post("/agreements", {})
    said = re.findall(r'<a href="#field-(agree_\w+)">《(.+?)》：请先阅读', answer.text)
    assert len(said) == len({title for _field, title in said}) >= 2
    assert all(f'id="field-{name}"' in answer.text for name, _title in said)


async def test_what_the_catalogue_says_in_chinese_alone_is_marked_as_chinese(her: Applicant) -> None:
    """For who reads or hears the page in English: agreements, notes of material, where a service is done."""
    await her.done("/request", request_of_organization())
    await her.done("/authority", {"authority": "bjca"})
    assert 'class="order__agreement" lang="zh-CN"' in (await her.get("/agreements")).text
    elsewhere = {"channel": "hunan_shared", "service": "revoke", "subject": "organization", "way": "online"}
    page = (await her.visitor.get("/certificates/apply", params=elsewhere)).text
    assert re.search(r'<p lang="zh-CN">[^<]+</p>', page)
    netca = {"channel": "hunan_sanzi", "service": "issue", "subject": "organization", "way": "online"}
    page = (await her.visitor.get("/certificates/apply", params=netca)).text
    assert re.search(r'<span lang="zh-CN">[^<]+</span></li>', page)


async def test_a_person_applies_with_an_account_transfer(web: Web) -> None:
    him = await applicant(web, "him")
    await him.begin(subject="natural_person")
    await him.fill(
        request_of_person(),
        details_of_person(
            check_applicant="applicant_account",
            account_bank="示例银行吉首支行",
            account_number="622202020011223344",
        ),
    )
    another = {**details_of_person(check_applicant="applicant_mobile"), "invoice_title": "报销用有限公司"}
    answer = await him.post("/details", another)
    assert answer.status_code == 422
    assert "抬头是企业的，要填写它的 18 位" in answer.text
    another |= {"check_applicant": "applicant_account", "account_bank": "示例银行吉首支行"}
    another |= {"account_number": "622202020011223344", "tax_number": "91350100M000100Y43"}
    await him.done("/details", another)
    await him.confirm()
    refused = {
        "check_applicant": "applicant_account",
        "account_bank": "示例银行",
        "account_number": "62220001",
    }
    await him.done("/identity/applicant", refused)
    assert "打款没有成功" in (await him.get("/identity")).text
    away = {"check_applicant": "applicant_card", "applicant_card": "6222020200110003"}
    assert (await him.post("/identity/applicant", away)).status_code in (303, 422)
    assert (await him.row())["state"] == "awaiting_identity"
    right = {**refused, "account_bank": "示例银行吉首支行", "account_number": "622202020011223344"}
    await him.done("/identity/applicant", right)
    outbox = await him.visitor.get("/demo/outbox")
    remark = re.search(r"附言：(\d{6})", outbox.text)
    assert remark
    wrong = "000000" if remark[1] != "000000" else "111111"
    assert (await him.post("/identity/applicant", {"remark": wrong})).status_code == 303
    assert (await him.post("/identity")).headers["location"].endswith("/go-on")
    assert await him.state() == "awaiting_identity"
    await him.done("/identity/applicant", {"remark": remark[1]})
    await him.done("/identity/applicant", {"check_applicant": "applicant_mobile"})  # passed is passed
    await him.done("/identity")
    assert await him.state() == "awaiting_material"
    await him.upload_all()
    await him.consent()
    await him.done("/payment", {"payment_way": "wechat"})
    await him.pay()
    row = await him.row()
    assert (row["state"], row["pin_way"]) == ("in_review", "transfer_remark:applicant")


async def test_a_second_check_of_the_same_person_is_asked_for_itself(web: Web) -> None:
    """Shenzhen CA, a person who pays by QR: the photo before, the bank account after the payment."""
    him = await applicant(web, "him")
    await him.begin(channel="shenzhen_ca", subject="natural_person")
    await him.agree()
    await him.done("/details", {**request_of_person(), **details_of_person(product="person", years="1")})
    await him.confirm()
    await him.upload_all()
    photo = {"photo": ("p.jpg", sheet(1600, 1200), "image/jpeg")}
    passed = await him.post("/identity/applicant", {}, files=photo)
    assert passed.headers["location"].endswith("/identity")
    await him.done("/identity")
    await him.done("/payment", {"payment_way": "alipay"})
    await him.pay()
    row = await him.row()
    assert (row["state"], row["pin_way"]) == ("awaiting_identity", "transfer_remark:applicant")
    page = (await him.get("/identity")).text
    assert (page.count("已通过"), 'name="account_number"' in page) == (1, True)
    assert (await him.post("/identity")).headers["location"].endswith("/go-on")
    assert await him.state() == "awaiting_identity"
    account = {"account_bank": "示例银行吉首支行", "account_number": "622202020011223344"}
    await him.done("/identity/applicant", {**account, "check_applicant": "applicant_account"})
    remark = re.search(r"附言：(\d{6})", (await him.visitor.get("/demo/outbox")).text)
    assert remark
    await him.done("/identity/applicant", {"remark": remark[1]})
    await him.done("/identity")
    assert await him.state() == "in_review"
    async with web.site.engine.connect() as connection:
        kept = await OrderBoxes(web.site.marks).details(connection, him.number)
    assert kept["account_number"] == account["account_number"], "where the PIN goes"


async def test_the_operator_hears_by_sms_how_the_review_went_and_forgotten_orders_end(
    web: Web, her: Applicant
) -> None:
    await her.to_payment(request_of_organization(), details_of_organization())
    await her.done("/payment", {"payment_way": "alipay"})
    await her.pay()
    clerk = By.clerk(await web.account("clerk", Role.CLERK))
    now = web.site.clock()
    async with web.site.engine.begin() as connection:
        await perform(connection, her.number, OrderAct.TAKE, clerk, now=now)
        await perform(connection, her.number, OrderAct.RETURN, clerk, now=now, reason="执照没有盖章。")
    page = await her.get()
    assert "执照没有盖章。" in page.text
    assert (await her.get("/details")).status_code == 200
    rounds = OrderRound(web.site.engine, web.site.marks, "落槌")
    assert await rounds.round(now) == 1
    assert await rounds.round(now) == 0
    letter = await last_letter(web, "certificate.progress")
    assert letter["address"] == "+8615112340305"
    assert her.number in letter["content"]
    assert "执照没有盖章。" in letter["content"]
    await her.upload("licence")
    await her.done("/resubmit")
    async with web.site.engine.begin() as connection:  # the pause between two codes is over
        await connection.execute(text("UPDATE order_codes SET made_at = made_at - interval '2 minutes'"))
    await her.consent()
    assert await her.state() == "in_review"
    other = await applicant(web, "other")
    await other.begin()
    assert await rounds.round(now + KEPT_FOR) == 0
    assert await rounds.round(web.site.clock() + KEPT_FOR) == 1
    assert await other.state() == "expired"
    assert await her.state() == "in_review"


@pytest.mark.long
async def test_what_a_channel_offers_can_be_begun_and_what_it_does_not_offer_is_refused(web: Web) -> None:
    """Every service × subject × way of every shipped channel, against the channel's own table."""
    begun = refused = 0
    channels = await Catalogue(web.site.engine).channels()
    for number, stored in enumerate(channels):
        her = await applicant(web, f"her-{number}")
        for service, subject, way in product(Service, SubjectKind, Way):
            case = Case(service=service, subject=subject, way=way)
            form = {"channel": stored.key, "service": service, "subject": subject, "way": way}
            route = stored.rules.route(case)
            offered = stored.rules.offer(case) is not None and route is not None
            page = await her.visitor.get("/certificates/apply", params=form)
            assert page.status_code == (200 if offered else 404), form
            if not offered:
                assert "这里不办理这项业务" in page.text, form  # with where to go instead
                answer = await her.visitor.post("/certificates/apply", form)
                assert answer.headers["location"].startswith("/certificates/apply?"), form
                refused += 1
                continue
            await her.begin(**form)
            begun += 1
            shown = await her.visitor.client.get(f"{her.here}/go-on", follow_redirects=True)
            assert shown.status_code == 200, (form, shown.status_code)
            await her.done("/cancel", {"sure": "1"})
    assert begun >= 10
    assert refused >= 50
