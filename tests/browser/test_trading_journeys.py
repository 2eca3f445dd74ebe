"""The journeys of the trading workflow, each from the transferor's form to the archive or the end.

Journey (a) is walked in the browser by everybody; the others show there what is their own, and go the
common way over the same routes.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser import trading_people as people
from tests.browser.computer import accessible
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_journey import in_phase, press_step, room, stands
from tests.browser.trading_house import BRISK, PEOPLE, TradingHouse, open_trading_house

pytestmark = [pytest.mark.xdist_group("trading"), pytest.mark.timeout(300)]
PATIENCE_MS = 60_000

Sits = Callable[..., Page]


@pytest.fixture(scope="module")
def trading() -> Iterator[TradingHouse]:
    with open_trading_house() as house:
        yield house


@pytest.fixture
def sits(trading: TradingHouse, browser: Browser) -> Iterator[Sits]:
    """sits("one", "/announcements") opens a page in a browser of that person's own; "" is the public. An
    error in any page's console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # What the browser itself says of a refused form, or of a socket that is closed.
        expected = "WebSocket" in message.text or "status of 422" in message.text
        if message.type == "error" and not expected:
            errors.append(f"{message.text} ({message.location})")

    def sit(login: str, path: str, size: tuple[int, int] = DESKTOP) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if login:
            cookie = trading.errand(login).cookie
            context.add_cookies([{"name": "luochui_session", "value": cookie, "url": trading.address}])
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(trading.address + path)
        return page

    yield sit
    for context in contexts:
        context.close()
    assert errors == []


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f"#field-{name}").fill(text)


def choose(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"input[name={name}][value={value}]").check()


def says(page: Page, words: str) -> None:
    expect(page.locator("main")).to_contain_text(words, timeout=PATIENCE_MS)


def until_it_says(page: Page, words: str) -> None:
    """Come back to the page until it says so: what is awaited happens without it."""
    for _ in range(200):
        if words in page.locator("main").inner_text():
            return
        page.wait_for_timeout(300)
        page.reload()
    says(page, words)


def handles(page: Page, trading: TradingHouse, words: str) -> None:
    """My tasks, until there is one that says so, and its button."""
    link = page.get_by_role("link", name=re.compile(f"^办理：.*{re.escape(words)}"))
    for _ in range(200):
        page.goto(f"{trading.address}/my/tasks")
        if link.count():
            break
        page.wait_for_timeout(300)
    link.first.click()


# ── (a) ──


def test_a_competitive_bidding_with_three_bidders(trading: TradingHouse, sits: Sits, tmp_path: Path) -> None:
    people.rules_say(trading, inquiry_ms=20_000)  # three browsers have to be in the room before it ends
    lot = _lists_an_asset(trading, sits)
    _publishes(trading, sits, lot)
    people.rules_say(trading, inquiry_ms=BRISK["inquiry_ms"])
    _registers(trading, sits, lot)
    for login in ("two", "three"):
        people.registers(trading, login, lot)
    _finance_imports(trading, sits, lot)
    _bids(sits, lot)
    _reviews(trading, sits, lot)
    people.seals(trading, lot, "confirmation", "two", "transferor")
    trading.until_state(lot, "contract")
    _contracts(trading, sits, lot)
    _pays(trading, sits, lot)
    public = sits("", f"/announcements/{lot}", PHONE)
    says(public, "成交结果公告")
    says(public, PEOPLE["two"][1])
    accessible(public)
    trading.reach_due(lot)
    trading.until_state(lot, "archived")
    _archive_is_checked(trading, sits, lot, tmp_path)


