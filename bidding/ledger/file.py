"""The public ledger of a finished lot as a file, and its verification by anybody, offline.

    {"format":"luochui ledger 1","key":{"id":…,"pem":…},"lot":…}
    {"entry":{…},"hash":…,"prev":…}                            one per entry, the line as the book wrote it
    {"seal":{"at","count","head","lot","price","result","winner"},"signature":…}

Every line is canonical JSON, so that no byte can be changed without being found. The file names a key; trust
in it comes from elsewhere. `verify_ledger` takes hostile bytes: it is bounded and never raises.
"""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.ledger.chain import SealStatement, genesis, link
from bidding.ledger.replay import Finding, Replayed, replay, shown
from bidding.messages import Aborted, Result, canonical, parse
from bidding.terms import LOT_CHARACTERS
from signing import SigningError
from signing.sm2 import PublicKey

FORMAT: Final = "luochui ledger 1"
MAX_FILE: Final = 256 * 1024 * 1024
MAX_LINE: Final = 1024 * 1024
MAX_ENTRIES: Final = 1_000_000
PAGE: Final = 1_000

_BEFORE, _HASH, _PREV, _AFTER = b'{"entry":', b',"hash":"', b'","prev":"', b'"}'
_DIGITS: Final = 64
_TAIL: Final = len(_HASH) + _DIGITS + len(_PREV) + _DIGITS + len(_AFTER)

_SEAL: Final = text(
    "SELECT seals.statement, seals.signature, keys.id, keys.pem FROM lot_seals AS seals"
    " JOIN ledger_keys AS keys ON keys.id = seals.key_id WHERE seals.lot = :lot"
)
_PAGE: Final = text(
    "SELECT seq, line, prev, hash FROM ledger_entries WHERE lot = :lot AND seq > :after AND seq <= :last"
    " ORDER BY seq LIMIT :page"
)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────


async def export_ledger(connection: AsyncConnection, lot: str) -> AsyncIterator[bytes] | None:
    """The lines of a finished lot's file, a page at a time; None while the lot has no seal.

    The connection stays in use until the iterator ends.
    """
    seal = (await connection.execute(_SEAL, {"lot": lot})).first()
    if seal is None:
        return None
    return _file(connection, lot, seal.id, seal.pem, seal.statement, bytes(seal.signature))


async def _file(
    connection: AsyncConnection, lot: str, key_id: str, pem: str, statement: str, signature: bytes
) -> AsyncIterator[bytes]:
    yield header_line(lot, key_id, pem)
    last, after = int(json.loads(statement)["count"]), 0
    while after < last:
        where = {"lot": lot, "after": after, "last": last, "page": PAGE}
        rows = (await connection.execute(_PAGE, where)).all()
        if not rows:
            raise AssertionError(f"the sealed ledger of {lot} lacks entry {after + 1}")
        yield b"".join(entry_line(row.line, bytes(row.prev), bytes(row.hash)) for row in rows)
        after = rows[-1].seq
    yield seal_line(statement, signature)


def header_line(lot: str, key_id: str, pem: str) -> bytes:
    return canonical({"format": FORMAT, "key": {"id": key_id, "pem": pem}, "lot": lot}).encode() + b"\n"


def entry_line(line: str, prev: bytes, hash: bytes) -> bytes:
    return b"".join(
        (_BEFORE, line.encode(), _HASH, hash.hex().encode(), _PREV, prev.hex().encode(), _AFTER, b"\n")
    )


def seal_line(statement: str, signature: bytes) -> bytes:
    return f'{{"seal":{statement},"signature":"{signature.hex()}"}}\n'.encode()


# ── verifying ───────────────────────────────────────────────────────────────────────────────────────────────


class Status(StrEnum):
    """What a file is worth."""

    VALID = "valid"
    BROKEN = "broken"
    UNKNOWN_ISSUER = "unknown_issuer"


EXIT_CODES: Final[Mapping[Status, int]] = {Status.VALID: 0, Status.BROKEN: 1, Status.UNKNOWN_ISSUER: 2}


