"""What is put together here reads back, and passes the gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.der import bit_string, check, children, element_at, encode, octets_of_bits, part, sequence


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_a_length_is_written_in_its_one_form(size: int) -> None:
    der = encode(0x04, bytes(size))
    check(der, "octets", 1 << 20)
    read = element_at(der, 0, len(der))
    assert (read.tag, read.end - read.content, read.end) == (0x04, size, len(der))


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_a_sequence_gives_back_its_parts(contents: list[bytes]) -> None:
    parts = [encode(0x04, content) for content in contents]
    der = sequence(*parts)
    check(der, "a sequence", 1 << 16)
    assert children(der, 0x30) == parts
    assert [part(der, index) for index in range(len(parts))] == parts


def test_another_tag_or_count_is_refused() -> None:
    with pytest.raises(ValueError, match="type"):
        children(sequence(), 0x31)
    with pytest.raises(ValueError, match="0 elements"):
        children(sequence(), 0x30, 2)


@given(st.binary(max_size=200))
def test_bits_hold_whole_bytes(content: bytes) -> None:
    from asn1crypto import core

    der = bit_string(content)
    check(der, "bits", 1 << 10)
    assert octets_of_bits(core.BitString.load(der, strict=True)) == content
