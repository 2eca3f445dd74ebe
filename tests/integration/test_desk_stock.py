"""The stock of blank UKeys: whatever is tried in whatever order, nothing comes from nowhere or gets lost."""

import random
from collections import Counter as Tally
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.desk import dues
from certificates.desk.counter import Counter
from certificates.desk.day import Days
from certificates.desk.dues import Urgency, urgency
from certificates.desk.queue import Queue, Shelf, Wanted
from certificates.desk.stock import (
    REVERSED_TO,
    TRANSITIONS,
    WITH_ORDER,
    StockAct,
    StockFault,
    StockRefused,
    StockState,
    move,
    receive,
    reverse,
    serials_of,
)
from certificates.desk.stock_book import Stock
from office.accounts import Accounts, Role
from office.database import create_engine
from office.working_days import day_of
from signing.sm2 import PrivateKey
from tests.issuingkit import issuing_on

NOW = datetime(2026, 4, 22, 2, 0, tzinfo=UTC)
NUMBERS = [f"20260422ORDER00{n}" for n in range(4)]


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


async def clerk(engine: AsyncEngine) -> int:
    return await Accounts(engine).create_hashed("clerk", "not used here", Role.CLERK, "办证员")


async def order(
    engine: AsyncEngine, number: str, state: str, since: datetime | None = None, channel: str = "c"
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO orders (number, channel, catalogue_id, service, subject, way, state, steps,"
                " made_at, changed_at, review_since) VALUES (:number, :channel, 0, 'issue', 'organization',"
                " 'online', :state, '{}', :now, :now, :since)"
            ),
            {"number": number, "state": state, "now": NOW, "since": since, "channel": channel},
        )


async def test_the_sum_of_all_states_is_what_was_received_for_any_order_of_acts(engine: AsyncEngine) -> None:
    by, chance = await clerk(engine), random.Random(20260422)
    for number in NUMBERS:
        await order(engine, number, "approved")
    serials = [f"UK-{n:04}" for n in range(24)]
    model: dict[str, tuple[StockState, str | None]] = {}
    latest: dict[str, tuple[StockAct, StockState | None, str | None]] = {}
    done = Tally[str]()
    for _ in range(900):
        serial, number = chance.choice(serials), chance.choice(NUMBERS)
        act = chance.choice(list(StockAct))
        reason = chance.choice(["", "坏了"])
        try:
            async with engine.begin() as connection:
                if act is StockAct.RECEIVE:
                    await receive(connection, [serial], "SM2 Key", by, now=NOW)
                elif act is StockAct.REVERSE:
                    await reverse(connection, serial, by, reason, now=NOW)
                else:
                    await move(connection, serial, act, by, now=NOW, number=number, reason=reason)
        except StockRefused as refused:
            done[str(refused.fault)] += 1
            continue
        done["done"] += 1
        if act is StockAct.RECEIVE:
            assert serial not in model
            model[serial] = (StockState.IN_STOCK, None)
            latest[serial] = (act, None, None)
            continue
        if act is StockAct.REVERSE:
            undone, was, about = latest[serial]
            assert was is not None
            back = REVERSED_TO[undone, was]
            latest[serial] = (act, model[serial][0], about)
            model[serial] = (back, about if back in WITH_ORDER else None)
            done["reversed"] += 1
            continue
        row, (before, lies) = TRANSITIONS[act], model[serial]
        assert before in row.before
        if row.order:
            assert lies in (None, number)
        latest[serial] = (act, before, number)
        model[serial] = (row.after, (number if row.order else lies) if row.after in WITH_ORDER else None)
        held = [one for _state, one in model.values() if one is not None]
        assert len(held) == len(set(held)), "two UKeys with one order"
    assert done["done"] > 40
    assert {"wrong_state", "there_already", "other_order", "has_one", "no_reason"} <= set(done)
    sums = await Stock(engine).sums()
    assert sum(sums.values()) == len(model)
    assert sums == {state: sum(one is state for one, _number in model.values()) for state in StockState}
    async with engine.connect() as connection:
        events = text("SELECT count(*) FROM blank_ukey_events")
        assert await connection.scalar(events) == done["done"]
        last = text(
            "SELECT count(*) FROM blank_ukeys u WHERE u.state <> (SELECT e.after FROM blank_ukey_events e"
            " WHERE e.serial = u.serial ORDER BY e.id DESC LIMIT 1)"
        )
        assert await connection.scalar(last) == 0


