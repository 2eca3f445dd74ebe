"""Amounts as people type them: one parser for all forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidding.terms import MAX_PRICE
from office.money import LARGEST_TYPED, AmountFault, NotAnAmount, typed_fen, yuan


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1200.50", 120_050),
        ("1,200.5", 120_050),
        ("1，200", 120_000),
        ("1、200", 120_000),
        ("1’200", 120_000),
        ("12,3456", 12_345_600),
        ("1,2345,6789", 12_345_678_900),
        (" ¥ 1 200 ", 120_000),
        ("￥1200", 120_000),
        ("人民币1200元整", 120_000),
        ("RMB 1,234,567.89", 123_456_789),
        ("１２００元", 120_000),
        ("1200。5", 120_050),
        ("1200.", 120_000),
        ("1.50000", 150),
        ("007", 700),
        ("0.01", 1),
        ("9999999999999.99", LARGEST_TYPED),
        ("1万", 1_000_000),
        ("120万元", 120_000_000),
        ("１．２５万", 1_250_000),
        ("1,200万", 1_200_000_000),
        ("1 亿", 10_000_000_000),
        ("0.123456亿元", 1_234_560_000),
        ("99999亿", 99_999 * 10**10),
    ],
)
def test_amounts_are_read_exactly(typed: str, fen: int) -> None:
    assert typed_fen(typed) == fen


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", AmountFault.MISSING),
        (" \u3000 ", AmountFault.MISSING),
        *((typed, AmountFault.UNREADABLE) for typed in ("1e5", "0x10", "万", "1.2.3", ".5", "٣", "1万亿")),
        *(
            (typed, AmountFault.UNREADABLE)
            for typed in ("0.001万万", "12 元 3", "一百", "+1", "1\0", "9" * 61)
        ),
        *((typed, AmountFault.SEPARATORS) for typed in ("1,5", "1,5万", "12,00", "1,23456", "1,,000", "1 2")),
        *((typed, AmountFault.SEPARATORS) for typed in ("1,234,5678", "1234,567", "12,34.5")),
        *((typed, AmountFault.TOO_PRECISE) for typed in ("1.234", "0.001", "1.1234567万")),
        *((typed, AmountFault.TOO_SMALL) for typed in ("0", "0.00", "-1", "−1,000", "¥-1", "-5万")),
        *((typed, AmountFault.TOO_LARGE) for typed in ("10000000000000", "100000亿", "9" * 60)),
    ],
)
def test_what_is_no_amount_is_told_apart(typed: str, fault: AmountFault) -> None:
    with pytest.raises(NotAnAmount) as told:
        typed_fen(typed)
    assert told.value.fault is fault


def test_both_bounds_may_be_typed() -> None:
    assert typed_fen("0", least=0) == 0
    assert typed_fen("5", least=500, most=500) == 500
    for typed, fault in (("4.99", AmountFault.TOO_SMALL), ("5.01", AmountFault.TOO_LARGE)):
        with pytest.raises(NotAnAmount) as told:
            typed_fen(typed, least=500, most=500)
        assert told.value.fault is fault


def test_the_largest_amount_is_the_largest_price_of_the_book() -> None:
    assert LARGEST_TYPED == MAX_PRICE


@given(st.integers(1, LARGEST_TYPED), st.booleans())
def test_what_pages_write_is_read_back(fen: int, wide: bool) -> None:
    shown = yuan(fen)
    if wide:
        shown = shown.translate({ord(char): ord(char) + 0xFEE0 for char in "0123456789,."})
    assert typed_fen(shown) == typed_fen(f"¥ {shown} 元") == fen


@given(st.text(st.sampled_from("0123456789,.，。 万亿元整¥-'、e"), max_size=70) | st.text(max_size=70))
def test_nothing_typed_is_other_than_a_value_or_a_fault(typed: str) -> None:
    try:
        fen = typed_fen(typed)
    except NotAnAmount:
        return
    assert 1 <= fen <= LARGEST_TYPED
