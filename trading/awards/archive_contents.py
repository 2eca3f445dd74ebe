"""What goes into a lot's archive, gathered from every owner's tables. Nothing is decided here.

A part is given as bytes, or by where it is kept: files by their digest, personal papers as the boxes in which
they lie, which are opened again whenever the archive is given out.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.ledger.file import MAX_FILE, export_ledger
from trading.awards.manifest import LEDGER, For
from trading.lifecycle.listing import SELECT

MOST_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the archive: its content, or where it is kept, or which box holds it."""

    path: str
    audience: For
    content: bytes = field(default=b"", repr=False)
    kept: str = ""
    box: tuple[str, str] | None = None
    """(registration, name)"""
    ledger: bool = False


class TooMuch(Exception):
    """More than an archive holds: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """A query whose rows become one JSON file."""

    path: str
    audience: For
    query: str
    """`<begun>` stands for the moment at which the sale of the archive began."""


_BEGUN: Final = "(SELECT max(a.decided_at) FROM awards AS a WHERE a.lot = :lot AND a.state = 'awarded')"
"""Of the sale that the archive is of. What an earlier winner had before a default is not the next one's."""
_TABLES: Final = (
    _Rows("listing/listing.json", For.ALL, f"{SELECT} WHERE lot = :lot"),
    _Rows("listing/history.json", For.OVERSEERS, "SELECT * FROM listing_events WHERE lot = :lot ORDER BY id"),
    _Rows(
        "listing/rules.json",
        For.ALL,
        "SELECT p.* FROM rule_profiles p JOIN listings l ON l.profile_id = p.id WHERE l.lot = :lot",
    ),
    _Rows(
        "listing/announcements.json",
        For.ALL,
        "SELECT number, kind, title, facts, published_at FROM announcements WHERE lot = :lot ORDER BY id",
    ),
    _Rows("award/reviews.json", For.OVERSEERS, "SELECT * FROM awards WHERE lot = :lot ORDER BY round"),
    _Rows(
        "award/offers.json",
        For.OVERSEERS,
        "SELECT * FROM priority_offers WHERE lot = :lot ORDER BY asked_at, paddle",
    ),
    _Rows("award/agreed_price.json", For.PARTIES, "SELECT * FROM agreed_prices WHERE lot = :lot"),
    _Rows(
        "contract/versions.json",
        For.PARTIES,
        "SELECT version, source, fields, digest, size, document_id, made_at FROM contract_versions"
        " WHERE lot = :lot AND shown AND made_at >= <begun> ORDER BY version",
    ),
    _Rows(
        "contract/comments.json",
        For.PARTIES,
        "SELECT version, party, body, at FROM contract_comments"
        " WHERE lot = :lot AND at >= <begun> ORDER BY id",
    ),
    _Rows(
        "contract/earlier_versions.json",
        For.TRANSFEROR,
        "SELECT version, source, fields, digest, size, document_id, made_at FROM contract_versions"
        " WHERE lot = :lot AND shown AND made_at < <begun> ORDER BY version",
    ),
    _Rows(
        "contract/earlier_comments.json",
        For.TRANSFEROR,
        "SELECT version, party, body, at FROM contract_comments"
        " WHERE lot = :lot AND at < <begun> ORDER BY id",
    ),
    _Rows(
        "handover/handover.json",
        For.PARTIES,
        "SELECT version, happened_on, place, items, made_at, confirmed_at, objection FROM handovers"
        " WHERE lot = :lot",
    ),
    _Rows(
        "documents/documents.json",
        For.PARTIES,
        "SELECT id, paper, number, state, transferee, transferor, price, made_at, changed_at, reason"
        " FROM sale_documents WHERE lot = :lot AND made_at >= <begun> ORDER BY id",
    ),
    _Rows(
        "documents/earlier_documents.json",
        For.TRANSFEROR,
        "SELECT id, paper, number, state, transferee, transferor, price, made_at, changed_at, reason"
        " FROM sale_documents WHERE lot = :lot AND made_at < <begun> ORDER BY id",
    ),
    _Rows(
        "money/price.json",
        For.PARTIES,
        "SELECT * FROM price_accounts WHERE lot = :lot AND state <> 'closed'",
    ),
    _Rows(
        "money/earlier_prices.json",
        For.OVERSEERS,
        "SELECT * FROM price_accounts WHERE lot = :lot AND state = 'closed' ORDER BY made_at",
    ),
    _Rows(
        "money/instalments.json",
        For.PARTIES,
        "SELECT i.* FROM price_instalments i JOIN price_accounts p ON p.number = i.number"
        " WHERE p.lot = :lot AND p.state <> 'closed' ORDER BY i.place",
    ),
    _Rows(
        "money/late_instalments.json",
        For.PARTIES,
        "SELECT d.place, d.missing, d.reason, d.grace_until, d.noted_at FROM instalment_defaults d"
        " JOIN price_accounts p ON p.number = d.number WHERE p.lot = :lot AND p.state <> 'closed'"
        " ORDER BY d.place",
    ),
    _Rows("money/invoices.json", For.PARTIES, "SELECT * FROM invoices WHERE lot = :lot ORDER BY id"),
    _Rows(
        "money/journal.json",
        For.OVERSEERS,
        "SELECT p.reference, p.text, p.at, j.ledger, j.detail, j.fen FROM journal_lines j"
        " JOIN journal_postings p ON p.id = j.posting_id WHERE j.detail = :lot OR j.detail IN"
        " (SELECT number FROM price_accounts WHERE lot = :lot UNION"
        " SELECT deposit_account FROM price_accounts WHERE lot = :lot AND deposit_account <> '')"
        " ORDER BY p.id, j.line",
    ),
    _Rows(
        "audit/audit.json",
        For.OVERSEERS,
        "SELECT e.id, e.at, e.actor, e.role, e.act, e.subject, e.facts, l.seq, l.digest FROM audit_entries e"
        " LEFT JOIN audit_links l ON l.entry_id = e.id WHERE e.subject = :lot ORDER BY e.id",
    ),
)
_PAPERS: Final = (
    "SELECT d.paper, d.number, v.kind, v.version, v.digest, v.sealed_by,"
    " d.made_at >= <begun> AS of_this_sale FROM sale_documents d"
    " JOIN sale_versions v ON v.document_id = d.id WHERE d.lot = :lot AND v.version ="
    " (SELECT max(version) FROM sale_versions w WHERE w.document_id = d.id AND w.kind = v.kind)"
    " ORDER BY d.id, v.kind"
)
_FILES: Final = text(
    "SELECT id, kind, media_type, digest FROM listing_files WHERE lot = :lot AND removed_at IS NULL"
    " ORDER BY id LIMIT :most"
)
_DECISION: Final = text("SELECT decision, decision_name FROM agreed_prices WHERE lot = :lot")
_BOXES: Final = text(
    "SELECT registration, name FROM registration_boxes WHERE registration = ANY(:registrations)"
    " ORDER BY registration, name LIMIT :most"
)
_PUBLIC_FILES: Final = frozenset({"picture", "attachment"})
_ENDINGS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "application/ofd": "ofd",
}