async def test_an_order_that_is_made_anew_counts_both_its_ukeys_and_the_first_does_not_come_back_to_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    office = await issuing_on(engine, tmp_path, datetime.now(UTC))
    number, desk = await office.approved(), Counter(engine, office.marks)
    await office.issued(number, PrivateKey.generate())
    version = (await office.order(number)).version
    sent = await desk.ship(number, office.clerk, "SF", "1", version=version, now=office.now)
    await office.writing.reissue(number, office.by, "退回", lost=False, version=sent.version, now=office.now)
    async with engine.begin() as connection:
        first = str(await connection.scalar(text("SELECT serial FROM blank_ukeys")))
        with pytest.raises(StockRefused) as refused:
            await reverse(connection, first, office.clerk, "弄错了", now=office.now)
    assert refused.value.fault is StockFault.NOT_REVERSED
    office.cards[number] = "CARD0002"
    await office.issued(number, PrivateKey.generate())
    version = (await office.order(number)).version
    await desk.ship(number, office.clerk, "SF", "2", version=version, now=office.now)
    async with engine.begin() as connection:
        with pytest.raises(StockRefused):
            await reverse(connection, first, office.clerk, "弄错了", now=office.now)
    day = await Days(engine).reckoning(day_of(office.now))
    assert [one.serial for one in day.given] == [first, "CARD0002"]
    assert day.agrees


def test_serials_are_read_as_they_are_scanned() -> None:
    assert serials_of("uk-0001\nUK-0002，UK-0001;uk-0003 ") == ["UK-0001", "UK-0002", "UK-0003"]
    for wrong in ("", "  ", "UK 1", "<script>", "UK-0001 短", "X" * 41):
        with pytest.raises(StockRefused) as refused:
            serials_of(wrong)
        assert refused.value.fault is StockFault.NOT_A_SERIAL
    with pytest.raises(StockRefused):
        serials_of(" ".join(f"UK-{n:05}" for n in range(501)))


def test_a_review_is_late_after_its_last_day_and_warned_before() -> None:
    due, warned = NOW.date(), NOW.date() - timedelta(days=1)
    end = datetime(2026, 4, 22, 15, 59, tzinfo=UTC)  # 23:59 in Beijing
    assert urgency(due, warned, end) is Urgency.TODAY
    assert urgency(due, warned, end + timedelta(minutes=2)) is Urgency.LATE
    assert urgency(due, warned, end - timedelta(days=1)) is Urgency.SOON
    assert urgency(due, warned, end - timedelta(days=2)) is Urgency.IN_TIME


async def test_the_queue_is_by_due_day_over_holidays_and_another_round_is_counted_anew(
    engine: AsyncEngine,
) -> None:
    """Three working days (ours, where a channel says nothing); 1 to 5 May 2026 are free, 9 May is worked."""
    late, soon, next_one = "20260422AAAAAAA1", "20260422AAAAAAA2", "20260422AAAAAAA3"
    await order(engine, next_one, "in_review", datetime(2026, 4, 30, 4, 0, tzinfo=UTC))
    await order(engine, late, "second_review", datetime(2026, 4, 22, 4, 0, tzinfo=UTC))
    await order(engine, soon, "in_review", datetime(2026, 4, 27, 4, 0, tzinfo=UTC), "d")
    now = datetime(2026, 4, 29, 4, 0, tzinfo=UTC)
    found = await Queue(engine).page_of(Wanted(), now=now)
    assert [one.order.number for one in found.rows] == [late, soon, next_one]
    assert [f"{one.due_on:%m-%d}" for one in found.rows] == ["04-27", "04-30", "05-08"]
    assert [one.urgency for one in found.rows] == [Urgency.LATE, Urgency.SOON, Urgency.IN_TIME]
    assert (found.late, found.counts[Shelf.REVIEW], list(found.channels)) == (1, 3, ["c", "d"])
    only = await Queue(engine).page_of(Wanted(channel="d", page=9), now=now)
    assert ([one.order.number for one in only.rows], only.page) == ([soon], 1)
    async with engine.begin() as connection:
        again = text("UPDATE orders SET review_since = :at WHERE number = :n")
        await connection.execute(again, {"at": now, "n": late})
        assert await dues.keep_new(connection) == 1
        assert await dues.keep_new(connection) == 0
    assert (await Queue(engine).page_of(Wanted(), now=now)).late == 0


async def test_a_day_that_administrators_set_moves_the_due_day(engine: AsyncEngine) -> None:
    number = "20260422AAAAAAA1"
    await order(engine, number, "in_review", NOW)
    assert await dues.DueRound(engine).round(NOW) == 1
    assert await dues.DueRound(engine).round(NOW) == 0
    async with engine.begin() as connection:
        free = text(
            "INSERT INTO working_day_overrides (day, works, reason, set_at)"
            " VALUES ('2026-04-23', false, '停电', now())"
        )
        await connection.execute(free)
    assert await dues.DueRound(engine).round(NOW) == 1
    found = await Queue(engine).page_of(Wanted(), now=NOW)
    assert [f"{one.due_on:%m-%d}" for one in found.rows] == ["04-28"]
