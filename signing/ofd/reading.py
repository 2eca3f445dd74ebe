"""The seals of an OFD package: found, what they cover compared file by file, what came after them judged.

    reading = read_ofd(data)
    reading.seals[0].signature, reading.seals[0].coverage.holds, reading.findings

A seal covers the files that its Signature.xml lists with their digests. After it may come another seal's own
files, when that seal covers this one, and nothing else. The list of signatures is covered by none: what it
says is believed only where the signatures say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from signing.der import BIT_STRING, SEQUENCE, MalformedDer, element_at, elements
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
    Unreadable,
    UnreadableSeal,
)
from signing.findings import Finding
from signing.found import Change, ChangeKind, Coverage, FoundSeal, Reading, SealPlace
from signing.ofd.errors import BadMarkup, NotAPackage, OfdError
from signing.ofd.findings import SealsTakenOut
from signing.ofd.notes import two_faced_notes
from signing.ofd.package import read_package
from signing.ofd.sealing import SIGNATURE_FILE, VALUE_FILE
from signing.ofd.signatures import (
    DIGEST_METHODS,
    Listed,
    SignatureFile,
    SignatureList,
    folder_of,
    number_in,
    read_list,
    read_signature,
)
from signing.ofd.structure import Structure, read_structure
from signing.seal import OldSeal
from signing.seal_signature import SealSignature, parse_seal_signature
from signing.sm3 import sm3

FILE: Final = "the file"
BEYOND_MM: Final = 0.5
"""How far a seal may reach over the edge of its page: rounding, and no more."""


def read_ofd(data: bytes) -> Reading:
    """All seals, in the order in which they were made. Nothing that a file holds makes it raise."""
    try:
        return _read(read_structure(read_package(data)))
    except (NotAPackage, BadMarkup) as error:
        return Reading((), (StrangeFile(FILE, str(error)),))
    except OfdError as error:
        return Reading((), (Unreadable(FILE, str(error)),))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One signature of the list. `file` None: its Signature.xml cannot be read, and `problem` says why."""

    listed: Listed
    file: SignatureFile | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Of its place, else its identity in the list."""
        return (self.file.name if self.file else "") or self.listed.identity[:100]


def _read(structure: Structure) -> Reading:
    notes = two_faced_notes(structure)
    if structure.signatures is None:
        return Reading((), (*notes, *_strays(structure, ())))
    listed = read_list(structure.files, structure.signatures)
    read = [_entry(structure, each) for each in listed.entries]
    entries = sorted(read, key=lambda entry: _rank(entry, read))
    package = _Package(structure, listed, tuple(entries))
    seals = tuple(package.found(entry) for entry in entries)
    return Reading(seals, (*notes, *package.findings(), *_strays(structure, tuple(entries))))


def _entry(structure: Structure, listed: Listed) -> _Entry:
    try:
        return _Entry(listed, read_signature(structure.files, listed.path))
    except OfdError as error:
        return _Entry(listed, None, str(error))


def _rank(entry: _Entry, entries: list[_Entry]) -> int:
    """How many of the others it covers: who signs later covers more. Equal ones stay as they are listed."""
    if entry.file is None:
        return len(entries)
    return sum(other.listed.path in entry.file.references for other in entries)


class _Package:
    """All signatures of one package."""

    def __init__(self, structure: Structure, listed: SignatureList, entries: tuple[_Entry, ...]) -> None:
        self.structure, self.listed, self.entries = structure, listed, entries
        self.digests = {file: sm3(content) for file, content in structure.files.items()}

    def findings(self) -> Iterator[Finding]:
        missing = number_in(self.listed.largest) - len(self.entries)
        if missing > 0:
            yield SealsTakenOut(FILE, missing)

    def found(self, entry: _Entry) -> FoundSeal:
        name, file = entry.name, entry.file
        shared = tuple(self._shared(entry))
        if file is None:
            coverage = Coverage(covers_all=False, changes=(Change(ChangeKind.OTHER, "unknown"),))
            return FoundSeal(name, None, UnreadableSeal(name, entry.problem), None, b"", coverage, (), shared)
        signed = self.structure.files[file.path]
        coverage = self._coverage(entry, file)
        findings = [*shared, *_forged(name, file), *_changes(name, coverage)]
        signature, problem = self._signature(entry, file)
        if signature is not None:
            findings += self._stated(name, file, signature)
        places, wrong = self._places(name, file)
        return FoundSeal(
            name, signature, problem, self.digests[file.path], signed, coverage, places, (*findings, *wrong)
        )

    def _signature(self, entry: _Entry, file: SignatureFile) -> tuple[SealSignature | None, Finding | None]:
        value = self.structure.files.get(file.value)
        if value is None:
            return None, UnreadableSeal(entry.name, f"{file.value} is missing: nobody has signed there")
        try:
            return parse_seal_signature(value), None
        except OldSeal:
            return None, OutdatedSeal(entry.name)
        except MalformedDer as error:
            if _is_old(value):
                return None, OutdatedSeal(entry.name)
            if not entry.listed.is_seal:
                return None, NotASeal(entry.name, "Sign")
            return None, UnreadableSeal(entry.name, str(error))

    def _coverage(self, entry: _Entry, file: SignatureFile) -> Coverage:
        changes = list(self._changed(file))
        left_out = {self.structure.signatures, file.path, file.value}
        added = [each for each in self.digests if each not in file.references and each not in left_out]
        for other in self.entries:
            if other is entry or other.file is None or not _covers(other.file, file):
                continue
            own = self._beside(other.file) & set(added)
            if own:
                changes.append(Change(ChangeKind.SEAL, other.name))
            added = [each for each in added if each not in own]
        changes += [Change(self._kind(each), each) for each in added]
        return Coverage(covers_all=not changes, changes=tuple(changes))

    def _beside(self, file: SignatureFile) -> frozenset[str]:
        """Its own files, in a folder that holds nothing else: elsewhere they could be what a page misses."""
        folder = folder_of(file.path)
        if any(folder_of(each) == folder and each not in file.own_files for each in self.digests):
            return frozenset()
        return frozenset(each for each in file.own_files if folder_of(each) == folder)

    def _changed(self, file: SignatureFile) -> Iterator[Change]:
        """Files that are not what the signature lists, or are gone. The list may always be another one."""
        for path, digest in sorted(file.references.items()):
            if self.digests.get(path) != digest:
                yield Change(self._kind(path), path)

    def _kind(self, path: str) -> ChangeKind:
        if any(path == page.path for page in self.structure.pages):
            return ChangeKind.PAGE_CONTENT
        if path == self.structure.document:
            return ChangeKind.PAGES
        if path.endswith(".xml"):
            return ChangeKind.STRUCTURE
        return ChangeKind.OTHER

    def _stated(self, name: str, file: SignatureFile, signature: SealSignature) -> Iterator[Finding]:
        if signature.covers.removeprefix("/") != file.path:
            yield OtherCoverage(name, signature.covers, f"/{file.path}")
        if file.seal is not None and self.structure.files.get(file.seal) != signature.seal.der:
            yield SwappedAppearance(name, file.seal)

    def _places(self, name: str, file: SignatureFile) -> tuple[tuple[SealPlace, ...], list[Finding]]:
        places, wrong = [], list[Finding]()
        for stamp in file.stamps:
            index = self.structure.page_index(stamp.page)
            if index is None:
                wrong.append(SwappedAppearance(name, f"the page {stamp.page}, which is not there"))
                continue
            if not self.structure.pages[index].box.holds(stamp.shown, BEYOND_MM):
                wrong.append(SwappedAppearance(name, f"outside page {index + 1}"))
            places.append(SealPlace(index, *(round(side, 2) for side in stamp.shown)))
        if not places and not wrong:
            wrong.append(InvisibleSeal(name))
        return tuple(places), wrong

    def _shared(self, entry: _Entry) -> Iterator[Finding]:
        """Entries that lead to one and the same signature, or values that stand in several places."""
        for other in self.entries:
            if other is entry:
                continue
            if self._marks(entry) & self._marks(other):
                yield SharedRange(entry.name, other.name)

    def _marks(self, entry: _Entry) -> set[str]:
        """What no other signature may have: identity, files, and the value itself."""
        marks = {f"identity {entry.listed.identity}", entry.listed.path}
        if entry.file is not None:
            marks |= entry.file.own_files
            value = self.digests.get(entry.file.value)
            marks |= {value.hex()} if value else set()
        return marks


def _is_old(der: bytes) -> bool:
    """GM/T 0031-2014: what is signed, with the certificate in it, and the signature; nothing else."""
    try:
        outer = element_at(der, 0, len(der))
        return [each.tag for each in elements(der, outer.content, outer.end)] == [SEQUENCE, BIT_STRING]
    except ValueError:
        return False


def _covers(later: SignatureFile, earlier: SignatureFile) -> bool:
    return {earlier.path, earlier.value} <= later.references.keys()


def _forged(name: str, file: SignatureFile) -> Iterator[Finding]:
    if file.digest_method not in DIGEST_METHODS:
        method = file.digest_method[:60]
        yield ForgedRange(name, f"it lists its files with digests of {method}, and SM3 is taken")
    if not file.references:
        yield ForgedRange(name, "it lists no file")


def _changes(name: str, coverage: Coverage) -> Iterator[Finding]:
    for change in coverage.changes:
        if not change.allowed:
            yield ChangedAfter(name, change.kind, change.where)


def _strays(structure: Structure, entries: tuple[_Entry, ...]) -> Iterator[Finding]:
    """What was left of a seal that somebody took out of the list, or never got into it."""
    known = {file for entry in entries if entry.file for file in entry.file.own_files}
    known |= {entry.listed.path for entry in entries}
    for file in structure.files:
        if file.rpartition("/")[2] in (SIGNATURE_FILE, VALUE_FILE) and file not in known:
            yield StrangeFile(FILE, f"{file} belongs to a seal that is not in the list of seals")
