"""The winner seals: real browser, assistant, PKCS#11 module and platform, from the bid to the check."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from certificates.issuing.presenting import presented
from office.accounts import Accounts
from office.database import create_engine
from office.ukeys import UKeys
from signing.token.port import Pin
from tests import sealingkit
from tests.assistantkit import free_port
from tests.browser.auction_house import PEOPLE, House, _apart, _make_accounts
from tests.browser.computer import (
    PIN,
    Computer,
    Person,
    accessible,
    by_password,
    let_in,
    person,
    running_assistant,
)
from tests.browser.conftest import PHONE
from tests.browser.test_journey import in_phase, press_step, room, stands
from tests.faults import stage

WRONG = "999999"
PLATFORM_PIN = "1234567890"


@dataclass
class Town:
    """A platform that asks for UKeys, and the computer of its bidders, on which an assistant runs."""

    house: House
    computer: Computer


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    folder = Path(tempfile.mkdtemp(prefix="luochui-sealing-"))
    folder.chmod(0o711)
    authority = sealingkit.authority(folder / "authority")
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o711)
    pin_file = folder / "platform.pin"
    pin_file.write_text(PLATFORM_PIN)
    pin_file.chmod(0o600)
    sealingkit.equip(authority, data / "platform-ukey", "platform", "测试平台", Pin(PLATFORM_PIN))
    keys = {
        login: sealingkit.equip(authority, folder / "ukeys", login, PEOPLE[login][1], Pin(PIN))
        for login in ("one", "transferor")
    }
    settings = {
        "LUOCHUI_BID_REQUIRES_UKEY": "1",
        "LUOCHUI_TRUST_FOLDER": str(folder / "authority"),
        "LUOCHUI_PLATFORM_UKEY": "platform",
        "LUOCHUI_PLATFORM_PIN_FILE": str(pin_file),
        "LUOCHUI_ASSISTANT_PORT": str(port),
    }
    try:
        with stage.platform(data, settings) as platform:
            _apart(_make_accounts(platform))
            _apart(_bind(platform.settings.required_database_url(), keys["transferor"]))
            house = House(platform, ())
            yield Town(house, Computer(house.address, folder, port))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _bind(url: str, key: sealingkit.UKeyOnToken) -> None:
    engine = create_engine(url)
    account = await Accounts(engine).by_login("transferor")
    assert account is not None
    ukeys = UKeys(engine)
    await ukeys.confirm(await ukeys.bind(account.id, presented(key.certificate, key.seal)), by=account.id)
    await engine.dispose()


def check(town: Town, file: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "luochui",
        "check",
        str(file),
        "--trust",
        str(town.computer.folder / "authority"),
    ]
    return subprocess.run(
        command, env=town.computer.environment, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.mark.timeout(600)
def test_from_the_bid_to_the_sealed_confirmation(town: Town, browser: Browser, tmp_path: Path) -> None:
    errors: list[str] = []
    one = person(town.computer, browser, errors)
    by_password(one, "one")
    code = one.go("/my/ukeys").locator("#pairing strong").inner_text()
    one.flow("ukey-bind")
    expect(one.page.locator("[data-part=fault]")).to_contain_text("没有找到 UKey 助手")
    with running_assistant(town.computer, code):
        _bound_and_confirmed(town, browser, errors, one)
        _bids_and_wins(town, one)
        _seals_after_a_wrong_pin(one)
        seller = person(town.computer, browser, errors, PHONE)
        _transferor_seals(seller)
        _platform_seals(one)
        _downloads_and_checks(town, one, tmp_path)
    assert errors == []


def _bound_and_confirmed(town: Town, browser: Browser, errors: list[str], one: Person) -> None:
    let_in(one)
    expect(one.page).to_have_url(re.compile("/my/ukeys$"))
    accessible(one.page)
    # Several UKeys are plugged in and none is bound: the person chooses in the window.
    one.flow("ukey-bind")
    window = one.window()
    window.get_by_role("link", name="用这个：one").click()
    window.get_by_label("PIN", exact=True).fill(PIN)
    window.locator("button[value=agree]").click()
    window.get_by_role("heading", name=re.compile("^已")).wait_for()
    window.close()
    expect(one.page.locator("main")).to_contain_text("UKey 已登记")
    clerk = person(town.computer, browser, errors)
    by_password(clerk, "first-administrator")
    clerk.go("/my/tasks").get_by_role("link", name=re.compile("办理：确认 UKey")).click()
    expect(clerk.page.locator("main")).to_contain_text("名称一致")
    accessible(clerk.page)
    clerk.page.get_by_role("button", name=re.compile("确认 UKey")).click()
    expect(clerk.page.locator("main")).to_contain_text("可以用于登录和盖章")


def _bids_and_wins(town: Town, one: Person) -> None:
    lot = town.house.put_on(ranks={"one": 0}, inquiry_ms=500, window_ms=30_000, opens_in_ms=500)
    page = one.go(f"/lots/{lot}/room")
    room(page)
    expect(page.locator("[data-part=alerts]")).to_contain_text("现在只能观看")
    expect(page.locator("[data-part=obstacle]")).to_contain_text("用 UKey 登录后才能出价")
    page.get_by_role("link", name="用 UKey 登录").click()
    page.locator("#field-login").fill("one")
    one.flow("ukey-sign-in")
    one.agree()
    page.wait_for_url(f"{town.house.address}/lots/{lot}/room")
    room(page)
    in_phase(page, "timed_bidding")
    press_step(page, "起始价")
    stands(page, "leading")
    in_phase(page, "closed", within_s=90)
    dialog = page.locator("[data-part=win-dialog]")
    expect(dialog).to_contain_text("请到“我的办件”给成交确认书盖章")
    dialog.get_by_role("link", name="去盖章").click()


def _task(who: Person) -> Page:
    """The first task; the sealer makes it a moment after the result."""
    link = who.page.get_by_role("link", name=re.compile("^办理："))
    for _ in range(120):
        who.go("/my/tasks")
        if link.count():
            break
        who.page.wait_for_timeout(500)
    link.first.click()
    return who.page


def _seals_after_a_wrong_pin(one: Person) -> None:
    page = _task(one)
    accessible(page)
    expect(page.locator(".paper__page")).to_have_count(1)
    page.locator(".paper__page").scroll_into_view_if_needed()
    assert page.locator(".paper__page").evaluate("(i) => i.decode().then(() => i.naturalWidth)") > 700
    one.flow("ukey-seal")
    window = one.window()
    expect(window.locator(".document")).to_have_count(2)  # PDF and OFD, sealed with one PIN
    window.get_by_label("PIN", exact=True).fill(WRONG)
    window.locator("button[value=agree]").click()
    window.get_by_text("还可以再试 2 次").first.wait_for()
    window.wait_for_timeout(3_000)
    window.get_by_label("PIN", exact=True).fill(PIN)
    window.locator("button[value=agree]").click()
    window.get_by_role("heading", name="已盖章").wait_for()
    window.close()
    expect(page.locator(".steps__one--done")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("等转让方盖章")
    for secret in (PIN, WRONG):
        assert secret not in page.evaluate(
            "JSON.stringify({...localStorage}) + document.documentElement.outerHTML"
        )


def _transferor_seals(seller: Person) -> None:
    let_in(seller)
    seller.sign_in("transferor", "/my/tasks")
    page = _task(seller)
    accessible(page)
    # What the person does not agree to is not sealed, and can be begun again.
    seller.flow("ukey-seal")
    window = seller.window()
    window.locator("button[value=refuse]").click()
    expect(page.locator("[data-part=fault]")).to_contain_text("没有同意")
    window.close()
    seller.flow("ukey-seal")
    page.locator("[data-part=cancel]").click()
    expect(page.locator("[data-part=fault]")).to_contain_text("已取消")
    seller.flow("ukey-seal")
    seller.agree()
    expect(page.locator(".steps__one--done").nth(1)).to_be_visible()


def _platform_seals(one: Person) -> None:
    page = one.page
    for _ in range(120):
        page.reload()
        if page.get_by_text("三方都已盖章").count():
            break
        page.wait_for_timeout(500)
    expect(page.locator(".steps__one--done")).to_have_count(3)


def _downloads_and_checks(town: Town, one: Person, folder: Path) -> None:
    page = one.page
    for kind in ("PDF", "OFD"):
        for _ in range(20):  # the OFD is sealed after the PDF
            with page.expect_download() as download:
                page.get_by_role("link", name=f"下载 {kind}", exact=True).click()
            file = folder / f"sealed.{kind.lower()}"
            shutil.copy(download.value.path(), file)
            done = check(town, file)
            if "3 枚" in done.stdout:
                break
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 枚电子印章全部真实" in done.stdout
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 1
        file.write_bytes(content)
        assert check(town, file).returncode != 0
