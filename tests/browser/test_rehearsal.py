"""A newcomer's rehearsal, from the check of the device to the win, in the very room of real auctions."""

from playwright.sync_api import expect

from tests.browser.auction_house import House
from tests.browser.conftest import PHONE, Visit
from tests.browser.test_journey import in_phase, press_step, room, stands


def test_a_newcomer_is_overtaken_twice_and_wins_and_nothing_is_sold(house: House, visit: Visit) -> None:
    page = visit("/my/trades", "newcomer", PHONE)
    expect(page.get_by_role("link", name="去演练")).to_be_visible()
    page.goto(house.address + "/device-check")
    expect(page.locator("[data-check=bidding] [data-part=state]")).to_have_text("正常")
    page.get_by_role("link", name="去演练").click()
    page.get_by_role("button", name="开始演练").click()
    page.wait_for_url("**/lots/REHEARSAL-*/room")
    room(page)  # the page that waits for it has gone on by itself
    expect(page.locator("[data-part=alerts]")).to_contain_text("这是演练，不是真实的拍卖")
    expect(page.locator("h1")).to_contain_text("【演练】")
    in_phase(page, "timed_bidding")
    press_step(page, "起始价")
    for _ in range(2):
        stands(page, "outbid")
        press_step(page, "+1 档")
        stands(page, "leading")
    in_phase(page, "closed")
    dialog = page.locator("[data-part=win-dialog]")
    expect(dialog).to_contain_text("恭喜您！成为最高报价人")
    expect(dialog).to_contain_text("这是演练，不会成交")
    expect(dialog).not_to_contain_text("去盖章")
    dialog.get_by_role("button").click()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE[0]

    page.goto(house.address + "/my/rehearsals")
    expect(page.locator("main")).to_contain_text("还可以练 9 次")
    page.goto(house.address + "/my/trades")
    expect(page.locator("main")).not_to_contain_text("REHEARSAL-")
    page.goto(house.address + "/my/tasks")
    expect(page.locator("main")).not_to_contain_text("演练")
    stranger = visit("/", "stranger")
    expect(stranger.locator("main")).not_to_contain_text("演练")
