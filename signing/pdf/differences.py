"""What an addition behind a seal did to the document. Allowed is one thing: sealing a place made for it.

pyHanko's standard policy permits more (values in forms, new fields, keys for later checks); documents of a
sale need none of it, and each is a way to change what is seen. So the list here is closed: an addition may

- give an empty signature field its signature, and its widgets their looks (a straddle seal has several);
- set the form's flags;
- note when and by which program the file was written.

Everything that it does besides is a change, named by what it touched.
"""

from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.found import Change, ChangeKind
from signing.pdf.fields import (
    Number,
    SignatureField,
    items,
    number_of,
    object_at,
    pages,
    raw_get,
    resolve,
    signature_fields,
)
from signing.pdf.increments import Increment
from signing.pdf.opening import parsing, plain
from signing.pdf.walking import missing, references

_FORM_FLAGS: Final = frozenset({"/SigFlags"})
_INFO: Final = frozenset({"/ModDate", "/Producer"})
_FIELD: Final = frozenset({"/V"})
_WIDGET: Final = frozenset({"/AP"})
_TRAILER: Final = frozenset({"/Size", "/Prev", "/ID", "/Root", "/Info"})
_INDEX: Final = frozenset({"/Type", "/W", "/Index", "/Filter", "/DecodeParms", "/Length"})


def changes(before: PdfFileReader, after: Increment, awaited: set[int]) -> list[Change]:
    """What `after` did to `before`.

    `awaited` holds the numbers of objects that earlier parts refer to and do not have: an addition that
    defines one of them would change the earlier part. It is brought up to date. Raises Refused.
    """
    with parsing():
        found = list(_Comparison(before, after, awaited).changes())
        for number in after.changed:
            awaited |= missing(after.reader, number)
        return found


class _Comparison:
    """Two revisions and what is between them."""

    def __init__(self, before: PdfFileReader, after: Increment, awaited: set[int]) -> None:
        self.before, self.after, self.awaited = before, after, awaited
        self.fields = signature_fields(before, pages(before))
        self.linked: set[Number] = set()
        """New objects that an allowed change leads to."""

    def changes(self) -> Iterator[Change]:
        yield from self._trailer()
        old = {number for number in self.after.changed if self._existed(number)}
        roles = _roles(self.before, self.fields)
        filled = [field for field in self.fields if self._is_filled(field)]
        for number in sorted(old):
            if not self._is_allowed(number, filled):
                yield roles.get(number) or Change(ChangeKind.OTHER, f"object {number[0]}")
        yield from self._new(self.after.changed - old)
        yield from self._page_count()
        for field in filled:
            yield Change(ChangeKind.SEAL, field.name)

    def _existed(self, number: Number) -> bool:
        try:
            return self.before.xrefs[generic.Reference(*number, pdf=self.before)] is not None
        except KeyError:
            return False

    def _was(self, number: Number) -> Any:
        return object_at(self.before, number)

    def _is(self, number: Number) -> Any:
        return object_at(self.after.reader, number)

    def _trailer(self) -> Iterator[Change]:
        old, new = self.before.trailer_view, self.after.trailer
        stream = _INDEX if isinstance(new, generic.StreamObject) else frozenset()
        same_root = plain(raw_get(old, "/Root")) == plain(raw_get(new, "/Root"))
        if not same_root or set(new) - _TRAILER - stream:
            yield Change(ChangeKind.STRUCTURE, "trailer")
        info = number_of(raw_get(new, "/Info"))
        if info and info != number_of(raw_get(old, "/Info")):
            yield Change(ChangeKind.STRUCTURE, "document information")

    def _is_allowed(self, number: Number, filled: list[SignatureField]) -> bool:
        old, new = self._was(number), self._is(number)
        differing = _differing(old, new)
        if differing is None:
            return False
        if not differing:
            return True
        trailer = self.before.trailer_view
        if number == number_of(raw_get(trailer, "/Root")):
            return differing == {"/AcroForm"} and self._form_grew(old, new)
        if number == number_of(raw_get(self.before.root, "/AcroForm")):
            return differing <= _FORM_FLAGS
        if number == number_of(raw_get(trailer, "/Info")):
            return differing <= _INFO
        return self._is_sealing(number, old, new, differing, filled)

    def _form_grew(self, old: Any, new: Any) -> bool:
        one, other = raw_get(old, "/AcroForm"), raw_get(new, "/AcroForm")
        if number_of(one) or number_of(other):
            return False
        return (_differing(one, other) or set()) <= _FORM_FLAGS and one is not None

    def _is_sealing(
        self, number: Number, old: Any, new: Any, differing: set[str], filled: list[SignatureField]
    ) -> bool:
        """Whether this is a field that got its seal, or one of its widgets that got its picture."""
        for field in filled:
            is_field = number == field.number
            is_widget = any(number == widget.number for widget in field.widgets)
            permitted = (_FIELD if is_field else set()) | (_WIDGET if is_widget else set())
            if differing and differing <= permitted:
                return all(self._leads_to_new(new, key) for key in differing)
        return False

    def _leads_to_new(self, new: Any, key: str) -> bool:
        value = raw_get(new, key)
        if key == "/V":
            return self._link(value)
        appearances = resolve(value)
        if number_of(value) and not self._link(value):
            return False
        only_normal = isinstance(appearances, generic.DictionaryObject) and set(appearances) == {"/N"}
        return only_normal and self._link(raw_get(appearances, "/N"))

    def _link(self, raw: Any) -> bool:
        number = number_of(raw)
        if number is None or number not in self.after.changed or self._existed(number):
            return False
        self.linked.add(number)
        return True

    def _is_filled(self, field: SignatureField) -> bool:
        """An empty field of before that holds something now."""
        if field.signature is not None or field.number is None or field.number not in self.after.changed:
            return False
        return raw_get(self._is(field.number), "/V") is not None

    def _new(self, new: frozenset[Number] | set[Number]) -> Iterator[Change]:
        reached = self._reached(new)
        for number in sorted(new):
            if number[0] in self.awaited:
                yield Change(ChangeKind.OTHER, f"object {number[0]}, which an earlier part refers to")
            elif number not in reached and number != self.after.index:
                yield Change(ChangeKind.OTHER, f"object {number[0]}")

    def _reached(self, new: frozenset[Number] | set[Number]) -> set[Number]:
        reached, pending = set(), list(self.linked)
        while pending:
            number = pending.pop()
            if number in reached or number not in new:
                continue
            reached.add(number)
            pending += references(self._is(number))
        return reached

    def _page_count(self) -> Iterator[Change]:
        old, new = (tuple(page.number for page in pages(r)) for r in (self.before, self.after.reader))
        if old != new:
            yield Change(ChangeKind.PAGES, f"{len(old)} → {len(new)}")


