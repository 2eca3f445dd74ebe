"""Certificates and seals that are written into the UKey whose key they are for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from signing.csr import parse_request
from signing.installing import Bundle
from signing.issuing import SUBSCRIBER, Validity, Wanted
from signing.job_tasks import receipt_text
from signing.jobs import (
    InstallTask,
    RequestTask,
)
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.statements import digest_of_text, parse_order, parse_signed
from signing.token import virtual
from tests.assistantkit import (
    PIN,
    SO_PIN,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
)
from tests.outcomekit import der, outcome


def installing(platform: SmallPlatform, bundle: Bundle, serial: str, **changes: Any) -> InstallTask:
    """A job to write this, at the small platform."""
    platform.answers["/bundle"] = Answer(bundle.der)
    key = sm3(bundle.certificate.key.spki)
    task = InstallTask(
        "one", "20261121ABCDEFGH", f"{platform.origin}/bundle", sm3(bundle.der), len(bundle.der), serial, key
    )
    return replace(task, **changes)


def successor(issuer: Issuer, ukey: Equipped, **changes: Any) -> Bundle:
    """Another certificate for the key of a UKey, that ends later, with a seal of its own."""
    now = datetime.now(UTC)
    wanted = Wanted(
        ukey.certificate.subject,
        changes.get("key", ukey.certificate.key),
        SUBSCRIBER,
        Validity(now, now + timedelta(days=700)),
    )
    made = issuer.authority.issue(wanted)
    return Bundle(made, (issuer.certificate,), issuer.seal(ukey.label, made))


def test_a_renewed_certificate_is_written_for_the_same_key_and_a_receipt_signed(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped, issuer: Issuer
) -> None:
    asked = RequestTask("one", ukey.label, certificate=ukey.certificate.fingerprint, serial=ukey.serial)
    number = platform.signs(assistant, asked)
    window = assistant.window(number)
    assert "原来的证书在新证书写入以前一直有效" in window.text
    window.agree(ukey.serial, PIN.reveal())
    request = parse_request(der(outcome(assistant, platform, number), "result"))
    assert request.key == ukey.certificate.key
    bundle = successor(issuer, ukey)
    task = installing(platform, bundle, ukey.serial)
    for _time in range(2):  # the second finds it written: the answer to the first was lost
        number = platform.signs(assistant, task)
        window = assistant.window(number)
        assert "写入证书和印章" in window.text
        assert ukey.serial in window.text
        window.agree(ukey.serial, PIN.reveal())
        found = outcome(assistant, platform, number)
        signed = parse_signed(der(found, "result"))
        receipt = parse_order(signed.checked(bundle.certificate.key))
        assert receipt.digest == digest_of_text(receipt_text(task))
        assert receipt.order == task.order
        assert found["serial"] == ukey.serial
        there = virtual.station(ukeys).token(ukey.serial).contents()
        assert (there.certificate, there.seal) == (bundle.certificate, bundle.seal)
        assert there.chain == bundle.chain


def test_nothing_is_written_for_another_key_or_ukey_or_beside_a_second_one(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped, issuer: Issuer
) -> None:
    bundle, stranger = successor(issuer, ukey), PrivateKey.generate().public_key
    foreign = successor(issuer, ukey, key=stranger)
    before = virtual.station(ukeys).token(ukey.serial).contents()
    number = platform.signs(assistant, installing(platform, bundle, "0123456789abcdef"))
    assert "没有插上这次要用的" in assistant.window(number).text
    for content, changes in ((foreign, {}), (bundle, {"key": bytes(32)})):
        number = platform.signs(assistant, installing(platform, content, ukey.serial, **changes))
        assert "不是为这个 UKey 里的密钥" in assistant.window(number).text
        assert assistant.window(number).refuse().status_code == 200
    # the key of the job is the UKey's, the certificate's is not
    lying = installing(platform, foreign, ukey.serial, key=sm3(ukey.certificate.key.spki))
    number = platform.signs(assistant, lying)
    assistant.window(number).agree(ukey.serial, PIN.reveal())
    assert outcome(assistant, platform, number)["code"] == "install.other_key"
    virtual.create("第二个", pin=PIN, so_pin=SO_PIN, folder=ukeys, cost=10)
    number = platform.signs(assistant, installing(platform, bundle, ukey.serial))
    assert "只能插着一个" in assistant.window(number).text
    after = virtual.station(ukeys).token(ukey.serial).contents()
    assert (after.certificate, after.seal) == (before.certificate, before.seal)


def test_what_is_no_certificate_with_its_seal_is_not_even_shown(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, issuer: Issuer
) -> None:
    bundle = successor(issuer, ukey)
    other = Bundle(bundle.certificate, bundle.chain, ukey.seal)
    for data in (other.der, bundle.der[:-1], b"\x30\x00", bundle.certificate.der):
        platform.answers["/bundle"] = Answer(data)
        task = replace(installing(platform, bundle, ukey.serial), digest=sm3(data), size=len(data))
        platform.answers["/bundle"] = Answer(data)
        found = outcome(assistant, platform, platform.signs(assistant, task))
        assert (found["state"], found["code"]) == ("refused", "install.unreadable")
