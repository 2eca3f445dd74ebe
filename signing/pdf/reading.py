"""The seals of a PDF: found, their ranges proven, and what was added after each of them judged.

    reading = read_pdf(data)
    reading.seals[0].signature, reading.seals[0].coverage.holds, reading.findings

Each revision is read as a file of its own, cut off where the seal's range ends: that is what the signer had.
What stands behind it has to be clean increments (`increments`) that do nothing but seal (`differences`).
The attacks of the literature end here: universal forgery and wrapping at the range, incremental saving at the
differences, shadow attacks at the increments. docs/checking.md lists them with their tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyhanko.pdf_utils.reader import PdfFileReader

from signing.der import MalformedDer, element_at
from signing.document_findings import (
    ChangedAfter,
    ForgedRange,
    InvisibleSeal,
    NotASeal,
    OtherCoverage,
    OutdatedSeal,
    SharedRange,
    StrangeFile,
    SwappedAppearance,
    UnreadableSeal,
)
from signing.findings import Finding
from signing.found import Change, ChangeKind, Coverage, FoundSeal, Reading, SealPlace
from signing.pdf.appearance import wrong_appearance
from signing.pdf.differences import changes
from signing.pdf.fields import (
    Page,
    SignatureField,
    is_shown,
    number_of,
    pages,
    place_of,
    raw_get,
    resolve,
    signature_fields,
)
from signing.pdf.increments import increments
from signing.pdf.opening import FILE, Refused, open_pdf, parsing
from signing.pdf.ranges import Forged, SignedRange, remember, signed_range, strays, without_holes
from signing.pdf.walking import active_content, all_missing
from signing.seal import OldSeal
from signing.seal_signature import SealSignature, parse_seal_signature
from signing.sm3 import sm3

MAX_SEALS: Final = 32


@dataclass(frozen=True, slots=True)
class _Signed:
    """A field with a signature; `ranged` None: its range is forged, and `problem` says how."""

    field: SignatureField
    ranged: SignedRange | None
    problem: Finding | None = None


def read_pdf(data: bytes) -> Reading:
    """All seals, in the order in which they were made. Nothing that a file holds makes it raise."""
    try:
        with parsing():
            return _read(data)
    except Refused as refused:
        return Reading((), (refused.finding,))


def _read(data: bytes) -> Reading:
    reader = open_pdf(data)
    shown = pages(reader)
    fields = [field for field in signature_fields(reader, shown) if field.signature is not None]
    findings: list[Finding] = []
    if len(fields) > MAX_SEALS:
        return Reading((), (*findings, StrangeFile(FILE, f"it has more than {MAX_SEALS} signatures")))
    signed = sorted((_signed(data, reader, field) for field in fields), key=_order)
    light = without_holes(data, (each.ranged for each in signed if each.ranged))
    whole = open_pdf(light)
    values = tuple(field.signature for field in fields)
    remember(whole, data, values)
    known = {number for field in fields if (number := number_of(field.signature))}
    active, unshown = active_content(whole, known)
    findings += active
    stray = max(unshown, strays(light, whole, values))
    if stray:
        findings.append(StrangeFile(FILE, f"{stray} signatures in it belong to no field"))
    seals = _Seals(data, shown, tuple(signed))
    additions = _Additions(data, light, whole, tuple(signed))
    return Reading(tuple(seals.found(additions)), tuple(findings))


def _signed(data: bytes, reader: PdfFileReader, field: SignatureField) -> _Signed:
    try:
        return _Signed(field, signed_range(data, reader, field.signature))
    except Forged as forged:
        return _Signed(field, None, ForgedRange(field.name, str(forged)))
    except Refused as refused:
        return _Signed(field, None, refused.finding)


def _order(signed: _Signed) -> tuple[int, int]:
    return (signed.ranged.end, signed.ranged.hole_start) if signed.ranged else (1 << 62, 0)


class _Seals:
    """All signatures of one file."""

    def __init__(self, data: bytes, shown: tuple[Page, ...], signed: tuple[_Signed, ...]) -> None:
        self.data, self.shown, self.signed = data, shown, signed
        self.shared = _shared(signed)

    def found(self, added: "_Additions") -> Iterator[FoundSeal]:
        for each in self.signed:
            yield self._one(each, added)

    def _one(self, each: _Signed, added: "_Additions") -> FoundSeal:
        name, ranged = each.field.name, each.ranged
        shared = self.shared.get(name)
        if ranged is None:
            coverage = Coverage(covers_all=False, changes=(Change(ChangeKind.OTHER, "unknown"),))
            return FoundSeal(name, None, each.problem, None, b"", coverage, (), (shared,) if shared else ())
        coverage, findings = added.after(name, ranged.end)
        signature, problem = _parse(name, ranged.contents(self.data))
        signed = ranged.signed(self.data)
        if shared:
            findings.append(shared)
        places: tuple[SealPlace, ...] = ()
        if signature is not None:
            places, seen = self._seen(each.field, signature)
            findings += [*seen, *_stated(name, signature, ranged)]
        else:
            problem = self._of_another_kind(each.field) or problem
        return FoundSeal(name, signature, problem, sm3(signed), signed, coverage, places, tuple(findings))

    def _of_another_kind(self, field: SignatureField) -> Finding | None:
        """CMS, for example: sound perhaps, but not a seal."""
        with parsing():
            kind = str(resolve(raw_get(resolve(field.signature), "/SubFilter")) or "")[1:40]
        foreign = kind.startswith(("adbe.", "ETSI."))
        return NotASeal(field.name, kind) if foreign else None

    def _seen(
        self, field: SignatureField, signature: SealSignature
    ) -> tuple[tuple[SealPlace, ...], list[Finding]]:
        visible = [widget for widget in field.widgets if is_shown(widget)]
        try:
            with parsing():
                showing, wrong = wrong_appearance(visible, signature.seal.info.picture, field.name)
        except Refused as refused:
            return (), [SwappedAppearance(field.name, str(refused.finding))]
        places = tuple(place_of(widget, self.shown) for widget in showing)
        if not places and not wrong:
            wrong = [InvisibleSeal(field.name)]
        return places, wrong


def _stated(name: str, signature: SealSignature, ranged: SignedRange) -> Iterator[Finding]:
    """What the signature says that it is about, where it says so by four numbers."""
    numbers = "".join(c if c.isascii() and c.isdigit() else " " for c in signature.covers).split()
    if len(numbers) == 4 and numbers != str(ranged).split():
        yield OtherCoverage(name, signature.covers, f"ByteRange {ranged}")


def _parse(name: str, contents: bytes) -> tuple[SealSignature | None, Finding | None]:
    """The sealing at the beginning of the hole; the rest of the hole is zeros."""
    try:
        outer = element_at(contents, 0, len(contents))
    except ValueError as error:
        return None, UnreadableSeal(name, str(error))
    if any(contents[outer.end :]):
        return None, UnreadableSeal(name, "something stands behind it in its place")
    try:
        return parse_seal_signature(contents[: outer.end]), None
    except OldSeal:
        return None, OutdatedSeal(name)
    except MalformedDer as error:
        return None, UnreadableSeal(name, str(error))


def _shared(signed: tuple[_Signed, ...]) -> dict[str, Finding]:
    """Signatures that claim one place: the same object, overlapping holes, or one and the same range."""
    found: dict[str, Finding] = {}
    for index, one in enumerate(signed):
        for other in signed[index + 1 :]:
            if _overlap(one, other):
                found.setdefault(one.field.name, SharedRange(one.field.name, other.field.name))
                found.setdefault(other.field.name, SharedRange(other.field.name, one.field.name))
    return found


def _overlap(one: _Signed, other: _Signed) -> bool:
    same_object = number_of(one.field.signature)
    if same_object and same_object == number_of(other.field.signature):
        return True
    if one.ranged is None or other.ranged is None:
        return False
    apart = one.ranged.hole_end <= other.ranged.hole_start or other.ranged.hole_end <= one.ranged.hole_start
    nested = one.ranged.end <= other.ranged.hole_start or other.ranged.end <= one.ranged.hole_start
    return not (apart and nested)


class _Additions:
    """What stands behind each signed part: looked at once, in order, for all signatures of the file."""

    def __init__(self, data: bytes, light: bytes, reader: PdfFileReader, signed: tuple[_Signed, ...]) -> None:
        self.data = data
        self.values = tuple(each.field.signature for each in signed)
        ends = [each.ranged.end for each in signed if each.ranged]
        self.size = len(data)
        self.ends: set[int] = {len(data)}
        self.steps: list[tuple[int, tuple[Change, ...]]] = []
        """(where the step begins, what it did)."""
        self.broken: tuple[int, Finding] | None = None
        """From this place on nothing is known, and why."""
        if ends:
            self._look(light, reader, min(ends))

    def _look(self, data: bytes, reader: PdfFileReader, first: int) -> None:
        begin = first
        try:
            before = open_pdf(data[:first])
            self.ends.add(first)
            self._opened(before)
            if first == len(data):
                return
            awaited = all_missing(before)
            for increment in increments(data, first, reader, self._opened):
                self.steps.append((begin, tuple(changes(before, increment, awaited))))
                before, begin = increment.reader, increment.end
                self.ends.add(begin)
        except Refused as refused:
            self.broken = begin, refused.finding

    def _opened(self, reader: PdfFileReader) -> None:
        remember(reader, self.data, self.values)

    def after(self, name: str, end: int) -> tuple[Coverage, list[Finding]]:
        """What came after the signed part that ends there."""
        made = [change for begin, step in self.steps if begin >= end for change in step]
        findings: list[Finding] = []
        if self.broken is not None and end != self.size:
            made.append(Change(ChangeKind.STRUCTURE, "file"))
            findings.append(self.broken[1])
        if end not in self.ends:
            made.append(Change(ChangeKind.STRUCTURE, "file"))
            findings.append(ForgedRange(name, "it does not end where a revision of the file ends"))
        findings += [ChangedAfter(name, change.kind, change.where) for change in made if not change.allowed]
        return Coverage(covers_all=end == self.size and not made, changes=tuple(made)), findings


__all__ = ["MAX_SEALS", "read_pdf"]
