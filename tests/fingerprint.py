"""What a whole trade has left in the database, without times and random names: the same for the same story.

Whoever was killed in between and began again must leave the same. What is missing was lost, what stands twice
was repeated.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import psycopg

COUNTED: Final[Mapping[str, str]] = {
    "listings": "SELECT lot, state, extensions, corrections FROM listings",
    "acts": "SELECT lot, act, before, after, actor FROM listing_events",
    "announcements": "SELECT lot, kind FROM announcements",
    "registrations": "SELECT state, deposit_in FROM registrations",
    "registration acts": "SELECT act, before, after FROM registration_events",
    "deposits": "SELECT state, disposition, due, taken FROM sub_accounts",
    "money": "SELECT standing FROM moneys",
    "transactions": "SELECT serial, amount FROM bank_transactions",
    "journal": (
        "SELECT text, string_agg(ledger || ' ' || fen, ', ' ORDER BY ledger, fen)"
        " FROM journal_postings JOIN journal_lines ON posting_id = id GROUP BY id, text"
    ),
    "balances": "SELECT ledger, sum(fen)::bigint FROM journal_lines GROUP BY ledger",
    "prices": "SELECT lot, state FROM price_accounts",
    "awards": "SELECT lot, round, source, transferee, price, state, number FROM awards",
    "offers": "SELECT lot, rank, price, answer FROM priority_offers",
    "papers": "SELECT lot, paper, state FROM sale_documents",
    "files of papers": (
        "SELECT d.lot, d.paper, v.kind, v.version, v.sealed_by"
        " FROM sale_versions AS v JOIN sale_documents AS d ON d.id = v.document_id"
    ),
    "contracts": "SELECT lot, version, source FROM contract_versions",
    "archives": "SELECT lot FROM archives",
    "messages": (
        "SELECT coalesce(a.login, m.lot, 'a registrant'), m.kind"
        " FROM messages AS m LEFT JOIN accounts AS a ON a.id = m.account_id"
    ),
    "deliveries": "SELECT kind, channel, state FROM deliveries",
    "audit": "SELECT role, act FROM audit_entries",
    "lots": "SELECT id, phase, sold, price FROM lots",
    "ledger": "SELECT lot, kind, count(*) FROM ledger_entries GROUP BY lot, kind",
}


def fingerprint(url: str) -> dict[str, Counter[tuple[Any, ...]]]:
    """Each table's rows as a bag."""
    with psycopg.connect(url) as connection:
        found = {name: connection.execute(query.encode()).fetchall() for name, query in COUNTED.items()}
    return {name: Counter(rows) for name, rows in found.items()}


def differences(
    wanted: Mapping[str, Counter[tuple[Any, ...]]], found: Mapping[str, Counter[tuple[Any, ...]]]
) -> list[str]:
    """In words, for the message of a failure."""
    said = []
    for name in COUNTED:
        said += [f"{name}: lost {row} ×{count}" for row, count in (wanted[name] - found[name]).items()]
        said += [f"{name}: repeated {row} ×{count}" for row, count in (found[name] - wanted[name]).items()]
    return said
