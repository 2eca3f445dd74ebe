"""A virtual UKey's file, read by other code than its own: the keys are wrapped as docs/vukey.md says.

It shows the limit, too: whoever has a copy of the file can try PINs on it, without any counter.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from signing.sm2 import PrivateKey, PublicKey
from signing.token import virtual
from signing.token.port import Pin
from signing.x509 import to_pem

PIN, SO_PIN = "135790", "officer-0123"
USER_PLACE, SO_PLACE = 73, 152
CURVE = bytes.fromhex("a00a06082a811ccf5501822d")
USER, SO = 1, 2
"""The last byte of what a wrapped data key is bound to (enum login of vukey.h)."""


@dataclass(frozen=True)
class UKey:
    """A file's bytes and the public key of its sealing key."""

    content: bytes
    key: PublicKey


@pytest.fixture
def ukey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UKey:
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    virtual.create("test", pin=Pin(PIN), so_pin=Pin(SO_PIN), folder=tmp_path)
    key = virtual.station(tmp_path).token("test").new_key(Pin(PIN))
    return UKey((tmp_path / "test.ukey").read_bytes(), key)


def unwrapped(key: bytes, wrapped: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], bound)


def data_key(content: bytes, pin: str, place: int, who: int) -> bytes:
    """By the PIN whose 79 bytes begin at `place`. Raises InvalidTag for a wrong one."""
    cost, serial, epoch = content[16], content[17:33], content[65:73]
    salt, wrapped = content[place + 3 : place + 19], content[place + 19 : place + 79]
    derived = Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(pin.encode())
    return unwrapped(derived, wrapped, serial + epoch + bytes([who]))


def private_key(ukey: UKey, data: bytes) -> PrivateKey:
    """From the private object, whose point comes before its wrapped number."""
    content, point = ukey.content, ukey.key.point
    place = content.rindex(point) + 65
    assert content[place : place + 4] == (60).to_bytes(4, "big")
    number = unwrapped(data, content[place + 4 : place + 64], content[17:33] + content[65:73] + point)
    assert len(number) == 32
    whole = bytes.fromhex("30770201010420") + number + CURVE + bytes.fromhex("a144034200") + point  # RFC 5915
    assert number not in content
    return PrivateKey.from_pem(to_pem("EC PRIVATE KEY", whole))


def test_the_key_is_wrapped_under_a_data_key_and_that_under_either_pin(ukey: UKey) -> None:
    by_user = data_key(ukey.content, PIN, USER_PLACE, USER)
    by_officer = data_key(ukey.content, SO_PIN, SO_PLACE, SO)
    assert by_user == by_officer
    assert by_user not in ukey.content
    assert private_key(ukey, by_user).public_key == ukey.key


def test_another_pin_or_another_place_opens_nothing(ukey: UKey) -> None:
    for pin, place, who in ((SO_PIN, USER_PLACE, USER), (PIN, USER_PLACE, SO), (PIN, SO_PLACE, USER)):
        with pytest.raises(InvalidTag):
            data_key(ukey.content, pin, place, who)


def test_a_copied_file_can_be_guessed_without_a_counter(ukey: UKey) -> None:
    """The reason why a virtual UKey is for demonstration, and why its derivation is slow."""

    def opens(pin: str) -> bool:
        try:
            data_key(ukey.content, pin, USER_PLACE, USER)
        except InvalidTag:
            return False
        return True

    guesses = [f"{number:06}" for number in range(135770, 135800)]
    assert [guess for guess in guesses if opens(guess)] == [PIN]


def test_the_file_ends_with_the_digest_of_the_rest(ukey: UKey) -> None:
    assert ukey.content[:8] == b"LCUKEY\0\1"
    assert sha256(ukey.content[:-32]).digest() == ukey.content[-32:]


def test_the_default_derivation_is_slow_and_takes_memory(tmp_path: Path) -> None:
    virtual.create("slow", pin=Pin(PIN), so_pin=Pin(SO_PIN), folder=tmp_path)
    assert (tmp_path / "slow.ukey").read_bytes()[16] == 16, "N = 2^16, r = 8: 64 MiB for each guess"


def test_two_ukeys_with_the_same_pin_have_nothing_in_common(tmp_path: Path) -> None:
    contents = []
    for label in ("a", "b"):
        virtual.create(label, pin=Pin(PIN), so_pin=Pin(SO_PIN), folder=tmp_path, cost=10)
        contents.append((tmp_path / f"{label}.ukey").read_bytes())
    first, second = contents
    for place in (USER_PLACE + 3, SO_PLACE + 3):
        assert first[place : place + 76] != second[place : place + 76]
    assert data_key(first, PIN, USER_PLACE, USER) != data_key(second, PIN, USER_PLACE, USER)
