"""Linking the entries into one chain, and checking the whole of it.

Each link is the digest of the link before it and of the entry; link 0 is GENESIS. Whoever changes, takes out
or puts in an entry has to make every later link anew, and any head that was noted elsewhere gives it away.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Digest = Callable[[bytes], bytes]
"""SM3; the office does not know the signatures, so it comes from outside."""

GENESIS: Final = "0" * 64
LINKED_AT_ONCE: Final = 500
CHECKED_AT_ONCE: Final = 2_000
LOCK: Final = 0x6C756F61
"""One who links at a time ("luoa" as a number)."""

_COLUMNS: Final = "e.id, e.at, e.actor, e.role, e.act, e.subject, e.facts"
_HEAD: Final = text("SELECT seq, digest FROM audit_links ORDER BY seq DESC LIMIT 1")
_WAITING: Final = text(
    f"SELECT {_COLUMNS} FROM audit_unlinked u JOIN audit_entries e ON e.id = u.entry_id"  # noqa: S608
    " ORDER BY u.entry_id LIMIT :most"
)
_LINK: Final = text("INSERT INTO audit_links (seq, entry_id, digest) VALUES (:seq, :entry_id, :digest)")
_LINKED: Final = text("DELETE FROM audit_unlinked WHERE entry_id = ANY(:ids)")
_LINKS: Final = text(
    f"SELECT l.seq, l.digest, {_COLUMNS} FROM audit_links l JOIN audit_entries e ON e.id = l.entry_id"  # noqa: S608
    " WHERE l.seq > :after ORDER BY l.seq LIMIT :most"
)
_HEAD_BEFORE: Final = text(
    "SELECT l.seq, l.digest FROM audit_links l JOIN audit_entries e ON e.id = l.entry_id"
    " WHERE e.at < :moment ORDER BY l.seq DESC LIMIT 1"
)
_LINK_AT: Final = text("SELECT digest FROM audit_links WHERE seq = :seq")
_COUNTS: Final = text(
    "SELECT (SELECT count(*) FROM audit_entries), (SELECT count(*) FROM audit_links),"
    " (SELECT count(*) FROM audit_unlinked)"
)


@dataclass(frozen=True, slots=True)
class Head:
    """The last link; of an empty chain (0, GENESIS). To be noted elsewhere: it proves all before it."""

    seq: int
    digest: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}"

    @classmethod
    def parse(cls, written: str) -> "Head":
        """Raises ValueError."""
        seq, _, digest = written.strip().partition(":")
        if not (seq.isascii() and seq.isdigit() and len(digest) == 64 and int(digest, 16) >= 0):
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return cls(int(seq), digest.lower())


class Break(StrEnum):
    """What can be wrong with the chain."""

    CHANGED = "changed"
    """An entry, or a link, is not what was written."""
    GAP = "gap"
    """A link is missing."""
    UNLINKED = "unlinked"
    """An entry that is neither linked nor waits for it."""
    OTHER_HEAD = "other_head"
    """A head that was noted is not in this chain: it was made anew, or its end was cut off."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the whole chain found; `at_seq` is where it breaks."""

    head: Head
    waiting: int
    broken: Break | None = None
    at_seq: int = 0


class Chain:
    """The chain in one database."""

    def __init__(self, engine: AsyncEngine, digest: Digest) -> None:
        self._engine = engine
        self._digest = digest

    async def round(self, now: datetime) -> int:
        """Link what waits, at most LINKED_AT_ONCE; how many. Any number of processes may do so."""
        async with self._engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            rows = (await connection.execute(_WAITING, {"most": LINKED_AT_ONCE})).mappings().all()
            if not rows:
                return 0
            head = await _head(connection)
            links = []
            for row in rows:
                head = self._after(head, row)
                links.append({"seq": head.seq, "entry_id": row["id"], "digest": head.digest})
            await connection.execute(_LINK, links)
            await connection.execute(_LINKED, {"ids": [row["id"] for row in rows]})
            return len(rows)

    async def head(self) -> Head:
        async with self._engine.connect() as connection:
            return await _head(connection)

    async def head_before(self, moment: datetime) -> Head:
        """The last link of an entry from before. Today's number tells how many acts there were today."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_HEAD_BEFORE, {"moment": moment})).one_or_none()
        return Head(0, GENESIS) if row is None else Head(int(row.seq), str(row.digest))

    async def verify_since(self, checked: Head) -> Checked:
        """Check what was linked after a head that an earlier check found whole. What was changed before it
        since then is found by `verify` alone."""
        head = checked
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            if checked.seq and await connection.scalar(_LINK_AT, {"seq": checked.seq}) != checked.digest:
                return Checked(checked, 0, Break.OTHER_HEAD, checked.seq)
            while rows := await _links_after(connection, head.seq):
                for row in rows:
                    after = self._after(head, row)
                    if fault := _fault(row, after, {}):
                        return Checked(head, 0, fault, after.seq)
                    head = after
        return Checked(head, 0)

    async def verify(self, noted: Sequence[Head] = ()) -> Checked:
        """Check every link, and that heads that were noted earlier are still in the chain."""
        expected = {one.seq: one.digest for one in noted}
        head, waiting = Head(0, GENESIS), 0
        async with self._engine.connect() as connection:
            # One snapshot: what is written meanwhile is not looked at.
            await connection.execution_options(isolation_level="REPEATABLE READ")
            while rows := await _links_after(connection, head.seq):
                for row in rows:
                    after = self._after(head, row)
                    if fault := _fault(row, after, expected):
                        return Checked(head, waiting, fault, after.seq)
                    head = after
            entries, links, waiting = (await connection.execute(_COUNTS)).one()
        if links != head.seq or entries != links + waiting:
            return Checked(head, waiting, Break.UNLINKED, head.seq)
        lost = [seq for seq in expected if seq > head.seq]
        return Checked(head, waiting, Break.OTHER_HEAD if lost else None, min(lost, default=0))

    def _after(self, head: Head, row: Any) -> Head:
        """The link of an entry after this head."""
        content = [
            head.seq + 1,
            head.digest,
            row["id"],
            row["at"].astimezone(UTC).isoformat(timespec="microseconds"),
            *(row[name] for name in ("actor", "role", "act", "subject", "facts")),
        ]
        written = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return Head(head.seq + 1, self._digest(written).hex())


def _fault(row: Any, after: Head, expected: dict[int, str]) -> Break | None:
    if row["seq"] != after.seq:
        return Break.GAP
    if row["digest"] != after.digest:
        return Break.CHANGED
    return Break.OTHER_HEAD if expected.get(after.seq, after.digest) != after.digest else None


async def _head(connection: AsyncConnection) -> Head:
    row = (await connection.execute(_HEAD)).one_or_none()
    return Head(0, GENESIS) if row is None else Head(int(row.seq), str(row.digest))


async def _links_after(connection: AsyncConnection, seq: int) -> Sequence[Any]:
    return (await connection.execute(_LINKS, {"after": seq, "most": CHECKED_AT_ONCE})).mappings().all()