class Damage(StrEnum):
    """What can be wrong with the file itself."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    HEADER = "header"
    KEY = "key"
    TRUNCATED = "truncated"
    LINE = "line"
    PREVIOUS_HASH = "previous_hash"
    HASH = "hash"
    AFTER_THE_SEAL = "after_the_seal"
    SEAL = "seal"
    SEALED_OTHERWISE = "sealed_otherwise"
    SIGNATURE = "signature"
    OTHER_LOT = "other_lot"


@dataclass(frozen=True, slots=True)
class Damaged:
    """What is wrong with the file at `line` (from 1; entry n stands on line n + 1), and its facts."""

    line: int
    damage: Damage
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What the verifier found. `seal` and `key_id` are what the file says, worth what `status` says."""

    status: Status
    lot: str
    entries: int
    head: str
    key_id: str
    seal: SealStatement | None
    replayed: Replayed | None
    findings: tuple[Damaged | Finding, ...]

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]


class _Stop(Exception):
    def __init__(self, line: int, damage: Damage, **facts: object) -> None:
        super().__init__(damage.value)
        self.found = Damaged(line, damage, {name: shown(value) for name, value in facts.items()})


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far."""

    lot: str = ""
    key: PublicKey | None = None
    head: str = ""
    lines: list[str] = field(default_factory=list)
    seal: SealStatement | None = None


def verify_ledger(data: bytes, trusted: Collection[PublicKey]) -> Report:
    """Check a file: its form, the chain, the rules, the openings, the seal, and whose it is.

    Valid only with a seal by a key in `trusted`; consistent but by another key is UNKNOWN_ISSUER; everything
    else is BROKEN, with the first place where it breaks.
    """
    reading = _Reading()
    try:
        _read(data, reading)
    except _Stop as stop:
        return _report(Status.BROKEN, reading, None, (stop.found,))
    replayed = replay(reading.lines)
    if replayed.findings:
        return _report(Status.BROKEN, reading, replayed, replayed.findings)
    if replayed.terms is None or replayed.terms.lot != reading.lot:
        found = "" if replayed.terms is None else replayed.terms.lot
        other = Damaged(1, Damage.OTHER_LOT, {"found": found})
        return _report(Status.BROKEN, reading, replayed, (other,))
    status = Status.VALID if reading.key in trusted else Status.UNKNOWN_ISSUER
    return _report(status, reading, replayed, ())


def _report(
    status: Status, reading: _Reading, replayed: Replayed | None, findings: Sequence[Damaged | Finding]
) -> Report:
    return Report(
        status=status,
        lot=reading.lot,
        entries=len(reading.lines),
        head=reading.head,
        key_id="" if reading.key is None else reading.key.key_id,
        seal=reading.seal,
        replayed=replayed,
        findings=tuple(findings),
    )


def _read(data: bytes, reading: _Reading) -> None:
    """The whole file into `reading`; _Stop at the first thing that is wrong."""
    if not data:
        raise _Stop(1, Damage.EMPTY)
    if len(data) > MAX_FILE or data.count(b"\n") > MAX_ENTRIES + 2:
        raise _Stop(0, Damage.TOO_LARGE, bytes=MAX_FILE, entries=MAX_ENTRIES)
    *lines, rest = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise _Stop(number, Damage.TOO_LARGE, bytes=MAX_LINE, entries=MAX_ENTRIES)
        if reading.seal is not None:
            raise _Stop(number, Damage.AFTER_THE_SEAL)
        if number == 1:
            _read_header(line, reading)
        elif line.startswith(b'{"seal":'):
            _read_seal(number, line, reading)
        else:
            _read_entry(number, line, reading)
    if reading.seal is None:
        raise _Stop(len(lines) + 1, Damage.TRUNCATED, last=len(reading.lines))
    if rest:
        raise _Stop(len(lines) + 1, Damage.AFTER_THE_SEAL)


def _canonical_object(line: bytes) -> dict[str, Any]:
    """A line's JSON object. Raises ValueError unless the line is its canonical text."""
    try:
        raw = json.loads(line)
        if isinstance(raw, dict) and canonical(raw).encode() == line:
            return raw
    except (RecursionError, TypeError) as fault:
        raise ValueError("not JSON") from fault
    raise ValueError("not canonical")


