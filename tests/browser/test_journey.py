"""A bidder's journey through an auction, as a person sees it."""

import os
import re
import signal
import time

from playwright.sync_api import Page, expect

from tests.browser.auction_house import START, STEP, House
from tests.browser.conftest import PHONE, Visit

ROOM = "[data-room]"


def room(page: Page) -> Page:
    """Wait until the room knows the lot and who we are."""
    expect(page.locator(".connection[data-connection=open]")).to_be_visible()
    expect(page.locator(ROOM)).not_to_have_attribute("data-phase", "unknown")
    return page


def in_phase(page: Page, phase: str, within_s: float = 60) -> None:
    expect(page.locator(ROOM)).to_have_attribute("data-phase", phase, timeout=within_s * 1000)


def stands(page: Page, lead: str) -> None:
    expect(page.locator(ROOM)).to_have_attribute("data-lead", lead)


def press_step(page: Page, words: str) -> None:
    page.locator(".step:not([aria-disabled=true])", has_text=re.compile(rf"^{re.escape(words)}")).click()


def part(page: Page, name: str) -> str:
    return page.locator(f"[data-part={name}]").inner_text()


def test_a_bidder_watches_bids_is_outbid_bids_again_and_wins(house: House, visit: Visit) -> None:
    lot = house.put_on(inquiry_ms=8_000, window_ms=20_000, opens_in_ms=6_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    two = room(visit(f"/lots/{lot}/room", "two", PHONE))
    in_phase(one, "inquiry")
    expect(one.locator("[data-part=obstacle]")).to_contain_text("询问期内不能出价")
    expect(one.locator(".step").first).to_have_attribute("aria-disabled", "true")

    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    stands(one, "leading")
    expect(one.locator("[data-part=lead]")).to_contain_text("您领先")
    expect(one.locator("[data-part=answer]")).to_contain_text("出价成功：¥1,000,000.00")
    assert part(one, "price-capital") == "壹佰万元整"

    press_step(two, "+2 档")
    stands(two, "leading")
    stands(one, "outbid")
    expect(one.locator("[data-part=lead]")).to_contain_text("您已被超过")
    expect(one.locator("[data-part=say-now]")).to_contain_text("您已被超过")

    one.locator("#bid-amount").fill("103万")
    expect(one.locator("[data-part=amount-note]")).to_contain_text("加 1 档")
    expect(one.locator("[data-part=amount-capital]")).to_have_text("壹佰零叁万元整")
    expect(one.locator("[data-part=submit]:not([aria-disabled=true])")).to_be_visible()
    one.locator("#bid-amount").press("Enter")
    stands(one, "leading")
    stands(two, "outbid")
    expect(one.locator(".log__row--mine")).to_have_count(2)

    one.reload()
    stands(room(one), "leading")
    assert house.proxies[0].drop() + house.proxies[1].drop() >= 2
    stands(room(one), "leading")
    expect(one.locator("[data-part=price]")).to_have_text("¥1,030,000.00")

    in_phase(one, "closed")
    dialog = one.locator("[data-part=win-dialog]")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("恭喜您！成为最高报价人")
    expect(dialog).to_contain_text("请到“我的办件”给成交确认书盖章")
    dialog.get_by_role("button").click()
    expect(one.locator("[data-part=phase]")).to_have_text("成交")
    expect(one.locator("[data-part=ending]")).to_contain_text("恭喜您！成为最高报价人")
    expect(one.locator("[data-part=log]")).to_contain_text("成交：竞买号")
    expect(two.locator("[data-part=ending-title]")).to_have_text("成交")
    stands(two, "lost")
    with one.expect_download() as download:
        one.locator("[data-part=ledger-link]").click()
    text = download.value.path().read_text()
    assert text.count('"kind":"bid_accepted"') == 3


def test_a_double_click_is_one_bid(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    expect(one.locator(".step:not([aria-disabled=true])").first).to_be_visible()
    one.locator(".step").first.dblclick()
    stands(one, "leading")
    one.wait_for_timeout(700)
    expect(one.locator("[data-part=answer]")).to_have_attribute("data-kind", "accepted")
    expect(one.locator("[data-part=answer]")).to_contain_text("出价成功")
    expect(one.locator("[data-part=bids]")).to_have_text("1 次出价")


def test_an_unanswered_bid_is_repeated_after_a_reload_and_counts_once(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=40_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    for proxy in house.proxies:
        proxy.silence(upward=True, downward=False)
    press_step(one, "起始价")
    expect(one.locator("[data-part=answer]")).to_contain_text("正在等待答复")
    one.wait_for_timeout(500)
    house.restore()
    one.reload()
    stands(room(one), "leading")
    expect(one.locator("[data-part=answer]")).to_contain_text("出价成功")
    expect(one.locator(".log__row--mine")).to_have_count(1)


def test_an_answer_that_was_lost_comes_again_and_the_bid_counts_once(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=40_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    for proxy in house.proxies:
        proxy.silence(upward=False, downward=True)
    press_step(one, "起始价")
    one.wait_for_timeout(400)
    house.restore()
    for proxy in house.proxies:
        proxy.drop()
    stands(room(one), "leading")
    expect(one.locator("[data-part=answer]")).to_contain_text("没有重复计数")
    expect(one.locator("[data-part=bids]")).to_have_text("1 次出价")


def test_after_three_silent_seconds_nobody_is_told_to_lead(house: House, visit: Visit) -> None:
    """The last tick is up to a second old when silence falls. A stalled machine gets another try."""
    lot = house.put_on(window_ms=120_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    stands(one, "leading")
    took = []
    for _ in range(4):
        began = time.monotonic()
        for proxy in house.proxies:
            proxy.silence()
        stands(one, "unknown")
        took.append(time.monotonic() - began)
        if 1.9 < took[-1] < 4.5:
            break
        house.restore()
        stands(room(one), "leading")
    assert 1.9 < took[-1] < 4.5, took
    expect(one.locator("[data-part=lead]")).to_contain_text("是否领先未知")
    expect(one.locator("[data-part=obstacle]")).to_contain_text(re.compile("不能出价"))
    expect(one.locator(".step").first).to_have_attribute("aria-disabled", "true")
    house.restore()
    stands(room(one), "leading")


def gateway_of(page: Page) -> int:
    name = room(page).locator(".connection").get_attribute("data-gateway")
    assert name is not None
    return int(name.split("-")[0].removeprefix("g"))


def test_a_gateway_that_falls_silent_is_left_for_the_other_one(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    silent = gateway_of(one)
    house.proxies[silent].silence()
    other = f".connection[data-connection=open]:not([data-gateway^=g{silent}])"
    expect(one.locator(other)).to_be_visible()
    press_step(one, "起始价")
    stands(one, "leading")


def test_an_outage_is_explained_and_costs_nobody_time(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=25_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    stands(one, "leading")
    # Stopped and not killed: this browser's own connection lives on and is told.
    process = house.platform.pid(f"gateway-{gateway_of(one)}")
    os.kill(process, signal.SIGSTOP)
    one.wait_for_timeout(house.platform.settings.tolerance_ms + 1_500)
    os.kill(process, signal.SIGCONT)
    in_phase(one, "suspended")
    halt = one.locator("[data-part=halt]")
    expect(halt).to_contain_text("平台服务中断，竞价已自动中止")
    expect(halt).to_contain_text("任何人都不会因此失去时间")
    expect(halt).to_contain_text("恢复，届时时间重新计满")
    in_phase(one, "timed_bidding")
    expect(one.locator("[data-part=countdown]")).to_have_text(re.compile("00:(2[0-5]|1[0-9])"))
    stands(room(one), "leading")


def test_a_large_step_is_asked_about_in_capitals(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one", PHONE))
    in_phase(one, "timed_bidding")
    one.locator("#bid-amount").fill("1,200,000")
    one.locator("#bid-amount").press("Enter")
    dialog = one.locator("[data-part=confirm-dialog]")
    expect(dialog).to_contain_text("壹佰贰拾万元整")
    expect(dialog).to_contain_text("20 档")
    dialog.get_by_role("button", name="返回修改").click()
    stands(one, "none")
    expect(one.locator("#bid-amount")).to_have_value("1,200,000")
    one.locator("#bid-amount").press("Enter")
    dialog.get_by_role("button", name="确认出价").click()
    stands(one, "leading")
    expect(one.locator("[data-part=price]")).to_have_text("¥1,200,000.00")


def test_a_wrong_amount_is_explained_with_what_is_possible(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000, max_steps=50)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    amount, note = one.locator("#bid-amount"), one.locator("[data-part=amount-note]")
    amount.fill("999,999")
    expect(note).to_contain_text("低于起始价")
    amount.fill("很多钱")
    expect(note).to_contain_text("看不懂这个金额")
    amount.fill("9" * 20)
    expect(note).to_contain_text("一次最多加 50 档")
    amount.fill("9000万")
    expect(note).to_contain_text("一次最多加 50 档")
    amount.fill("1,015,000")
    expect(note).to_contain_text("整数倍")
    one.get_by_role("button", name="改为 ¥1,020,000").click()
    expect(amount).to_have_value("1,020,000")
    amount.press("Enter")
    stands(one, "leading")


def test_a_bidder_needs_no_mouse(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    for _ in range(40):
        one.keyboard.press("Tab")
        if one.locator("#bid-amount").evaluate("element => element === document.activeElement"):
            break
    one.keyboard.press("ArrowUp")
    one.keyboard.press("ArrowUp")
    expect(one.locator("#bid-amount")).to_have_value("1,010,000")
    one.keyboard.press("Enter")
    stands(one, "leading")
    expect(one.locator("[data-part=price]")).to_have_text("¥1,010,000.00")


def test_who_has_priority_may_match_the_price(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000, ranks={"one": 0, "two": 1}, priority_mode="match")
    two = room(visit(f"/lots/{lot}/room", "two"))
    in_phase(two, "timed_bidding")
    expect(two.locator("[data-part=own-rank]")).to_have_text("优先顺位 1")
    expect(two.locator("[data-part=priority-button]")).to_be_hidden()
    house.bid(lot, "one", START)
    two.locator("[data-part=priority-button]").click()
    stands(two, "leading")
    expect(two.locator("[data-part=answer]")).to_contain_text("行使优先购买权")
    expect(two.locator("[data-part=log]")).to_contain_text("优先购买权")
    expect(two.locator("[data-part=price]")).to_have_text("¥1,000,000.00")


def test_who_does_not_confirm_is_out(house: House, visit: Visit) -> None:
    lot = house.put_on(inquiry_ms=10_000, window_ms=20_000, inquiry_mode="confirm")
    one = room(visit(f"/lots/{lot}/room", "one"))
    two = room(visit(f"/lots/{lot}/room", "two"))
    in_phase(one, "inquiry")
    one.locator("[data-part=confirm-button]").click()
    expect(one.locator("[data-part=confirmed-note]")).to_be_visible()
    in_phase(one, "timed_bidding")
    expect(two.locator("[data-part=obstacle]")).to_contain_text("没有确认参加")
    one.reload()
    press_step(room(one), "起始价")
    stands(one, "leading")


def test_the_winner_hears_when_the_reserve_was_not_met(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=8_000, reserve=START + 50 * STEP)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    in_phase(one, "closed")
    expect(one.locator("[data-part=lead]")).to_contain_text("未达保留价")
    expect(one.locator("[data-part=ending]")).to_contain_text("流拍")


def test_anybody_may_watch_and_a_stranger_cannot_bid(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    nobody = room(visit(f"/lots/{lot}/room"))
    stranger = room(visit(f"/lots/{lot}/room", "stranger"))
    in_phase(nobody, "timed_bidding")
    expect(nobody.get_by_role("link", name="登录后出价")).to_be_visible()
    assert nobody.locator(".step").count() == 0
    expect(stranger.locator("[data-part=obstacle]")).to_contain_text("不在本标的的竞买人名单中")
    house.bid(lot, "one", START)
    expect(nobody.locator("[data-part=price]")).to_have_text("¥1,000,000.00")


def test_who_watches_an_ended_lot_is_not_asked_to_sign_in(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=8_000)
    nobody = room(visit(f"/lots/{lot}/room", size=PHONE))
    expect(nobody.get_by_text(lot, exact=True)).to_be_visible()
    invitation = nobody.get_by_role("link", name="登录后出价")
    expect(invitation).to_be_visible()
    in_phase(nobody, "closed")
    expect(invitation).to_be_hidden()
    expect(nobody.locator("[data-part=phase]")).to_have_text("流拍")


def test_tabs_follow_who_signs_out_in_another(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    first = visit("/", "stranger")
    second, live = first.context.new_page(), first.context.new_page()
    second.goto(house.address)
    live.goto(f"{house.address}/lots/{lot}/room")
    room(live)
    first.get_by_role("button", name="退出").click()
    house.cookies.pop("stranger")
    expect(second.get_by_role("link", name="登录", exact=True)).to_be_visible()
    live.get_by_role("button", name="退出").click()
    expect(live.get_by_role("link", name="登录", exact=True)).to_be_visible()


def test_a_session_that_ends_stops_the_bidding(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=40_000)
    three = room(visit(f"/lots/{lot}/room", "three"))
    in_phase(three, "timed_bidding")
    elsewhere = visit("/", "three")
    elsewhere.get_by_role("button", name="退出").click()
    house.cookies.pop("three")
    expect(three.locator("[data-part=connection-alert]")).to_contain_text("登录已失效")
    expect(three.get_by_role("link", name="重新登录")).to_be_visible()
    expect(three.locator("[data-part=obstacle]")).to_contain_text("重新登录")


def test_the_chain_is_checked_in_the_page(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    one = room(visit(f"/lots/{lot}/room"))
    in_phase(one, "timed_bidding")
    house.bid(lot, "one", START)
    house.bid(lot, "two", START + STEP)
    expect(one.locator("[data-part=chain-check]")).to_have_attribute("data-check", "fine")
    expect(one.locator("[data-part=chain-check]")).to_contain_text("5 条记录")
    expect(one.locator("[data-part=log] [data-recorded=true]")).to_have_count(5)