def _lists_an_asset(trading: TradingHouse, sits: Sits) -> str:
    page = sits("transferor", "/my/assets")
    page.get_by_role("link", name=re.compile("录入新资产")).first.click()
    accessible(page)
    choose(page, asset_class="physical", method="competitive_bidding")
    fill(page, title=people.TITLE, place="湘西州吉首市", starting_price="100万")
    press(page, "建立草稿，下一步")
    page.locator("#field-d_kind").select_option("real_estate")
    page.locator("#field-d_payment").select_option("once")
    chosen = {"d_kind", "d_payment"}
    fill(page, **{name: text for name, text in people.DETAILS.items() if name not in chosen})
    press(page, "保存，下一步")
    fill(page, **people.PRICES)
    press(page, "保存，下一步")
    for kind, name, content in (
        ("picture", "门面.png", people.a_picture()),
        ("decision", "会议决定.pdf", people.a_paper()),
    ):
        mime = "image/png" if name.endswith("png") else "application/pdf"
        file = {"name": name, "mimeType": mime, "buffer": content}
        page.locator(f"#file-{kind}").set_input_files([file])  # type: ignore[list-item]
        page.locator(f"#kind-{kind}").get_by_role("button", name=re.compile("^上传")).click()
        expect(page.locator(f"#kind-{kind}")).to_contain_text("已有 1 个", timeout=PATIENCE_MS)
    press(page, "文件齐了，去核对")
    says(page, "内容已齐")
    accessible(page)
    press(page, "提交审核")
    says(page, "已提交审核")
    return page.url.rsplit("/", 1)[-1]


