# mypy: disable-error-code="no-untyped-call"
"""A seal whose drawing is written in another way is compared in its own box, however large its place is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pyhanko.pdf_utils import generic

from signing.document_findings import SwappedAppearance
from signing.documents import At, Named, Place, Straddle
from signing.findings import Verdict
from signing.pdf import embedding, preparing
from signing.seal import Picture
from signing.seal_picture import official_seal
from signing.verification import Report, verify
from tests.pdfkit import document, named, plain, seal
from tests.sealkit import NOW, trust

Change = Callable[[Any], None]


def rewritten(content: Callable[[bytes], bytes]) -> Change:
    """The form's content in another way."""

    def change(form: Any) -> None:
        form._data, form._encoded_data = content(form.data), None

    return change


def rounded(content: bytes) -> bytes:
    """Numbers with fewer digits, as another version of the typesetter writes them."""
    return re.sub(rb"-?\d+\.\d{5,}", lambda found: b"%.4f" % float(found.group()), content) + b"\n"


def sealed_with(
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    *places: Place,
    data: bytes = b"",
    shown: Picture | None = None,
) -> Report:
    """Sealed by a program that changes the form it draws, or draws another seal's."""
    module: Any = preparing
    add_picture = module.add_picture

    def other(update: Any, picture: Picture) -> Any:
        reference = add_picture(update, shown or picture)
        change(reference.get_object())
        return reference

    monkeypatch.setattr(preparing, "add_picture", other)
    return verify(seal(data or document(), *(places or (Named("transferor"),))), trust(), now=NOW)


def swapped(report: Report) -> bool:
    return any(isinstance(each, SwappedAppearance) for each in report.findings)


PLACES: list[tuple[bytes, tuple[Place, ...]]] = [
    (document(), (Named("transferor"),)),
    (document(), (Named("transferee"), Straddle())),
    (plain(), (At(0, 100, 100),)),
]


@pytest.mark.parametrize(("data", "places"), PLACES)
def test_the_same_lines_with_other_numbers_are_the_seal(
    data: bytes, places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = sealed_with(monkeypatch, rewritten(rounded), *places, data=data)
    assert report.verdict is Verdict.VALID, [str(each) for each in report.findings]


@pytest.mark.parametrize(("data", "places"), PLACES)
@pytest.mark.parametrize(
    "content",
    [
        lambda content: b"",
        lambda content: b"q 0 g 50 50 8 8 re f Q " + content,
        lambda content: content + b" q 0.84 0.08 0.1 rg 30 30 3 3 re f Q",
        lambda content: b"q 0.99 0 0 0.97 0 0 cm " + content + b" Q",
        lambda content: b"q 1 0 0 1 0.8 0 cm " + content + b" Q",
        lambda content: b"q -1 0 0 1 119.055 0 cm " + content + b" Q",
    ],
)
def test_more_or_less_than_the_seal_is_caught(
    content: Callable[[bytes], bytes],
    data: bytes,
    places: tuple[Place, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = sealed_with(monkeypatch, rewritten(content), *places, data=data)
    assert report.verdict is Verdict.INVALID
    assert swapped(report)


def test_white_over_the_red_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ink it is not seen; a reader that knows no ink shows it."""
    white = b" q 1 1 1 rg 60 60 20 20 re f Q"
    assert swapped(sealed_with(monkeypatch, rewritten(lambda content: content + white)))


@pytest.mark.parametrize("digit", "234567890")
def test_a_number_with_another_digit_is_caught(digit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    similar = Picture("svg", official_seal("甲方示例单位", number=f"430100000000{digit}"), 42, 42)
    assert swapped(sealed_with(monkeypatch, rewritten(rounded), shown=similar))


def test_black_under_the_red_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ink multiplies: what is hidden under it when it covers is seen in a seal's place."""
    dark = b"q 0 0 0 rg 57 57 5 5 re f Q "
    assert swapped(sealed_with(monkeypatch, rewritten(lambda content: dark + content)))


def test_layers_in_the_form_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def layered(form: Any) -> None:
        form[named("/OC")] = generic.DictionaryObject({named("/Type"): named("/OCG")})

    assert swapped(sealed_with(monkeypatch, layered))


@pytest.mark.parametrize("matrix", [(-1, 0, 0, 1, 119, 0), (1, 0, 0, 1, 2, 0), (0.9, 0, 0, 0.9, 0, 0)])
def test_a_form_that_turns_or_shrinks_itself_is_caught(
    matrix: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(form: Any) -> None:
        form[named("/Matrix")] = generic.ArrayObject([generic.FloatObject(each) for each in matrix])

    assert swapped(sealed_with(monkeypatch, turned))


def test_a_blanked_string_keeps_its_length() -> None:
    for size in (512, 1024, 40_001):
        data = b"%PDF <</Contents <" + b"0" * size + b"> /Type /Sig>>"
        light = embedding._LONG_STRING.sub(embedding._as_zeros, data)
        assert len(light) == len(data)
        assert re.fullmatch(rb"%PDF <</Contents\[[0 ]+\] /Type /Sig>>", light)
