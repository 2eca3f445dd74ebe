"""The next bidder is asked: after a refusal and after a default; declines, lets the time pass, accepts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import trading_people as people
from tests.browser.computer import accessible
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_trading_journeys import Sits, choose, handles, press, says
from tests.browser.test_trading_journeys import sits as sits
from tests.browser.trading_house import TradingHouse, open_trading_house

pytestmark = [pytest.mark.xdist_group("next-bidder"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trading() -> Iterator[TradingHouse]:
    with open_trading_house() as house:
        people.rules_say(house, offer_to_next_after_refusal=True)
        yield house


def test_after_a_refusal_one_declines_and_one_lets_the_time_pass(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="古丈县茶叶加工厂房")
    for login in ("one", "two", "three"):
        people.registers(trading, login, lot)
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000), ("three", 1_020_000))
    people.refuses(trading, lot, "受让方的营业执照已被吊销。")
    trading.until_state(lot, "next_offer")

    two = sits("two", "/my/tasks", PHONE)
    handles(two, trading, "古丈县茶叶加工厂房")
    _stands_well(two, "asked-390")
    says(two, "1,010,000")
    press(two, "提交答复")  # nothing is chosen: the browser holds it back
    choose(two, answer="decline")
    press(two, "提交答复")
    says(two, "已答复：不受让")
    says(two, "您的答复：不接受")
    _stands_well(two, "declined-390")
    assert trading.errand("three").client.get(f"/sales/{lot}/offer").status_code == 404

    one = sits("one", "/my/tasks", DESKTOP)
    handles(one, trading, "古丈县茶叶加工厂房")
    says(one, "1,000,000")
    _stands_well(one, "asked-1280")
    trading.clock.reach(trading.one(_ASKED, lot) + timedelta(seconds=1))
    trading.until_state(lot, "unsold")
    choose(one, answer="take")
    press(one, "提交答复")  # too late
    says(one, "期限已过")
    says(one, "您的答复：逾期未答复")
    _stands_well(one, "late-1280")
    one.goto(f"{trading.address}/my/tasks")
    expect(one.locator("main")).not_to_contain_text("古丈县茶叶加工厂房")
    _stands_well(one, "tasks-after")


_ASKED = "SELECT due_at FROM priority_offers WHERE lot = %s AND answer = 'asked'"


def test_after_a_default_the_next_bidder_accepts(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="龙山县加油站一座")
    for login in ("one", "two"):
        people.registers(trading, login, lot)
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    people.reviewed(trading, lot)
    clerk = sits("administrator", f"/sales/{lot}/default")
    _stands_well(clerk, "default-1280")
    clerk.locator("#field-reason").fill("竞得人书面表示不再签约。")
    for box in clerk.locator("main input[type=checkbox]").all():
        box.check()
    clerk.locator("form[action$='/default'] button").last.click()
    trading.until_state(lot, "next_offer")

    one = sits("one", "/my/tasks", PHONE)
    _stands_well(one, "tasks-390")
    handles(one, trading, "龙山县加油站一座")
    says(one, "1,000,000")
    choose(one, answer="take")
    press(one, "提交答复")
    says(one, "已接受")
    says(one, "接下来由平台审查资格")
    _stands_well(one, "accepted-390")
    people.reviewed(trading, lot)
    price = "SELECT price FROM awards WHERE lot = %s AND state = 'awarded'"
    assert trading.one(price, lot) == 100_000_000


def _stands_well(page: Page, name: str) -> None:
    """Accessible, and nothing wider than the window."""
    accessible(page)
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
