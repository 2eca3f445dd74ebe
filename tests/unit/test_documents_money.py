"""Amounts in documents: figures and Chinese capitals."""

import random

import pytest

from office.money import LARGEST, capital_amount, yuan

DIGITS = {character: number for number, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read_back(text: str) -> int:
    """Fen from capitals, by the rules of reading them, without the library that wrote them."""
    rest = text.removeprefix("人民币").removesuffix("整")
    whole, _, parts = rest.rpartition("元")
    fen = sum(
        DIGITS[parts[at - 1]] * worth
        for unit, worth in (("角", 10), ("分", 1))
        if (at := parts.find(unit)) > 0
    )
    return whole_yuan(whole) * 100 + fen


def whole_yuan(text: str) -> int:
    for unit, worth in (("亿", 10**8), ("万", 10**4)):
        if unit in text:
            high, _, low = text.rpartition(unit)
            return whole_yuan(high) * worth + whole_yuan(low)
    total, digit = 0, 0
    for character in text:
        if character in UNITS:
            total += digit * UNITS[character]
            digit = 0
        else:
            digit = DIGITS[character]
    return total + digit


@pytest.mark.parametrize(
    ("fen", "figures", "capitals"),
    [
        (0, "0.00", "人民币零元整"),
        (5, "0.05", "人民币伍分"),
        (50, "0.50", "人民币伍角"),
        (101, "1.01", "人民币壹元零壹分"),
        (1_000, "10.00", "人民币壹拾元整"),
        (100_500, "1,005.00", "人民币壹仟零伍元整"),
        (123_456, "1,234.56", "人民币壹仟贰佰叁拾肆元伍角陆分"),
        (1_000_005_030, "10,000,050.30", "人民币壹仟万零伍拾元叁角"),
        (10_000_000_000, "100,000,000.00", "人民币壹亿元整"),
        (10**14, "1,000,000,000,000.00", "人民币壹万亿元整"),
    ],
)
def test_amounts_in_figures_and_capitals(fen: int, figures: str, capitals: str) -> None:
    assert (yuan(fen), capital_amount(fen)) == (figures, capitals)


def test_capitals_say_the_amount_that_was_meant() -> None:
    dice = random.Random(20261121)
    for size in range(1, 18):
        for _ in range(60):
            fen = dice.randrange(10**size) * dice.choice((1, 10, 100, 10_000)) % LARGEST
            assert read_back(capital_amount(fen)) == fen, fen


@pytest.mark.parametrize("fen", [-1, LARGEST + 1, 10**30])
def test_what_is_no_amount(fen: int) -> None:
    for write in (yuan, capital_amount):
        with pytest.raises(ValueError, match="not an amount"):
            write(fen)
