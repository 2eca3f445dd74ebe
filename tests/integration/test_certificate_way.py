"""The way of a certificate over HTTP: applied for, paid, reviewed, written, sent, signed in with, revoked."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certificates.issuing import pins
from certificates.issuing.ending import EndingRound
from office.accounts import Role
from office.ukeys import UKeyState
from signing.crl import Reason
from signing.token.port import Pin
from tests.deskkit import DESK, Clerk, clerk
from tests.issuingkit import Desk, Issuing, as_form, issuing_on, with_rounds
from tests.orderkit import Applicant, details_of_organization, request_of_organization
from tests.sealingkit import job_of
from tests.webkit import Visitor, Web, web_on

NAME = "测试有限公司"


@dataclass
class House:
    """Subscriber, clerk, the authority's round, and UKeys in one drawer."""

    web: Web
    her: Applicant
    one: Clerk
    office: Issuing
    drawer: Desk


@pytest.fixture
async def house(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[House]:
    async with web_on(database, valkey, demo=True, trust=tmp_path / "authority") as web:
        her = Applicant(web, await web.signed_in("her", Role.BIDDER, NAME))
        one = await clerk(web, "clerk1")
        people = [await web.site.accounts.by_login(login) for login in ("her", "clerk1")]
        ids = [person.id for person in people if person is not None]
        office = await issuing_on(
            web.site.engine, tmp_path, datetime.now(UTC), marks=web.site.marks, people=(ids[0], ids[1])
        )
        yield House(web, her, one, office, await office.desk(web, tmp_path / "ukeys"))


def leads_to(page: httpx.Response, address: str) -> None:
    """The page is there, and a link on it goes to this address."""
    assert page.status_code == 200, page.text[:1500]
    assert f'href="{address}"' in page.text, (address, re.findall(r'href="([^"#]+)"', page.text))


async def answered(house: House, visitor: Visitor, ask: str, answer: str) -> None:
    """One job of a page: the assistant does it, the page brings the answer. The authority's round goes on."""
    given = await with_rounds(house.office, visitor.post(ask, house.drawer.asks))
    job = job_of(house.web, given)
    said = await visitor.post(answer, as_form(job.nonce, await house.drawer.does(job)))
    assert said.status_code == 200, said.text


async def signs_in(house: House) -> tuple[Visitor, httpx.Response]:
    """With the UKey that is plugged in, in a browser of its own."""
    visitor = house.web.visitor()
    job = job_of(house.web, await visitor.post("/sign-in/challenge", {"login": "her"}))
    return visitor, await visitor.post("/sign-in/ukey", as_form(job.nonce, await house.drawer.does(job)))


async def test_from_applying_to_signing_in_and_to_the_revocation(house: House) -> None:
    her, one, serial = house.her, house.one, house.drawer.blank("空白一")

    # she applies, and pays by the demonstration's code
    leads_to(await her.visitor.get("/my/certificates"), "/certificates")
    await her.begin()
    await her.to_payment(request_of_organization(), details_of_organization())
    await her.done("/payment", {"payment_way": "alipay"})
    await her.pay()
    assert await her.state() == "in_review"

    # the clerk finds it, takes it, approves it
    number = her.number
    leads_to(await one.get("/"), DESK)
    leads_to(await one.get(DESK), one.order(number))
    await one.act(number, "take")
    await one.decide(number, "approve")
    assert await her.state() == "approved"

    # a blank UKey out of the stock is laid to it and written
    await one.said(f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": serial})
    await one.act(number, "ukey", {"serial": serial})
    writing = f"/certificates/issue/{number}"
    leads_to(await one.get(one.order(number)), writing)
    leads_to(await one.get(writing), one.order(number))
    await answered(house, one.visitor, f"{writing}/request-job", f"{writing}/request")
    assert await her.state() == "issuing"
    await answered(house, one.visitor, f"{writing}/install-job", f"{writing}/installed")
    order = await her.row()
    assert (order["state"], order["medium"], order["crypto_card"]) == (
        "awaiting_delivery",
        serial,
        serial,
    )
    contents = house.drawer.contents(serial)
    assert contents.certificate is not None
    assert contents.seal is not None
    assert f"{contents.certificate.serial:x}" == order["certificate"]

    # it leaves the house, and she has it
    leads_to(await one.get(f"{DESK}?shelf=give_out"), one.order(number))
    await one.act(number, "ship", {"courier": "顺风示例", "tracking": "SF0001"})
    assert "SF0001" in (await her.get()).text
    await her.done("/receive")
    assert await her.state() == "done"

    # the PIN that she was told opens it once: she chooses her own
    async with house.web.site.engine.connect() as connection:
        told = (await pins.of_orders(connection, [number]))[number].opened(house.web.site.marks)
    house.drawer.takes_over(serial, told, Pin("her-own-1"))

    # she binds it, without an administrator: it was issued to her here; and signs in
    leads_to(await her.get(), "/my/ukeys")
    await answered(house, her.visitor, "/my/ukeys/challenge", "/my/ukeys/bind")
    (mine,) = await house.web.site.ukeys.of(house.office.account)
    assert mine.state is UKeyState.CONFIRMED
    browser, entered = await signs_in(house)
    assert entered.status_code == 200, entered.text
    assert (await browser.get("/my/ukeys")).status_code == 200

    # revoked by the authority: refused at once, and what it opened ends with the steward's next round
    house.office.authority.revoke(contents.certificate.serial, Reason.KEY_COMPROMISE)
    _other, refused = await signs_in(house)
    assert (refused.status_code, "吊销" in refused.text) == (422, True), refused.text
    ending = EndingRound(house.web.site.engine, house.web.site.sessions, house.web.site.trust.now)
    assert await ending.round(datetime.now(UTC)) == 1
    assert (await browser.get("/my/ukeys")).status_code in (302, 303, 401)
