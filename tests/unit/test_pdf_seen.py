"""What is seen of a seal in a PDF is the seal, and nothing acts by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from pyhanko.pdf_utils import generic

from signing.document_findings import (
    ActiveContent,
    InvisibleSeal,
    SwappedAppearance,
)
from signing.documents import At, Named, Straddle
from signing.findings import Verdict
from signing.seal import Picture
from signing.seal_picture import official_seal
from tests.pdfkit import (
    OTHER_SEAL,
    as_object,
    assert_caught,
    checked,
    document,
    field_of,
    mark,
    named,
    plain,
    seal,
    seal_anyway,
    shown_as,
    updated,
)
from tests.sealkit import sealed

# --- what is seen of the seal ---


def test_another_seals_picture_is_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, document(), Named("transferor")), SwappedAppearance)


def test_another_seals_slices_are_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, document(), Named("transferee"), Straddle()), SwappedAppearance)


def test_a_new_place_with_another_seals_picture_is_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, plain(), At(0, 100, 100)), SwappedAppearance)
    assert checked(seal(plain(), At(0, 100, 100))).verdict is Verdict.VALID


@pytest.mark.parametrize("parts", [(1, 0, 2), (0, 1, 1), (0, 0, 0), (2, 1, 0)])
def test_slices_in_another_order_are_caught(
    parts: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pdf import preparing

    show = preparing.show

    def moved(update: Any, widget: Any, picture: Any, drawn: Any, part: int = 0, of: int = 1) -> None:
        show(update, widget, picture, drawn, parts[part] if of == 3 else part, of)

    monkeypatch.setattr(preparing, "show", moved)
    assert_caught(seal(document(), Named("transferee"), Straddle()), SwappedAppearance)


def test_an_appearance_with_something_beside_the_seal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from signing.pdf import preparing

    show = preparing.show

    def more(update: Any, widget: Any, *arguments: Any) -> None:
        show(update, widget, *arguments)
        look = widget.get_object()["/AP"]["/N"]
        look._data, look._encoded_data = look.data + b" 0 0 60 60 re f", None

    monkeypatch.setattr(preparing, "show", more)
    assert_caught(seal(document(), Named("transferor")), SwappedAppearance)


def drawn_by_others(content: bytes) -> Callable[..., None]:
    """`show` of a program that draws seals in its own way."""
    from signing.pdf import preparing

    show = preparing.show

    def other(update: Any, widget: Any, *arguments: Any) -> None:
        show(update, widget, *arguments)
        look = widget.get_object()["/AP"]["/N"]
        look._data, look._encoded_data = content, None

    return other


HONEST = b"q 1 0 0 1 0 0 cm /Seal Do Q"


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (HONEST, Verdict.VALID),
        (b"q /Ink gs 1 0 0 1 0 0 cm /Seal Do Q ", Verdict.VALID),
        (b"q 1 1 1 rg 0 0 119 119 re f Q " + HONEST, Verdict.INVALID),
        (HONEST + b" q 1 1 1 rg 60 60 20 20 re f Q", Verdict.INVALID),
        (HONEST + b" q 0.84 0.08 0.1 rg 30 30 6 6 re f Q", Verdict.INVALID),
        (b"q -1 0 0 1 119.055 0 cm /Seal Do Q", Verdict.INVALID),
        (b"q 0.5 0 0 0.5 0 0 cm /Seal Do Q", Verdict.INVALID),
    ],
)
def test_a_seal_drawn_by_another_program_is_compared_dot_by_dot(
    content: bytes, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pdf import preparing

    monkeypatch.setattr(preparing, "show", drawn_by_others(content))
    report = checked(seal(places_of_50_mm(), Named("place")))
    assert report.verdict is verdict, [str(finding) for finding in report.findings]


def places_of_50_mm() -> bytes:
    from signing.pdf.places import PlaceToMake, with_places

    return with_places(plain(), [PlaceToMake("place", At(0, 60, 100), 42.0, 42.0)])


def test_a_seal_that_differs_in_its_number_alone_is_caught() -> None:
    similar = sealed(
        picture=Picture("svg", official_seal("甲方示例单位", number="4301000000007"), 42, 42),
        seal_id="43010000000007",
    )
    assert_caught(shown_as(similar, document(), Named("transferor")), SwappedAppearance)


def test_a_picture_of_dots_is_compared_as_well() -> None:
    from io import BytesIO

    from PIL import Image, ImageDraw

    def png(text: str) -> bytes:
        image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((10, 10, 290, 290), outline=(215, 20, 26, 255), width=9)
        ImageDraw.Draw(image).text((120, 140), text, fill=(215, 20, 26, 255))
        out = BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    own = sealed(picture=Picture("png", png("ONE"), 40, 40))
    other = sealed(picture=Picture("png", png("TWO"), 40, 40), seal_id="43010000000009")
    assert checked(seal(document(), Named("transferor"), by=own)).verdict is Verdict.VALID
    assert_caught(shown_as(other, document(), Named("transferor"), by=own), SwappedAppearance)


@pytest.mark.parametrize("flags", [2, 32, 2 | 4])
def test_a_hidden_seal_is_caught(flags: int) -> None:
    def hide(writer: Any) -> None:
        field = field_of(writer, "transferor")
        field[named("/F")] = generic.NumberObject(flags)
        mark(writer, field)

    assert_caught(seal_anyway(updated(document(), hide), Named("transferor")), InvisibleSeal)


def test_a_seal_on_no_page_is_caught() -> None:
    def detach(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[named("/Annots")] = generic.ArrayObject()
        mark(writer, page)

    assert_caught(seal(updated(document(), detach), Named("transferor")), InvisibleSeal)


# --- what acts by itself ---


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/OpenAction", {"/S": "/JavaScript", "/JS": "(app.alert)"}),
        ("/OpenAction", {"/S": "/Launch", "/F": "(cmd.exe)"}),
        ("/AA", {"/WC": {"/S": "/JavaScript", "/JS": "(x)"}}),
        ("/Names", {"/JavaScript": {"/Names": []}, "/EmbeddedFiles": {"/Names": []}}),
    ],
)
def test_active_content_is_not_sealed_away(key: str, value: Any) -> None:
    def act(writer: Any) -> None:
        writer.root[named(key)] = as_object(value)
        writer.update_root()

    assert_caught(seal_anyway(updated(document(), act), Named("transferor")), ActiveContent)
