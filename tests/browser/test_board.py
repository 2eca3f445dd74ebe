"""The board: what is live, and the administrators' commands."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.auction_house import START, House
from tests.browser.conftest import PHONE, Visit
from tests.browser.test_journey import in_phase, room


def row_of(board: Page, lot: str) -> Locator:
    return board.locator(".board-row", has_text=lot)


def command(board: Page, lot: str, name: str, text: str = "") -> None:
    row_of(board, lot).get_by_role("button", name=f"{name}：").click()
    dialog = board.locator("dialog[open]")
    if text:
        dialog.locator("textarea").fill(text)
    dialog.locator("button:not([type=button])").click()


def test_the_administrator_suspends_and_resumes_a_lot(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one", PHONE))
    in_phase(one, "timed_bidding")
    board = visit("/board", "first-administrator")
    expect(row_of(board, lot)).to_contain_text("限时竞价")
    house.bid(lot, "one", START)
    expect(row_of(board, lot)).to_contain_text("¥1,000,000")

    command(board, lot, "中止", "核对产权资料")
    in_phase(one, "suspended")
    expect(one.locator("[data-part=halt]")).to_contain_text("核对产权资料")
    expect(one.locator("[data-part=halt]")).to_contain_text("恢复时间尚未确定")
    expect(row_of(board, lot)).to_contain_text("管理员中止")
    expect(board.locator("[data-part=alarms]")).to_contain_text("尚未公布恢复时间")

    row_of(board, lot).get_by_role("button", name="恢复：").click()
    dialog = board.locator("dialog[open]")
    dialog.locator("input[type=number]").fill("8")
    dialog.get_by_role("button", name="公布恢复时间").click()
    expect(one.locator("[data-part=halt-resumes]")).to_contain_text("恢复，届时时间重新计满")
    expect(one.locator("[data-room]")).to_have_attribute("data-clock", "resuming")
    in_phase(one, "timed_bidding")
    expect(one.locator("[data-part=countdown]")).to_have_text(re.compile("00:2[0-9]"))


def test_a_lot_that_comes_later_has_its_title_too(house: House, visit: Visit) -> None:
    board = visit("/board", "first-administrator")
    expect(board.locator("[data-part=now]")).not_to_have_text("--:--:--")
    lot = house.put_on(window_ms=30_000)
    title = row_of(board, lot).locator(".board-row__title")
    expect(title).to_be_visible(timeout=30_000)
    expect(title).not_to_have_text(lot, timeout=60_000)


def test_a_reason_is_required(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    board = visit("/board", "first-administrator")
    expect(row_of(board, lot)).to_contain_text("限时竞价")
    command(board, lot, "中止")
    expect(board.locator("dialog[open]")).to_be_visible()
    assert board.locator("dialog[open] textarea").evaluate("element => element.validity.valueMissing")


def test_two_administrators_end_an_auction(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one"))
    in_phase(one, "timed_bidding")
    first, second = visit("/board", "first-administrator"), visit("/board", "second-administrator")
    expect(row_of(first, lot)).to_contain_text("限时竞价")
    command(first, lot, "申请终结", "权属存在争议")
    expect(one.locator("[data-part=halt]")).to_contain_text("有管理员申请终结")
    command(first, lot, "确认终结", "权属存在争议")
    expect(first.locator(".flashes")).to_contain_text("另一位管理员")
    in_phase(one, "suspended")
    command(second, lot, "确认终结", "权属存在争议")
    in_phase(one, "aborted")
    expect(one.locator("[data-part=ending]")).to_contain_text("权属存在争议")


def test_a_notice_reaches_everybody(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    nobody = room(visit(f"/lots/{lot}/room"))
    board = visit("/board", "first-administrator")
    command(board, lot, "公告", "请核对金额后再出价。")
    expect(nobody.locator("[data-part=notes]")).to_contain_text("请核对金额后再出价。")


def test_all_lots_are_suspended_and_resumed_together(house: House, visit: Visit) -> None:
    lots = [house.put_on(window_ms=30_000) for _ in range(2)]
    board = visit("/board", "first-administrator")
    for lot in lots:
        expect(row_of(board, lot)).to_contain_text("限时竞价")
    board.get_by_role("button", name="全部中止").click()
    board.locator("dialog[open] textarea").fill("网络运营商故障")
    board.locator("dialog[open]").get_by_role("button", name="全部中止").click()
    for lot in lots:
        expect(row_of(board, lot)).to_contain_text("已中止")
    board.get_by_role("button", name="全部恢复").click()
    board.locator("dialog[open] input[type=number]").fill("1")
    board.locator("dialog[open]").get_by_role("button", name="公布恢复时间").click()
    for lot in lots:
        expect(row_of(board, lot)).to_contain_text("限时竞价")


def test_the_regulator_sees_everything_and_has_no_buttons(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    board = visit("/board", "regulator")
    expect(row_of(board, lot)).to_be_visible()
    expect(board.locator(".health[data-state=steady]").first).to_be_visible()
    expect(board.locator("[data-part=gateways] li")).to_have_count(2)
    assert board.locator(".board-row button, [data-command-all], dialog").count() == 0


def test_all_buttons_lie_inside_the_table(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    board = visit("/board", "english-administrator", (1280, 800))
    board.get_by_role("button", name="English").click()
    expect(board.locator("html")).to_have_attribute("lang", "en")
    row = row_of(board, lot)
    expect(row).to_be_visible()
    fits = "e => [e.scrollWidth - e.clientWidth, e.getBoundingClientRect().right]"
    over, right = board.locator(".board-scroll").evaluate(fits)
    assert over <= 0
    for button in row.locator("button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= right


def test_order_and_filter_survive_a_command(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000, title="某水库经营权")
    other = house.put_on(window_ms=20_000, title="公务车辆一批")
    board = visit("/board", "first-administrator")
    expect(row_of(board, other)).to_be_visible()
    board.get_by_label("查找标的").fill("水库")
    expect(row_of(board, other)).to_have_count(0)
    board.get_by_role("button", name="当前价").click()
    expect(board.locator("[aria-sort=descending]")).to_contain_text("当前价")
    command(board, lot, "公告", "现场踏勘照常。")
    expect(board.get_by_label("查找标的")).to_have_value("水库")
    expect(board.locator("[aria-sort=descending]")).to_contain_text("当前价")
    expect(row_of(board, lot)).to_be_visible()
    expect(row_of(board, other)).to_have_count(0)


def test_the_board_says_when_it_is_out_of_date(house: House, visit: Visit) -> None:
    board = visit("/board", "regulator")
    expect(board.locator("[data-part=connection][data-connection=open]")).to_be_visible()
    for proxy in house.proxies:
        proxy.silence()
    expect(board.locator("[data-part=connection-alert]")).to_contain_text("最后得知的状态")
    house.restore()
    expect(board.locator("[data-part=connection-alert]")).to_be_hidden()
