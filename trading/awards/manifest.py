"""The manifest of a lot's archive: every file with its SM3, sealed by the platform. Pure.

    manifest.json        canonical JSON: lot, title, time, the ledger's key, the entries by path
    manifest.seal        the platform's sealing (GB/T 38540) of manifest.json
    README.txt           how it is checked; not sealed, as it says nothing about the lot

Whoever gets a part of the archive gets the whole manifest: what lies in their part can be checked against it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bidding.messages import canonical

FORMAT: Final = "luochui archive 1"
MANIFEST: Final = "manifest.json"
SEAL: Final = "manifest.seal"
README: Final = "README.txt"
LEDGER: Final = "ledger/ledger.jsonl"
COVERS: Final = "manifest.json"
MOST_ENTRIES: Final = 5_000
LARGEST_ENTRY: Final = 256 << 20
LARGEST: Final = 2 << 30
"""Bytes of all entries together."""
LARGEST_MANIFEST: Final = 4 << 20
LONGEST_PATH: Final = 240
_PATH: Final = re.compile(r"[\w.\-]+(?:/[\w.\-]+){0,5}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class For(StrEnum):
    """Who gets an entry; those who watch over the platform get all."""

    ALL = "all"
    PARTIES = "parties"
    TRANSFEREE = "transferee"
    TRANSFEROR = "transferor"
    OVERSEERS = "overseers"


class ManifestFault(ValueError):
    """Not a manifest of this form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file; `sm3` in hex."""

    path: str
    size: int
    sm3: str
    audience: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`ledger_key`: the id of the key that sealed the ledger, "" where there was no auction."""

    lot: str
    title: str
    platform: str
    made_at: str
    ledger_key: str
    entries: tuple[Entry, ...]

    def text(self) -> bytes:
        """As it is hashed and sealed."""
        return canonical({"format": FORMAT, **asdict(self)}).encode() + b"\n"


def manifest_of(
    lot: str, title: str, platform: str, made_at: datetime, ledger_key: str, entries: Sequence[Entry]
) -> Manifest:
    """Sorted by path. Raises ManifestFault for what is over a bound or twice there."""
    ordered = tuple(sorted(entries, key=lambda each: each.path))
    made = Manifest(lot, title, platform, made_at.isoformat(), ledger_key, ordered)
    _check(made)
    return made


def read_manifest(data: bytes) -> Manifest:
    """Raises ManifestFault unless the bytes are exactly what `text` writes."""
    if len(data) > LARGEST_MANIFEST:
        raise ManifestFault(f"over {LARGEST_MANIFEST} bytes")
    try:
        raw: dict[str, Any] = json.loads(data)
        fields = {name: raw[name] for name in Manifest.__dataclass_fields__ if name != "entries"}
        entries = tuple(Entry(**each) for each in raw["entries"])
        made = Manifest(entries=entries, **fields)
        strings = all(isinstance(value, str) for value in fields.values())
        if raw.get("format") != FORMAT or not strings or made.text() != data:
            raise ManifestFault("another form")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise ManifestFault(str(fault)[:200]) from fault
    _check(made)
    return made


def _check(made: Manifest) -> None:
    if not _at(made.made_at):
        raise ManifestFault("the time at which it was made")
    paths = [each.path for each in made.entries]
    if not 0 < len(paths) <= MOST_ENTRIES or paths != sorted(set(paths)):
        raise ManifestFault("the entries: none, too many, twice there or out of order")
    for each in made.entries:
        safe = _PATH.fullmatch(each.path) and ".." not in each.path and len(each.path) <= LONGEST_PATH
        whole = isinstance(each.size, int) and 0 <= each.size <= LARGEST_ENTRY
        known = each.audience in {one.value for one in For}
        if not (safe and whole and known and _DIGEST.fullmatch(each.sm3)):
            raise ManifestFault(f"the entry {each.path[:LONGEST_PATH]!r}")
    if sum(each.size for each in made.entries) > LARGEST:
        raise ManifestFault(f"over {LARGEST} bytes together")


def _at(written: str) -> bool:
    try:
        return datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        return False
