"""What a PDF shows to its signer is what everybody sees: what shows two things is not sealed, nor valid."""

from collections.abc import Callable
from typing import Any

import pytest
from pyhanko.pdf_utils import generic

from signing.document_findings import ActiveContent
from signing.documents import DocumentError, Named, hole, prepare
from signing.findings import Verdict
from signing.pdf.opening import open_pdf
from signing.pdf.walking import active_content
from signing.verification import verify
from tests.pdfkit import SEAL, document, mark, named, seal, seal_anyway, updated
from tests.sealkit import NOW, trust

COVER = b"1 1 1 rg 0 0 600 900 re f"

Change = Callable[[Any], None]


def entries(**values: Any) -> Any:
    return generic.DictionaryObject({named(f"/{key}"): value for key, value in values.items()})


def array(*values: Any) -> Any:
    return generic.ArrayObject(values)


def number(value: int) -> Any:
    return generic.NumberObject(value)


def in_catalog(key: str, make: Callable[[Any], Any]) -> Change:
    def change(writer: Any) -> None:
        writer.root[named(key)] = make(writer)
        writer.update_root()

    return change


def on_page(make: Callable[[Any], Any]) -> Change:
    """One more annotation on the first page, over all of it."""

    def change(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        annotation = make(writer)
        annotation[named("/Rect")] = array(*map(number, (0, 0, 600, 900)))
        page[named("/Annots")] = array(*page["/Annots"], writer.add_object(annotation))
        mark(writer, page)

    return change


def looks_of(writer: Any, **more: Any) -> Any:
    box = array(*map(number, (0, 0, 600, 900)))
    form = entries(Type=named("/XObject"), Subtype=named("/Form"), BBox=box, **more)
    return writer.add_object(generic.StreamObject(form, stream_data=COVER))


def cover(flags: int, **more: Any) -> Change:
    def make(writer: Any) -> Any:
        looks = looks_of(writer, **more)
        return entries(Subtype=named("/Square"), F=number(flags), AP=entries(N=looks))

    return on_page(make)


def link(**action: Any) -> Change:
    return on_page(lambda _writer: entries(Subtype=named("/Link"), A=entries(**action)))


def layers(**shown: Any) -> Change:
    def make(writer: Any) -> Any:
        layer = writer.add_object(entries(Type=named("/OCG"), Name=generic.TextStringObject("cover")))
        said = {key: array(layer) if value == "layer" else value for key, value in shown.items()}
        return entries(OCGs=array(layer), D=entries(**said))

    return in_catalog("/OCProperties", make)


def members(**rule: Any) -> Change:
    """Content that belongs to a layer by a rule, which the page names."""

    def change(writer: Any) -> None:
        layer = writer.add_object(entries(Type=named("/OCG"), Name=generic.TextStringObject("cover")))
        page = writer.root["/Pages"]["/Kids"][0]
        resources = page["/Resources"]
        resources[named("/Properties")] = entries(L=entries(OCGs=array(layer), **rule))
        mark(writer, resources)

    return change


def filled_in(writer: Any) -> None:
    form = writer.root["/AcroForm"]
    field = entries(FT=named("/Tx"), T=generic.TextStringObject("price"), V=generic.TextStringObject("9"))
    form[named("/Fields")] = array(*form["/Fields"], writer.add_object(field))
    form[named("/NeedAppearances")] = generic.BooleanObject(True)
    writer.update_root()
    mark(writer, form)


TWO_FACED: dict[str, Change] = {
    "layer that is off": layers(OFF="layer"),
    "layers that are off at first": layers(BaseState=named("/OFF")),
    "layer that shows when off": members(P=named("/AllOff")),
    "layer by an expression": members(VE=array(named("/Not"))),
    "printed, not seen": cover(4 | 32),
    "seen, not printed": cover(0),
    "hidden": cover(2 | 4),
    "seen under the pointer": cover(4 | 256),
    "another look under the pointer": on_page(
        lambda writer: entries(
            Subtype=named("/Square"), F=number(4), AP=entries(N=looks_of(writer), R=looks_of(writer))
        )
    ),
    "page of another file": cover(4, Ref=entries(F=generic.TextStringObject("x"), Page=number(0))),
    "picture for printing": cover(4, Alternates=array()),
    "film": on_page(lambda _writer: entries(Subtype=named("/RichMedia"), F=number(4))),
    "attached file": in_catalog(
        "/AF", lambda writer: array(writer.add_object(entries(Type=named("/Filespec"), EF=entries())))
    ),
    "portfolio": in_catalog("/Collection", lambda _writer: entries(View=named("/D"))),
    "program started": link(S=named("/Launch"), F=generic.TextStringObject("x")),
    "program started, dressed up": link(S=named("/Launch"), F=generic.TextStringObject("x"), K=number(0)),
    "layers switched, dressed up": link(S=named("/SetOCGState"), State=array(), K=number(0)),
    "script": in_catalog(
        "/OpenAction", lambda _writer: entries(S=named("/JavaScript"), JS=generic.TextStringObject("x"))
    ),
}


def named_from_afar(writer: Any) -> None:
    """The kind of an action behind a reference."""
    link(S=writer.add_object(named("/Launch")), F=generic.TextStringObject("x"))(writer)


TWO_FACED["program started, named elsewhere"] = named_from_afar

HARMLESS: dict[str, Change] = {
    "address": link(S=named("/URI"), URI=generic.TextStringObject("https://example.org")),
    "note that is printed": cover(4),
    "layer that is on": layers(ON="layer"),
    "layer by its name": members(P=named("/AnyOn")),
}


@pytest.mark.parametrize("change", TWO_FACED.values(), ids=TWO_FACED)
def test_nobody_seals_what_shows_two_things(change: Change) -> None:
    prepared = prepare(updated(document(), change), SEAL, [Named("transferor")], at=NOW)
    with pytest.raises(DocumentError, match="active content"):
        hole(prepared)


@pytest.mark.parametrize("change", TWO_FACED.values(), ids=TWO_FACED)
def test_what_shows_two_things_is_not_valid(change: Change) -> None:
    report = verify(seal_anyway(updated(document(), change), Named("transferor")), trust(), now=NOW)
    assert report.verdict is Verdict.INVALID
    assert ActiveContent in {type(finding) for finding in report.findings}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_shows_one_thing_is_sealed_and_valid(change: Change) -> None:
    report = verify(seal(updated(document(), change), Named("transferor")), trust(), now=NOW)
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]


def test_looks_that_each_program_makes_anew_are_found() -> None:
    """Preparing a file takes the wish out of it; other software leaves it there."""
    active, _strays = active_content(open_pdf(updated(document(), filled_in)), set())
    assert [finding.kind for finding in active] == ["fields without looks of their own"]
