"""Whether the ledger in a database is whole: every chain, every gap, every seal. For a restored backup.

That the entries are those of this platform follows only from keys that are trusted: `luochui verify --trust`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psycopg

from bidding.ledger.chain import genesis, link, private_genesis
from signing import SigningError
from signing.sm2 import PublicKey

AT_ONCE: Final = 2_000
"""Rows at hand: a ledger is longer than the memory."""

_PUBLIC: Final = "SELECT lot, seq, line, prev, hash FROM ledger_entries ORDER BY lot, seq"
_PRIVATE: Final = "SELECT lot, number, line, prev, hash FROM private_entries ORDER BY lot, number"
_SALTS: Final = "SELECT lot, private_salt FROM lot_secrets"
_SEALS: Final = """
SELECT seals.lot, seals.statement, seals.signature, keys.pem,
       (SELECT encode(hash, 'hex') FROM ledger_entries
        WHERE lot = seals.lot AND seq = (seals.statement::jsonb ->> 'count')::integer)
       IS NOT DISTINCT FROM seals.statement::jsonb ->> 'head'
FROM lot_seals AS seals LEFT JOIN ledger_keys AS keys ON keys.id = seals.key_id ORDER BY seals.lot
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what is wrong, a sentence each."""

    entries: int
    seals: int
    faults: tuple[str, ...]


def check_ledger(connection: psycopg.Connection) -> Checked:
    """Follow both chains of every lot, and check the signed seals against them."""
    salts: dict[str, str] = dict(connection.execute(_SALTS).fetchall())
    public = _Chains("entry")
    for lot, number, line, prev, hash in _rows(connection, _PUBLIC):
        public.follow(lot, genesis(lot), number, line, (bytes(prev), bytes(hash)))
    private = _Chains("private entry")
    for lot, number, line, prev, hash in _rows(connection, _PRIVATE):
        begins = private_genesis(salts[lot]) if lot in salts else b""
        private.follow(lot, begins, number, line, (bytes(prev), bytes(hash)))
    seals = connection.execute(_SEALS).fetchall()
    broken = [f"{lot}: {fault}" for lot, *seal in seals if (fault := _seal_fault(*seal))]
    return Checked(public.count + private.count, len(seals), (*public.faults, *private.faults, *broken))


def _rows(connection: psycopg.Connection, query: str) -> Iterator[tuple[str, int, str, bytes, bytes]]:
    with connection.cursor(name="ledger_check") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(query)
        yield from cursor


class _Chains:
    """Follows one lot's chain after the other; of each broken one only the first fault is told."""

    def __init__(self, called: str) -> None:
        self.count = 0
        self.faults: list[str] = []
        self._called = called
        self._lot, self._number, self._head = "", 0, b""
        self._broken = False

    def follow(self, lot: str, begins: bytes, number: int, line: str, said: tuple[bytes, bytes]) -> None:
        self.count += 1
        if lot != self._lot:
            self._lot, self._number, self._head, self._broken = lot, 0, begins, False
        expected = (self._head, link(self._head, line.encode()))
        self._number, self._head = self._number + 1, said[1]
        if not self._broken and (number != self._number or said != expected):
            self._broken = True
            self.faults.append(f"{lot}: the chain breaks at {self._called} {self._number}")


def _seal_fault(statement: str, signature: bytes, pem: str | None, fits: bool) -> str:
    if not fits:
        return "its seal is over another head"
    try:
        key = PublicKey.from_pem(pem.encode()) if pem else None
    except SigningError:
        key = None
    if key is None or not key.verify(statement.encode(), bytes(signature)):
        return "its seal is not signed by the key that it names"
    return ""
