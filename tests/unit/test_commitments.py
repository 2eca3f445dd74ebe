"""Commitments bind, hide, and open."""

import pytest

from bidding.commitments import (
    Opening,
    Secret,
    check_opening,
    commitment,
    is_sold,
    next_confirmation,
    opening_from,
)
from bidding.lots import Secrets
from bidding.messages import canonical
from bidding.terms import Fen
from signing.sm3 import sm3
from tests.ledgerkit import QUALIFIED, SECRETS, Played


def opening() -> Opening:
    return Played().opening()


def test_a_commitment_is_the_sm3_of_the_salted_value() -> None:
    salt = "0a" * 32
    assert commitment(salt, 5) == sm3(f'{{"salt":"{salt}","value":5}}'.encode()).hex()


def test_the_same_value_with_another_salt_looks_different() -> None:
    assert commitment("0a" * 32, None) != commitment("0b" * 32, None)


def test_the_true_opening_fits() -> None:
    assert check_opening(SECRETS.commitments(QUALIFIED), opening()) == frozenset()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"reserve": Fen(131)}, Secret.RESERVE),
        ({"reserve": None}, Secret.RESERVE),
        ({"reserve_salt": "ff" * 32}, Secret.RESERVE),
        ({"qualified": (("1001", 0), ("2002", 0), ("3003", 2))}, Secret.QUALIFIED),
        ({"qualified": (("1001", 0), ("2002", 0))}, Secret.QUALIFIED),
        ({"private_salt": "ff" * 32}, Secret.PRIVATE),
    ],
)
def test_another_opening_is_named(change: dict[str, object], found: Secret) -> None:
    raw = {name: getattr(opening(), name) for name in Opening.__dataclass_fields__}
    assert check_opening(SECRETS.commitments(QUALIFIED), Opening(**{**raw, **change})) == {found}


@pytest.mark.parametrize(
    "change",
    [
        {"confirmed": [["9999", "0d" * 32]], "private_count": 1},
        {"confirmed": [["1001", "0d" * 32], ["1001", "0e" * 32]], "private_count": 2},
        {"confirmed": [["1001", "0d"]], "private_count": 1},
        {"confirmed": [["1001", "0d" * 32]], "private_count": 0},
        {"confirmed": ["1001"], "private_count": 1},
        {"qualified": [["2002", 0], ["1001", 0]]},
        {"qualified": [["1001", True]]},
        {"qualified": [["1001", -1]]},
        {"qualified": [["12345", 0]]},
        {"private_count": -1},
        {"private_count": "0"},
        {"private_head": "AA" * 32},
        {"reserve": 0},
        {"reserve": 1.5},
        {"more": 1},
        {"qualified": 5},
    ],
)
def test_what_no_honest_platform_writes_is_refused(change: dict[str, object]) -> None:
    raw = {**opening().as_json(), **change}
    with pytest.raises(ValueError, match=r".+"):
        opening_from(raw)


def test_an_opening_survives_its_json() -> None:
    assert opening_from(opening().as_json()) == opening()


def test_a_missing_part_is_refused() -> None:
    raw = opening().as_json()
    del raw["reserve_salt"]
    with pytest.raises(ValueError, match="reserve_salt"):
        opening_from(raw)


@pytest.mark.parametrize(
    ("leader", "price", "reserve", "sold"),
    [("", 0, None, False), ("1001", 100, None, True), ("1001", 99, 100, False), ("1001", 100, 100, True)],
)
def test_sold_if_somebody_leads_and_the_reserve_is_reached(
    leader: str, price: int, reserve: int | None, sold: bool
) -> None:
    assert is_sold(leader, price, reserve) is sold


def test_secrets_do_not_print() -> None:
    shown = repr(Secrets(Fen(777_777), "0a" * 32, "0b" * 32, "0c" * 32))
    assert "777" not in shown
    assert "0a0a" not in shown


def test_the_canonical_text_of_an_opening_has_one_form() -> None:
    assert canonical(opening().as_json()).startswith('{"confirmed":[],"private_count":0,"private_head":"')


def test_the_heads_of_the_confirmations_bind_salt_paddle_and_order() -> None:
    first, salt, other = "0c" * 32, "0d" * 32, "0e" * 32
    head = next_confirmation(first, salt, "1001")
    assert head == sm3(bytes.fromhex(first) + f'{{"salt":"{salt}","value":"1001"}}'.encode()).hex()
    heads = {head, next_confirmation(first, other, "1001"), next_confirmation(first, salt, "2002")}
    heads |= {next_confirmation(head, other, "2002")}
    heads |= {next_confirmation(next_confirmation(first, other, "2002"), salt, "1001")}
    assert len(heads) == 5
