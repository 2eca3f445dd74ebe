"""Finds what links persons with lots in everything that a platform leaves behind: tables, Redis, files, logs.

A `Trace` is one thing that lies somewhere: a row, a key with its value, a file, a line of a log. Two traces
belong together when they share a token (a pseudonym, a sub-account, a session, a millisecond in which both
were written) or one refers to the other. A person and a lot are linked when a chain of traces leads from one
to the other.

    assert links(await traces_of(web, said), persons, lot) == []
"""

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pypdfium2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.webkit import Web

TOKENS = re.compile(
    r"R[0-9a-f]{16}"  # a registration's pseudonym
    r"|(?<!\d)(?:620001|888002)\d{8,14}(?!\d)"  # a sub-account
    r"|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"  # a session, a one-time address
    r"|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"  # a digest: the name of a file
)
MOMENTS = re.compile(
    r"(?P<written>20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3,6})(?P<zone>[+-]\d\d:?\d\d|Z)?"
    r"|(?<![0-9A-Za-z._-])(?P<ms>1[5-9]\d{11}|20\d{11})(?![0-9A-Za-z._-])"
)
"""Times with a part of a second, as tables and logs write them; milliseconds since 1970, as in Redis."""
LINKED_BY_NATURE = frozenset({"profile_id", "asset_id"})
"""References that many traces share without belonging together."""


@dataclass(frozen=True)
class Trace:
    """Where it lies, everything that can be read in it, and what else it refers to."""

    place: str
    content: str = field(repr=False)
    names: frozenset[str] = frozenset()
    """What others call it, and what it calls others: "table.column=value"."""

    def tokens(self) -> set[str]:
        return set(TOKENS.findall(self.content)) | self.names | set(moments(self.content))


def moments(content: str) -> Iterable[str]:
    """Each millisecond that is written there; a time without a part of a second is a day, or a full hour."""
    for found in MOMENTS.finditer(content):
        if found["ms"] is not None:
            yield f"at {found['ms']}"
            continue
        zone = (found["zone"] or "Z").replace("Z", "+00:00")
        written = datetime.fromisoformat(found["written"].replace(" ", "T") + zone)
        yield f"at {int(written.timestamp() * 1000)}"


@dataclass(frozen=True)
class Person:
    """Everything that tells who somebody is. The account's number has to be one that nothing else is."""

    marks: tuple[str, ...]

    def is_in(self, trace: Trace) -> bool:
        return any(
            mark in trace.content and re.search(rf"(?<!\d){re.escape(mark)}(?!\d)", trace.content)
            for mark in self.marks
        )


def links(traces: Sequence[Trace], persons: Iterable[Person], lot: Sequence[str]) -> list[str]:
    """Chains of places that lead from a person to the lot (its number, its title): "accounts → messages"."""
    people = tuple(persons)
    tokens = [_tokens(trace) for trace in traces]
    holders = defaultdict(list)
    for at, own in enumerate(tokens):
        for token in own:
            holders[token].append(at)
    about_lot = {at for at, trace in enumerate(traces) if any(name in trace.content for name in lot)}
    found = []
    for start, trace in enumerate(traces):
        if any(person.is_in(trace) for person in people):
            chain = _to_the_lot(tokens, holders, start, about_lot)
            if chain:
                found.append(" → ".join(traces[at].place for at in chain))
    return sorted(set(found))


_tokens = lru_cache(maxsize=100_000)(Trace.tokens)
"""Most traces are there every time that somebody looks."""


def _to_the_lot(
    tokens: Sequence[Set[str]], holders: Mapping[str, list[int]], start: int, about_lot: set[int]
) -> list[int]:
    """The shortest chain, breadth first; [] when there is none."""
    came_from: dict[int, int | None] = {start: None}
    waiting = [start]
    while waiting:
        at = waiting.pop(0)
        if at in about_lot:
            chain: list[int] = []
            step: int | None = at
            while step is not None:
                chain.insert(0, step)
                step = came_from[step]
            return chain
        for token in tokens[at]:
            for other in holders[token]:
                if other not in came_from:
                    came_from[other] = at
                    waiting.append(other)
    return []


async def traces_of(web: Web, said: str) -> list[Trace]:
    """Everything that lies around: `said` is what was written to the logs."""
    async with web.site.engine.connect() as connection:
        rows = await _rows(connection)
    folder = web.site.files._folder
    assert folder is not None
    lines = [Trace("a log", line) for line in said.splitlines() if line.strip()]
    return [*rows, *await _keys(web), *_files(folder), *lines]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _rows(connection: AsyncConnection) -> list[Trace]:
    references = await _references(connection)
    named = await connection.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    )
    found = []
    for (table,) in named.all():
        for row in (await connection.execute(text(f'SELECT * FROM "{table}"'))).mappings():
            content = " ".join(_readable(value) for value in row.values())
            found.append(Trace(f"table {table}", content, frozenset(_names(table, dict(row), references))))
    return found


def _names(
    table: str, row: Mapping[str, Any], references: Mapping[tuple[str, str], tuple[str, str]]
) -> Iterable[str]:
    """What the row is called by others, and whom it calls."""
    called = {target for target in references.values() if target[0] == table}
    for _, column in called:
        yield f"{table}.{column}={row[column]}"
    for column, value in row.items():
        target = references.get((table, column))
        if target is not None and value is not None and column not in LINKED_BY_NATURE:
            yield f"{target[0]}.{target[1]}={value}"


async def _references(connection: AsyncConnection) -> dict[tuple[str, str], tuple[str, str]]:
    """{(table, column): (table, column)} of foreign keys; accounts and lots are found by what they are."""
    found = text(
        "SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, f.attname"
        " FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]"
        " WHERE c.contype = 'f'"
    )
    ends = {"accounts", "lots", "listings", "rule_profiles"}
    rows = await connection.execute(found)
    return {(a, b): (c, d) for a, b, c, d in rows.all() if c not in ends}


# ── Redis, files ────────────────────────────────────────────────────────────────────────────────────────────


async def _keys(web: Web) -> list[Trace]:
    redis = web.site.redis
    found = []
    async for key in redis.scan_iter(count=500):
        kind = await redis.type(key)
        match kind:
            case "string":
                value: Any = await redis.get(key)
            case "hash":
                value = await redis.hgetall(key)
            case "set":
                value = await redis.smembers(key)
            case "zset":
                value = await redis.zrange(key, 0, -1)
            case "list":
                value = await redis.lrange(key, 0, -1)
            case "stream":
                found += [Trace(f"Redis {key}", _readable(entry)) for _, entry in await redis.xrange(key)]
                continue
            case "none":
                continue  # its time ran out since it was listed
            case _:
                raise AssertionError(f"a kind of key that nobody reads here: {kind}")
        found.append(Trace(f"Redis {_masked(key)}", f"{key} {_readable(value)}"))
    return found


def _masked(key: str) -> str:
    return TOKENS.sub("*", key)


def _files(folder: Path) -> list[Trace]:
    return [
        Trace(f"file {_masked(str(file.relative_to(folder)))}", f"{file.name} {_readable(file.read_bytes())}")
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]


def _readable(value: Any) -> str:
    """Text as people would get it out: of PDF and packages too, not only what stands there plainly."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if not isinstance(value, bytes):
        return str(value)
    plain = value.decode("utf-8", "replace") + value.hex()
    if value.startswith(b"%PDF"):
        return plain + _text_of(value)
    if value.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(value)) as package:
            return plain + "".join(_readable(package.read(name)) for name in package.namelist())
    return plain


@lru_cache(maxsize=64)
def _text_of(pdf: bytes) -> str:
    return "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
