"""The double-entry journal: what came in, whose it is, what went out. It only grows.

    await post(connection, Posting(at=now, reference="transaction 12", text="…", lines=(
        Line(Ledger.BANK, "example", 5_000_000),
        Line(Ledger.SUSPENSE, "example", -5_000_000),
    )))

Fen; plus is debit, minus is credit. The sum of a posting's lines is zero: the constructor says so, and the
database does (alembic 0009). A reference is posted once: the same again changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_LINES: Final = 1000
PAGE: Final = 50


class Ledger(StrEnum):
    """What a line is about. Its `detail` says which one: a bank, a sub-account, a lot after its close."""

    BANK = "bank"
    """Money on the platform's account at a bank, moved only by what the bank reports."""
    SUSPENSE = "suspense"
    """Came in; whose it is has not been found out."""
    DEPOSIT = "deposit"
    """Held for a registration, by sub-account."""
    PRICE = "price"
    """Paid towards the price of a lot, by its price account."""
    REFUND = "refund"
    """To be sent back or paid out, by bank."""
    SENT = "sent"
    """On its way out: the bank's statement and its confirmation meet here. Zero when both have come."""
    FORFEIT = "forfeit"
    """Deposits that were forfeited."""
    FEE = "fee"
    """Transaction service fees earned."""
    PROVIDER = "provider"
    """Money that a payment provider has for us, by provider: moved by what it notifies."""
    COUNTER = "counter"
    """Money taken at the counter and not yet banked."""
    ORDER = "order"
    """Held for an order for certificate services, by its number."""
    SERVICE = "service"
    """Certificate services that were paid and rendered, by channel."""


class Unbalanced(ValueError):
    """Lines that do not sum to zero: a mistake of ours, never of a person's."""


@dataclass(frozen=True, slots=True)
class Line:
    ledger: Ledger
    detail: str
    fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """`reference` names what happened, once: a repetition is the same posting."""

    at: datetime
    reference: str
    text: str
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        whole = tuple(line for line in self.lines if line.fen)
        if not 2 <= len(whole) <= MOST_LINES or sum(line.fen for line in whole) != 0:
            raise Unbalanced(f"{self.reference}: {len(whole)} lines, sum {sum(line.fen for line in whole)}")
        object.__setattr__(self, "lines", whole)


def moved(source: tuple[Ledger, str], target: tuple[Ledger, str], fen: int) -> tuple[Line, Line]:
    """Money that was held as `source` is held as `target` from now on: debit the one, credit the other."""
    return Line(*source, fen), Line(*target, -fen)


_PUT: Final = text(
    "WITH given AS (SELECT * FROM unnest(CAST(:places AS int[]), CAST(:references AS text[]),"
    " CAST(:texts AS text[]), CAST(:ats AS timestamptz[]), CAST(:counts AS smallint[]))"
    " AS posting(place, reference, text, at, lines)), put AS ("
    " INSERT INTO journal_postings (reference, text, at, line_count)"
    " SELECT reference, text, at, lines FROM given ORDER BY place"
    " ON CONFLICT (reference) DO NOTHING RETURNING id, reference)"
    " SELECT put.id, given.place FROM put JOIN given USING (reference)"
)
_LINES: Final = text(
    "INSERT INTO journal_lines (posting_id, line, ledger, detail, fen)"
    " SELECT * FROM unnest(CAST(:postings AS bigint[]), CAST(:lines AS smallint[]), CAST(:ledgers AS text[]),"
    " CAST(:details AS text[]), CAST(:fens AS bigint[]))"
)


async def post(connection: AsyncConnection, posting: Posting) -> bool:
    """Write it, in the caller's transaction. False: this reference has been posted before."""
    return await post_all(connection, [posting]) == 1


async def post_all(connection: AsyncConnection, postings: Sequence[Posting]) -> int:
    """Write several at once; how many were new. Raises ValueError for a reference that comes twice."""
    if len({posting.reference for posting in postings}) != len(postings):
        raise ValueError("a reference comes twice")
    if not postings:
        return 0
    heads = {
        "places": list(range(len(postings))),
        "references": [posting.reference for posting in postings],
        "texts": [posting.text for posting in postings],
        "ats": [posting.at for posting in postings],
        "counts": [len(posting.lines) for posting in postings],
    }
    new = {row.place: row.id for row in await connection.execute(_PUT, heads)}
    lines = [
        (new[place], at, line)
        for place, posting in enumerate(postings)
        if place in new
        for at, line in enumerate(posting.lines, start=1)
    ]
    if lines:
        await connection.execute(_LINES, _columns(lines))
    return len(new)


