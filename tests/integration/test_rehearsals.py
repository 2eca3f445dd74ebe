"""Rehearsals: a bidder against the platform's opponent, in the real book, and nothing follows from it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from bidding.gateway.board import Board
from bidding.messages import BidAccepted, BidRejected, Phase, PlaceBid
from bidding.terms import Fen, is_rehearsal
from office.accounts import Accounts, Role
from tests.webkit import Web, offer, phase_is, service, until, web_on
from trading import putting_on
from trading.listings.openings import openings
from trading.rehearsals import (
    ANSWERS,
    INCREMENT,
    OPPONENT,
    STARTING_PRICE,
    AllTaken,
    Closed,
    EnoughForToday,
    Rehearsal,
    RehearsalRound,
    RehearsalRules,
    Rehearsals,
    opponent,
)
from trading.sales import Sales
from web import lot_search

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
RULES = RehearsalRules(per_day=2, window_ms=20_000, opens_in_ms=20_000)


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, rehearsal=RULES, bid_requires_ukey=False) as web:
        yield web


@pytest.fixture
async def served(web: Web, database: str, valkey: str) -> AsyncIterator[Web]:
    async with service(web, database, valkey):
        yield web


def rehearsals(web: Web, rules: RehearsalRules = RULES) -> Rehearsals:
    return Rehearsals(web.site.engine, web.site.book, web.site.sealed, rules)


def steward(web: Web) -> RehearsalRound:
    return RehearsalRound(web.site.engine, web.site.book, web.site.sealed)


async def run(web: Web, statement: str, **values: object) -> None:
    async with web.site.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def bid(web: Web, lot: str, paddle: str, number: int, price: int) -> object:
    return (await web.site.book.place_bid(lot, PlaceBid(paddle, f"mine-{number}", Fen(price)))).answer


async def overtaken(web: Web, lot: str, paddle: str) -> None:
    """The steward goes round until somebody else leads; time leaps on, and not as far as the deadline."""

    async def by_another() -> bool:
        await steward(web).round(NOW)
        return (await web.site.book.fields(lot, "leader")).get("leader") not in ("", paddle)

    await until(by_another)


async def test_a_bidder_is_overtaken_twice_and_wins_and_nothing_follows(served: Web) -> None:
    web = served
    bidder = await web.signed_in("one", Role.BIDDER, "湘西示例商贸有限公司")
    person = await Accounts(web.site.engine).by_login("one")
    assert person is not None
    answer = await bidder.post("/my/rehearsals")
    assert answer.status_code == 303
    lot = answer.headers["location"].split("/")[2]
    assert is_rehearsal(lot)

    await phase_is(web, lot, "inquiry", "timed_bidding")
    page = await bidder.get(f"/lots/{lot}/room")
    assert page.status_code == 200
    assert "这是演练，不是真实的拍卖" in page.text
    await phase_is(web, lot, "timed_bidding")
    [mine] = [await web.site.sealed.paddle_of(lot, person.id)]
    assert mine is not None
    await steward(web).round(NOW)
    assert not (await web.site.book.fields(lot, "leader")).get("leader"), "the opponent never bids first"

    for number in range(ANSWERS):
        price = STARTING_PRICE + 2 * number * INCREMENT
        assert isinstance(await bid(web, lot, mine[0], number, price), BidAccepted)
        refused = await bid(web, lot, mine[0], 100 + number, price + INCREMENT)
        assert isinstance(refused, BidRejected), "the same rules: nobody raises oneself"
        await overtaken(web, lot, mine[0])
    last = STARTING_PRICE + 2 * ANSWERS * INCREMENT
    assert isinstance(await bid(web, lot, mine[0], 9, last), BidAccepted)
    await phase_is(web, lot, "closed")
    await until(lambda: _settled(web, lot))
    shown = await lot_search.one(web.site.engine, lot)
    assert shown is not None
    assert (shown.winner, shown.sold, shown.price, shown.bids) == (mine[0], True, last, 2 * ANSWERS + 1)

    page = await bidder.get(f"/lots/{lot}")
    assert "这是演练，不是真实的拍卖" in page.text
    assert "湘西示例商贸有限公司" not in page.text.split("<main", 1)[1], "no name shows"
    assert "我的办件" not in page.text.split("<main", 1)[1]
    assert lot in (await bidder.get("/my/rehearsals")).text
    assert (await bidder.get(f"/lots/{lot}/room")).headers["location"] == f"/lots/{lot}"
    await until(lambda: _sealed(web, lot))
    assert lot in (await bidder.get(f"/lots/{lot}/ledger.jsonl")).text
    await _nowhere(web, lot)


async def _settled(web: Web, lot: str) -> bool:
    shown = await lot_search.one(web.site.engine, lot)
    return shown is not None and shown.sold is not None


async def _sealed(web: Web, lot: str) -> bool:
    async with web.site.engine.connect() as connection:
        found = text("SELECT EXISTS (SELECT FROM lot_seals WHERE lot = :lot)")
        return bool(await connection.scalar(found, {"lot": lot}))


async def _nowhere(web: Web, lot: str) -> None:
    """Neither in a list, nor a sale, nor a calendar, nor for anybody else."""
    assert lot not in await Sales(web.site.engine).sold_without()
    for everything in (True, False):
        found = await lot_search.find(web.site.engine, lot_search.Wanted("", "", "演练", 1, everything))
        assert found.total == 0
    assert set((await lot_search.counts(web.site.engine, lot_search.Wanted())).values()) == {0}
    assert await lot_search.on_the_board(web.site.engine, 0) == ()
    assert await lot_search.several(web.site.engine, [lot]) == ()
    async with web.site.engine.connect() as connection:
        assert (
            await openings(connection, datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
            == ()
        )
    for role in (Role.BIDDER, Role.ADMINISTRATOR, Role.REGULATOR):
        other = await web.signed_in(f"other-{role}", role)
        for path in ("", "/room", "/ledger.jsonl", "/receipts/1"):
            assert (await other.get(f"/lots/{lot}{path}")).status_code == 404, (role, path)
        for path in ("/", "/open-data/releases.json", "/announcements"):
            assert lot not in (await other.get(path)).text
    stranger = await web.visitor().get(f"/lots/{lot}")
    assert stranger.headers["location"].startswith("/sign-in")


async def test_one_at_a_time_so_many_a_day_so_many_in_all(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await web.account("one", Role.BIDDER)
    lot = await rehearsals(web).begin(one, "one")
    assert await rehearsals(web).begin(one, "one") == lot, "a second press leads to the same one"
    ended = "UPDATE lots SET phase = 'closed', seq = 9 WHERE id = :lot"
    await run(web, ended, lot=lot)
    await run(web, ended, lot=await rehearsals(web).begin(one, "one"))
    with pytest.raises(EnoughForToday):
        await rehearsals(web).begin(one, "one")
    two = await web.account("two", Role.BIDDER)
    monkeypatch.setattr("trading.rehearsals.AT_ONCE", 1)
    await rehearsals(web).begin(two, "two")
    with pytest.raises(AllTaken):
        await rehearsals(web).begin(await web.account("three", Role.BIDDER), "three")
    with pytest.raises(EnoughForToday):
        await rehearsals(web, replace(RULES, per_day=0)).begin(await web.account("four", Role.BIDDER), "four")
    await Accounts(web.site.engine).disable(await opponent(web.site.engine))
    with pytest.raises(Closed):
        await rehearsals(web).begin(two, "two")


async def test_after_a_day_nobody_can_be_told_from_it(web: Web) -> None:
    one = await web.account("one", Role.BIDDER)
    lot = await rehearsals(web).begin(one, "one")
    assert await web.site.sealed.paddle_of(lot, one) is not None
    await run(
        web, "UPDATE lots SET seq = 1, created_at = now() - interval '40 minutes' WHERE id = :lot", lot=lot
    )
    assert await steward(web).round(NOW) == 1
    assert (await web.site.book.fields(lot, "phase"))["phase"] == Phase.ABORTED, "its time is bounded"
    await run(
        web,
        "UPDATE lots SET phase = 'aborted', created_at = now() - interval '25 hours' WHERE id = :lot",
        lot=lot,
    )
    assert await steward(web).round(NOW) == 1
    assert await web.site.sealed.paddle_of(lot, one) is None
    assert await web.site.sealed.lots_of(one) == {}
    async with web.site.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM sealed_paddles")) == 0
    assert not await web.site.book.fields(lot, "phase")
    kept = await lot_search.one(web.site.engine, lot)
    assert kept is not None
    assert kept.created_by is None
    assert await steward(web).round(NOW) == 0


async def test_what_a_crash_left_goes_and_comes_again(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await web.account("one", Role.BIDDER)

    async def crash(*_of: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("trading.rehearsals.putting_on.schedule", crash)
        with pytest.raises(RuntimeError):
            await rehearsals(web).begin(one, "one")
    [left] = await rehearsals(web).of(one)
    assert not left.recorded
    assert await rehearsals(web).begin(one, "one") == left.lot, "it is finished, not begun again"
    assert await web.site.book.fields(left.lot, "phase")
    await web.site.book.request_abort(left.lot, "a", "test")
    await web.site.book.confirm_abort(left.lot, "b", "test")
    await run(web, "UPDATE lots SET phase = 'aborted' WHERE id = :lot", lot=left.lot)
    with monkeypatch.context() as patched:
        patched.setattr("trading.rehearsals.putting_on.schedule", crash)
        with pytest.raises(RuntimeError):
            await rehearsals(web).begin(one, "one")
    await run(
        web,
        "UPDATE lots SET created_at = now() - interval '10 minutes' WHERE seq = 0 AND id <> :lot",
        lot=left.lot,
    )
    assert await steward(web).round(NOW) == 1
    assert [each.lot for each in await rehearsals(web).of(one)] == [left.lot]


async def _left_by_a_crash(web: Web, account: int, login: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """So old that the steward drops it."""

    async def crash(*_of: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("trading.rehearsals.putting_on.schedule", crash)
        with pytest.raises(RuntimeError):
            await rehearsals(web).begin(account, login)
    await run(web, "UPDATE lots SET created_at = now() - interval '10 minutes' WHERE seq = 0")
    [left] = await rehearsals(web).of(account)
    return left.lot


async def _done_or_waits(web: Web, work: asyncio.Task[int]) -> bool:
    """Whether it has ended, or stands behind somebody's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted"
    )
    async with web.site.engine.connect() as connection:
        return work.done() or bool(await connection.scalar(waiting))


