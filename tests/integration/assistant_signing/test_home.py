"""The assistant's own page: UKeys, what waits, what was signed."""

from pathlib import Path

from signing.jobs import (
    SignInTask,
)
from signing.sm3 import sm3
from signing.token import virtual
from tests.assistantkit import (
    PHRASE,
    PIN,
    Assistant,
    Equipped,
    SmallPlatform,
    prepared_pdf,
    running_assistant,
)


def test_home_shows_each_ukey(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    home = assistant.home()
    for text in ("甲方示例单位", ukey.serial, "证书有效期", "PIN 正常", PHRASE, "data:image/png;base64,"):
        assert text in home.text
    assert (
        assistant.paired(platform).address.replace("#", "&#35;") in home.text
        or "#luochui-assistant=" in home.text
    )
    english = home.client.get(home.at, headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert "My UKeys" in english.text
    assert "我的" not in english.text


def test_virtual_ukeys_are_plugged_in_a_demonstration_only(
    tmp_path: Path, assistant: Assistant, ukeys: Path, ukey: Equipped
) -> None:
    home = assistant.home()
    home.act("plug", label=ukey.label, action="unplug")
    assert not virtual.find(ukey.label, ukeys).plugged
    home.act("plug", label=ukey.label, action="plug")
    assert virtual.find(ukey.label, ukeys).plugged
    assert "没有插入 UKey" in home.act("plug", label="nobody", action="plug").text
    with running_assistant(tmp_path / "strict", ukeys, demo=False) as strict:
        strict.home().act("plug", label=ukey.label, action="unplug")
        assert virtual.find(ukey.label, ukeys).plugged


def test_the_log_says_what_was_signed(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    prepared = prepared_pdf(ukey.seal)
    number = platform.signs(assistant, platform.document(prepared, ukey.seal))
    home = assistant.home()
    assert "等待您处理" in home.text
    shown = home.act("window", number=number)
    assert PHRASE in shown.text
    assistant.window(number).agree(ukey.serial, PIN.reveal())
    log = home.client.get(home.at + "log").text
    for text in ("已签署", "在文件上盖章", "成交确认书", platform.origin, sm3(prepared).hex(), "已配对平台"):
        assert text in log


def test_a_hostile_title_is_text(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    job = platform.job(SignInTask("one"), title='<img src=x onerror=alert(1)>"{{ 7 * 7 }}')
    window = assistant.window(assistant.ready(platform, job))
    assert "<img src=x" not in window.text
    assert "{{ 7 * 7 }}" in window.text
