"""Recovery after a lost Redis: what was recorded goes on in the next epoch, suspended, and still verifies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
import redis

from bidding.ledger.file import verify_ledger
from bidding.ledger.records import AnotherWriter
from bidding.ledger.recovery import BookKnowsLots, NotHalted, Recovery, rebuild, rebuild_halted
from bidding.messages import BidAccepted, Cause, Confirmed, Phase, Recovered, parse
from tests.integration.test_settlement import result, sealed_file
from tests.ledgerkit import QUALIFIED, SECRETS, Scene, scene, terms


@pytest.fixture
async def stage(valkey: str, database: str) -> AsyncIterator[Scene]:
    async with scene(valkey, database) as made:
        yield made


async def everybody(lot: str) -> Mapping[str, int]:
    return QUALIFIED


async def recover(stage: Scene, *, keep_known: bool = False) -> Recovery:
    return await rebuild(
        engine=stage.engine,
        database_url=stage.database_url,
        book=stage.book,
        qualified=everybody,
        keep_known=keep_known,
    )


def lose_redis(stage: Scene) -> None:
    """All of it, but for the time."""
    with redis.Redis.from_url(stage.redis_url) as client:
        now = client.get(stage.clock)
        client.flushall()
        client.set(stage.clock, now)


async def resume(stage: Scene, lot: str, phase: Phase) -> None:
    """An administrator lets the lot go on."""
    await stage.beat(lot)
    await stage.book.resume(lot)
    await stage.reach(lot, phase)


async def test_a_lively_lot_goes_on_after_flushall_and_verifies(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=2_000))
    async with stage.writer():
        await stage.open("L-1")
        await stage.bid("L-1", "1001", 100, "the-first-bid")
        await stage.bid("L-1", "2002", 120)
        await stage.bid("L-1", "2002", 125)
        before = await stage.session("L-1")
    lose_redis(stage)
    done = await recover(stage)
    assert [(one.lot, one.epoch, one.last_recorded) for one in done.rebuilt] == [("L-1", 2, before.seq)]
    session = await stage.session("L-1")
    assert (session.epoch, session.phase, session.cause) == (2, Phase.SUSPENDED, Cause.RECOVERY)
    assert (session.price, session.leader, session.bids) == (120, "2002", 2)
    assert (session.qualified, session.privates) == (QUALIFIED, before.privates)
    assert session.accepted == before.accepted
    assert session.recorded_refusals == before.recorded_refusals

    async with stage.writer() as writer, stage.settler(writer):
        await resume(stage, "L-1", Phase.TIMED_BIDDING)
        again = await stage.bid("L-1", "1001", 100, "the-first-bid")
        assert again.again
        outcome = await stage.bid("L-1", "1001", 150)
        assert isinstance(outcome.answer, BidAccepted)
        assert outcome.answer.epoch == 2
        await stage.reach("L-1", Phase.CLOSED)
        assert (await result(stage, "L-1")).winner == "1001"
        data = await sealed_file(stage, "L-1")
    report = verify_ledger(data, [stage.key.public_key])
    assert report.findings == ()
    assert report.exit_code == 0
    assert await stage.rows("SELECT * FROM ledger_conflicts") == []


async def test_the_public_log_names_the_last_recorded_entry(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.recorded("L-1", 1)
    lose_redis(stage)
    await recover(stage)
    snapshot = await stage.book.snapshot("L-1")
    assert snapshot is not None
    notice = parse(snapshot.recent[-1])
    assert isinstance(notice, Recovered)
    assert (notice.seq, notice.last_recorded) == (2, 1)
    async with stage.writer():
        await stage.recorded("L-1", 2)


async def test_what_was_acknowledged_but_not_recorded_is_lost_and_its_number_is_used_anew(
    stage: Scene,
) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    async with stage.writer():
        await stage.bid("L-1", "1001", 100)
    lost = (await stage.bid("L-1", "2002", 200)).answer
    assert isinstance(lost, BidAccepted)
    lose_redis(stage)
    await recover(stage)
    session = await stage.session("L-1")
    assert (session.price, session.seq, session.epoch) == (100, lost.seq, 2)
    async with stage.writer():
        await stage.recorded("L-1", lost.seq)
    assert await stage.rows("SELECT * FROM ledger_conflicts") == []


async def test_every_phase_is_rebuilt(stage: Scene) -> None:
    await stage.put_on(terms("L-SCHEDULED"), opens_in=60_000)
    for lot in ("L-INQUIRY", "L-HELD", "L-CLOSED", "L-SETTLED", "L-ABORTED"):
        await stage.put_on(terms(lot))
    async with stage.writer() as writer:
        async with stage.settler(writer):
            await stage.open("L-SETTLED")
            await stage.reach("L-SETTLED", Phase.CLOSED)
            await sealed_file(stage, "L-SETTLED")
        await stage.open("L-CLOSED")
        await stage.bid("L-CLOSED", "1001", 150)
        await stage.reach("L-CLOSED", Phase.CLOSED)
        for lot in ("L-HELD", "L-ABORTED"):
            await stage.open(lot)
            await stage.book.suspend(lot, "故障")
        await stage.book.request_abort("L-ABORTED", "a", "撤回")
        await stage.book.confirm_abort("L-ABORTED", "b", "撤回")
        await stage.reach("L-INQUIRY", Phase.INQUIRY)
    lose_redis(stage)
    done = await recover(stage)
    assert {one.lot for one in done.rebuilt} == {"L-SCHEDULED", "L-INQUIRY", "L-HELD", "L-CLOSED"}
    assert done.skipped == ()
    for lot, from_phase in {
        "L-SCHEDULED": Phase.SCHEDULED,
        "L-INQUIRY": Phase.INQUIRY,
        "L-HELD": Phase.TIMED_BIDDING,
    }.items():
        session = await stage.session(lot)
        assert (session.phase, session.suspended_from) == (Phase.SUSPENDED, from_phase)
        assert session.commitments == SECRETS.commitments(QUALIFIED)
    async with stage.writer() as writer, stage.settler(writer):
        assert (await result(stage, "L-CLOSED")).winner == "1001"
        data = await sealed_file(stage, "L-CLOSED")
        await resume(stage, "L-INQUIRY", Phase.TIMED_BIDDING)
    assert verify_ledger(data, [stage.key.public_key]).exit_code == 0


async def test_confirmations_survive(stage: Scene) -> None:
    await stage.put_on(terms(confirm=True))
    async with stage.writer() as writer, stage.settler(writer):
        await stage.reach("L-1", Phase.INQUIRY)
        await stage.book.confirm("L-1", "2002")
        await stage.book.confirm("L-1", "1001")
        await stage.open("L-1")
        before = await stage.session("L-1")
    lose_redis(stage)
    await recover(stage)
    session = await stage.session("L-1")
    assert session.confirmed == {"1001", "2002"}
    assert session.confirmations == before.confirmations


async def test_an_inquiry_goes_on_from_the_confirmations_that_were_recorded(stage: Scene) -> None:
    await stage.put_on(replace(terms(confirm=True), inquiry_ms=5_000))
    async with stage.writer() as writer, stage.settler(writer):
        await stage.reach("L-1", Phase.INQUIRY)
        await stage.book.confirm("L-1", "2002")
    lose_redis(stage)
    await recover(stage)
    async with stage.writer() as writer, stage.settler(writer):
        await resume(stage, "L-1", Phase.INQUIRY)
        assert isinstance((await stage.book.confirm("L-1", "1001")).answer, Confirmed)
        await stage.open("L-1")
        await stage.bid("L-1", "1001", 150)
        await stage.reach("L-1", Phase.CLOSED)
        data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).findings == ()


async def test_recovery_refuses_while_the_book_knows_lots(stage: Scene) -> None:
    await stage.put_on(terms("L-1"), opens_in=60_000)
    await stage.put_on(terms("L-2"), opens_in=60_000)
    async with stage.writer():
        await stage.recorded("L-2", 1)
        await stage.recorded("L-1", 1)
    with pytest.raises(BookKnowsLots) as refused:
        await recover(stage)
    assert refused.value.known == ("L-1", "L-2")
    assert (await stage.session("L-1")).epoch == 1
    with redis.Redis.from_url(stage.redis_url) as client:
        client.delete(stage.book.keys("L-1").lot("L-1"))
    done = await recover(stage, keep_known=True)
    assert (done.kept, [one.lot for one in done.rebuilt]) == (("L-2",), ["L-1"])
    assert (await stage.session("L-2")).epoch == 1


async def test_recovery_refuses_while_the_ledger_writer_runs(stage: Scene) -> None:
    async with stage.writer():
        await asyncio.sleep(0.3)
        with pytest.raises(AnotherWriter):
            await recover(stage)


async def test_a_forged_ledger_is_not_rebuilt(stage: Scene) -> None:
    await stage.put_on(terms("L-1", window_ms=20_000))
    await stage.put_on(terms("L-2", window_ms=20_000))
    async with stage.writer():
        for lot in ("L-1", "L-2"):
            await stage.open(lot)
            await stage.bid(lot, "1001", 100)
    lose_redis(stage)
    async with stage.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE ledger_entries SET line = replace(line, '\"price\":100', '\"price\":900')"
            " WHERE lot = 'L-1'"
        )
    done = await recover(stage)
    assert [one.lot for one in done.rebuilt] == ["L-2"]
    assert [(one.lot, "chain breaks" in one.why) for one in done.skipped] == [("L-1", True)]


async def test_a_changed_list_is_not_taken_after_the_opening(stage: Scene) -> None:
    await stage.put_on(terms(), qualified={"1001": 0})
    async with stage.writer():
        await stage.reach("L-1", Phase.INQUIRY)
    lose_redis(stage)
    done = await recover(stage)
    assert [one.lot for one in done.skipped] == ["L-1"]


async def test_new_entries_come_after_the_recorded_position_even_if_the_clock_went_back(stage: Scene) -> None:
    await stage.put_on(terms())
    async with stage.writer():
        await stage.recorded("L-1", 1)
    ahead = "99999999999999-5"
    async with stage.engine.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE ledger_positions SET log = '{ahead}', private_log = '{ahead}'"
        )
    lose_redis(stage)
    await recover(stage)
    async with stage.writer() as writer:
        await stage.recorded("L-1", 2)
        assert writer.metrics.log_lost._value.get() == 0


async def test_recovery_ends_a_conflict(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    with redis.Redis.from_url(stage.redis_url) as client:
        fields = {"lot": "L-1", "epoch": 1, "seq": 50, "kind": "notice", "at": 5, "line": "{}", "id": ""}
        client.xadd(stage.book.keys("L-1").log, fields)
    async with stage.writer():
        await stage.eventually("SELECT count(*) FROM ledger_conflicts WHERE resolved_at IS NULL", 1)
    lose_redis(stage)
    await recover(stage)
    async with stage.writer() as writer, stage.settler(writer):
        await stage.eventually("SELECT count(*) FROM ledger_conflicts WHERE resolved_at IS NULL", 0)
        await resume(stage, "L-1", Phase.TIMED_BIDDING)
        await stage.bid("L-1", "1001", 100)
        await stage.recorded("L-1", (await stage.session("L-1")).seq)


async def recover_halted(stage: Scene, lot: str) -> Recovery:
    return await rebuild_halted(
        engine=stage.engine, database_url=stage.database_url, book=stage.book, qualified=everybody, lot=lot
    )


async def test_a_lot_that_a_conflict_stopped_goes_on_alone_as_the_ledger_has_it(stage: Scene) -> None:
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot, window_ms=3_000))
        await stage.open(lot)
    await stage.bid("L-1", "1001", 100)
    await stage.bid("L-1", "2002", 101, "refused-before")
    async with stage.writer():
        await stage.recorded("L-1", 4)
        with redis.Redis.from_url(stage.redis_url) as client:
            fields = {"lot": "L-1", "epoch": 1, "seq": 50, "kind": "notice", "at": 5, "line": "{}", "id": ""}
            client.xadd(stage.book.keys("L-1").log, fields)
        await stage.eventually("SELECT count(*) FROM ledger_conflicts WHERE resolved_at IS NULL", 1)
    beyond = await stage.session("L-1")
    assert beyond.phase is Phase.SUSPENDED, (
        "the conflict suspended it, which its stopped ledger does not know"
    )
    other = await stage.session("L-2")

    done = await recover_halted(stage, "L-1")
    assert [(one.lot, one.epoch, one.last_recorded) for one in done.rebuilt] == [("L-1", 2, 4)]
    assert (await stage.session("L-1")).cause is Cause.RECOVERY
    assert await stage.session("L-2") == other
    async with stage.writer() as writer, stage.settler(writer):
        await resume(stage, "L-1", Phase.TIMED_BIDDING)
        for number in range(40):
            await stage.bid("L-1", "2002", 101, f"refused-after-{number}")
        await stage.bid("L-1", "2002", 150)
        await stage.reach("L-1", Phase.CLOSED)
        assert (await result(stage, "L-1")).winner == "2002"
        data = await sealed_file(stage, "L-1")
    assert verify_ledger(data, [stage.key.public_key]).findings == ()
    assert await stage.rows("SELECT count(*) FROM ledger_conflicts WHERE resolved_at IS NULL") == [(0,)]


async def test_a_lot_that_no_conflict_stopped_is_not_rebuilt_alone(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    async with stage.writer():
        await stage.recorded("L-1", 3)
    before = await stage.session("L-1")
    for lot in ("L-1", "L-none"):
        with pytest.raises(NotHalted):
            await recover_halted(stage, lot)
    assert await stage.session("L-1") == before


async def test_a_stopped_lot_is_not_rebuilt_before_the_ledger_has_read_the_log(stage: Scene) -> None:
    """What it has not read is of the epoch that is given up, and would stop the lot once more."""
    await stage.put_on(terms(window_ms=20_000))
    await stage.open("L-1")
    with redis.Redis.from_url(stage.redis_url) as client:
        fields = {"lot": "L-1", "epoch": 1, "seq": 50, "kind": "notice", "at": 5, "line": "{}", "id": ""}
        client.xadd(stage.book.keys("L-1").log, fields)
    async with stage.writer():
        await stage.eventually("SELECT count(*) FROM ledger_conflicts WHERE resolved_at IS NULL", 1)
    await stage.book.notice("L-1", "稍候")
    done = await recover_halted(stage, "L-1")
    assert [one.lot for one in done.skipped] == ["L-1"]
    assert (await stage.session("L-1")).epoch == 1


async def test_a_second_loss_is_a_third_epoch(stage: Scene) -> None:
    await stage.put_on(terms())
    for epoch in (1, 2, 3):
        async with stage.writer():
            await stage.recorded("L-1", epoch)
        assert (await stage.session("L-1")).epoch == epoch
        lose_redis(stage)
        await recover(stage)
    assert isinstance(parse((await snapshot_lines(stage))[-1]), Recovered)


async def snapshot_lines(stage: Scene) -> tuple[bytes, ...]:
    snapshot = await stage.book.snapshot("L-1")
    assert snapshot is not None
    return snapshot.recent
