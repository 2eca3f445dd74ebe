"""An archive, checked offline by anybody: every file against the sealed manifest, the seal, the ledger.

    report = check_archive(path, trust, now=now)

The file is a stranger's: everything is bounded before it is read, and nothing is written anywhere. A part of
an archive is as good as the whole: what is not in it is counted, what is in it has to be listed.
"""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from bidding.ledger.file import Status, verify_ledger
from signing.chain import Trust
from signing.der import MalformedDer
from signing.findings import Verdict
from signing.seal_check import SealSignatureReport, check_seal_signature
from signing.seal_signature import MAX_SIGNATURE, parse_seal_signature
from signing.sm3 import growing_sm3, sm3
from trading.awards.manifest import (
    COVERS,
    LARGEST_MANIFEST,
    LEDGER,
    MANIFEST,
    MOST_ENTRIES,
    README,
    SEAL,
    Entry,
    Manifest,
    ManifestFault,
    read_manifest,
)

OWN: Final = frozenset({MANIFEST, SEAL, README})
LARGEST_README: Final = 64 << 10
PIECE: Final = 1 << 20
_NAME_AT: Final = 30
"""Where the name stands in the header of a zip's first entry."""
_HEAD: Final = 256
UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    EOFError,
    OSError,
)
"""What a damaged zip makes its reader raise."""


class Fault(StrEnum):
    """What can be wrong with an archive."""

    NOT_AN_ARCHIVE = "not_an_archive"
    DAMAGED = "damaged"
    """The zip can't be opened, as after a download that broke off."""
    MANIFEST = "manifest"
    NO_SEAL = "no_seal"
    SEAL_UNREADABLE = "seal_unreadable"
    OTHER_SEALED = "other_sealed"
    """The seal is over something else than a manifest."""
    CHANGED = "changed"
    UNLISTED = "unlisted"
    TWICE = "twice"
    LEDGER = "ledger"
    LEDGER_KEY = "ledger_key"
    """The ledger was sealed with another key than the manifest names."""
    TOO_COSTLY = "too_costly"
    """A limit of the checking process stopped it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong, and where."""

    fault: Fault
    path: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What the check found. `absent`: listed entries that are not in this part."""

    manifest: Manifest | None
    checked: int
    absent: int
    ledger_entries: int
    seal: SealSignatureReport | None
    findings: tuple[Found, ...]
    folders: Mapping[str, int] = field(default_factory=dict)
    """How many of the checked files lie in each folder."""

    @property
    def verdict(self) -> Verdict:
        if self.findings or self.manifest is None or self.seal is None:
            return Verdict.INVALID
        return self.seal.verdict


class _Unreadable(Exception):
    """A file of the zip that can't be read within its bounds."""


def looks_like_archive(path: Path | IO[bytes]) -> bool:
    """Whether a file is a zip with a manifest, or the beginning of one: what else it may be is somebody
    else's."""
    try:
        with zipfile.ZipFile(path) as package:
            return MANIFEST in package.namelist()[: MOST_ENTRIES + len(OWN)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return _begins_as_archive(path)


def _begins_as_archive(path: Path | IO[bytes]) -> bool:
    """By the name of its first entry: the directory at the end of a damaged zip may be gone."""
    try:
        with path.open("rb") if isinstance(path, Path) else nullcontext(path) as file:
            file.seek(0)
            head = file.read(_HEAD)
    except OSError:
        return False
    name = head[_NAME_AT : _NAME_AT + int.from_bytes(head[26:28], "little")]
    return head.startswith(b"PK\x03\x04") and name.decode("utf-8", "replace") in OWN


def check_archive(path: Path | IO[bytes], trust: Trust, *, now: datetime) -> ArchiveReport:
    """Check a file, or what is open already. Raises OSError when it can't be opened."""
    try:
        with zipfile.ZipFile(path) as package:
            return _check(package, trust, now)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError):
        return _refused(Found(Fault.DAMAGED))


