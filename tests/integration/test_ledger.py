"""The ledger writer on real PostgreSQL and Valkey: nothing twice, nothing lost; what does not fit stops."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import redis

from bidding.keys import partition_keys, partition_of
from bidding.ledger.chain import genesis, link, private_genesis
from bidding.ledger.receipts import Receipt, Verdict, check_receipt, receipt, receipt_from
from bidding.ledger.records import AnotherWriter, Records
from bidding.messages import BidAccepted, BidRejected, Cause, Phase, canonical, parse
from signing.sm2 import PrivateKey
from tests.ledgerkit import SECRETS, Scene, scene, terms
from tests.timekit import PATIENCE_S, soon

LOTS = "SELECT count(*) FROM ledger_entries WHERE lot = :lot"


@pytest.fixture
async def stage(valkey: str, database: str) -> AsyncIterator[Scene]:
    async with scene(valkey, database) as made:
        yield made


def log_of(stage: Scene, lot: str) -> str:
    return partition_keys(partition_of(lot, stage.book.partitions)).log


def append(stage: Scene, lot: str, **fields: Any) -> None:
    """An entry in the log that the book did not write."""
    with redis.Redis.from_url(stage.redis_url) as client:
        client.xadd(log_of(stage, lot), {"lot": lot, "epoch": 1, "at": 5, "id": "", **fields})


def last_entry(stage: Scene, lot: str) -> dict[str, str]:
    with redis.Redis.from_url(stage.redis_url, decode_responses=True) as client:
        ((_, fields),) = client.xrevrange(log_of(stage, lot), count=1)
        return dict(fields)


async def lively(stage: Scene, lot: str, bids: int, start: int = 100) -> int:
    """Bids of two bidders in turn, every third of them refused; the last price."""
    price = start
    for number in range(bids):
        await stage.bid(lot, ("1001", "2002")[number % 2], price)
        if number % 3 == 0:
            await stage.bid(lot, "1001", price + 5, f"off-grid-{price}")
        price += 10
    return price


async def check_chains(stage: Scene, lot: str) -> int:
    """Both chains of the lot hold from the genesis; how many public entries there are."""
    head = genesis(lot)
    public = await stage.rows(
        "SELECT seq, line, prev, hash FROM ledger_entries WHERE lot = :lot ORDER BY seq", lot=lot
    )
    for number, (seq, line, prev, hash) in enumerate(public, start=1):
        assert (seq, prev) == (number, head)
        head = link(head, str(line).encode())
        assert hash == head
    head = private_genesis(SECRETS.private_salt)
    private = await stage.rows(
        "SELECT number, line, hash FROM private_entries WHERE lot = :lot ORDER BY number", lot=lot
    )
    for number, (stored, line, hash) in enumerate(private, start=1):
        head = link(head, str(line).encode())
        assert (stored, hash) == (number, head)
    return len(public)


async def test_everything_that_the_book_accepted_is_in_the_ledger(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        await lively(stage, "L-1", 12)
        session = await stage.session("L-1")
        await stage.recorded("L-1", session.seq)
    assert await check_chains(stage, "L-1") == session.seq
    assert (await stage.rows("SELECT count(*) FROM private_entries"))[0][0] == session.privates
    ((phase, price, leader, bids, deadline, seq),) = await stage.rows(
        "SELECT phase, price, leader, bids, deadline, seq FROM lots WHERE id = 'L-1'"
    )
    assert (phase, price, leader, bids) == ("timed_bidding", session.price, session.leader, session.bids)
    assert (deadline, seq) == (session.deadline, session.seq)


async def test_bid_ids_are_kept_for_recovery(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        outcome = await stage.bid("L-1", "1001", 100, "my-own-id-1")
        assert isinstance(outcome.answer, BidAccepted)
        await stage.recorded("L-1", outcome.answer.seq)
    ids = await stage.rows("SELECT bid_id FROM ledger_entries WHERE kind = 'bid_accepted'")
    assert ids == [("my-own-id-1",)]


async def test_a_restart_in_the_middle_changes_nothing(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    price = 100
    for _ in range(4):
        async with stage.writer():
            price = await lively(stage, "L-1", 6, price)
    session = await stage.session("L-1")
    assert session.bids == 24
    async with stage.writer():
        await stage.recorded("L-1", session.seq)
    assert await check_chains(stage, "L-1") == session.seq


async def test_a_double_delivery_changes_nothing(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    await lively(stage, "L-1", 9)
    async with stage.writer():
        pass
    before = await stage.rows("SELECT lot, seq, hash FROM ledger_entries ORDER BY 1, 2")
    with psycopg.connect(stage.database_url) as connection:
        connection.execute("DELETE FROM ledger_positions")
    async with stage.writer() as writer:
        await stage.bid("L-1", "2002", 300)
    assert writer.metrics.repeated._value.get() > len(before)
    after = await stage.rows("SELECT lot, seq, hash FROM ledger_entries ORDER BY 1, 2")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert await stage.rows("SELECT * FROM ledger_conflicts") == []


async def test_a_killed_transaction_leaves_nothing_behind(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    await lively(stage, "L-1", 5)
    whole = Records.write
    failures: list[Any] = []

    async def fail_at_first(self: Records, batch: Any) -> int:
        if not failures:
            failures.append(batch)
            await whole(self, replace(batch, heads=[], positions=[]))
            raise psycopg.OperationalError("the connection broke after the commit")
        return await whole(self, batch)

    monkeypatch.setattr(Records, "write", fail_at_first)
    session = await stage.session("L-1")
    async with stage.writer():
        await stage.recorded("L-1", session.seq)
    assert await check_chains(stage, "L-1") == session.seq


async def test_the_writer_survives_its_connections(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=20_000))
    async with stage.writer() as writer:
        await stage.open("L-1")
        price = 100
        for _ in range(3):
            price = await lively(stage, "L-1", 4, price)
            with psycopg.connect(stage.database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'luochui ledger'"
                )
            with redis.Redis.from_url(stage.redis_url) as client:
                client.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.2)
        session = await stage.session("L-1")
        await stage.recorded("L-1", session.seq)
        assert writer.metrics.interruptions._value.get() >= 1
    assert await check_chains(stage, "L-1") == session.seq


async def test_a_second_writer_stands_by(stage: Scene) -> None:
    first = await Records.open(stage.database_url)
    with pytest.raises(AnotherWriter):
        await Records.open(stage.database_url)
    await stage.put_on(terms())
    async with stage.writer():
        await asyncio.sleep(0.3)
        assert await stage.rows("SELECT * FROM ledger_entries") == []
        await first.close()
        await stage.recorded("L-1", 1)


# ── what does not fit ───────────────────────────────────────────────────────────────────────────────────────


async def halted(stage: Scene, lot: str, fault: str) -> None:
    await stage.eventually("SELECT fault FROM ledger_conflicts WHERE lot = :lot", fault, lot=lot)
    async with asyncio.timeout(PATIENCE_S):
        while (session := await stage.session(lot)).cause is not Cause.ADMINISTRATOR:
            await asyncio.sleep(0.02)
    assert session.phase is Phase.SUSPENDED


async def both_open(stage: Scene) -> None:
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot, window_ms=20_000))
        await stage.open(lot)


async def test_the_same_number_with_another_content_suspends_and_alarms(stage: Scene) -> None:
    await both_open(stage)
    async with stage.writer() as writer:
        await stage.bid("L-1", "1001", 100)
        entry = last_entry(stage, "L-1")
        await stage.recorded("L-1", int(entry["seq"]))
        other = entry["line"].replace('"price":100', '"price":900')
        append(stage, "L-1", seq=entry["seq"], kind="bid_accepted", line=other)
        await halted(stage, "L-1", "different")
        assert writer.metrics.conflicts.labels("different")._value.get() == 1
        await stage.bid("L-2", "1001", 100)
        await stage.recorded("L-2", (await stage.session("L-2")).seq)
    ((stored, received, resolved),) = await stage.rows(
        "SELECT stored, received, resolved_at FROM ledger_conflicts"
    )
    assert (stored, received, resolved) == (entry["line"], other, None)
    assert (await stage.rows(LOTS, lot="L-1"))[0][0] == int(entry["seq"])


async def test_a_conflict_within_one_batch_is_found(stage: Scene) -> None:
    await both_open(stage)
    await stage.bid("L-1", "1001", 100)
    entry = last_entry(stage, "L-1")
    append(stage, "L-1", seq=entry["seq"], kind="bid_accepted", line=entry["line"].replace("1001", "2002"))
    async with stage.writer():
        await halted(stage, "L-1", "different")
    assert (await stage.rows(LOTS, lot="L-1"))[0][0] == int(entry["seq"])


async def test_a_gap_stops_that_lot_and_not_the_others(stage: Scene) -> None:
    await both_open(stage)
    async with stage.writer() as writer:
        session = await stage.session("L-1")
        append(stage, "L-1", seq=session.seq + 2, kind="notice", line="{}")
        await halted(stage, "L-1", "gap")
        await stage.bid("L-2", "1001", 100)
        await stage.recorded("L-2", (await stage.session("L-2")).seq)
        assert writer.metrics.halted._value.get() == 1
    assert await check_chains(stage, "L-1") == session.seq


async def test_a_gap_in_the_private_chain_stops_the_lot(stage: Scene) -> None:
    await both_open(stage)
    keys = partition_keys(partition_of("L-1", stage.book.partitions))
    with redis.Redis.from_url(stage.redis_url) as client:
        fields = {"lot": "L-1", "epoch": 1, "number": 7, "kind": "bid_rejected", "at": 5, "line": "{}"}
        client.xadd(keys.private_log, fields)
    async with stage.writer():
        await halted(stage, "L-1", "gap")
    assert await stage.rows("SELECT * FROM private_entries") == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"seq": "x", "kind": "notice", "line": "{}"}, "malformed"),
        ({"seq": 10**12, "kind": "notice", "line": "{}"}, "malformed"),
        ({"kind": "notice", "line": "{}"}, "malformed"),
        ({"seq": 4, "kind": "notice", "line": "no entry"}, "malformed"),
        ({"seq": 4, "kind": "notice", "line": b"\xff\xfe"}, "malformed"),
        ({"seq": 4, "kind": "notice", "line": "nul \0"}, "malformed"),
        ({"seq": 4, "kind": "notice", "line": "{}", "epoch": 2}, "epoch"),
    ],
)
async def test_what_the_book_does_not_write_stops_the_lot(
    stage: Scene, fields: dict[str, Any], fault: str
) -> None:
    await both_open(stage)
    append(stage, "L-1", **fields)
    async with stage.writer():
        await halted(stage, "L-1", fault)
        await stage.recorded("L-2", (await stage.session("L-2")).seq)


def of_entry(**fields: Any) -> str:
    """A line that can be read, whatever it says."""
    return canonical({"epoch": 1, "lot": "L-1", "seq": 4, "at": 5, **fields})


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (
            "bid_accepted",
            of_entry(kind="bid_accepted", bids=1, deadline=10**30, paddle="1001", price=100, priority=False),
        ),
        (
            "bid_accepted",
            of_entry(kind="bid_accepted", bids=1, deadline=5, paddle="1001", price=2**63, priority=False),
        ),
        (
            "bid_accepted",
            of_entry(kind="bid_accepted", bids=2**40, deadline=5, paddle="1001", price=1, priority=False),
        ),
        (
            "bid_accepted",
            of_entry(kind="bid_accepted", bids=1, deadline=5, paddle="\0", price=1, priority=False),
        ),
        ("bid_accepted", of_entry(kind="notice", text="t")),
        ("no\0tice", of_entry(kind="notice", text="t")),
    ],
)
async def test_a_value_that_the_database_does_not_take_stops_its_lot_only(
    stage: Scene, kind: str, line: str
) -> None:
    await both_open(stage)
    await stage.bid("L-2", "1001", 100)
    append(stage, "L-1", seq=4, kind=kind, line=line)
    await stage.bid("L-2", "2002", 110)
    async with stage.writer() as writer:
        await halted(stage, "L-1", "malformed")
        await stage.recorded("L-2", (await stage.session("L-2")).seq)
        assert writer.metrics.interruptions._value.get() == 0
    assert (await stage.rows(LOTS, lot="L-1"))[0][0] == 3


async def test_what_only_the_database_finds_stops_its_lot_only(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both_open(stage)
    monkeypatch.setattr("bidding.ledger.copying._can_be_kept", lambda standing: True)
    line = of_entry(kind="bid_accepted", bids=1, deadline=10**30, paddle="1001", price=1, priority=False)
    append(stage, "L-1", seq=4, kind="bid_accepted", line=line)
    async with stage.writer() as writer:
        await halted(stage, "L-1", "malformed")
        await stage.recorded("L-2", (await stage.session("L-2")).seq)
        assert writer.metrics.interruptions._value.get() == 0


async def test_a_private_entry_of_a_past_or_far_epoch_stops_the_lot(stage: Scene) -> None:
    await both_open(stage)
    keys = partition_keys(partition_of("L-1", stage.book.partitions))
    with redis.Redis.from_url(stage.redis_url) as client:
        fields = {"lot": "L-1", "epoch": 3, "number": 1, "kind": "bid_rejected", "at": 5, "line": "{}"}
        client.xadd(keys.private_log, fields)
    async with stage.writer():
        await halted(stage, "L-1", "epoch")
    assert await stage.rows("SELECT * FROM private_entries") == []


async def test_a_lot_without_its_rows_is_suspended_when_it_opens(stage: Scene) -> None:
    await stage.book.schedule(terms("L-9"), 1, SECRETS.commitments({"1001": 0}), {"1001": 0})
    async with stage.writer():
        await stage.eventually("SELECT fault FROM ledger_conflicts WHERE lot = 'L-9'", "unknown_lot")
        await stage.beat("L-9")
        await stage.book.touch("L-9")
        await halted(stage, "L-9", "unknown_lot")


async def test_a_stopped_lot_that_is_resumed_is_suspended_again(stage: Scene) -> None:
    await both_open(stage)
    async with stage.writer():
        append(stage, "L-1", seq=50, kind="notice", line="{}")
        await halted(stage, "L-1", "gap")
        await stage.book.resume("L-1")
        async with asyncio.timeout(PATIENCE_S):
            while '"kind":"resumed"' not in await recent(stage, "L-1"):
                await stage.pass_time(50)
                await stage.beat("L-1")
                await stage.book.touch("L-1")
            while (await stage.session("L-1")).phase is not Phase.SUSPENDED:
                await asyncio.sleep(0.02)


async def recent(stage: Scene, lot: str) -> str:
    snapshot = await stage.book.snapshot(lot)
    assert snapshot is not None
    return b"".join(snapshot.recent).decode()


async def test_a_stopped_lot_stays_stopped_after_a_restart(stage: Scene) -> None:
    await both_open(stage)
    append(stage, "L-1", seq=50, kind="notice", line="{}")
    async with stage.writer():
        await halted(stage, "L-1", "gap")
    recorded = await stage.rows(LOTS, lot="L-1")
    async with stage.writer() as writer:
        await stage.bid("L-2", "1001", 100)
        await stage.recorded("L-2", (await stage.session("L-2")).seq)
        assert writer.metrics.halted._value.get() == 1
    assert await stage.rows(LOTS, lot="L-1") == recorded
    assert len(await stage.rows("SELECT * FROM ledger_conflicts")) == 1


# ── what it tells ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_recorded_stream_names_the_heads(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        outcome = await stage.bid("L-1", "1001", 100)
        assert isinstance(outcome.answer, BidAccepted)
        await stage.recorded("L-1", outcome.answer.seq)
    ((seq, hash, root),) = await stage.rows(
        "SELECT seq, hash, root FROM ledger_entries WHERE lot = 'L-1' ORDER BY seq DESC LIMIT 1"
    )
    stream = partition_keys(partition_of("L-1", 2)).recorded
    with redis.Redis.from_url(stage.redis_url, decode_responses=True) as client:
        ((_, told),) = client.xrevrange(stream, count=1)
    assert isinstance(hash, bytes)
    assert told == {"lot": "L-1", "seq": str(seq), "hash": hash.hex(), "root": str(root)}


async def test_heads_that_were_not_told_are_told_after_a_restart(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.recorded("L-1", 1)
    stream = partition_keys(partition_of("L-1", 2)).recorded
    with redis.Redis.from_url(stage.redis_url, decode_responses=True) as client:
        client.delete(stream)
        async with stage.writer():
            pass
        ((_, told),) = client.xrevrange(stream, count=1)
    assert (told["lot"], told["seq"]) == ("L-1", "1")


async def test_an_idle_ledger_is_told_as_caught_up_every_second(stage: Scene) -> None:
    async with stage.writer():
        for _ in range(3):
            await stage.pass_time(1_000)
            for partition in range(2):
                now, _ = await stage.book.observe(partition)
                async with asyncio.timeout(PATIENCE_S):
                    while (await stage.book.clock(partition)).ledger < now:
                        await asyncio.sleep(0.02)


async def test_a_ledger_that_cannot_write_does_not_say_that_it_is_caught_up(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Records) -> None:
        raise psycopg.OperationalError("no database")

    async with stage.writer():
        await asyncio.sleep(0.8)
        monkeypatch.setattr(Records, "check", broken)
        await asyncio.sleep(2.5)
        first = (await stage.book.clock(0)).ledger
        await stage.pass_time(5_000)
        await asyncio.sleep(1.0)
        assert (await stage.book.clock(0)).ledger == first


async def test_a_lost_log_is_alarmed(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.recorded("L-1", 1)
    with redis.Redis.from_url(stage.redis_url) as client:
        client.delete(log_of(stage, "L-1"))
    async with stage.writer() as writer, asyncio.timeout(PATIENCE_S):
        while writer.metrics.log_lost._value.get() == 0:
            await asyncio.sleep(0.02)
    assert writer.metrics.log_lost._value.get() == 1


# ── receipts ────────────────────────────────────────────────────────────────────────────────────────────────


async def receipt_soon(stage: Scene, lot: str, seq: int) -> Receipt:
    async with asyncio.timeout(PATIENCE_S), stage.engine.connect() as connection:
        while (found := await receipt(connection, lot, seq)) is None:
            await connection.rollback()
            await asyncio.sleep(0.01)
        return found


async def test_a_receipt_is_ready_within_a_second_and_holds(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        outcome = await stage.bid("L-1", "1001", 100)
        assert isinstance(outcome.answer, BidAccepted)
        found = await receipt_soon(stage, "L-1", outcome.answer.seq)
        bidders, prices = itertools.cycle(("2002", "1001")), itertools.count(110, 10)

        async def another() -> None:
            answer = (await stage.bid("L-1", next(bidders), next(prices))).answer
            assert isinstance(answer, BidAccepted)
            await receipt_soon(stage, "L-1", answer.seq)

        await soon(another, within_s=1.0)
    assert found.lines[0].encode() == outcome.line
    assert check_receipt(found, [stage.key.public_key]) is Verdict.VALID
    assert check_receipt(found, []) is Verdict.UNKNOWN_ISSUER
    assert check_receipt(found, [PrivateKey.generate().public_key]) is Verdict.UNKNOWN_ISSUER
    assert receipt_from(found.text()) == found


async def test_every_entry_of_a_batch_has_a_receipt_and_one_changed_byte_breaks_it(stage: Scene) -> None:
    for lot in ("L-1", "L-2", "L-3"):
        await stage.put_on(terms(lot, window_ms=20_000))
        await stage.open(lot)
        await lively(stage, lot, 6)
    async with stage.writer():
        pass
    session = await stage.session("L-2")
    async with stage.engine.connect() as connection:
        for seq in range(1, session.seq + 1):
            found = await receipt(connection, "L-2", seq)
            assert found is not None
            assert check_receipt(found, [stage.key.public_key]) is Verdict.VALID
            entry = parse(found.lines[0])
            assert getattr(entry, "seq", None) == seq
    assert found is not None
    assert found.root.count == 3
    for raw in _with_one_change(found):
        assert check_receipt(raw, [stage.key.public_key]) is not Verdict.VALID


def _with_one_change(found: Receipt) -> list[Receipt]:
    line = json.loads(found.lines[0])
    other = json.dumps({**line, "at": line["at"] + 1}, sort_keys=True, separators=(",", ":"))
    return [
        replace(found, lines=(other, *found.lines[1:])),
        replace(found, seq=found.seq + 1),
        replace(found, lot="L-3"),
        replace(found, prev=bytes(32)),
        replace(found, lines=()),
        replace(found, index=found.index + 1),
        replace(found, path=found.path[:-1]),
        replace(found, root=replace(found.root, count=found.root.count + 1)),
        replace(found, root=replace(found.root, at=found.root.at + 1)),
        replace(found, signature=bytes(70)),
    ]


@pytest.mark.parametrize(
    "raw", ["", "[]", "{}", '{"lines":5}', "[" * 99_999, '{"format":"luochui receipt 1"}']
)
def test_what_is_no_receipt_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        receipt_from(raw)


async def test_there_is_no_receipt_for_what_is_not_recorded(stage: Scene) -> None:
    async with stage.engine.connect() as connection:
        assert await receipt(connection, "L-1", 1) is None


async def test_refusals_are_chained_and_not_public(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        outcome = await stage.bid("L-1", "1001", 105)
        assert isinstance(outcome.answer, BidRejected)
    assert [row[0] for row in await stage.rows("SELECT kind FROM private_entries")] == ["bid_rejected"]
    assert await stage.rows("SELECT * FROM ledger_entries WHERE kind = 'bid_rejected'") == []
