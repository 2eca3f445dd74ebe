"""What is saved into a PDF after a seal, cleanly (ISA) or not (shadow attacks): named, and caught."""

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from pyhanko.pdf_utils import generic

from signing.document_findings import (
    ChangedAfter,
    StrangeFile,
)
from signing.documents import Named
from signing.findings import Verdict
from signing.found import ChangeKind
from tests.pdfkit import (
    assert_caught,
    changes_of,
    checked,
    document,
    field_of,
    increment,
    kinds,
    mark,
    named,
    one,
    seal,
    size_of,
    start_of_index,
    two,
    updated,
)

# --- incremental saving (ISA) ---


def replace_text(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    content = generic.StreamObject(stream_data=b"BT ET")
    page[named("/Contents")] = writer.add_object(content)
    mark(writer, page)


def overwrite_content(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    content = page["/Contents"]
    content = content[0] if isinstance(content, generic.ArrayObject) else content
    content._data, content._encoded_data = b"BT ET", None
    mark(writer, content)


def add_page(writer: Any) -> None:
    from pyhanko.pdf_utils.writer import PageObject

    content = writer.add_object(generic.StreamObject(stream_data=b""))
    box = generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 595, 842)])
    page: Any = PageObject
    writer.insert_page(page(contents=content, media_box=box))


def remove_page(writer: Any) -> None:
    pages = writer.root["/Pages"]
    pages[named("/Kids")] = generic.ArrayObject([pages["/Kids"].raw_get(0)])
    pages[named("/Count")] = generic.NumberObject(1)
    mark(writer, pages)


def add_annotation(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    note = generic.DictionaryObject(
        {
            named("/Type"): named("/Annot"),
            named("/Subtype"): named("/FreeText"),
            named("/Rect"): generic.ArrayObject([generic.NumberObject(n) for n in (50, 50, 300, 300)]),
            named("/Contents"): generic.TextStringObject("900 yuan"),
        }
    )
    page["/Annots"].append(writer.add_object(note))
    mark(writer, page)
    if page["/Annots"].container_ref != page.container_ref:
        mark(writer, page["/Annots"])


def change_appearance(writer: Any) -> None:
    field = field_of(writer, "transferor")
    field["/AP"]["/N"]._data, field["/AP"]["/N"]._encoded_data = b"0 0 50 50 re f", None
    mark(writer, field["/AP"]["/N"])


def swap_appearance(writer: Any) -> None:
    field = field_of(writer, "transferor")
    other = generic.StreamObject(
        generic.DictionaryObject({named("/Subtype"): named("/Form"), named("/Type"): named("/XObject")}),
        stream_data=b"0 0 50 50 re f",
    )
    field[named("/AP")] = generic.DictionaryObject({named("/N"): writer.add_object(other)})
    mark(writer, field)


def move_field(writer: Any) -> None:
    field = field_of(writer, "platform")
    field[named("/Rect")] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 500, 800)])
    mark(writer, field)


def add_field(writer: Any) -> None:
    text = generic.DictionaryObject(
        {
            named("/FT"): named("/Tx"),
            named("/T"): generic.TextStringObject("price"),
            named("/V"): generic.TextStringObject("900"),
        }
    )
    writer.root["/AcroForm"]["/Fields"].append(writer.add_object(text))
    mark(writer, writer.root["/AcroForm"])


def take_seal_out(writer: Any) -> None:
    field = field_of(writer, "transferor")
    del field["/V"]
    mark(writer, field)


def add_script(writer: Any) -> None:
    script = generic.DictionaryObject(
        {named("/S"): named("/JavaScript"), named("/JS"): generic.TextStringObject("app.alert(1)")}
    )
    writer.root[named("/OpenAction")] = writer.add_object(script)
    writer.update_root()


def other_pages(writer: Any) -> None:
    """The catalog leads to another tree of pages."""
    root = writer.root
    kids = generic.ArrayObject([root["/Pages"]["/Kids"].raw_get(0)])
    tree = generic.DictionaryObject(
        {named("/Type"): named("/Pages"), named("/Kids"): kids, named("/Count"): generic.NumberObject(1)}
    )
    root[named("/Pages")] = writer.add_object(tree)
    writer.update_root()


def nothing_seen(writer: Any) -> None:
    """An object that nothing refers to."""
    writer.add_object(generic.TextStringObject("hidden for later"))


