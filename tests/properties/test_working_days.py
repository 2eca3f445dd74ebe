"""Working days: the published calendar, make-up days, year ends, and years that nobody has published."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chinese_calendar import constants
from hypothesis import given
from hypothesis import strategies as st

from trading.working_days import MOST_DAYS, DueDay, WorkingDays, at_minute, day_of, published

NATIONAL = WorkingDays()
FIRST, LAST = min(constants.holidays).year, max(constants.holidays).year
UNPUBLISHED = LAST + 1
known_days = st.dates(date(FIRST, 1, 1), date(LAST - 1, 12, 31))
any_days = st.dates(date(FIRST, 1, 1), date(LAST + 3, 12, 31))
few = st.integers(0, 40)
overrides = st.dictionaries(st.dates(date(LAST, 10, 1), date(LAST + 1, 6, 30)), st.booleans(), max_size=30)


def test_days_that_everybody_remembers() -> None:
    assert NATIONAL.is_working(date(2025, 10, 1)) is False
    assert NATIONAL.is_working(date(2025, 9, 28)) is True, "a make-up Sunday"
    assert NATIONAL.is_working(date(2025, 10, 11)) is True, "a make-up Saturday"
    assert NATIONAL.is_working(date(2025, 10, 18)) is False, "an ordinary Saturday"
    assert NATIONAL.is_working(date(2026, 1, 1)) is False
    assert NATIONAL.is_working(date(2026, 3, 2)) is True


def test_seven_working_days_over_a_long_holiday_with_make_up_days() -> None:
    # 29 and 30 September; 1 to 8 October free; 9, 10, the make-up Saturday 11, then 13 and 14
    assert NATIONAL.add(date(2025, 9, 28), 7) == DueDay(date(2025, 10, 14))


def test_the_day_itself_does_not_count() -> None:
    assert NATIONAL.add(date(2026, 3, 2), 1) == DueDay(date(2026, 3, 3))
    assert NATIONAL.add(date(2026, 3, 6), 1) == DueDay(date(2026, 3, 9))
    assert NATIONAL.add(date(2026, 3, 2), 0) == DueDay(date(2026, 3, 2))
    assert NATIONAL.add(date(2026, 3, 7), 0) == DueDay(date(2026, 3, 9))


def test_over_the_end_of_a_published_year() -> None:
    # 31 December 2024 works, 1 January 2025 does not
    assert NATIONAL.add(date(2024, 12, 30), 2) == DueDay(date(2025, 1, 2))


def test_an_unpublished_year_is_never_guessed() -> None:
    assert not published(UNPUBLISHED)
    assert NATIONAL.is_working(date(UNPUBLISHED, 1, 1)) is None
    assert NATIONAL.add(date(LAST, 12, 25), 20).provisional
    assert not NATIONAL.add(date(LAST, 12, 1), 5).provisional


def test_what_an_administrator_says_is_known() -> None:
    new_year = date(UNPUBLISHED, 1, 1)
    known = WorkingDays({new_year + timedelta(days=n): n > 2 for n in range(10)})
    assert known.is_working(new_year) is False
    assert not known.add(date(LAST, 12, 31), 5).provisional
    assert WorkingDays({date(2026, 3, 3): False}).add(date(2026, 3, 2), 1) == DueDay(date(2026, 3, 4))


@given(known_days, few)
def test_between_there_are_exactly_so_many_working_days(start: date, n: int) -> None:
    due = NATIONAL.add(start, n)
    between = [start + timedelta(days=i) for i in range(1, (due.day - start).days + 1)]
    assert NATIONAL.is_working(due.day) or due.provisional
    if n and not due.provisional:
        assert sum(bool(NATIONAL.is_working(day)) for day in between) == n


@given(any_days, few, overrides)
def test_a_date_is_provisional_exactly_when_a_day_on_the_way_is_unknown(
    start: date, n: int, said: dict[date, bool]
) -> None:
    calendar = WorkingDays(said)
    due = calendar.add(start, n)
    first = start if n == 0 else start + timedelta(days=1)
    way = [first + timedelta(days=i) for i in range((due.day - first).days + 1)]
    assert due.provisional == any(calendar.is_working(day) is None for day in way)


@given(any_days, few, overrides)
def test_later_starts_and_more_days_never_end_earlier(start: date, n: int, said: dict[date, bool]) -> None:
    calendar = WorkingDays(said)
    assert calendar.add(start, n).day <= calendar.add(start + timedelta(days=1), n).day
    assert calendar.add(start, n).day <= calendar.add(start, n + 1).day
    assert calendar.add(start, n).day >= start


@given(any_days, st.integers(0, 15), st.integers(1, 15), overrides)
def test_periods_add_up(start: date, first: int, second: int, said: dict[date, bool]) -> None:
    calendar = WorkingDays(said)
    if first:
        part = calendar.add(start, first)
        whole = calendar.add(start, first + second)
        assert calendar.add(part.day, second).day == whole.day


@given(known_days, few)
def test_saying_what_is_so_changes_nothing(start: date, n: int) -> None:
    same = {start + timedelta(days=i): bool(NATIONAL.is_working(start + timedelta(days=i))) for i in range(5)}
    assert WorkingDays(same).add(start, n) == NATIONAL.add(start, n)


@pytest.mark.parametrize("n", [-1, MOST_DAYS + 1])
def test_periods_are_bounded(n: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        NATIONAL.add(date(2026, 3, 2), n)


def test_people_read_beijing_time() -> None:
    assert day_of(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == date(2026, 3, 3)
    assert at_minute(date(2026, 3, 3), 17 * 60).astimezone(UTC) == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