def _differing(old: Any, new: Any) -> set[str] | None:
    """The keys at which two dictionaries differ; None when they are not both dictionaries."""
    if not all(isinstance(value, generic.DictionaryObject) for value in (old, new)):
        return set() if plain(old) == plain(new) else None
    if isinstance(old, generic.StreamObject) or isinstance(new, generic.StreamObject):
        return set() if plain(old) == plain(new) else None
    keys = {str(key) for key in (*old, *new)}
    return {key for key in keys if plain(raw_get(old, key)) != plain(raw_get(new, key))}


def _roles(reader: PdfFileReader, fields: tuple[SignatureField, ...]) -> dict[Number, Change]:
    """What an object of the earlier revision is for, in words; the first use that is found names it."""
    roles: dict[Number, Change] = {}

    def name(number: Number | None, kind: ChangeKind, where: str) -> None:
        if number is not None:
            roles.setdefault(number, Change(kind, where))

    for field in fields:
        name(field.number, ChangeKind.FORM, field.name)
        for widget in field.widgets:
            name(widget.number, ChangeKind.APPEARANCE, field.name)
            for reached in _below(raw_get(widget.value, "/AP")):
                name(reached, ChangeKind.APPEARANCE, field.name)
    for index, page in enumerate(pages(reader)):
        where = f"page {index + 1}"
        name(page.number, ChangeKind.PAGE_CONTENT, where)
        for annotation in items(raw_get(page.value, "/Annots")):
            name(number_of(annotation), ChangeKind.ANNOTATION, where)
        for key in ("/Contents", "/Resources"):
            for reached in _below(raw_get(page.value, key)):
                name(reached, ChangeKind.PAGE_CONTENT, where)
    name(number_of(raw_get(reader.trailer_view, "/Root")), ChangeKind.STRUCTURE, "catalog")
    name(number_of(raw_get(reader.root, "/Pages")), ChangeKind.PAGES, "page tree")
    name(number_of(raw_get(reader.root, "/AcroForm")), ChangeKind.FORM, "form")
    for raw in items(raw_get(resolve(raw_get(reader.root, "/AcroForm")), "/Fields")):
        name(number_of(raw), ChangeKind.FORM, str(resolve(raw_get(resolve(raw), "/T")) or "form"))
    return roles


def _below(raw: Any) -> Iterator[Number]:
    """The objects that a value leads to, a few levels down; never up to a page again."""
    pending, seen = [(raw, 0)], set[Number]()
    while pending:
        each, depth = pending.pop()
        number = number_of(each)
        if number in seen or depth > 12 or len(seen) > 5_000:
            continue
        if number:
            seen.add(number)
            yield number
        value = resolve(each)
        if isinstance(value, generic.DictionaryObject):
            pending += [(value.raw_get(key), depth + 1) for key in value if key not in ("/Parent", "/P")]
        elif isinstance(value, generic.ArrayObject):
            pending += [(each, depth + 1) for each in items(value)]
