"""Transactions into the record, from statements and notifications alike: each once, however often it comes.

A transaction is known by its bank and serial number. The journal's posting is written in the same
statement, so none is in the one and not in the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.banking.payers import payer_key
from office.banking.statements import BankRow

CHUNK: Final = 10_000
"""Rows in one statement to the database: far from its time limit."""
MOST_CONFLICTS: Final = 50


class Source(StrEnum):
    STATEMENT = "statement"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Taken:
    """`new`: transactions that were not known; `known`: that came before, the same in everything that
    counts."""

    new: int
    known: int


class Conflicts(Exception):
    """Serial numbers that are known with another amount, time or sub-account. Nothing was taken."""

    def __init__(self, serials: Sequence[str]) -> None:
        super().__init__(f"{len(serials)} serial numbers are known with something else")
        self.serials = tuple(serials)


_GIVEN: Final = (
    "unnest(CAST(:serials AS text[]), CAST(:amounts AS bigint[]), CAST(:times AS timestamptz[]),"
    " CAST(:names AS text[]), CAST(:keys AS text[]), CAST(:accounts AS text[]), CAST(:banks AS text[]),"
    " CAST(:subs AS text[]), CAST(:remarks AS text[]))"
    " AS given(serial, amount, value_time, payer_name, payer_key, payer_account, payer_bank, sub_account,"
    " remark)"
)
_KNOWN: Final = text(
    "SELECT serial, amount, value_time, sub_account FROM bank_transactions"
    " WHERE bank = :bank AND serial = ANY(:serials)"
)
_TAKE: Final = text(
    "WITH new AS ("  # noqa: S608
    " INSERT INTO bank_transactions (bank, serial, amount, value_time, payer_name, payer_key, payer_account,"
    " payer_bank, sub_account, remark, source, statement_id, received_at)"
    " SELECT :bank, given.*, :source, CAST(:statement AS int), CAST(:now AS timestamptz)"
    " FROM (SELECT serial, amount, value_time, payer_name, payer_key, payer_account, payer_bank, sub_account,"
    f" remark FROM {_GIVEN}) AS given ORDER BY value_time, serial"
    " ON CONFLICT (bank, serial) DO NOTHING RETURNING id, amount"
    "), seen AS ("
    " INSERT INTO moneys (transaction_id, standing, changed_at)"
    " SELECT id, CASE WHEN amount > 0 THEN 'unseen' ELSE 'outgoing' END, :now FROM new"
    "), posted AS ("
    " INSERT INTO journal_postings (reference, text, at, line_count)"
    " SELECT 'transaction ' || id, CASE WHEN amount > 0 THEN '银行入账' ELSE '银行出账' END, :now, 2"
    " FROM new ORDER BY id RETURNING id, reference"
    "), lines AS ("
    " INSERT INTO journal_lines (posting_id, line, ledger, detail, fen)"
    " SELECT posted.id, side.line, CASE WHEN side.line = 1 THEN 'bank'"
    " WHEN new.amount > 0 THEN 'suspense' ELSE 'sent' END, :bank, side.sign * new.amount"
    " FROM new JOIN posted ON posted.reference = 'transaction ' || new.id"
    " CROSS JOIN (VALUES (1, 1), (2, -1)) AS side(line, sign)"
    ") SELECT count(*) FROM new"
)


async def take(
    connection: AsyncConnection,
    bank: str,
    rows: Sequence[BankRow],
    *,
    source: Source,
    now: datetime,
    statement_id: int | None = None,
) -> Taken:
    """Take them, in the caller's transaction. Raises Conflicts; the caller's transaction is to be given
    up."""
    new, conflicts = 0, list[str]()
    for at in range(0, len(rows), CHUNK):
        chunk = rows[at : at + CHUNK]
        more = {"bank": bank, "source": source.value, "statement": statement_id, "now": now}
        taken = int(await connection.scalar(_TAKE, _columns(chunk) | more) or 0)
        new += taken
        if taken < len(chunk):
            conflicts += (await _compared(connection, bank, chunk))[1]
    if conflicts:
        raise Conflicts(conflicts[:MOST_CONFLICTS])
    return Taken(new, len(rows) - new)


async def known_of(
    connection: AsyncConnection, bank: str, rows: Sequence[BankRow]
) -> tuple[int, Sequence[str]]:
    """How many of them are in the record, and serial numbers for which `take` would raise Conflicts."""
    known, conflicts = 0, list[str]()
    for at in range(0, len(rows), CHUNK):
        count, wrong = await _compared(connection, bank, rows[at : at + CHUNK])
        known, conflicts = known + count, conflicts + wrong
    return known, conflicts[:MOST_CONFLICTS]


async def _compared(connection: AsyncConnection, bank: str, rows: Sequence[BankRow]) -> tuple[int, list[str]]:
    """How many are in the record, and which with something else. Compared here: what the planner would
    make of a join with arrays depends on statistics that a fresh table does not have."""
    given = {row.serial: (row.amount, row.value_time, row.sub_account) for row in rows}
    found = await connection.execute(_KNOWN, {"bank": bank, "serials": list(given)})
    there = {row.serial: (row.amount, row.value_time, row.sub_account) for row in found}
    return len(there), sorted(serial for serial, facts in there.items() if facts != given[serial])


def _columns(rows: Sequence[BankRow]) -> dict[str, object]:
    return {
        "serials": [row.serial for row in rows],
        "amounts": [row.amount for row in rows],
        "times": [row.value_time for row in rows],
        "names": [row.payer_name for row in rows],
        "keys": [payer_key(row.payer_name) for row in rows],
        "accounts": [row.payer_account for row in rows],
        "banks": [row.payer_bank for row in rows],
        "subs": [row.sub_account for row in rows],
        "remarks": [row.remark for row in rows],
    }
