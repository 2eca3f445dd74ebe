"""What was read from a statement, as bytes: so that a preview, and the import after it, need not read the
file again. Pure; runs in a thread.

    files.lay_down(name_of(digest, bank), encoded(statement))
    statement = decoded(...)        # None: it is not what was written, so the file is read again
"""

import hashlib
import json
import zlib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from office.banking.banks import Bank
from office.banking.statements import BankRow, FaultKind, Statement, StatementFault

READER: Final = 1
"""Counted up when the same file is read in another way: older readings are not taken any more."""
LARGEST_UNPACKED: Final = 300 << 20
_LEVEL: Final = 1
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ROW: Final = tuple(each.name for each in fields(BankRow) if each.name != "value_time")


def name_of(digest: str, bank: Bank) -> str:
    """Of the file, the bank and how its columns are read; the same in every process, so sets are sorted."""
    columns = bank.statement
    ways = {
        "headings": dict(columns.headings),
        "times": columns.time_formats,
        "in": sorted(columns.incoming),
        "out": sorted(columns.outgoing),
    }
    said = json.dumps([READER, bank.id, digest, ways], sort_keys=True)
    return f"statement-{hashlib.sha256(said.encode()).hexdigest()}"


def encoded(statement: Statement) -> bytes:
    rows = [
        [(row.value_time - _BEGINNING) // _MICROSECOND, *(getattr(row, name) for name in _ROW)]
        for row in statement.rows
    ]
    faults = [[fault.line, fault.kind.value, fault.column, fault.text] for fault in statement.faults]
    said = {"rows": rows, "faults": faults, "skipped": statement.skipped}
    return zlib.compress(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), _LEVEL)


def decoded(content: bytes) -> Statement | None:
    """None for what was cut off, damaged or written in another way."""
    try:
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(content, LARGEST_UNPACKED)
        if not unpacking.eof:
            return None
        said = json.loads(plain)
        rows = tuple(_row(each) for each in said["rows"])
        faults = tuple(
            StatementFault(line, FaultKind(kind), column, text) for line, kind, column, text in said["faults"]
        )
        return Statement(rows, faults, int(said["skipped"]))
    except (zlib.error, ValueError, KeyError, TypeError, OverflowError):
        return None


def _row(said: list[Any]) -> BankRow:
    at, *others = said
    return BankRow(value_time=_BEGINNING + timedelta(microseconds=at), **dict(zip(_ROW, others, strict=True)))
