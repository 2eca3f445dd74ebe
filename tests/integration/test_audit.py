"""The audit log: written with the act, only added to, chained, found again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import polars
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from office.audit import tables
from office.audit.chain import Break, Chain, Head
from office.audit.reading import PAGE, Filter, Log
from office.audit.trail import CLOCK, account, record
from office.database import create_engine
from office.sealed.port import SealedAway
from signing.sm3 import sm3

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database, pool_size=2)
    yield engine
    await engine.dispose()


class Knows:
    """What the sealed process says of lots that are closed."""

    def __init__(self, *closed: str) -> None:
        self.closed = closed
        self.away = False

    async def closed_among(self, registrations: Sequence[str]) -> list[str]:
        if self.away:
            raise SealedAway
        return [one for one in registrations if one in self.closed]


def log_of(engine: AsyncEngine, *closed: str) -> Log:
    return Log(engine, Knows(*closed))  # type: ignore[arg-type]


async def write(engine: AsyncEngine, count: int = 1, **changes: object) -> None:
    entry = {
        "at": NOW,
        "actor": account(7),
        "role": "administrator",
        "act": "lot.announce",
        "subject": "CAR-1",
    }
    async with engine.begin() as connection:
        for _ in range(count):
            await record(connection, **{**entry, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["audit_entries", "audit_links"])
async def test_the_log_refuses_to_be_changed_or_emptied(
    engine: AsyncEngine, database: str, table: str
) -> None:
    await write(engine)
    with psycopg.connect(database, autocommit=True) as connection:
        for command in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"UPDATE {table} SET {{}} "):
            column = "act = 'x.y'" if table == "audit_entries" else "digest = digest"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(command.replace("{}", column))


async def test_entries_are_linked_once_and_the_chain_holds(engine: AsyncEngine) -> None:
    chain = Chain(engine, sm3)
    await write(engine, 3)
    assert (await chain.verify()).waiting == 3
    assert await chain.round(NOW) == 3
    assert await chain.round(NOW) == 0
    await write(engine, 2, act="look.names", facts={"lot": "CAR-1"})
    assert sum(await asyncio.gather(*(chain.round(NOW) for _ in range(3)))) == 2
    checked = await chain.verify()
    assert (checked.broken, checked.head.seq, checked.waiting) == (None, 5, 0)


async def test_an_entry_of_an_act_that_failed_is_not_there(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await record(connection, at=NOW, actor=CLOCK, role="", act="lot.fail", subject="CAR-1")
        await connection.rollback()
    assert (await Chain(engine, sm3).verify()).waiting == 0


CHANGES = {
    "an entry": ("UPDATE audit_entries SET facts = '{\"price\":1}' WHERE id = 2", Break.CHANGED, 2),
    "a link": (f"UPDATE audit_links SET digest = '{'0' * 64}' WHERE seq = 2", Break.CHANGED, 2),
    "a link taken out": ("DELETE FROM audit_links WHERE seq = 2", Break.GAP, 2),
    "the last link": ("DELETE FROM audit_links WHERE seq = 4", Break.UNLINKED, 3),
    "an entry that does not wait": (
        "INSERT INTO audit_entries (at, actor, role, act, subject, facts)"
        " VALUES (now(), 'clock', '', 'x.y', '', '{}'); DELETE FROM audit_unlinked",
        Break.UNLINKED,
        4,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_check_finds_what_the_owner_of_the_tables_changed(
    engine: AsyncEngine, database: str, change: str
) -> None:
    await write(engine, 4)
    chain = Chain(engine, sm3)
    await chain.round(NOW)
    command, broken, at_seq = CHANGES[change]
    with psycopg.connect(database, autocommit=True) as connection:
        for table in ("audit_entries", "audit_links"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_stay")
        connection.execute(command)
        for table in ("audit_entries", "audit_links"):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_stay")
    checked = await chain.verify()
    assert (checked.broken, checked.at_seq) == (broken, at_seq)


async def test_a_head_that_was_noted_gives_away_a_chain_that_was_made_anew(engine: AsyncEngine) -> None:
    chain = Chain(engine, sm3)
    await write(engine, 2)
    await chain.round(NOW)
    head = Head.parse(str(await chain.head()))
    await write(engine, 1)
    await chain.round(NOW)
    assert (await chain.verify([head])).broken is None
    assert (await chain.verify([Head(2, "1" * 64)])).broken is Break.OTHER_HEAD
    assert (await chain.verify([Head(9, head.digest)])).broken is Break.OTHER_HEAD
    with pytest.raises(ValueError, match="a head is"):
        Head.parse("2:zz")


async def test_entries_are_found_by_who_what_of_what_and_when(engine: AsyncEngine) -> None:
    await write(engine, PAGE + 3)
    await write(engine, 1, actor="R0123456789abcdef", role="bidder", act="registration.seal", subject="")
    await write(engine, 1, actor=CLOCK, role="", act="look_x.y", at=NOW + timedelta(days=1))
    log = log_of(engine, "R0123456789abcdef")
    first, before = await log.page(Filter())
    rest, end = await log.page(Filter(), before=before)
    assert (len(first), len(rest), end) == (PAGE, 5, None)
    assert len({entry.id for entry in (*first, *rest)}) == PAGE + 5
    for wanted, count in (
        (Filter(actor=account(7)), PAGE + 3),
        (Filter(act="registration."), 1),
        (Filter(act="look."), 0),
        (Filter(act="look%"), 0),
        (Filter(subject="CAR-1", act="lot"), PAGE + 3),
        (Filter(since=NOW + timedelta(hours=1)), 1),
        (Filter(until=NOW), 1),  # of whose act only the day is kept
    ):
        assert len([one async for one in log.export(wanted)]) == count, wanted
    assert len([one async for one in log.export(Filter(), most=7)]) == 7


async def test_what_bidders_did_is_left_out_until_the_close(engine: AsyncEngine) -> None:
    open_, closed = "R" + "0" * 16, "R" + "1" * 16
    await write(engine, 2)
    for actor in [open_] * (PAGE + 5) + [closed] * 3:
        await write(engine, 1, actor=actor, role="bidder", act="registration.seal", subject=actor)
    await write(engine, 1, actor=CLOCK, role="", act="registration.lapse", subject=open_)
    await write(engine, 1, act="look.refused", subject=open_)
    log = log_of(engine, closed)
    shown, following = await log.page(Filter())
    assert [entry.act for entry in shown] == [
        "look.refused",
        *["registration.seal"] * 3,
        *["lot.announce"] * 2,
    ]
    assert following is None
    assert [one.actor async for one in log.export(Filter(act="registration."))] == [closed] * 3
    assert not any("链号" in heading for heading in tables.HEADINGS)
    away = Knows(closed)
    away.away = True
    shown, _ = await Log(engine, away).page(Filter(act="registration."))  # type: ignore[arg-type]
    assert shown == []


async def test_of_what_bidders_do_the_day_is_kept_alone(engine: AsyncEngine) -> None:
    moment = datetime(2026, 3, 2, 17, 30, 5, 123_456, tzinfo=UTC)
    pseudonym = "R0123456789abcdef"
    await write(engine, 1, at=moment, actor=pseudonym, role="bidder", act="registration.seal")
    await write(engine, 1, at=moment)
    account_entry, entry = [one async for one in log_of(engine, pseudonym).export(Filter())]
    assert entry.at == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # 3 March in Beijing
    assert (entry.day_only, account_entry.day_only, account_entry.at) == (True, False, moment)
    assert "2026-03-03,R0123456789abcdef" in tables.csv_of([entry]).decode()


async def test_a_later_check_reads_what_came_since(engine: AsyncEngine, database: str) -> None:
    chain = Chain(engine, sm3)
    await write(engine, 3)
    await chain.round(NOW)
    first = (await chain.verify()).head
    assert (await chain.verify_since(first)).head == first
    await write(engine, 2, at=NOW + timedelta(days=1))
    await chain.round(NOW)
    later = await chain.verify_since(first)
    assert (later.broken, later.head) == (None, await chain.head())
    assert await chain.head_before(NOW + timedelta(hours=1)) == first
    assert (await chain.verify_since(Head(3, "1" * 64))).broken is Break.OTHER_HEAD
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE audit_entries SET act = 'changed' WHERE id = (SELECT max(id) FROM audit_entries)"
        )
        connection.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")
    broken = await chain.verify_since(first)
    assert (broken.broken, broken.at_seq) == (Break.CHANGED, 5)


async def test_files_hold_what_was_written_and_no_formulas(engine: AsyncEngine) -> None:
    await write(engine, 1, subject="=cmd()", facts={"reason": "材料不全"})
    entries = [one async for one in log_of(engine).export(Filter())]
    assert "'=cmd()" in tables.csv_of(entries).decode()
    assert "材料不全" in tables.csv_of(entries).decode()
    read = polars.read_excel(tables.xlsx(entries), infer_schema_length=0)
    assert read.row(0)[0:5] == ("2026-03-02 16:00:00", "account 7", "administrator", "lot.announce", "=cmd()")


@pytest.mark.parametrize(
    "wrong",
    [
        {"actor": "Zhang San"},
        {"act": "Lot announced"},
        {"at": NOW.replace(tzinfo=None)},
        {"facts": {"password": "x"}},
        {"facts": {"new_password": "x"}},
        {"facts": {"text": "x" * 4000}},
        {"facts": {"price": float("nan")}},
    ],
)
async def test_an_entry_of_another_form_is_a_bug(engine: AsyncEngine, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not an actor|time zone|does not belong|take|float"):
        await write(engine, 1, **wrong)