CHANGES: dict[Callable[[Any], None], set[ChangeKind]] = {
    replace_text: {ChangeKind.PAGE_CONTENT},
    overwrite_content: {ChangeKind.PAGE_CONTENT},
    add_page: {ChangeKind.PAGES},
    remove_page: {ChangeKind.PAGES},
    add_annotation: {ChangeKind.PAGE_CONTENT, ChangeKind.ANNOTATION},
    change_appearance: {ChangeKind.APPEARANCE},
    swap_appearance: {ChangeKind.FORM},
    move_field: {ChangeKind.FORM},
    add_field: {ChangeKind.FORM},
    take_seal_out: {ChangeKind.FORM},
    add_script: {ChangeKind.STRUCTURE},
    other_pages: {ChangeKind.STRUCTURE},
    nothing_seen: {ChangeKind.OTHER},
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_saved_after_a_seal_is_named(change: Callable[[Any], None]) -> None:
    report = assert_caught(updated(two(), change), ChangedAfter, StrangeFile)
    if ChangedAfter in kinds(report):
        assert changes_of(report) & CHANGES[change], [str(finding) for finding in report.findings]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_saved_between_two_seals_breaks_the_first(change: Callable[[Any], None]) -> None:
    if change is take_seal_out:
        return
    report = checked(seal_strangely(updated(one(), change)))
    first = next(entry for entry in report.seals if entry.found.name == "transferor")
    assert first.verdict is Verdict.INVALID, [str(finding) for finding in first.findings]


def seal_strangely(data: bytes) -> bytes:
    """The platform's seal on top of what somebody did to a sealed document; ours refuses some of that."""
    from signing.documents import DocumentError

    try:
        return seal(data, Named("platform"))
    except DocumentError:
        return data


# --- increments that are not clean (shadow attacks, parser confusion) ---


def page_number(data: bytes) -> int:
    found = read_pages(data)
    return found[0]


def read_pages(data: bytes) -> list[int]:
    from signing.pdf.fields import pages
    from signing.pdf.opening import open_pdf

    return [page.number[0] for page in pages(open_pdf(data)) if page.number]


def test_an_index_that_brings_back_a_hidden_object_is_caught() -> None:
    """Hide and replace: the new content stood in the signed part all along, and only the index is new."""
    target = read_pages(document())[0]
    hidden = b"\n%d 0 obj\n<< /Type /Page >>\nendobj\n" % target
    prepared = increment(document(), {size_of(document()): b"(x)"}, before_index=hidden)
    place = prepared.index(hidden) + 1
    sealed_with = seal(prepared, Named("transferor"))
    assert checked(sealed_with).verdict is Verdict.VALID
    assert_caught(increment(sealed_with, {}, listed={target: place}), StrangeFile)


@pytest.mark.parametrize("text", [b"% a comment\n", b"(x)\n", b"99 0 obj\n(hidden)\nendobj\n", b"xref\n"])
def test_what_stands_between_the_objects_of_an_increment_is_caught(text: bytes) -> None:
    number = size_of(one())
    assert_caught(increment(one(), {number: b"(x)"}, before_index=text), StrangeFile)


def test_an_increment_that_does_not_follow_is_caught() -> None:
    number = size_of(one())
    assert (
        checked(increment(one(), {number: b"(x)"}, prev=start_of_index(document()))).verdict
        is Verdict.INVALID
    )


def test_an_increment_that_points_elsewhere_is_caught() -> None:
    number = size_of(one())
    made = increment(one(), {number: b"(x)"}, end=b"startxref\n%d\n%%%%EOF\n" % start_of_index(one()))
    assert checked(made).verdict is Verdict.INVALID


def test_a_body_without_an_index_is_caught() -> None:
    number = read_pages(one())[0]
    end = one()[one().rindex(b"startxref") :]
    body = b"%d 0 obj\n<< /Type /Page >>\nendobj\n" % number
    assert_caught(one() + body + end, StrangeFile)


def test_an_increment_that_defines_an_object_twice_is_caught() -> None:
    number = size_of(one())
    again = b"%d 0 obj\n(y)\nendobj\n" % number
    assert_caught(increment(one(), {number: b"(x)"}, before_index=again), StrangeFile)


def test_an_increment_that_takes_objects_away_is_caught() -> None:
    data = one()
    made = increment(data, {size_of(data): b"(x)"})
    freed = made.replace(b" 00000 n \ntrailer", b" 00001 f \ntrailer")
    assert freed != made
    assert checked(freed).verdict is Verdict.INVALID


def test_a_trailer_with_another_catalog_is_caught() -> None:
    data, number = one(), size_of(one())
    made = increment(data, {number: b"<< /Type /Catalog >>"})
    position = made.rindex(b"/Root ")
    end = made.index(b" R", position)
    assert checked(made[:position] + b"/Root %d 0" % number + made[end:]).verdict is Verdict.INVALID


def test_an_object_that_was_awaited_is_caught() -> None:
    """Prepared shadow: the signed page refers to an object that is not there yet."""
    awaited = size_of(document()) + 50

    def refer(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[named("/PieceInfo")] = generic.IndirectObject(awaited, 0, writer)
        mark(writer, page)

    prepared = updated(document(), refer)
    sealed_with = seal(prepared, Named("transferor"))
    later = increment(sealed_with, {awaited: b"<< /Private 1 >>"})
    assert_caught(later, ChangedAfter)


def test_compressed_objects_behind_a_seal_are_caught() -> None:
    number = size_of(one())
    body = zlib.compress(b"%d 0 (x)" % (number + 1))
    stream = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (
        len(body),
        body,
    )
    assert checked(increment(one(), {number: stream})).verdict is Verdict.INVALID
