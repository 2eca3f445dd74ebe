"""Settlement on real servers: sold or unsold by the reserve, once, opened, sealed, checkable."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.commitments import opening_from
from bidding.ledger.file import Status, export_ledger, verify_ledger
from bidding.ledger.settlement import Inconsistent, NotYet, Settler, prepare
from bidding.messages import Confirmed, Phase, Result, parse
from bidding.terms import Fen
from signing.sm2 import PrivateKey
from tests.ledgerkit import QUALIFIED, SECRETS, Scene, scene, terms


@pytest.fixture
async def stage(valkey: str, database: str) -> AsyncIterator[Scene]:
    async with scene(valkey, database) as made:
        yield made


async def auction(stage: Scene, lot: str, *prices: int) -> None:
    """A lot with these bids, up to its close in the book."""
    await stage.open(lot)
    for number, price in enumerate(prices):
        await stage.bid(lot, ("1001", "2002")[number % 2], price)
    await stage.reach(lot, Phase.CLOSED)


async def result(stage: Scene, lot: str) -> Result:
    await stage.eventually(
        "SELECT count(*) FROM ledger_entries WHERE kind = 'result' AND lot = :lot", 1, lot=lot
    )
    rows = await stage.rows("SELECT line FROM ledger_entries WHERE kind = 'result' AND lot = :lot", lot=lot)
    entry = parse(str(rows[0][0]))
    assert isinstance(entry, Result)
    return entry


async def exported(connection: AsyncConnection, lot: str) -> bytes | None:
    lines = await export_ledger(connection, lot)
    return None if lines is None else b"".join([part async for part in lines])


async def sealed_file(stage: Scene, lot: str) -> bytes:
    await stage.eventually("SELECT count(*) FROM lot_seals WHERE lot = :lot", 1, lot=lot)
    async with stage.engine.connect() as connection:
        data = await exported(connection, lot)
    assert data is not None
    return data


@pytest.mark.parametrize(
    ("reserve", "prices", "sold"),
    [
        (130, (100, 150), True),
        (130, (100, 130), True),
        (130, (100, 120), False),
        (None, (100,), True),
        (None, (), False),
    ],
)
async def test_a_lot_is_sold_if_the_highest_bid_reaches_the_reserve(
    stage: Scene, reserve: Fen | None, prices: tuple[int, ...], sold: bool
) -> None:
    await stage.put_on(terms(), secrets=replace(SECRETS, reserve=reserve))
    async with stage.writer() as writer, stage.settler(writer):
        await auction(stage, "L-1", *prices)
        entry = await result(stage, "L-1")
        data = await sealed_file(stage, "L-1")
    assert entry.sold is sold
    assert (entry.winner, entry.price) == (
        ("1001", "2002")[len(prices) - 1] if sold else "",
        prices[-1] if sold else 0,
    )
    opening = opening_from(entry.opening)
    assert (opening.reserve, dict(opening.qualified)) == (reserve, QUALIFIED)
    report = verify_ledger(data, [stage.key.public_key])
    assert report.findings == ()
    assert report.status is Status.VALID
    ((is_sold, winner, leader),) = await stage.rows("SELECT sold, winner, leader FROM lots")
    assert (is_sold, winner) == (sold, entry.winner)
    assert leader == (("1001", "2002")[len(prices) - 1] if prices else "")


async def test_the_exported_file_has_every_entry_and_is_found_when_one_byte_changes(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer() as writer, stage.settler(writer):
        await auction(stage, "L-1", 100, 120, 150)
        data = await sealed_file(stage, "L-1")
    entries = data.count(b"\n") - 2
    assert entries == (await stage.session("L-1")).seq
    assert verify_ledger(data, [PrivateKey.generate().public_key]).exit_code == 2
    for at in range(0, len(data), 97):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert verify_ledger(changed, [stage.key.public_key]).exit_code == 1


async def test_the_export_comes_in_pages(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bidding.ledger.file.PAGE", 2)
    await stage.put_on(terms())
    async with stage.writer() as writer, stage.settler(writer):
        await auction(stage, "L-1", 100, 120, 150)
        data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0


async def test_there_is_no_file_before_the_seal(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer(), stage.engine.connect() as connection:
        await auction(stage, "L-1", 100)
        assert await exported(connection, "L-1") is None
        assert await exported(connection, "NONE") is None


async def test_settlement_happens_once_though_two_settlers_race(stage: Scene) -> None:
    for number in range(5):
        await stage.put_on(terms(f"L-{number}"))
    async with stage.writer():
        for number in range(5):
            await stage.open(f"L-{number}")
            await stage.bid(f"L-{number}", "1001", 150)
        for number in range(5):
            await stage.reach(f"L-{number}", Phase.CLOSED)
        await stage.eventually("SELECT count(*) FROM lots WHERE phase = 'closed'", 5)
        settlers = [Settler(engine=stage.engine, book=stage.book, key=stage.key) for _ in range(3)]
        await asyncio.gather(*(settler.round() for settler in settlers))
        await stage.eventually("SELECT count(*) FROM lots WHERE sold", 5)
        await asyncio.gather(*(settler.round() for settler in settlers))
        await asyncio.gather(*(settler.round() for settler in settlers))
    assert await stage.rows(
        "SELECT lot, count(*) FROM ledger_entries WHERE kind = 'result' GROUP BY lot"
    ) == [(f"L-{number}", 1) for number in range(5)]
    assert (await stage.rows("SELECT count(*) FROM lot_seals"))[0][0] == 5


async def test_a_lot_is_not_settled_before_the_private_chain_is_read(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.open("L-1")
        await stage.bid("L-1", "1001", 100)
        await stage.bid("L-1", "2002", 105)
        await stage.reach("L-1", Phase.CLOSED)
        await stage.eventually("SELECT phase FROM lots", "closed")
        await stage.eventually("SELECT count(*) FROM private_entries", 1)
    async with stage.engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TEMP TABLE kept AS SELECT * FROM private_entries")
        await connection.exec_driver_sql("DELETE FROM private_entries")
        with pytest.raises(NotYet):
            await prepare(connection, stage.book, "L-1")
        await connection.exec_driver_sql("INSERT INTO private_entries SELECT * FROM kept")
        settlement = await prepare(connection, stage.book, "L-1")
    assert settlement.opening.private_count == 1
    ((head,),) = await stage.rows("SELECT hash FROM private_entries")
    assert isinstance(head, bytes)
    assert settlement.opening.private_head == head.hex()


async def test_a_lot_with_a_hole_in_its_ledger_is_not_settled(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await auction(stage, "L-1", 100)
        await stage.eventually("SELECT phase FROM lots", "closed")
    async with stage.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM ledger_entries WHERE seq = 2")
        with pytest.raises(NotYet):
            await prepare(connection, stage.book, "L-1")


async def test_an_opening_that_does_not_fit_is_refused_not_published(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer() as writer, stage.settler(writer) as settler:
        async with stage.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE lot_secrets SET reserve = 1")
        await auction(stage, "L-1", 100)
        await stage.eventually("SELECT phase FROM lots", "closed")
        await settler.round()
        await settler.round()
        async with stage.engine.connect() as connection:
            with pytest.raises(Inconsistent, match="reserve"):
                await prepare(connection, stage.book, "L-1")
    assert not (await stage.session("L-1")).settled


async def test_who_confirmed_is_opened(stage: Scene) -> None:
    await stage.put_on(terms(confirm=True))
    async with stage.writer() as writer, stage.settler(writer):
        await stage.reach("L-1", Phase.INQUIRY)
        for paddle in ("2002", "1001"):
            assert isinstance((await stage.book.confirm("L-1", paddle)).answer, Confirmed)
        await auction(stage, "L-1", 150)
        entry = await result(stage, "L-1")
        data = await sealed_file(stage, "L-1")
    assert [paddle for paddle, _ in opening_from(entry.opening).confirmed] == ["2002", "1001"]
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0


async def test_confirmations_that_do_not_fit_their_commitment_are_refused(stage: Scene) -> None:
    await stage.put_on(terms(confirm=True))
    async with stage.writer():
        await stage.reach("L-1", Phase.INQUIRY)
        answer = (await stage.book.confirm("L-1", "1001")).answer
        assert isinstance(answer, Confirmed)
        await auction(stage, "L-1", 150)
        await stage.eventually("SELECT phase FROM lots", "closed")
        await stage.eventually("SELECT count(*) FROM private_entries", 1)
    async with stage.engine.begin() as connection:
        query = "UPDATE private_entries SET line = replace(line, :salt, :other)"
        await connection.execute(text(query), {"salt": answer.salt, "other": "0d" * 32})
        with pytest.raises(Inconsistent, match="confirmations"):
            await prepare(connection, stage.book, "L-1")


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE lot_secrets SET private_salt = 'zz' WHERE lot = 'L-1'",
        "UPDATE ledger_entries SET line = '{' WHERE lot = 'L-1'",
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.lot = 'L-1' THEN RAISE data_exception; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER no BEFORE INSERT ON lot_seals FOR EACH ROW EXECUTE FUNCTION no()",
    ],
)
async def test_whatever_is_wrong_with_one_lot_the_others_are_settled(stage: Scene, spoil: str) -> None:
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot))
    async with stage.writer() as writer:
        for lot in ("L-1", "L-2"):
            await auction(stage, lot, 150)
        await stage.eventually("SELECT count(*) FROM lots WHERE phase = 'closed'", 2)
        async with stage.engine.begin() as connection:
            await connection.exec_driver_sql(spoil)
        try:
            async with stage.settler(writer):
                await sealed_file(stage, "L-2")
        finally:  # the schema outlives the test
            async with stage.engine.begin() as connection:
                await connection.exec_driver_sql("DROP FUNCTION IF EXISTS no() CASCADE")
    assert await stage.rows("SELECT lot FROM lot_seals") == [("L-2",)]


async def test_a_lot_that_the_book_refuses_does_not_hold_the_others_up(stage: Scene) -> None:
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot))
    async with stage.writer() as writer:
        for lot in ("L-1", "L-2"):
            await auction(stage, lot, 150)
        await stage.eventually("SELECT count(*) FROM lots WHERE phase = 'closed'", 2)
        with redis.Redis.from_url(stage.redis_url) as client:
            client.delete(stage.book.keys("L-1").lot("L-1"))
            client.set(stage.book.keys("L-1").lot("L-1"), "no hash")
        async with stage.settler(writer):
            await sealed_file(stage, "L-2")


async def test_nobody_confirmed_is_unsold(stage: Scene) -> None:
    await stage.put_on(terms(confirm=True))
    async with stage.writer() as writer, stage.settler(writer):
        await stage.reach("L-1", Phase.CLOSED)
        assert not (await result(stage, "L-1")).sold
        data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0


async def test_an_aborted_lot_is_sealed_without_a_result(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer() as writer, stage.settler(writer):
        await stage.open("L-1")
        await stage.bid("L-1", "1001", 100)
        await stage.book.request_abort("L-1", "a", "标的撤回")
        await stage.book.confirm_abort("L-1", "b", "标的撤回")
        data = await sealed_file(stage, "L-1")
    report = verify_ledger(data, [stage.key.public_key])
    assert (report.exit_code, report.seal and report.seal.result) == (0, "aborted")


async def test_a_notice_after_the_result_does_not_spoil_the_file(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer() as writer, stage.settler(writer):
        await auction(stage, "L-1", 150)
        await result(stage, "L-1")
        await stage.book.notice("L-1", "成交后公告")
        data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0


async def test_refusals_after_the_close_do_not_hold_settlement_up(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer() as writer:
        await auction(stage, "L-1", 150)
        async with stage.settler(writer):
            for number in range(30):
                await stage.bid("L-1", "2002", 500 + number * 10)
            assert (await result(stage, "L-1")).sold
        async with stage.settler(writer):
            data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0
