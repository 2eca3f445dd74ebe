"""A form is taken once; a job ends with the page that waits for it; what went wrong is told where it did."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from signing.assistant.desk import GONE_AFTER
from signing.jobs import OrderTask, SignInTask, UnlockTask
from signing.token import virtual
from signing.token.port import Pin, PinState
from signing.unlocking import Authorization, secret_for
from tests.assistantkit import (
    PHRASE,
    PIN,
    SO_PIN,
    Assistant,
    Equipped,
    Home,
    Issuer,
    SmallPlatform,
    Window,
    prepared_pdf,
    running_assistant,
)

LABEL = "甲方示例单位"
USED = "这个表单已经提交过"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def made(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Equipped]:
    folder = tmp_path_factory.mktemp("made") / "ukeys"
    return folder, issuer.equip(folder, LABEL)


@pytest.fixture
def ukeys(made: tuple[Path, Equipped], tmp_path: Path) -> Path:
    shutil.copytree(made[0], tmp_path / "ukeys")
    return tmp_path / "ukeys"


@pytest.fixture
def ukey(made: tuple[Path, Equipped], ukeys: Path) -> Equipped:
    return made[1]


@pytest.fixture
def platform() -> Iterator[SmallPlatform]:
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture
def assistant(tmp_path: Path, ukeys: Path, ukey: Equipped, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", ukeys) as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running


def post(window: Window, fields: dict[str, str], path: str = "") -> httpx.Response:
    """What a browser sends, and sends again when it is told to reload the answer."""
    headers = {"Origin": window.assistant.origin}
    return window.client.post(window.at + path, data=fields, headers=headers, follow_redirects=False)


def events(assistant: Assistant) -> list[str]:
    return [str(line["event"]) for line in assistant.work.journal.latest()]


def pin_state(ukeys: Path) -> PinState:
    return virtual.station(ukeys).token(LABEL).info().pin_state


# ── a form is taken once ──


def test_a_wrong_pin_sent_twice_burns_one_try(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    fields = {"csrf": window.csrf, "ukey": ukey.serial, "pin": "999999", "action": "agree"}
    first = post(window, fields)
    assert first.status_code == 303
    assistant.clock.ahead += 60  # patience alone would not have kept it
    again = post(window, fields)
    assert (again.status_code, USED in again.text) == (403, True)
    assert window.at.removeprefix(assistant.origin) in again.text  # the way back
    assert events(assistant).count("wrong-pin") == 1
    assert pin_state(ukeys) is PinState.COUNT_LOW
    shown = window.client.get(assistant.origin + first.headers["location"]).text
    assert "PIN 不正确，还可以再试 2 次" in shown
    assert "PIN 不正确" not in window.reload().text  # said once


def test_a_form_sent_again_signs_nothing_when_the_ukey_is_back(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    number = platform.signs(assistant, platform.document(prepared_pdf(ukey.seal), ukey.seal))
    window = assistant.window(number)
    fields = {"csrf": window.csrf, "ukey": ukey.serial, "pin": PIN.reveal(), "action": "agree"}
    virtual.unplug(LABEL, ukeys)
    assert (
        "没有插入 UKey" in window.client.get(assistant.origin + post(window, fields).headers["location"]).text
    )
    virtual.plug(LABEL, ukeys)
    assert post(window, fields).status_code == 403
    assert assistant.state(platform, number)["state"] == "waiting"
    assert "signed" not in events(assistant)
    assert "已盖章" in window.reload().agree(ukey.serial, PIN.reveal()).text


def sent_twice(home: Home, name: str, **fields: str) -> httpx.Response:
    body = {"csrf": home.reload().csrf, **fields}
    first = post(home, body, name)
    assert first.status_code == 303
    home.assistant.clock.ahead += 60
    again = post(home, body, name)
    assert (again.status_code, USED in again.text) == (403, True)
    return first


def test_the_forms_at_home_are_taken_once(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    home = assistant.home()
    sent_twice(home, "pin", ukey=ukey.serial, pin="999999", new_pin="246802", again="246802")
    assert events(assistant).count("wrong-pin") == 1
    sent_twice(home, "pair", origin=platform.origin, code=platform.code, phrase="另一句")
    assert events(assistant).count("paired") == 2  # once by the fixture
    secret = Authorization(ukey.serial, SO_PIN, Pin("NEXT456789123456"))
    task = UnlockTask(ukey.serial, secret_for(assistant.work.key.public_key, secret))
    way = sent_twice(home, "unlock", code=platform.job(task)).headers["location"]
    window = Window(assistant, way)
    fields = {"csrf": window.csrf, "ukey": ukey.serial, "new_pin": "246802", "again": "246803"}
    assert post(window, {**fields, "action": "agree"}).status_code == 303
    assert post(window, {**fields, "again": "246802", "action": "agree"}).status_code == 403
    assert "unlocked" not in events(assistant)


def test_each_page_of_home_has_forms_of_its_own(assistant: Assistant, ukey: Equipped) -> None:
    home = assistant.home()
    tokens = [home.reload().csrf for _ in range(40)]
    assert len(set(tokens)) == len(tokens)
    fields = {"label": ukey.label, "action": "unplug"}
    assert post(home, {**fields, "csrf": tokens[0]}, "plug").status_code == 403  # made room
    assert post(home, {**fields, "csrf": tokens[-2]}, "plug").status_code == 303
    assert post(home, {**fields, "csrf": tokens[-1]}, "plug").status_code == 303


# ── a job ends with its page ──


def withdraw(assistant: Assistant, platform: SmallPlatform, number: str, **headers: Any) -> httpx.Response:
    asked = {**assistant.headers(platform), **headers}
    return assistant.client.delete(f"/v1/jobs/{number}", headers=asked)


def test_a_page_withdraws_its_job(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "等待您处理" in assistant.home().text
    assert withdraw(assistant, platform, number).status_code == 200
    assert "等待您处理" not in assistant.home().text
    shown = window.agree(ukey.serial, PIN.reveal()).text
    assert "网页已关闭" in shown
    assert "已完成" not in shown
    assert assistant.state(platform, number)["code"] == "page-gone"
    assert "signed" not in events(assistant)


def test_only_its_own_page_withdraws_a_job(assistant: Assistant, platform: SmallPlatform) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    other = SmallPlatform()
    assistant.work.pair(other.origin, other.code, PHRASE)
    assert withdraw(assistant, other, number).status_code == 404
    assert withdraw(assistant, platform, number, Authorization="Bearer x").status_code == 403
    assert withdraw(assistant, platform, number, Origin="https://attacker.example").status_code == 403
    assert assistant.client.delete("/window/at/x").status_code == 405
    assert assistant.state(platform, number)["state"] == "waiting"
    other.close()


def test_what_was_signed_is_not_withdrawn(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    assistant.window(number).agree(ukey.serial, PIN.reveal())
    withdraw(assistant, platform, number)
    assert assistant.state(platform, number)["state"] == "done"


def test_a_job_that_no_page_asks_for_is_not_signed(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assistant.open_pages.clear()
    later = datetime.now(UTC) + GONE_AFTER + timedelta(seconds=3)
    assistant.work.now = lambda: later
    assert "等待您处理" not in assistant.home().text
    assert "网页已关闭" in window.agree(ukey.serial, PIN.reveal()).text
    assert "signed" not in events(assistant)


def test_an_answer_is_held_back_while_nothing_changes(
    assistant: Assistant, platform: SmallPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signing.assistant.api.HELD_S", 0.6)
    number = platform.signs(assistant, SignInTask("one"))
    headers = assistant.headers(platform)
    held = assistant.client.get(f"/v1/jobs/{number}?held=1", headers=headers)
    assert held.elapsed.total_seconds() > 0.5
    assert held.json()["state"] == "waiting"
    assistant.window(number).refuse()
    over = assistant.client.get(f"/v1/jobs/{number}?held=1", headers=headers)
    assert over.elapsed.total_seconds() < 0.5
    assert over.json()["code"] == "refused"


# ── what is told, and where ──


def test_the_try_that_locks_stands_in_the_log(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    for pin in ("999991", "999992", "999993"):
        window.agree(ukey.serial, pin, final="yes")
        assistant.clock.ahead += 60
    assert pin_state(ukeys) is PinState.LOCKED
    assert events(assistant)[:3] == ["pin-locked", "wrong-pin", "wrong-pin"]
    home = assistant.home()
    log = home.client.get(home.at + "log").text
    assert "UKey 已锁定" in log
    assert f"持有人 {LABEL}" in log
    now = datetime.now(UTC) + timedelta(hours=8)
    assert f"{now:%Y-%m-%d %H:}" in log
    assert "+00:00" not in log


def test_the_message_of_a_new_pin_stands_at_its_form(assistant: Assistant, ukey: Equipped) -> None:
    home = assistant.home()
    text = home.act("pin", ukey=ukey.serial, pin=PIN.reveal(), new_pin="246802", again="246803").text
    form = text[text.index("<details open>") :]
    assert f"<strong>{LABEL} · {LABEL}</strong><br>两次输入的新 PIN 不一致。" in form
    assert text.count("两次输入的新 PIN 不一致") == 1


def test_the_ukey_that_is_missing_is_named(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    number = platform.signs(assistant, OrderTask("one", "7", "全文", bytes.fromhex("ab" * 32)))
    window = assistant.window(number)
    assert "没有插上这次要用的 UKey（证书 abababababababab）" in window.text
    assert "<summary>其他 UKey（1）</summary>" in window.text
    window.refuse()
    assert "result--bad" not in window.text
    number = platform.signs(assistant, OrderTask("one", "8", "全文", ukey.certificate.fingerprint))
    virtual.unplug(LABEL, ukeys)
    issuer.equip(ukeys, "乙方示例单位")
    assert f"没有插上这次要用的 UKey（{LABEL} · {LABEL}）" in assistant.window(number).text


def test_cancelling_is_no_fault(assistant: Assistant, platform: SmallPlatform) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    text = window.refuse().text
    assert "已取消" in text
    assert "result--bad" not in text


def test_whoever_comes_from_the_platform_first_is_told_the_way(
    tmp_path: Path, assistant: Assistant, platform: SmallPlatform, ukeys: Path
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    told = assistant.client.get(assistant.state(platform, number)["window"]).text
    assert "点“打开 UKey 助手”" in told
    assert "luochui assistant" not in told  # in a demonstration it runs by itself
    with running_assistant(tmp_path / "strict", ukeys, demo=False) as strict:
        told = strict.client.get("/").text
    assert "有“打开 UKey 助手”" in told
    assert "luochui assistant" in told
