"""The documents in a backup: files named by their SM3, beside the database whose rows name them.

A document is on disk before a row names it, and nothing is ever deleted. So whatever is copied after the
database's snapshot has every file that the snapshot's rows name; files without a row do no harm.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import obstore
import psycopg
from obstore.exceptions import BaseError
from obstore.store import LocalStore
from psycopg import sql

from luochui.logs import get
from luochui.operations.manifest import BrokenBackup
from luochui.operations.packing import packed, packing
from luochui.services.faults import Repairable
from office.files import KEPT, LARGEST, FileDamaged, FileMissing, Files
from signing.sm3 import DIGEST_SIZE, sm3

NAMING: Final = (
    ("sale_versions", "digest"),
    ("listing_files", "digest"),
    ("listing_files", "thumbnail"),
    ("priority_holders", "proof_digest"),
    ("bank_statements", "digest"),
    ("agreed_prices", "decision"),
    ("contract_versions", "digest"),
    ("archives", "manifest"),
    ("archives", "seal"),
    ("archive_entries", "digest"),
    ("objections", "file"),
)
"""Tables and columns that name a document. A new one has to be added (tests/integration/test_backup.py)."""
ONLY: Final = {"archive_entries": "box = ''"}
"""Rows of which the column names a document; what lies in a box or in the ledger is no file."""
TOLD: Final = 10
TELL_EVERY_S: Final = 5.0

log = get("luochui.documents")


class DocumentsUnreadable(Repairable):
    """The store of the documents does not answer."""

    def __init__(self, where: str | Path, error: Exception) -> None:
        said = str(error).partition("\n")[0]
        super().__init__(f"The documents in {where} could not be copied or read: {said}.")


@dataclass(frozen=True, slots=True)
class Copied:
    """`there`: the digests of what was copied. `damaged`: names of files that are not what they are named."""

    there: frozenset[bytes]
    damaged: tuple[str, ...]


def named(connection: psycopg.Connection) -> frozenset[bytes]:
    """The digests that rows name, as this transaction sees them: some 100 bytes of memory for each."""
    found: set[bytes] = set()
    for table, column in NAMING:
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            continue  # a schema from before there were documents
        query = sql.SQL("SELECT decode({0}, 'hex') FROM {1} WHERE {0} <> '' AND {2}").format(
            sql.Identifier(column), sql.Identifier(table), sql.SQL(ONLY.get(table, "true"))
        )
        with connection.cursor(name="named_documents") as cursor:
            found.update(bytes(row[0]) for row in cursor.execute(query))
    return frozenset(found)


def pack(where: str | Path, target: Path, *, expected: int) -> Copied:
    """Copy every document into an archive, each compared with its name; one is in memory at a time."""
    there: set[bytes] = set()
    damaged: list[str] = []
    progress = _Progress("backup_documents", expected)

    async def work() -> None:
        if not is_there(where):
            return
        files = Files.at(where, digest=sm3)
        async for name in _names(where):
            try:
                content = await files.read(name)
            except (FileDamaged, FileMissing):
                damaged.append(name)
                continue
            out.add(_path(name), content)
            there.add(bytes.fromhex(name))
            progress.one_more(len(content))

    with packing(target) as out:
        _run(where, work())
    return Copied(frozenset(there), tuple(damaged))


def check(archive: Path) -> frozenset[bytes]:
    """Read an archive back: the digests in it. Raises BrokenBackup when one is not what it is named."""
    return frozenset(digest for digest, _content in _checked(archive))


def put_back(archive: Path, where: str | Path, *, expected: int) -> int:
    """Keep every document of an archive; what is there already stays. Returns how many.

    Raises BrokenBackup, DocumentsUnreadable.
    """
    progress = _Progress("restore_documents", expected)

    async def work() -> None:
        files = Files.at(where, digest=sm3)
        for _digest, content in _checked(archive):
            await files.keep(content)
            progress.one_more(len(content))

    _run(where, work())
    return progress.done


def lacking(where: str | Path, digests: Collection[bytes]) -> list[str]:
    """Which of these are not there, or are not what they are named."""
    found: list[str] = []

    async def work() -> None:
        if not is_there(where):
            found.extend(digest.hex() for digest in digests)
            return
        files = Files.at(where, digest=sm3)
        for digest in digests:
            try:
                await files.read(digest.hex())
            except (FileMissing, FileDamaged):
                found.append(digest.hex())

    _run(where, work())
    return sorted(found)


def sample(connection: psycopg.Connection, size: int) -> frozenset[bytes]:
    """The newest documents and some others, at most `size` of each table."""
    found: set[bytes] = set()
    for table, column in NAMING:
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            continue
        query = sql.SQL(
            "(SELECT {0} FROM {1} ORDER BY ctid DESC LIMIT %(half)s)"
            " UNION (SELECT {0} FROM {1} ORDER BY random() LIMIT %(half)s)"
        ).format(sql.Identifier(column), sql.Identifier(table))
        found.update(bytes.fromhex(row[0]) for row in connection.execute(query, {"half": size // 2}))
    return frozenset(found)


def described(connection: psycopg.Connection, digests: Sequence[str]) -> str:
    """The first few of these by what people call them, for a sentence."""
    rows = connection.execute(
        "SELECT v.digest, d.number || ' (' || v.kind || ', version ' || v.version || ')' FROM sale_versions v"
        " JOIN sale_documents d ON d.id = v.document_id WHERE v.digest = ANY(%s) LIMIT %s",
        (list(digests), TOLD),
    ).fetchall()
    called: dict[str, str] = dict(rows)
    first = [*called, *(digest for digest in digests if digest not in called)][:TOLD]
    said = [f"{called[digest]} {digest}" if digest in called else digest for digest in first]
    return "; ".join(said) + ("; …" if len(digests) > TOLD else "")


def _checked(archive: Path) -> Iterator[tuple[bytes, bytes]]:
    for name, content in packed(archive, largest=LARGEST):
        digest = sm3(content)
        if _path(digest.hex()) != name:
            raise BrokenBackup(f"{archive}: the document {name[:80]!r} is not what it is named.")
        yield digest, content


def is_there(where: str | Path) -> bool:
    """Whether the folder is; a store elsewhere says so itself."""
    return _is_address(where) or Path(where).is_dir()


def _is_address(where: str | Path) -> bool:
    return isinstance(where, str) and "://" in where


async def _names(where: str | Path) -> AsyncIterator[str]:
    """Names of all documents; drafts and strangers' files are passed over."""
    store = obstore.store.from_url(str(where)) if _is_address(where) else LocalStore(Path(where))
    async for batch in obstore.list(store, prefix=KEPT):
        for each in batch:
            name = each["path"].rpartition("/")[2]
            if each["path"] == _path(name) and _is_digest(name):
                yield name


def _path(name: str) -> str:
    """In the store and in the archive alike: the archive unpacked by hand is a store again."""
    return f"{KEPT}/{name[:2]}/{name}"


def _is_digest(name: str) -> bool:
    return len(name) == 2 * DIGEST_SIZE and set(name) <= set("0123456789abcdef")


def _run(where: str | Path, work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (BaseError, OSError) as error:
        raise DocumentsUnreadable(where, error) from error


class _Progress:
    """Says now and then how far it is, when it takes long."""

    def __init__(self, event: str, expected: int) -> None:
        self._event = event
        self._expected = expected
        self._bytes = 0
        self._next = time.monotonic() + TELL_EVERY_S
        self.done = 0

    def one_more(self, size: int) -> None:
        self.done += 1
        self._bytes += size
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY_S
            log.info(self._event, done=self.done, expected=self._expected, megabytes=self._bytes >> 20)
