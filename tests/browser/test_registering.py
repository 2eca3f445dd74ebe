"""A registration as a bidder makes it: the wizard in the browser, and the seals by the UKey assistant.

The other journeys seal over HTTP as the assistant does; here the page itself reaches the assistant, through
the policies of the page, and the assistant through the virtual UKey.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import trading_people as people
from tests.browser.computer import (
    PIN,
    Person,
    accessible,
    by_password,
    let_in,
    person,
    running_assistant,
)
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pretended_bank import BANK
from tests.browser.trading_house import PEOPLE, TradingHouse, open_trading_house
from trading.registrations.consents import TITLE as CONSENT
from trading.registrations.papers import TITLES

pytestmark = [pytest.mark.xdist_group("registering"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trading() -> Iterator[TradingHouse]:
    with open_trading_house() as house:
        yield house


def test_bidders_seal_registrations_and_a_consent_through_the_assistant(
    trading: TradingHouse, browser: Browser
) -> None:
    """One registers alone and seals both papers with one PIN; then a purchase of two, in which the partner
    seals the consent on the page of the invitation."""
    alone = people.announced(trading, title="吉首市乾州 9 号车库")
    together = people.announced(trading, title="花垣县旧厂房一座")
    errors: list[str] = []
    four = person(trading.computer, browser, errors, DESKTOP)
    five = person(trading.computer, browser, errors, PHONE)
    by_password(four, "four")
    by_password(five, "five")
    code = four.go("/my/ukeys").locator("#pairing strong").inner_text()
    with running_assistant(trading.computer, code):
        let_in(four)
        let_in(five)
        _alone(trading, four, alone)
        _joint(trading, four, five, together)
    assert errors == []


def _alone(trading: TradingHouse, four: Person, lot: str) -> None:
    page = _fills_in(four, lot)
    assert _sealed_at_once(four) == 2
    expect(page.locator("main")).to_contain_text("申购回执单")
    expect(page.locator("main")).to_contain_text("盖章成功，申请已提交")
    number = "".join(page.locator(".receipt__number").inner_text().split())
    trading.bank.pays(PEOPLE["four"][1], number, people.DEPOSIT_YUAN)
    trading.until(lambda: "报名成功" in _again(page), "the deposit")


def _joint(trading: TradingHouse, four: Person, five: Person, lot: str) -> None:
    page = _fills_in(four, lot, partner="five")
    expect(page.locator("main")).to_contain_text("等联合购买人同意")
    expect(page.locator("#ukey-seal")).to_have_count(0)
    five.go("/my/tasks").get_by_role("link", name=f"{PEOPLE['four'][1]}请您联合购买").first.click()
    asked = five.page
    expect(asked.locator("main")).to_contain_text("您的份额是 40 %")
    accessible(asked)
    assert asked.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    five.flow("ukey-join")
    window = five.window()
    expect(window.locator(".document")).to_have_count(1)
    expect(window.locator("main")).to_contain_text(CONSENT)
    window.get_by_label("PIN", exact=True).fill(PIN)
    window.locator("button[value=agree]").click()
    window.get_by_role("heading", name="已盖章").wait_for()
    window.close()
    expect(asked.locator("main")).to_contain_text("您已同意联合购买，同意书已盖章")
    page.reload()
    expect(page.locator("main")).to_contain_text("请您盖章")
    assert _sealed_at_once(four) == 2
    expect(page.locator("main")).to_contain_text("申购回执单")
    expect(page.get_by_role("link", name="看同意书")).to_have_count(1)


def _fills_in(who: Person, lot: str, partner: str = "") -> Page:
    """The whole wizard, from the announcement to the page that asks for the seal."""
    page = who.go(f"/announcements/{lot}")
    page.get_by_role("link", name="我要报名").first.click()
    _press(page, "开始报名")
    page.locator("#field-read").check()
    _press(page, "保存，下一步")
    page.locator(f"input[name=joint][value={'joint' if partner else 'alone'}]").check()
    if partner:
        for name, text in {"own_share": "60", "partner_1": partner, "share_1": "40"}.items():
            page.locator(f"#field-{name}").fill(text)
    _press(page, "保存，下一步")
    page.locator("input[name=kind][value=organization]").check()
    form = {**people.APPLICATION, "code": people.CODES["four"]}
    for name, text in form.items():
        if name != "kind":
            page.locator(f"#field-{name}").fill(text)
    _press(page, "保存，下一步")
    page.locator("#field-read").check()
    _press(page, "保存，下一步")
    file = {"name": "营业执照.png", "mimeType": "image/png", "buffer": people.a_picture()}
    page.locator("#field-file").set_input_files([file])  # type: ignore[arg-type]
    _press(page, "上传")
    expect(page.locator("main")).to_contain_text("附件已上传")
    _press(page, "保存，下一步")
    page.locator(f"input[name=bank][value={BANK}]").check()
    _press(page, "保存，下一步")
    _press(page, "提交，去盖章")
    return page


def _sealed_at_once(who: Person) -> int:
    """Both papers in one window, with one PIN: how many papers it showed."""
    who.flow("ukey-seal")
    window = who.window()
    for title in TITLES.values():
        expect(window.locator("main")).to_contain_text(title)
    shown = window.locator(".document").count()
    window.get_by_label("PIN", exact=True).fill(PIN)
    window.locator("button[value=agree]").click()
    window.get_by_role("heading", name="已盖章").wait_for()
    window.close()
    return shown


def _press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def _again(page: Page) -> str:
    page.reload()
    return page.locator("main").inner_text()
