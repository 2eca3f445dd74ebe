"""Small parts of the gateway: limits, the book's time, the board's counts, the alarm."""

from bidding.gateway.board import LOTS_COUNTED, Board, Departures, partition_rows
from bidding.gateway.booktime import BookTime
from bidding.gateway.limits import Rate, TokenBucket
from bidding.gateway.lookup import PartitionClock
from bidding.gateway.view import UNFOLDED_AT_MOST, LotView, Track
from bidding.ledger.standing import Standing
from bidding.messages import Notice, Phase
from bidding.messages import line as as_line

NOW = 1_700_000_000_000


def view(lot: str, phase: Phase, deadline: int = NOW, seq: int = 1) -> LotView:
    return LotView(
        lot=lot, terms="{}", confirms=False, standing=Standing(phase=phase, seq=seq, deadline=deadline)
    )


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(Rate(per_second=5, burst=10), now=100.0)
    assert [bucket.take(100.0) for _ in range(11)] == [True] * 10 + [False]
    assert bucket.wait_ms(100.0) == 200
    assert bucket.wait_ms(100.2) == 0
    assert not bucket.full(100.2)
    assert bucket.full(102.0)


def test_a_clock_that_steps_back_gives_no_tokens() -> None:
    bucket = TokenBucket(Rate(per_second=5, burst=1), now=100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)


def test_the_books_time_follows_the_least_delayed_reply() -> None:
    time = BookTime()
    time.heard(1_000_000, 500.0)
    time.heard(1_000_100, 630.0)
    assert time.now(700.0) == 1_000_200
    for step in range(64):
        time.heard(900_000 + step, 1_000.0 + step)
    assert time.now(2_000.0) == 901_000


def test_bids_per_minute_forget_what_is_older() -> None:
    board = Board()
    board.take(view("XX-1", Phase.TIMED_BIDDING, NOW + 60_000))
    for seq in range(2, 12):
        board.entry("XX-1", 1, seq, "bid_accepted", b"{}", NOW - 65_000 + 1_000 * seq)
    assert board.totals(NOW)[0] == 6


def test_refusals_are_counted_by_reason() -> None:
    board = Board()
    for reason in ("off_grid", "late", "late"):
        board.refusal("XX-1", reason)
    assert board.totals(NOW)[1] == {"off_grid": 1, "late": 2}


def test_the_board_shows_the_urgent_first_and_leaves_out_the_distant() -> None:
    board = Board()
    board.take(view("LATER", Phase.SCHEDULED, NOW + 3_600_000))
    board.take(view("SOON", Phase.SCHEDULED, NOW + 60_000))
    board.take(view("RUNS", Phase.TIMED_BIDDING, NOW + 5_000))
    board.take(view("OVER", Phase.CLOSED, NOW - 5_000))
    rows, more = board.rows(NOW, {"RUNS": 7})
    assert [row["lot"] for row in rows] == ["RUNS", "SOON", "OVER"]
    assert (rows[0]["watchers"], more) == (7, 0)
    rows, _ = board.rows(NOW + 700_000, {})
    assert "OVER" not in [row["lot"] for row in rows]


def test_a_lot_that_is_not_known_or_has_a_gap_is_read_again() -> None:
    board = Board()
    board.entry("NEW", 1, 1, "lot_scheduled", b"{}", NOW)
    board.take(view("OLD", Phase.INQUIRY, seq=3))
    board.entry("OLD", 1, 5, "notice", b"{}", NOW)
    assert board.missing == {"NEW", "OLD"}


def test_a_partition_without_a_beat_is_not_steady() -> None:
    clocks = [PartitionClock(0), PartitionClock(1, beat=NOW - 100, steady_since=NOW - 900, ledger=NOW - 50)]
    silent, steady = partition_rows(clocks, NOW, 1_000)
    assert (silent["steady"], silent["beat_age_ms"], silent["ledger_lag_ms"]) == (False, None, None)
    assert (steady["steady"], steady["beat_age_ms"], steady["ledger_lag_ms"]) == (True, 100, 50)


def test_many_departures_alarm_and_few_do_not() -> None:
    departures = Departures()
    for _ in range(20):
        departures.left(100.0)
    assert not departures.alarming(101.0, 0)
    departures.left(101.0)
    assert departures.alarming(102.0, 40)
    assert not departures.alarming(102.0, 60)
    assert not departures.alarming(110.0, 0)


def test_a_board_that_nobody_looks_at_stays_small() -> None:
    board = Board()
    for number in range(LOTS_COUNTED + 50):
        board.entry(f"L-{number}", 1, 1, "bid_accepted", b"{}", NOW)
        board.refusal(f"L-{number}", "late")
    board.tidy(NOW)
    assert len(board.missing) <= LOTS_COUNTED
    assert len(board._counts) <= LOTS_COUNTED
    assert board.totals(NOW)[1] == {"late": LOTS_COUNTED + 50}
    board.take(view("OVER", Phase.CLOSED, NOW - 5_000))
    board.tidy(NOW)
    board.tidy(NOW + 700_000)
    assert board.unknown(["OVER"]) == ["OVER"]
    assert not board._counts


def test_a_track_that_nobody_looks_at_stays_small() -> None:
    track = Track(view("XX-1", Phase.TIMED_BIDDING, seq=1))
    for seq in range(2, 1_000):
        entry = Notice(at=NOW, epoch=1, lot="XX-1", seq=seq, text="公告")
        line = as_line(entry).encode()
        track.feed(1, seq, "notice", line)
    assert len(track._unfolded) <= UNFOLDED_AT_MOST
    assert track.view.standing.seq == 999


def test_a_lot_whose_entry_cannot_be_read_is_read_again_and_the_others_are_shown() -> None:
    board = Board()
    board.take(view("GOOD", Phase.TIMED_BIDDING))
    board.take(view("BAD", Phase.TIMED_BIDDING))
    board.entry("BAD", 1, 2, "notice", b"{nonsense", NOW)
    rows, _ = board.rows(NOW, {})
    assert [row["lot"] for row in rows] == ["GOOD"]
    assert board.missing == {"BAD"}
