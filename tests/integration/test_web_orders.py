"""Applying for a certificate over the pages: the wizard to the end of payment."""

from collections.abc import AsyncIterator

import pytest

from tests.orderkit import (
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    details_of_person,
    request_of_organization,
    request_of_person,
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
    await her.consent()
    assert await her.state() == "awaiting_payment"
    await her.done("/payment", {"payment_way": "alipay"})
    await her.done("/payment/demo")
    row = await her.row()
    assert (row["state"], row["paid_fen"], row["price_fen"]) == ("in_review", 35_000, 35_000)
    assert row["pin_way"] == "sms:legal_representative"
    page = await her.get()
    assert "待审核" in page.text
    assert "151****0305" in page.text
    assert "15112340305" not in page.text


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
    await him.confirm()
    await him.done("/identity/applicant")
    outbox = await him.visitor.get("/demo/outbox")
    import re

    remark = re.search(r"附言：(\d{6})", outbox.text)
    assert remark
    wrong = "000000" if remark[1] != "000000" else "111111"
    assert (await him.post("/identity/applicant", {"remark": wrong})).status_code == 303
    assert (await him.post("/identity")).headers["location"].endswith("/go-on")
    assert await him.state() == "awaiting_identity"
    await him.done("/identity/applicant", {"remark": remark[1]})
    await him.done("/identity")
    assert await him.state() == "awaiting_material"
    await him.upload_all()
    await him.consent()
    await him.done("/payment", {"payment_way": "wechat"})
    await him.done("/payment/demo")
    row = await him.row()
    assert (row["state"], row["pin_way"]) == ("in_review", "transfer_remark:applicant")