async def pieces(
    connection: AsyncConnection, lot: str, registrations: Sequence[str], winner: str
) -> list[Piece]:
    """Everything, in no order. Raises TooMuch."""
    found = [piece async for piece in _tables(connection, lot)]
    found += await _papers(connection, lot)
    found += await _files(connection, lot)
    found += await _personal(connection, registrations, winner)
    if (await connection.execute(text("SELECT 1 FROM lot_seals WHERE lot = :lot"), {"lot": lot})).first():
        found.append(Piece(LEDGER, For.ALL, ledger=True))
    return found


async def ledger_pages(connection: AsyncConnection, lot: str) -> AsyncIterator[bytes]:
    """The lot's sealed ledger, piece by piece: it may be large. Raises TooMuch."""
    lines = await export_ledger(connection, lot)
    assert lines is not None, "a lot with a seal has a ledger"
    size = 0
    async for page in lines:
        size += len(page)
        if size > MAX_FILE:
            raise TooMuch(f"{lot}: the ledger")
        yield page


async def _tables(connection: AsyncConnection, lot: str) -> AsyncIterator[Piece]:
    for each in _TABLES:
        query = text(f"{each.query.replace('<begun>', _BEGUN)} LIMIT {MOST_ROWS + 1}")
        rows = (await connection.execute(query, {"lot": lot})).all()
        if len(rows) > MOST_ROWS:
            raise TooMuch(f"{lot}: {each.path}")
        if rows:
            yield Piece(each.path, each.audience, _json(rows))


def _json(rows: Sequence[Row[Any]]) -> bytes:
    """Keys sorted, one row a line: the same rows give the same bytes."""
    lines = [
        json.dumps(dict(row._mapping), ensure_ascii=False, sort_keys=True, default=_written) for row in rows
    ]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _papers(connection: AsyncConnection, lot: str) -> list[Piece]:
    """The newest file of every paper, ended ones too."""
    rows = await connection.execute(text(_PAPERS.replace("<begun>", _BEGUN)), {"lot": lot})
    return [
        Piece(
            f"documents/{row.paper}/{row.number}.{row.kind}",
            For.PARTIES if row.of_this_sale else For.TRANSFEROR,
            kept=row.digest,
        )
        for row in rows
    ]


async def _files(connection: AsyncConnection, lot: str) -> list[Piece]:
    rows = await connection.execute(_FILES, {"lot": lot, "most": MOST_ROWS})
    found = [
        Piece(
            f"listing/files/{row.kind}-{row.id}.{_ENDINGS.get(row.media_type, 'bin')}",
            For.ALL if row.kind in _PUBLIC_FILES else For.TRANSFEROR,
            kept=row.digest,
        )
        for row in rows
    ]
    decision = (await connection.execute(_DECISION, {"lot": lot})).first()
    if decision is not None:
        ending = decision.decision_name.rpartition(".")[2].lower()
        name = f"award/meeting_decision.{ending if ending.isalnum() and ending.isascii() else 'bin'}"
        found.append(Piece(name, For.TRANSFEROR, kept=decision.decision))
    return found


async def _personal(connection: AsyncConnection, registrations: Sequence[str], winner: str) -> list[Piece]:
    """What was handed in with each registration; the winner gets the own back."""
    given = {"registrations": list(registrations), "most": MOST_ROWS + 1}
    rows = (await connection.execute(_BOXES, given)).all()
    if len(rows) > MOST_ROWS:
        raise TooMuch("papers of registrations")
    return [
        Piece(
            f"registrations/{row.registration}/{row.name.replace('/', '-')}",
            For.TRANSFEREE if row.registration == winner else For.OVERSEERS,
            box=(row.registration, row.name),
        )
        for row in rows
    ]
