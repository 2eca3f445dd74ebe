"""Statements that were uploaded: looked at first, imported then, kept for good.

    uploaded = await statements.preview(bank, "march.csv", data, by=12, now=now)
    await statements.import_one(uploaded.id, by=12, now=now)        # again: nothing changes

The file is kept by its digest. What was read from it lies beside it for a while (office/banking/readings.py)
under a name that follows from the digest: preview and import go on from that, and read the file again when
it is gone. So nobody imports anything else than what the file holds.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit import trail
from office.banking.banks import Bank, bank_called
from office.banking.readings import decoded, encoded, name_of
from office.banking.statements import Statement, read
from office.banking.taking import Source, Taken, known_of, take
from office.files import FileFault, Files, FileTooLarge

LARGEST: Final = 30 << 20
LONGEST_NAME: Final = 120
PAGE: Final = 20
READ_AT_ONCE: Final = 2
"""Files that are read at the same time: each may be large."""


class HasFaults(Exception):
    """A statement with faults is not imported: it is repaired first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    id: int
    bank: str
    file_name: str
    digest: str
    row_count: int
    fault_count: int
    state: str
    taken: int
    known: int
    uploaded_at: datetime
    imported_at: datetime | None

    @property
    def imported(self) -> bool:
        return self.imported_at is not None

    @property
    def of(self) -> Bank:
        return bank_called(self.bank)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. `known`: rows that are in the record; None: with faults nobody asked.
    `conflicts`: serial numbers that are known with something else."""

    file: StatementFile
    statement: Statement
    known: int | None = None
    conflicts: tuple[str, ...] = ()


_COLUMNS: Final = ", ".join(StatementFile.__dataclass_fields__)
_PUT: Final = text(
    "INSERT INTO bank_statements (bank, file_name, digest, row_count, fault_count, state, uploaded_by,"  # noqa: S608
    " uploaded_at) VALUES (:bank, :name, :digest, :rows, :faults, 'previewed', :by, :now)"
    f" ON CONFLICT (bank, digest) DO UPDATE SET bank = excluded.bank RETURNING {_COLUMNS}"
)
_CHANGES: Final = "state = 'imported', taken = :new, known = :known, imported_by = :by, imported_at = :now"
_DONE: Final = text(
    f"UPDATE bank_statements SET {_CHANGES} WHERE id = :id RETURNING {_COLUMNS}"  # noqa: S608
)


class Statements:
    def __init__(self, engine: AsyncEngine, files: Files) -> None:
        self._engine = engine
        self._files = files
        self._reading = asyncio.Semaphore(READ_AT_ONCE)

    async def preview(self, bank: str, name: str, data: bytes, *, by: int, now: datetime) -> StatementFile:
        """Keep the file and count what is in it. The same file again is the same row. Raises KeyError."""
        kept = await self._files.keep(data)
        statement = await self._statement(kept.name, bank_called(bank), data)
        values = {
            "bank": bank,
            "name": name.replace("\0", "")[:LONGEST_NAME],
            "digest": kept.name,
            "rows": len(statement.rows),
            "faults": len(statement.faults),
            "by": by,
            "now": now,
        }
        async with self._engine.begin() as connection:
            return _file((await connection.execute(_PUT, values)).one())

    async def look(self, statement_id: int) -> Preview | None:
        """Everything that a person decides by."""
        file = await self.get(statement_id)
        if file is None:
            return None
        statement = await self._statement(file.digest, file.of)
        if statement.faults:
            return Preview(file, statement)
        async with self._engine.connect() as connection:
            return await _compared(connection, file, statement)

    async def import_one(self, statement_id: int, *, by: int, now: datetime) -> StatementFile:
        """Take what it holds, once. Raises LookupError, HasFaults, taking.Conflicts."""
        file = await self.get(statement_id)
        if file is None:
            raise LookupError(statement_id)
        if file.imported:
            return file
        statement = await self._statement(file.digest, file.of)
        if statement.faults:
            raise HasFaults(statement_id)
        async with self._engine.begin() as connection:
            found = await connection.execute(
                text(f"SELECT {_COLUMNS} FROM bank_statements WHERE id = :id FOR UPDATE"),  # noqa: S608
                {"id": statement_id},
            )
            locked = _file(found.one())
            if locked.imported:
                return locked
            taken = await take(
                connection,
                file.bank,
                statement.rows,
                source=Source.STATEMENT,
                now=now,
                statement_id=statement_id,
            )
            done = await _finish(connection, locked, taken, by, now)
        await self._files.clear_away(name_of(file.digest, file.of))
        return done

    async def get(self, statement_id: int) -> StatementFile | None:
        found = text(f"SELECT {_COLUMNS} FROM bank_statements WHERE id = :id")  # noqa: S608
        async with self._engine.connect() as connection:
            row = (await connection.execute(found, {"id": statement_id})).one_or_none()
        return _file(row) if row else None

    async def page(self, page: int, *, size: int = PAGE) -> tuple[Sequence[StatementFile], int]:
        """The latest first, and how many there are."""
        found = text(f"SELECT {_COLUMNS} FROM bank_statements ORDER BY id DESC LIMIT :size OFFSET :offset")  # noqa: S608
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
            shown = [_file(row) for row in rows]
            count = await connection.scalar(text("SELECT count(*) FROM bank_statements"))
        return shown, int(count or 0)

    async def _statement(self, digest: str, bank: Bank, data: bytes | None = None) -> Statement:
        """As it was read before, or read now. One that is too large to lie there is read each time."""
        name = name_of(digest, bank)
        async with self._reading:
            try:
                before = await asyncio.to_thread(decoded, await self._files.pick_up(name))
            except FileFault:
                before = None
            if before is not None:
                return before
            content = await self._files.read(digest) if data is None else data
            statement = await asyncio.to_thread(read, content, bank)
            with contextlib.suppress(FileTooLarge):
                await self._files.lay_down(name, await asyncio.to_thread(encoded, statement))
        return statement


async def _compared(connection: AsyncConnection, file: StatementFile, statement: Statement) -> Preview:
    known, conflicts = await known_of(connection, file.bank, statement.rows)
    return Preview(file, statement, known, tuple(conflicts))


async def _finish(
    connection: AsyncConnection, file: StatementFile, taken: Taken, by: int, now: datetime
) -> StatementFile:
    values = {"id": file.id, "new": taken.new, "known": taken.known, "by": by, "now": now}
    done = _file((await connection.execute(_DONE, values)).one())
    await trail.record(
        connection,
        at=now,
        actor=trail.account(by),
        role=Role.FINANCE,
        act="statement.import",
        subject=file.digest,
        facts={"bank": file.bank, "new": taken.new, "known": taken.known},
    )
    return done


def _file(row: Row[Any]) -> StatementFile:
    return StatementFile(**row._mapping)