def _refused(found: Found, manifest: Manifest | None = None) -> ArchiveReport:
    return ArchiveReport(manifest, 0, 0, 0, None, (found,))


def _check(package: zipfile.ZipFile, trust: Trust, now: datetime) -> ArchiveReport:
    names = package.namelist()
    if len(names) > MOST_ENTRIES + len(OWN) or MANIFEST not in names:
        return _refused(Found(Fault.NOT_AN_ARCHIVE, facts={"why": "no manifest, or too many files"}))
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    try:
        data = _read(package, MANIFEST, LARGEST_MANIFEST)
        manifest = read_manifest(data)
    except (_Unreadable, ManifestFault) as fault:
        return _refused(Found(Fault.MANIFEST, MANIFEST, {"why": str(fault)[:200]}))
    findings = [Found(Fault.TWICE, name) for name in twice[:10]]
    seal, found = _seal(package, names, data, trust, now)
    findings += found
    listed = {entry.path: entry for entry in manifest.entries}
    findings += [
        Found(Fault.UNLISTED, name[:240]) for name in names if name not in listed and name not in OWN
    ]
    there = [entry for entry in manifest.entries if entry.path in set(names)]
    findings += [found for entry in there for found in _entry(package, entry)]
    entries, wrong = _ledger(package, manifest, names) if not findings else (0, [])
    absent = len(manifest.entries) - len(there)
    folders = Counter(entry.path.partition("/")[0] for entry in there)
    return ArchiveReport(manifest, len(there), absent, entries, seal, (*findings, *wrong), folders)


def _seal(
    package: zipfile.ZipFile, names: list[str], data: bytes, trust: Trust, now: datetime
) -> tuple[SealSignatureReport | None, list[Found]]:
    if SEAL not in names:
        return None, [Found(Fault.NO_SEAL, SEAL)]
    try:
        sealing = parse_seal_signature(_read(package, SEAL, MAX_SIGNATURE))
    except (_Unreadable, MalformedDer) as fault:
        return None, [Found(Fault.SEAL_UNREADABLE, SEAL, {"why": str(fault)[:200]})]
    report = check_seal_signature(sealing, sm3(data), trust, now=now)
    return report, [] if sealing.covers == COVERS else [Found(Fault.OTHER_SEALED, SEAL)]


def _entry(package: zipfile.ZipFile, entry: Entry) -> Iterator[Found]:
    """Piece by piece: nothing is held as a whole, and not more is read than the manifest says."""
    size, digest = 0, growing_sm3()
    try:
        with package.open(entry.path) as file:
            while size <= entry.size and (piece := file.read(PIECE)):
                size += len(piece)
                digest.update(piece)
    except UNREADABLE:
        yield Found(Fault.CHANGED, entry.path)
        return
    if size != entry.size or digest.digest().hex() != entry.sm3:
        yield Found(Fault.CHANGED, entry.path)


def _ledger(package: zipfile.ZipFile, manifest: Manifest, names: list[str]) -> tuple[int, list[Found]]:
    """Replay the auction. Its seal is by the key that the platform names in the sealed manifest."""
    if LEDGER not in names:
        return 0, []
    size = next(entry.size for entry in manifest.entries if entry.path == LEDGER)
    report = verify_ledger(_read(package, LEDGER, size), ())
    if report.status is Status.BROKEN or report.lot != manifest.lot:
        why = str(report.findings[0]) if report.findings else "another lot"
        return report.entries, [Found(Fault.LEDGER, LEDGER, {"why": why[:200]})]
    if report.key_id != manifest.ledger_key:
        return report.entries, [Found(Fault.LEDGER_KEY, LEDGER)]
    return report.entries, []


def _read(package: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """At most so many bytes, whatever the zip says; raises _Unreadable for more."""
    try:
        with package.open(name) as file:
            content = file.read(largest + 1)
    except UNREADABLE as fault:
        raise _Unreadable(str(fault)) from fault
    if len(content) > largest:
        raise _Unreadable("too large")
    return content
