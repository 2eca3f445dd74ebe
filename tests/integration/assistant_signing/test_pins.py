"""How the assistant treats PINs: tries, delays, the last one, and that none is kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from signing.assistant.patience import DELAYS_S
from signing.assistant.work import Given
from signing.jobs import (
    SignInTask,
)
from signing.token import virtual
from signing.token.port import Pin, PinState
from tests.assistantkit import (
    PIN,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
)


def test_a_wrong_pin_is_told_and_slows_down(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "PIN 不正确，还可以再试 2 次" in window.agree(ukey.serial, "999999").text
    assert (
        "请等待" in window.agree(ukey.serial, PIN.reveal()).text
    )  # not even the right one, and no try is spent
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.COUNT_LOW
    assistant.clock.ahead += DELAYS_S[1] + 0.1
    assert "已完成" in window.agree(ukey.serial, PIN.reveal()).text


def test_of_two_windows_at_once_the_second_waits_for_the_count_of_the_first(
    assistant: Assistant,
    platform: SmallPlatform,
    ukeys: Path,
    ukey: Equipped,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise as many PINs could be tried at once as windows can be opened."""
    work, kind = assistant.work, type(assistant.work.ukeys)
    token = kind.token
    entries = []
    for _ in range(3):
        entry = work.desk.get(platform.signs(assistant, SignInTask("one")), work.now())
        assert entry is not None
        entries.append(entry)

    def slowly(ukeys: Any, serial: str) -> Any:
        time.sleep(0.3)  # all the others have looked at the delay meanwhile
        return token(ukeys, serial)

    monkeypatch.setattr(kind, "token", slowly)
    wrong = Given(ukey.serial, Pin("999999"))
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda entry: work.confirm(entry, wrong), entries))
    assert sorted(problem.code for problem in told if problem) == ["pin-wait", "pin-wait", "wrong-pin"]
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.COUNT_LOW


def test_the_last_try_is_made_knowingly_and_then_it_is_locked(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    window.agree(ukey.serial, "999999")
    assistant.clock.ahead += 60
    assert "只剩最后一次机会" in window.agree(ukey.serial, "999998").text
    assistant.clock.ahead += 60
    assert "请先勾选" in window.agree(ukey.serial, "999997").text
    assert "我知道这是最后一次" in window.text
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.FINAL_TRY
    assert "已锁定" in window.agree(ukey.serial, "999997", final="yes").text
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.LOCKED
    window.reload()
    assert "已锁定" in window.text
    assert 'name="pin"' not in window.text
    window.refuse()


def test_a_delivered_pin_is_changed_at_its_first_use(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    new = issuer.equip(ukeys, "乙方示例单位", delivered=True)
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "首次使用必须修改" in window.text
    assert "PIN 应为 6 至 16 个字符" in window.agree(new.serial, PIN.reveal(), new_pin="1", again="1").text
    assert "PIN 应为" in window.agree(new.serial, PIN.reveal()).text  # without a new PIN nothing is signed
    same = window.agree(new.serial, PIN.reveal(), new_pin=PIN.reveal(), again=PIN.reveal())
    assert "不接受这个新 PIN" in same.text
    assert "已完成" in window.agree(new.serial, PIN.reveal(), new_pin="246802", again="246802").text
    assert virtual.station(ukeys).token(new.label).info().pin_state is PinState.OK


def test_the_pin_is_changed_at_home(assistant: Assistant, ukeys: Path, ukey: Equipped) -> None:
    home = assistant.home()
    wrong = home.act("pin", ukey=ukey.serial, pin="999999", new_pin="246802", again="246802")
    assert "PIN 不正确" in wrong.text
    early = home.act("pin", ukey=ukey.serial, pin=PIN.reveal(), new_pin="246802", again="246802")
    assert "请等待" in early.text
    assistant.clock.ahead += 60
    good = home.act("pin", ukey=ukey.serial, pin=PIN.reveal(), new_pin="246802", again="246802")
    assert "PIN 已修改" in good.text
    virtual.station(ukeys).token(ukey.label).sign(b"x", Pin("246802"))
    assert "没有插入 UKey" in home.act("pin", ukey="0", pin="246802", new_pin="1" * 6, again="1" * 6).text


def test_no_pin_is_kept_or_shown(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, capfd: pytest.CaptureFixture[str]
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    shown = window.agree(ukey.serial, "8642086420").text
    assistant.clock.ahead += 60
    shown += window.agree(ukey.serial, PIN.reveal()).text
    kept = b"".join(file.read_bytes() for file in assistant.work.settings.folder.rglob("*") if file.is_file())
    said = "".join(capfd.readouterr())
    for pin in ("8642086420", PIN.reveal()):
        assert pin not in shown
        assert pin not in window.at
        assert pin.encode() not in kept
        assert pin not in said
        assert pin not in platform.heard
