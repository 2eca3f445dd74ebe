"""The journeys of certificates, each in a browser from the first page to the certificate in use.

One house for all of them; each journey has an account, an order and a UKey of its own, and may run alone.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage

from tests.browser.certificate_house import CertificateHouse, open_certificate_house
from tests.browser.certificate_people import ORGANIZATION, Applying, Clerk, Sitting, says
from tests.browser.conftest import DESKTOP, PATIENT_MS

pytestmark = [pytest.mark.xdist_group("certificates"), pytest.mark.timeout(600)]

Sits = Callable[..., Sitting]


@pytest.fixture(scope="module")
def house() -> Iterator[CertificateHouse]:
    with open_certificate_house() as opened:
        yield opened


@pytest.fixture
def sits(house: CertificateHouse, browser: Browser) -> Iterator[Sits]:
    """sits("one") is somebody signed in by password, in a browser of their own; "" is nobody yet. An error in
    any page's console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # What the browser itself says of a refused form, or of an assistant that is asked for the first time.
        known = ("status of 4", "ERR_CONNECTION_REFUSED")
        if message.type == "error" and not any(word in message.text for word in known):
            errors.append(f"{message.text} ({message.location})")

    def sit(login: str = "", size: tuple[int, int] = DESKTOP) -> Sitting:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
        context.set_default_timeout(PATIENT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        one = Sitting(house, context, page)
        if login:
            one.sign_in(login)
        return one

    yield sit
    for context in contexts:
        context.close()
    assert errors == []


def test_an_organization_at_the_shared_platform_with_a_pin_in_a_transfer(
    house: CertificateHouse, sits: Sits
) -> None:
    house.account("shared", ORGANIZATION["organization_name"])
    her, clerk = sits("shared"), Clerk(sits("clerk1"))
    choose = {"authority": "bjca", "check_organization": "corporate_account", "payment_way": "alipay"}
    order = Applying(her, ORGANIZATION, choose)
    order.begins("hunan_shared", "issue", "organization", "online")
    order.goes_on()
    assert house.order(order.number)["state"] == "in_review"
    label, serial = house.blank()
    clerk.receives_blanks(serial)
    clerk.reviews(order.number)
    clerk.writes(order.number, label, serial)
    clerk.ships(order.number)
    her.go(order.here)
    says(her.page, "SF0001")