def _read_header(line: bytes, reading: _Reading) -> None:
    try:
        raw = _canonical_object(line)
        lot, key = raw["lot"], raw["key"]
        sound = set(raw) == {"format", "key", "lot"} and raw["format"] == FORMAT and set(key) == {"id", "pem"}
        named = isinstance(lot, str) and 0 < len(lot) <= 32 and set(lot) <= LOT_CHARACTERS
        if not sound or not named:
            raise ValueError("another format")
        pem = key["pem"].encode()
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise _Stop(1, Damage.HEADER) from fault
    reading.lot, reading.head = lot, genesis(lot).hex()
    try:
        reading.key = PublicKey.from_pem(pem)
    except SigningError as fault:
        raise _Stop(1, Damage.KEY) from fault
    if reading.key.to_pem() != pem or reading.key.key_id != key["id"]:
        raise _Stop(1, Damage.KEY)


def _read_entry(number: int, line: bytes, reading: _Reading) -> None:
    seq = number - 1
    try:
        hash, prev, entry = _parts(line)
    except ValueError as fault:
        raise _Stop(number, Damage.LINE, seq=seq) from fault
    if prev != reading.head:
        raise _Stop(number, Damage.PREVIOUS_HASH, seq=seq)
    if hash != link(bytes.fromhex(prev), entry.encode()).hex():
        raise _Stop(number, Damage.HASH, seq=seq)
    reading.lines.append(entry)
    reading.head = hash


def _parts(line: bytes) -> tuple[str, str, str]:
    """hash, previous hash and the entry's own text. Raises ValueError."""
    entry, tail = line[len(_BEFORE) : -_TAIL], line[-_TAIL:]
    hash = tail[len(_HASH) : len(_HASH) + _DIGITS].decode()
    prev = tail[-_DIGITS - len(_AFTER) : -len(_AFTER)].decode()
    text = entry.decode()
    if entry_line(text, bytes.fromhex(prev), bytes.fromhex(hash))[:-1] != line:
        raise ValueError("another form")
    return hash, prev, text


def _read_seal(number: int, line: bytes, reading: _Reading) -> None:
    seal, signature = _parsed_seal(number, line)
    reading.seal = seal
    if not reading.lines:
        raise _Stop(number, Damage.TRUNCATED, last=0)
    if seal != sealed_as(reading.lot, reading.head, reading.lines):
        if seal.count != len(reading.lines):
            raise _Stop(number, Damage.TRUNCATED, last=len(reading.lines), count=seal.count)
        raise _Stop(number, Damage.SEALED_OTHERWISE)
    if reading.key is None or not reading.key.verify(seal.text().encode(), signature):
        raise _Stop(number, Damage.SIGNATURE)


def _parsed_seal(number: int, line: bytes) -> tuple[SealStatement, bytes]:
    try:
        raw = _canonical_object(line)
        seal, signature = SealStatement(**raw["seal"]), bytes.fromhex(raw["signature"])
        if seal_line(seal.text(), signature)[:-1] != line:
            raise ValueError("another form")
        if any(type(value) is not int for value in (seal.count, seal.at, seal.price)):
            raise ValueError("numbers are integers")
    except (ValueError, KeyError, TypeError) as fault:
        raise _Stop(number, Damage.SEAL) from fault
    return seal, signature


def sealed_as(lot: str, head: str, lines: Sequence[str]) -> SealStatement | None:
    """The statement that a seal over exactly these lines makes; None when they do not end a lot."""
    try:
        last: object = parse(lines[-1])
    except ValueError:
        return None
    count = len(lines)
    match last:
        case Result(sold=sold):
            said = "sold" if sold else "unsold"
            return SealStatement(lot, count, head, said, last.winner, last.price, last.at)
        case Aborted():
            return SealStatement(lot, count, head, "aborted", "", 0, last.at)
    return None
