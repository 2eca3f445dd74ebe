"""The authorization code of a UKey reaches one assistant and nobody else."""

import pytest

from signing.libcrypto import LibcryptoError
from signing.sm2 import MAX_CRYPTED, PrivateKey, Sm2Error
from signing.token.port import Pin
from signing.unlocking import Authorization, UnlockError, open_secret, secret_for

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
AUTHORIZATION = Authorization("0001", Pin("authorization-code"), Pin("the-next-code"))


def test_the_assistant_opens_it() -> None:
    secret = secret_for(KEY.public_key, AUTHORIZATION)
    assert b"authorization-code" not in secret
    assert open_secret(secret, KEY) == AUTHORIZATION


def test_no_other_assistant_does() -> None:
    secret = secret_for(KEY.public_key, AUTHORIZATION)
    with pytest.raises(UnlockError):
        open_secret(secret, OTHER)
    for index in range(0, len(secret), 5):
        changed = secret[:index] + bytes((secret[index] ^ 1,)) + secret[index + 1 :]
        with pytest.raises(UnlockError):
            open_secret(changed, KEY)


def test_another_text_is_no_authorization() -> None:
    with pytest.raises(UnlockError):
        open_secret(KEY.public_key.encrypt(b"some other secret"), KEY)


def test_it_does_not_print() -> None:
    assert "authorization-code" not in repr(AUTHORIZATION)


def test_encryption_is_for_secrets_and_differs_each_time() -> None:
    plain = b"x" * 300
    first, second = KEY.public_key.encrypt(plain), KEY.public_key.encrypt(plain)
    assert first != second
    assert KEY.decrypt(first) == KEY.decrypt(second) == plain
    with pytest.raises(Sm2Error):
        KEY.public_key.encrypt(b"x" * (MAX_CRYPTED + 1))
    with pytest.raises(LibcryptoError):
        KEY.decrypt(b"\x30\x00")