def _publishes(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("administrator", "/my/tasks")
    handles(page, trading, f"审核公告：{people.TITLE}")
    says(page, "公告期 10 个工作日")
    accessible(page)
    press(page, "发布公告")
    says(page, "公告已发布")
    public = sits("", "/announcements")
    public.get_by_role("link", name=people.TITLE).first.click()
    says(public, "报名还没有开始")
    trading.clock.reach(trading.one("SELECT registration_starts FROM listings WHERE lot = %s", lot))


def _registers(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("one", f"/announcements/{lot}", PHONE)
    page.get_by_role("link", name="我要报名").first.click()
    press(page, "开始报名")
    page.locator("#field-read").check()
    press(page, "保存，下一步")
    choose(page, joint="alone")
    press(page, "保存，下一步")
    choose(page, kind="organization")
    fill(page, code="91433100MA4L00TB78")
    fill(page, **{name: text for name, text in people.APPLICATION.items() if name != "kind"})
    press(page, "保存，下一步")
    expect(page.locator("#error-code")).to_be_visible()
    fill(page, code=people.CODES["one"])
    press(page, "保存，下一步")
    page.locator("#field-read").check()
    press(page, "保存，下一步")
    file = {"name": "营业执照.png", "mimeType": "image/png", "buffer": people.a_picture()}
    page.locator("#field-file").set_input_files([file])  # type: ignore[list-item]
    press(page, "上传")
    says(page, "附件已上传")
    press(page, "保存，下一步")
    choose(page, bank=people.BANK)
    press(page, "保存，下一步")
    says(page, "都填好了")
    accessible(page)
    press(page, "提交，去盖章")
    says(page, "请您盖章")
    here = page.url.removeprefix(trading.address).split("?")[0]
    people.seals_both(trading, "one", here)
    page.reload()
    says(page, "申购回执单")
    number = "".join(page.locator(".receipt__number").inner_text().split())
    trading.bank.books(PEOPLE["one"][1], number, people.DEPOSIT_YUAN)


def _finance_imports(trading: TradingHouse, sits: Sits, lot: str) -> None:
    """The first bidder's money comes with the statement, of which the other transfers are known already."""
    page = sits("finance", "/finance/statements")
    page.locator("#field-bank").select_option(people.BANK)
    file = {"name": "流水.csv", "mimeType": "text/csv", "buffer": trading.bank.statement()}
    page.locator("#field-file").set_input_files([file])  # type: ignore[list-item]
    press(page, "上传并核对")
    accessible(page)
    press(page, "确认导入")
    one = sits("one", "/my/trades")
    until_it_says(one, "报名成功")
    trading.reach_due(lot)
    trading.until_state(lot, "evaluation")
    page.goto(f"{trading.address}/finance")
    page.locator("#field-sure").check()
    press(page, "标记为完整")
    says(page, "已标记")
    trading.until_state(lot, "in_auction")
    people.is_on(trading, lot)


def _bids(sits: Sits, lot: str) -> None:
    one, two, three = (sits(login, f"/lots/{lot}/room") for login in ("one", "two", "three"))
    for page in (one, two, three):
        room(page)
    in_phase(one, "timed_bidding", within_s=60)
    press_step(one, "起始价")
    stands(one, "leading")
    press_step(two, "+1 档")
    stands(two, "leading")
    stands(one, "outbid")
    in_phase(two, "closed", within_s=60)
    expect(two.locator("[data-part=win-dialog]")).to_contain_text("恭喜您！成为最高报价人")


def _reviews(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("administrator", "/my/tasks")
    handles(page, trading, f"资格审查：{people.TITLE}")
    says(page, PEOPLE["two"][1])
    accessible(page)
    press(page, "审查通过")
    trading.until_state(lot, "confirmation")


def _contracts(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("transferor", "/my/tasks")
    handles(page, trading, f"起草合同：{people.TITLE}")
    press(page, "保存草稿")
    press(page, "定稿，送去盖章")
    people.seals(trading, lot, "contract", "two", "transferor")
    trading.until_state(lot, "payment")


def _pays(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("two", f"/sales/{lot}/payment")
    until_it_says(page, "还要付")
    number = "".join(page.locator("dd.fixed").first.inner_text().split())
    due = trading.one("SELECT price + fee - credited FROM price_accounts WHERE lot = %s", lot)
    trading.bank.pays(PEOPLE["two"][1], number, due / 100)
    until_it_says(page, "价款已付清")
    trading.until_state(lot, "publication")


def _archive_is_checked(trading: TradingHouse, sits: Sits, lot: str, folder: Path) -> None:
    page = sits("transferor", f"/sales/{lot}")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载交易档案").click()
    file = folder / "archive.zip"
    shutil.copy(download.value.path(), file)
    command = [sys.executable, "-m", "luochui", "check", str(file)]
    trust = ["--trust", str(trading.folder / "authority")]
    done = subprocess.run([*command, *trust], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "档案有效" in done.stdout


# ── (b) to (h) ──


def test_b_one_registrant_an_extension_one_more_and_the_auction(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="吉首市乾州 8 号办公用房")
    people.registers(trading, "one", lot)
    people.registration_ends(trading, lot, "extended")
    page = sits("", f"/announcements/{lot}")
    says(page, "补充公告")
    people.registers(trading, "two", lot)
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("two", 1_000_000), ("one", 1_020_000))
    people.reviewed(trading, lot)
    people.to_the_archive(trading, lot, "one")
    page.reload()
    says(page, "1,020,000")


def test_c_one_registrant_to_the_end_and_a_negotiated_sale(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="凤凰县沱江镇停车场")
    people.registers(trading, "one", lot)
    people.registration_ends(trading, lot, "extended")
    people.registration_ends(trading, lot, "negotiation")
    page = sits("transferor", "/my/tasks")
    handles(page, trading, "填写最终成交价：凤凰县沱江镇停车场")
    file = {"name": "会议决定.pdf", "mimeType": "application/pdf", "buffer": people.a_paper(7)}
    for price in ("99万", "105万"):
        fill(page, price=price)
        page.locator("#field-file").set_input_files([file])  # type: ignore[list-item]
        page.locator("#field-sure").check()
        press(page, "确定成交价")
        if price == "99万":
            expect(page.locator("#error-price")).to_be_visible()
    says(page, "成交价已确定")
    people.to_the_archive(trading, lot, "one")
    says(sits("", f"/announcements/{lot}"), "1,050,000")


def test_d_by_auction_one_bidder_is_enough(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, "auction", title="泸溪县公务车一辆")
    people.registers(trading, "three", lot)
    people.registration_ends(trading, lot, "in_auction")
    page = sits("three", f"/lots/{lot}/room", PHONE)
    in_phase(room(page), "timed_bidding", within_s=60)
    press_step(page, "起始价")
    stands(page, "leading")
    in_phase(page, "closed", within_s=60)
    people.reviewed(trading, lot)
    people.to_the_archive(trading, lot, "three")


def test_e_the_winner_is_refused_in_review(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="保靖县仓库一座")
    for login in ("one", "two"):
        people.registers(trading, login, lot)
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    page = sits("administrator", "/my/tasks")
    handles(page, trading, "资格审查：保靖县仓库一座")
    page.get_by_text("不符合受让资格").click()
    fill(page, reason="受让方的营业执照已被吊销。")
    press(page, "审查不通过")
    page.wait_for_url(lambda url: not url.endswith("/refuse"))
    trading.until_state(lot, "unsold")
    says(sits("", f"/announcements/{lot}"), "未成交")
    released = "SELECT count(*) FROM sub_accounts WHERE disposition = 'released'"
    trading.until(lambda: trading.one(released) >= 2, "the deposits go back")
    seller = sits("transferor", f"/my/assets/{lot}")
    press(seller, "重新挂牌")
    says(seller, "草稿")


def test_f_the_holder_of_a_priority_right_takes_the_final_price(trading: TradingHouse, sits: Sits) -> None:
    people.rules_say(trading, priority_mode="offer")
    lot = people.announced(trading, title="花垣县临街门面三间")
    _marks_a_holder(trading, sits, lot)
    for login in ("one", "two", "three"):
        people.registers(trading, login, lot)
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    trading.until_state(lot, "priority_offer")
    page = sits("three", "/my/tasks")
    handles(page, trading, "答复是否行使优先购买权：花垣县临街门面三间")
    says(page, "1,010,000")
    accessible(page)
    choose(page, answer="take")
    press(page, "提交答复")
    people.reviewed(trading, lot)
    people.to_the_archive(trading, lot, "three")
    people.rules_say(trading, priority_mode="match")


def _marks_a_holder(trading: TradingHouse, sits: Sits, lot: str) -> None:
    page = sits("transferor", f"/my/assets/{lot}/priority")
    fill(page, name=PEOPLE["three"][1], code=people.CODES["three"], rank="1", ground="现承租人")
    file = {"name": "租赁合同.pdf", "mimeType": "application/pdf", "buffer": people.a_paper(3)}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
    page.locator("form[action$='/priority'] button").last.click()
    says(page, PEOPLE["three"][1])
    clerk = sits("administrator", "/administration/priority")
    clerk.locator("form").filter(has_text="确认").get_by_role("button").first.click()
    trading.until(
        lambda: trading.one("SELECT state FROM priority_holders WHERE lot = %s", lot) == "confirmed",
        "the holder is confirmed",
    )


def test_g_a_correction_during_the_announcement(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="永顺县挖掘机一台")
    for login in ("one", "two"):
        people.registers(trading, login, lot)
    page = sits("administrator", f"/administration/listings/{lot}/correct")
    fill(page, reason="补充披露：发动机有渗油。", disclosures="发动机有渗油，竞买人自行查验。")
    press(page, "发布更正公告")
    says(page, "更正")
    for login in ("one", "two"):
        bidder = sits(login, "/my/tasks", PHONE)
        handles(bidder, trading, "重新确认报名：永顺县挖掘机一台")
        says(bidder, "公告有更正")
        bidder.locator("#field-read").check()
        press(bidder, "重新确认报名")
        says(bidder, "报名成功")
    says(sits("", f"/announcements/{lot}"), "更正公告")
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    people.reviewed(trading, lot)
    people.to_the_archive(trading, lot, "two")


def test_h_an_objection_suspends_the_sale(trading: TradingHouse, sits: Sits) -> None:
    lot = people.announced(trading, title="龙山县林地经营权")
    for login in ("one", "two"):
        people.registers(trading, login, lot)
    before = trading.one("SELECT registration_ends FROM listings WHERE lot = %s", lot)
    page = sits("three", f"/objections/new?lot={lot}")
    fill(page, text="公告的林地面积与林权证不一致，请核实后再继续交易。")
    press(page, "提交异议")
    says(page, "异议已提交")
    clerk = sits("administrator", "/my/tasks")
    handles(clerk, trading, "答复异议：龙山县林地经营权")
    fill(clerk, reason="对面积的异议正在核实。")
    press(clerk, "中止标的并公告")
    trading.until_state(lot, "suspended")
    says(sits("", f"/announcements/{lot}"), "中止")
    trading.clock.reach(before)
    assert trading.state(lot) == "suspended"
    choose(clerk, decision="dismiss")
    fill(clerk, answer="经核实，公告面积与林权证一致。")
    press(clerk, "答复")
    here = f"/administration/listings/{lot}"
    trading.errand("administrator").fill(here, "/acts/resume", {"reason": "异议不成立，恢复交易。"})
    trading.until_state(lot, "announced")
    after = trading.one("SELECT registration_ends FROM listings WHERE lot = %s", lot)
    assert (after - trading.clock.now()).days >= 10
    people.registration_ends(trading, lot, "in_auction")
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    people.reviewed(trading, lot)
    people.to_the_archive(trading, lot, "two")
