"""SM3: the standard's examples, and both ways to the same digest."""

import hashlib
from collections.abc import Callable

import pytest

from signing import libcrypto, sm3

STANDARD = [  # GB/T 32905-2016, appendix A
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]


@pytest.mark.parametrize(("data", "digest"), STANDARD)
def test_the_standards_examples_come_out(data: bytes, digest: str) -> None:
    assert sm3.sm3(data).hex() == digest


@pytest.mark.parametrize(("data", "digest"), STANDARD)
def test_the_way_through_libcrypto_gives_the_standards_examples_too(data: bytes, digest: str) -> None:
    assert sm3._through_libcrypto(data).hex() == digest


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 1_000, 100_000])
def test_both_ways_agree_around_block_borders(size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    assert sm3.sm3(data) == sm3._through_libcrypto(data)


def test_digests_do_not_depend_on_earlier_ones() -> None:
    first = sm3.sm3(b"one")
    sm3.sm3(b"two")
    assert sm3.sm3(b"one") == first


def test_an_interpreter_without_sm3_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuse)
    assert not sm3._interpreter_has_sm3()


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(libcrypto.ENVIRONMENT, "/nowhere/libcrypto.so.3")
    with pytest.raises(libcrypto.LibcryptoMissing, match="apt install libssl3") as caught:
        libcrypto.library.__wrapped__()
    assert "/nowhere/libcrypto.so.3" in str(caught.value)


def test_a_library_that_is_not_openssl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(libcrypto.ENVIRONMENT, "libc.so.6")
    with pytest.raises(libcrypto.LibcryptoMissing):
        libcrypto.library.__wrapped__()


@pytest.mark.parametrize("growing", [sm3.growing_sm3, sm3._Sm3ThroughLibcrypto])
def test_piece_by_piece_is_the_same_digest(growing: Callable[[], sm3.Growing]) -> None:
    data = bytes(range(256)) * 1_000
    for step in (1 << 20, 7_777):
        digest = growing()
        for start in range(0, len(data), step):
            digest.update(data[start : start + step])
        assert digest.digest() == sm3.sm3(data)
    assert growing().digest() == sm3.sm3(b"")
