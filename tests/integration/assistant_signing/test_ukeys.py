"""Which UKey a job is signed with, and what is said when none fits."""

from datetime import timedelta
from pathlib import Path

import pytest

from signing.assistant.acts import Fit, hindrance
from signing.jobs import (
    SignInTask,
)
from signing.token import virtual
from tests.assistantkit import (
    PIN,
    SO_PIN,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
    prepared_pdf,
)
from tests.outcomekit import der, outcome


def hindered(assistant: Assistant, platform: SmallPlatform, number: str) -> str:
    """What the person reads, and what the page is told when the person gives up."""
    window = assistant.window(number)
    assert 'name="pin"' not in window.text
    assert "重新检查" in window.text
    window.refuse()
    return str(outcome(assistant, platform, number)["code"])


def test_no_ukey(assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped) -> None:
    virtual.unplug(ukey.label, ukeys)
    number = platform.signs(assistant, SignInTask("one"))
    assert "没有插入 UKey" in assistant.window(number).text
    virtual.plug(ukey.label, ukeys)
    assert 'name="pin"' in assistant.window(number).text
    virtual.unplug(ukey.label, ukeys)
    assert hindered(assistant, platform, number) == "no-token"


def test_more_than_one_ukey(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    second = issuer.equip(ukeys, "乙方示例单位")
    number = platform.signs(assistant, SignInTask(""))
    window = assistant.window(number)
    assert "插入了多个 UKey" in window.text
    assert 'name="pin"' not in window.text
    window.reload(f"?ukey={second.serial}")
    window.agree(second.serial, PIN.reveal())
    assert der(outcome(assistant, platform, number), "certificate") == second.certificate.der


def test_the_ukey_that_the_document_needs(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    second = issuer.equip(ukeys, "乙方示例单位")
    task = platform.document(prepared_pdf(second.seal), second.seal)
    window = assistant.window(platform.signs(assistant, task))
    assert "不是这次要用的 UKey" in window.text
    window.agree(ukey.serial, PIN.reveal())  # also not when it is forced
    assert "没有插上这次要用的 UKey" in window.text
    assert "已盖章" not in window.text
    window.agree(second.serial, PIN.reveal())
    assert "已盖章" in window.text
    virtual.unplug(second.label, ukeys)
    assert hindered(assistant, platform, platform.signs(assistant, task)) == "other-ukey"
    wanted = SignInTask("one", second.certificate.fingerprint)
    assert hindered(assistant, platform, platform.signs(assistant, wanted)) == "other-ukey"


def test_an_expired_certificate(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    old = issuer.equip(ukeys, "乙方示例单位", ends=-timedelta(days=1))
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "证书已过期" in window.text
    assert "证书已过期" in window.agree(old.serial, PIN.reveal()).text
    assert outcome(assistant, platform, number)["state"] == "waiting"
    assert hindered(assistant, platform, number) == "expired"


def test_a_revoked_certificate(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, lists: SmallPlatform, ukey: Equipped
) -> None:
    lists.answers["/ca.crl"] = Answer(issuer.revoked(ukey.certificate))
    number = platform.signs(assistant, SignInTask("one"))
    assert "已被吊销" in assistant.window(number).text
    assert hindered(assistant, platform, number) == "revoked"
    lists.answers["/ca.crl"] = Answer(issuer.revoked())


@pytest.mark.parametrize("body", [b"", b"no list", None])
def test_a_list_that_cannot_be_had_keeps_nobody(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, lists: SmallPlatform, body: bytes | None
) -> None:
    """The platform checks again; but the window says that it is not known."""
    other = Issuer(f"{lists.origin}/ca.crl")
    lists.answers["/ca.crl"] = Answer(other.revoked() if body is None else body)
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "没能查询证书是否已被吊销" in window.text
    assert 'name="pin"' in window.text
    lists.answers["/ca.crl"] = Answer(issuer.revoked())


def test_a_ukey_without_a_certificate(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    virtual.create("空的", pin=PIN, so_pin=SO_PIN, folder=ukeys, cost=10)
    assert hindered(assistant, platform, platform.signs(assistant, SignInTask("one"))) == "no-key"
    virtual.station(ukeys).token("空的").new_key(PIN)
    assert hindered(assistant, platform, platform.signs(assistant, SignInTask("one"))) == "no-certificate"
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    assert hindered(assistant, platform, platform.signs(assistant, task)) == "no-seal"


def test_the_gravest_reason_is_told(assistant: Assistant, ukey: Equipped) -> None:
    contents = assistant.work.ukeys.tokens()[0]
    assert hindrance([]) == "no-token"
    assert hindrance([Fit(contents, "other-ukey"), Fit(contents, "pin-locked")]) == "pin-locked"
    assert hindrance([Fit(contents, "other-ukey"), Fit(contents)]) == ""
