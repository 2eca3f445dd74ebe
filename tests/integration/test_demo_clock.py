"""The demonstration's clock: forward, for everybody together, and only there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.clock import FARTHEST, Travelling
from tests.tradingkit import MutableClock, a_clock, make_listing
from tests.webkit import web_on
from trading.lifecycle.dates import TRAVELLERS_AHEAD
from trading.lifecycle.states import LotState

REAL = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def a_traveller(folder: Path) -> Travelling:
    return Travelling(folder / "clock-ahead", lambda: REAL)


def test_it_runs_ahead_for_all_who_read_the_file(tmp_path: Path) -> None:
    one, other = a_traveller(tmp_path), a_traveller(tmp_path)
    assert one() == REAL
    assert one.advance(timedelta(days=3, hours=1))
    assert one.advance(timedelta(hours=1))
    assert other() == REAL + timedelta(days=3, hours=2)


def test_it_never_goes_back_and_not_too_far(tmp_path: Path) -> None:
    clock = a_traveller(tmp_path)
    assert not clock.advance(timedelta(seconds=-1))
    assert not clock.advance(FARTHEST + timedelta(seconds=1))
    assert clock() == REAL


@pytest.mark.parametrize("broken", ["", "soon", "nan", "1e400"])
def test_a_broken_file_is_the_real_time(tmp_path: Path, broken: str) -> None:
    (tmp_path / "clock-ahead").write_text(broken)
    assert a_traveller(tmp_path)() == REAL


async def test_a_visitor_goes_to_the_next_date(database: str, valkey: str, tmp_path: Path) -> None:
    clock = a_traveller(tmp_path)
    async with web_on(database, valkey, clock=clock, demo=True) as web:
        visitor = await web.signed_in("somebody", Role.BIDDER)
        nothing = await visitor.post_and_follow("/demo/clock", {"step": "due"})
        assert "没有可以快进到的期限" in nothing.text
        listing = await make_listing(web.site.engine, LotState.ANNOUNCED, clock=MutableClock(REAL))
        assert "2026年03月16日 17:00" in (await visitor.get("/demo/clock")).text
        assert "时间已快进" in (await visitor.post_and_follow("/demo/clock", {"step": "due"})).text
        assert listing.due_at is not None
        assert clock() == listing.due_at + timedelta(seconds=1)
        for step in ("hour", "day", "week"):
            await visitor.post_and_follow("/demo/clock", {"step": step})
        assert clock() == listing.due_at + timedelta(days=8, hours=1, seconds=1)


async def test_an_auction_is_reached_shortly_before_its_opening(
    database: str, valkey: str, tmp_path: Path
) -> None:
    """From then on it runs in the book's time, which can't leap."""
    clock = a_traveller(tmp_path)
    async with web_on(database, valkey, clock=clock, demo=True) as web:
        visitor = await web.signed_in("somebody", Role.BIDDER)
        listing = await make_listing(web.site.engine, LotState.IN_AUCTION, clock=MutableClock(REAL))
        assert listing.opens_at is not None
        far = listing.opens_at + timedelta(days=3)
        async with web.site.engine.begin() as connection:
            put = text("UPDATE listings SET opens_at = :at, put_on_at = NULL WHERE lot = :lot")
            await connection.execute(put, {"at": far, "lot": listing.lot})
        assert "时间已快进" in (await visitor.post_and_follow("/demo/clock", {"step": "due"})).text
        assert clock() == far - TRAVELLERS_AHEAD + timedelta(seconds=1)


async def test_elsewhere_there_is_no_such_page(database: str, valkey: str, tmp_path: Path) -> None:
    for demo, clock in ((False, a_traveller(tmp_path)), (True, a_clock())):
        async with web_on(database, valkey, clock=clock, demo=demo) as web:
            visitor = await web.signed_in(f"somebody-{demo}".lower(), Role.ADMINISTRATOR)
            assert (await visitor.get("/demo/clock")).status_code == 404
            assert (await visitor.post("/demo/clock", {"step": "day"})).status_code == 404
    assert not (tmp_path / "clock-ahead").exists()
