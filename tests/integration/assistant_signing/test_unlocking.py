"""A locked UKey is unlocked by an authorization that works once, here only."""

from pathlib import Path

import pytest

from signing.jobs import (
    SignInTask,
    UnlockTask,
)
from signing.sm2 import PrivateKey
from signing.token import virtual
from signing.token.port import Pin, PinLocked, PinState, WrongPin
from signing.unlocking import Authorization, secret_for
from tests.assistantkit import (
    PHRASE,
    PIN,
    SO_PIN,
    Assistant,
    Equipped,
    SmallPlatform,
)
from tests.outcomekit import der, outcome

NEXT_SO_PIN = Pin("NEXT456789123456")


def locked(ukeys: Path, ukey: Equipped) -> None:
    token = virtual.station(ukeys).token(ukey.label)
    for _ in range(3):
        with pytest.raises((WrongPin, PinLocked)):
            token.sign(b"x", Pin("999999"))


def authorization(assistant: Assistant, serial: str, so_pin: Pin = SO_PIN) -> UnlockTask:
    key = assistant.work.key.public_key
    return UnlockTask(serial, secret_for(key, Authorization(serial, so_pin, NEXT_SO_PIN)))


def test_a_locked_ukey_is_unlocked_by_a_one_use_job(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    job = platform.job(authorization(assistant, ukey.serial), title="解锁")
    number = assistant.ready(platform, job)
    window = assistant.window(number)
    assert SO_PIN.reveal() not in window.text
    assert "两次输入" in window.agree(ukey.serial, new_pin="246802", again="246803").text
    assert "已解锁" in window.agree(ukey.serial, new_pin="246802", again="246802").text
    assert der(outcome(assistant, platform, number), "result") == b"unlocked, replaced"
    token = virtual.station(ukeys).token(ukey.label)
    assert token.contents().certificate == ukey.certificate
    assert ukey.certificate.key.verify(b"x", token.sign(b"x", Pin("246802")))
    with pytest.raises(WrongPin):  # the used authorization code is worth nothing any more
        token.unlock(SO_PIN, Pin("135790"))
    token.unlock(NEXT_SO_PIN, Pin("135790"))
    assert assistant.submit(platform, job).json()["code"] == "replayed"


def test_an_authorization_code_is_pasted_at_home(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    home = assistant.home()
    job = platform.job(authorization(assistant, ukey.serial), title="解锁")
    for wrong in ("", "x", sign_job_of_another(platform, assistant, ukey), platform.job(SignInTask("one"))):
        assert "授权码无法识别" in home.act("unlock", code=wrong).text
    answer = home.act("unlock", code=f"{job[:40]}\n {job[40:]}\n")
    assert PHRASE in answer.text
    assert "只能使用一次" in home.act("unlock", code=job).text


def sign_job_of_another(platform: SmallPlatform, assistant: Assistant, ukey: Equipped) -> str:
    return platform.job(authorization(assistant, ukey.serial), key=PrivateKey.generate())


def test_an_authorization_for_another_assistant_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    stranger = PrivateKey.generate().public_key
    secret = secret_for(stranger, Authorization(ukey.serial, SO_PIN, NEXT_SO_PIN))
    other_serial = secret_for(
        assistant.work.key.public_key, Authorization("0000000000000000", SO_PIN, NEXT_SO_PIN)
    )
    for each in (secret, other_serial):
        number = platform.signs(assistant, UnlockTask(ukey.serial, each))
        assistant.window(number).agree(ukey.serial, new_pin="246802", again="246802")
        assert outcome(assistant, platform, number)["code"] == "unlock.other_assistant"
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.LOCKED


def test_a_wrong_authorization_ends_the_job(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    """It came from the platform: asking the person again would only spend the tries of the UKey."""
    number = platform.signs(assistant, authorization(assistant, ukey.serial, Pin("WRONG56789123456")))
    assistant.window(number).agree(ukey.serial, new_pin="246802", again="246802")
    assert outcome(assistant, platform, number)["code"] == "unlock.wrong_code"
    virtual.station(ukeys).token(ukey.label).sign(b"x", PIN)
