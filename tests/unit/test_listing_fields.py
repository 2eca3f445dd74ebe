"""The fields of assets are data: they are read, bounded, and shown as they were meant."""

import pytest

from bidding.lots import AssetClass
from tests.listingkit import DESCRIPTION
from trading.listings import fields, reading
from trading.listings.fields import FieldKind, fields_of, missing, read_details
from trading.listings.reading import Fault, Unreadable


@pytest.mark.parametrize("asset_class", list(AssetClass))
def test_every_class_has_fields_of_its_own_with_names_that_differ(asset_class: AssetClass) -> None:
    found = fields_of(asset_class)
    names = [each.name for each in found]
    assert len(names) == len(set(names))
    assert len(found) > len(fields._data()[fields.COMMON])
    for each in found:
        assert each.label
        assert each.label_en
        assert bool(each.hint) == bool(each.hint_en), each.name
        assert all(len(option) == 3 for option in each.options)


def test_a_sound_form_is_read_without_faults_and_comes_back_as_it_was() -> None:
    details, wrong = read_details(AssetClass.PHYSICAL, DESCRIPTION, complete=True)
    assert not wrong
    assert details["area"] == "86.5"
    again = {
        each.input: fields.typed_of(each, details.get(each.name)) for each in fields_of(AssetClass.PHYSICAL)
    }
    assert read_details(AssetClass.PHYSICAL, again, complete=True) == (details, {})


def test_all_faults_come_at_once() -> None:
    form = {
        "d_debtor": "债" * 201,
        "d_principal": "很多",
        "d_base_date": "2026-02-30",
        "d_guarantee": "gold",
        "d_telephone": "call me",
    }
    _, wrong = read_details(AssetClass.DEBT, form, complete=True)
    assert {name: each.fault for name, each in wrong.items() if name in form} == {
        "d_debtor": Fault.TOO_LONG,
        "d_principal": Fault.NOT_AN_AMOUNT,
        "d_base_date": Fault.NOT_A_DATE,
        "d_guarantee": Fault.NOT_A_CHOICE,
        "d_telephone": Fault.NOT_A_PHONE,
    }
    assert wrong["d_litigation"].fault is Fault.MISSING


def test_a_draft_may_leave_fields_open_and_submission_names_them() -> None:
    details, wrong = read_details(AssetClass.EQUITY, {"d_company": "示例公司"})
    assert not wrong
    assert "share" in {each.name for each in missing(AssetClass.EQUITY, details)}


def test_only_known_fields_are_kept() -> None:
    details, _ = read_details(
        AssetClass.DEBT, {"d_debtor": "甲", "d_state": "x", "debtor": "乙", "d_area": "3"}
    )
    assert details == {"debtor": "甲"}


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", Fault.NOT_AN_AMOUNT),
        ("1e9", Fault.NOT_AN_AMOUNT),
        ("1,5", Fault.AMOUNT_SEPARATORS),
        ("1.234", Fault.AMOUNT_TOO_PRECISE),
        ("0", Fault.AMOUNT_TOO_SMALL),
        ("99999999999999999", Fault.AMOUNT_TOO_LARGE),
    ],
)
def test_what_is_wrong_with_an_amount(typed: str, fault: Fault) -> None:
    with pytest.raises(Unreadable) as told:
        reading.amount(typed)
    assert told.value.wrong.fault is fault


def test_an_amount_is_read_by_the_one_parser() -> None:
    assert reading.amount("１．２５万元") == 1_250_000
    assert reading.amount("0", least=0) == 0


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("0.00001", Fault.TOO_PRECISE),
        ("0", Fault.OUT_OF_BOUNDS),
        ("100.0001", Fault.OUT_OF_BOUNDS),
        ("三成", Fault.NOT_A_NUMBER),
    ],
)
def test_a_share_has_bounds_and_decimals(typed: str, fault: Fault) -> None:
    _, wrong = read_details(AssetClass.EQUITY, {"d_share": typed})
    assert wrong["d_share"].fault is fault


def test_a_share_may_be_typed_with_its_sign() -> None:
    assert read_details(AssetClass.EQUITY, {"d_share": "51.50%"})[0] == {"share": "51.5"}


@pytest.mark.parametrize(
    ("kind", "value", "chinese", "english"),
    [
        ("principal", 123_456_700, "1,234,567.00 元", "1,234,567.00 yuan"),
        ("guarantee", "mortgage", "抵押", "Mortgage"),
        ("base_date", "2026-03-01", "2026年3月1日", "2026-03-01"),
        ("debtor", "示例公司", "示例公司", "示例公司"),
    ],
)
def test_values_as_people_read_them(kind: str, value: str | int, chinese: str, english: str) -> None:
    field = next(each for each in fields_of(AssetClass.DEBT) if each.name == kind)
    assert fields.shown(field, value) == chinese
    assert fields.shown(field, value, english=True) == english


def test_numbers_are_kept_exactly_and_shown_with_their_unit() -> None:
    field = next(each for each in fields_of(AssetClass.PHYSICAL) if each.name == "land_area")
    assert field.kind is FieldKind.NUMBER
    assert fields.read_value(field, "１２,345.60") == "12345.6"
    assert fields.shown(field, "12345.6") == "12,345.6 平方米"


def test_a_moment_is_typed_in_beijing_and_read_as_utc() -> None:
    assert reading.moment("2026-12-01T10:00").isoformat() == "2026-12-01T02:00:00+00:00"
    assert reading.moment("2026年12月1日 10：00：05").isoformat() == "2026-12-01T02:00:05+00:00"
    for typed in ("", "2026-12-01", "2026-13-01 10:00", "tomorrow", "9999-01-01 00:00"):
        with pytest.raises(Unreadable):
            reading.moment(typed)