async def test_who_goes_on_with_what_is_being_dropped_has_one_that_is_recorded(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await web.account("one", Role.BIDDER)
    lot = await _left_by_a_crash(web, one, "one", monkeypatch)
    schedule, rounds = putting_on.schedule, []

    async def while_dropping(*of: Any) -> None:
        dropping = asyncio.create_task(steward(web).round(NOW))
        rounds.append(dropping)
        await until(lambda: _done_or_waits(web, dropping))
        await schedule(*of)

    with monkeypatch.context() as patched:
        patched.setattr("trading.rehearsals.putting_on.schedule", while_dropping)
        assert await rehearsals(web).begin(one, "one") == lot
        assert await rounds[0] == 0
    assert await web.site.book.fields(lot, "phase")
    assert [each.lot for each in await rehearsals(web).of(one)] == [lot]


async def test_what_was_dropped_just_before_is_begun_anew(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await web.account("one", Role.BIDDER)
    dropped = await _left_by_a_crash(web, one, "one", monkeypatch)
    asked = Rehearsals._running_or_new

    async def and_dropped(self: Rehearsals, account: int) -> Rehearsal:
        found = await asked(self, account)
        if found.lot == dropped:
            assert await steward(web).round(NOW) == 1
        return found

    monkeypatch.setattr(Rehearsals, "_running_or_new", and_dropped)
    begun = await rehearsals(web).begin(one, "one")
    assert begun != dropped
    assert not await web.site.book.fields(dropped, "phase")
    assert await web.site.book.fields(begun, "phase")
    assert list(await web.site.sealed.lots_of(one)) == [begun]


async def test_pages_say_what_is_wrong_and_nobody_else_may(web: Web) -> None:
    bidder = await web.signed_in("one", Role.BIDDER)
    page = await bidder.get("/my/rehearsals")
    assert "开始演练" in page.text
    for path in ("/device-check", "/my/trades"):
        assert "/my/rehearsals" in (await bidder.get(path)).text
    waiting = await bidder.post_and_follow("/my/rehearsals")
    assert "竞价室正在准备" in waiting.text, "the ledger does not have it yet"
    assert waiting.headers["refresh"] == "2"
    administrator = await web.signed_in("admin", Role.ADMINISTRATOR)
    answer = await administrator.post("/administration/lots/new", offer("REHEARSAL-1"))
    assert "只用于演练" in answer.text
    assert (await administrator.get("/my/rehearsals")).status_code == 403
    assert (await administrator.post("/my/rehearsals")).status_code == 403
    lot = str(waiting.url).split("/")[-2]
    assert (await administrator.get(f"/lots/{lot}/room")).status_code == 404
    assert "演练对手" in (await administrator.get("/administration/accounts?q=" + OPPONENT)).text


def test_the_board_leaves_rehearsals_out() -> None:
    board = Board()
    board.entry("REHEARSAL-AB", 1, 1, BidAccepted.kind, b"{}", 1_000)
    board.refusal("REHEARSAL-AB", "late")
    assert board.totals(1_000) == (0, {})
    assert board.unknown(["REHEARSAL-AB", "CAR-1"]) == ["CAR-1"]
    assert not board.missing