def _columns(lines: Sequence[tuple[int, int, Line]]) -> dict[str, list[object]]:
    return {
        "postings": [posting for posting, _, _ in lines],
        "lines": [at for _, at, _ in lines],
        "ledgers": [line.ledger.value for _, _, line in lines],
        "details": [line.detail for _, _, line in lines],
        "fens": [line.fen for _, _, line in lines],
    }


@dataclass(frozen=True, slots=True)
class Balance:
    """What a ledger, or one account of it, holds: what we have is positive, what we owe negative."""

    ledger: Ledger
    detail: str
    fen: int
    lines: int


async def balances(connection: AsyncConnection) -> Sequence[Balance]:
    """The sum of each ledger, in their order."""
    found = await connection.execute(
        text("SELECT ledger, sum(fen)::bigint AS fen, count(*) AS lines FROM journal_lines GROUP BY ledger")
    )
    by_ledger = {row.ledger: row for row in found}
    return [
        Balance(ledger, "", by_ledger[ledger].fen, by_ledger[ledger].lines)
        if ledger in by_ledger
        else Balance(ledger, "", 0, 0)
        for ledger in Ledger
    ]


async def balance_of(connection: AsyncConnection, ledger: Ledger, detail: str) -> int:
    found = await connection.scalar(
        text("SELECT coalesce(sum(fen), 0)::bigint FROM journal_lines WHERE ledger = :l AND detail = :d"),
        {"l": ledger.value, "d": detail},
    )
    return int(found or 0)


async def accounts_of(
    connection: AsyncConnection, ledger: Ledger, page: int, *, size: int = PAGE
) -> tuple[Sequence[Balance], int]:
    """The accounts of a ledger that are not at zero, and how many there are."""
    sums = (
        "SELECT detail, sum(fen)::bigint AS fen, count(*) AS lines FROM journal_lines"
        " WHERE ledger = :ledger GROUP BY detail HAVING sum(fen) <> 0"
    )
    taken = {"ledger": ledger.value, "limit": size, "offset": (page - 1) * size}
    rows = await connection.execute(text(f"{sums} ORDER BY detail LIMIT :limit OFFSET :offset"), taken)
    found = [Balance(ledger, row.detail, row.fen, row.lines) for row in rows]
    count = await connection.scalar(
        text(f"SELECT count(*) FROM ({sums}) AS each"),  # noqa: S608 - a constant
        {"ledger": ledger.value},
    )
    return found, int(count or 0)


@dataclass(frozen=True, slots=True)
class Posted:
    """A posting as it stands in the journal."""

    id: int
    at: datetime
    reference: str
    text: str
    lines: tuple[Line, ...]


_SOME_POSTINGS: Final = (
    " FROM journal_postings p WHERE CAST(:ledger AS text) = '' OR EXISTS (SELECT FROM journal_lines l"
    " WHERE l.posting_id = p.id AND l.ledger = :ledger"
    " AND (CAST(:detail AS text) = '' OR l.detail = :detail))"
)
_ALL_POSTINGS: Final = " FROM journal_postings p"


async def postings(
    connection: AsyncConnection, page: int, *, ledger: str = "", detail: str = "", size: int = PAGE
) -> tuple[Sequence[Posted], int]:
    """Postings, the latest first, of all ledgers or of one account; and how many there are."""
    source = _SOME_POSTINGS if ledger else _ALL_POSTINGS
    taken = {"ledger": ledger, "detail": detail} if ledger else {}
    count = await connection.scalar(text(f"SELECT count(*){source}"), taken)
    rows = await connection.execute(
        text(f"SELECT p.*{source} ORDER BY p.id DESC LIMIT :limit OFFSET :offset"),
        {**taken, "limit": size, "offset": (page - 1) * size},
    )
    heads = rows.all()
    lines = await connection.execute(
        text("SELECT * FROM journal_lines WHERE posting_id = ANY(:ids) ORDER BY posting_id, line"),
        {"ids": [row.id for row in heads]},
    )
    by_posting: dict[int, list[Line]] = {}
    for row in lines:
        by_posting.setdefault(row.posting_id, []).append(Line(Ledger(row.ledger), row.detail, row.fen))
    return [
        Posted(row.id, row.at, row.reference, row.text, tuple(by_posting.get(row.id, ()))) for row in heads
    ], int(count or 0)
