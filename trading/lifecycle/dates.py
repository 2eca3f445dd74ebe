"""The dates of a listing: what announcing, extending, correcting and resuming make of them. Pure.

The end of registration, the deadline of the deposit and the opening always move together. A date that was
counted over days which nobody has published yet is provisional: it is shown so, nothing is done at it, and it
is counted again. Source: spec/trading.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trading.lifecycle.states import LotState
from trading.profiles.profile import RuleProfile
from trading.working_days import BEIJING, WorkingDays, at_minute, day_of

LEAST_LEAD: Final = timedelta(seconds=5)
"""Before an opening, so that the book can be told."""
TRAVELLERS_AHEAD: Final = timedelta(minutes=2)
"""So long before an opening the book is told of it where the business clock leaps."""


@dataclass(frozen=True, slots=True)
class Dates:
    """The three dates that move together."""

    registration_ends: datetime
    deposit_ends: datetime
    opens_at: datetime
    provisional: bool
    counted_from: datetime
    counted_days: int | None
    """None: somebody chose the end, at least the period of the profile."""

    def changes(self) -> dict[str, object]:
        """As columns of the listing; what is due next is the end of registration."""
        return {
            "registration_ends": self.registration_ends,
            "deposit_ends": self.deposit_ends,
            "opens_at": self.opens_at,
            "provisional": self.provisional,
            "due_at": self.registration_ends,
            "counted_from": self.counted_from,
            "counted_days": self.counted_days,
        }


def announced(rules: RuleProfile, calendar: WorkingDays, starts: datetime) -> Dates:
    """A full period from the start of registration."""
    return counted(rules, calendar, starts, rules.announcement_working_days)


def counted(
    rules: RuleProfile,
    calendar: WorkingDays,
    start: datetime,
    days: int,
    *,
    minute: int | None = None,
    opens_after: timedelta | None = None,
) -> Dates:
    """So many working days after a moment's day, at the minute at which days end here (or the one given)."""
    due = calendar.add(day_of(start), days)
    ends = at_minute(due.day, rules.day_ends_minute if minute is None else minute)
    return _belonging(rules, ends, opens_after, provisional=due.provisional, start=start, days=days)


def chosen(
    rules: RuleProfile, calendar: WorkingDays, starts: datetime, ends: datetime, opens_after: timedelta | None
) -> Dates:
    """An end that somebody chose, or the end of the least period when the chosen one is too early for it."""
    due = calendar.add(day_of(starts), rules.announcement_working_days)
    if rules.announcement_working_days and day_of(ends) < due.day:
        ends = at_minute(due.day, minute_of(ends))
    return _belonging(rules, ends, opens_after, provisional=due.provisional, start=starts, days=None)


def _belonging(
    rules: RuleProfile,
    ends: datetime,
    opens_after: timedelta | None,
    *,
    provisional: bool,
    start: datetime,
    days: int | None,
) -> Dates:
    after = timedelta(minutes=rules.opening_delay_minutes) if opens_after is None else opens_after
    deposit = ends - timedelta(hours=rules.deposit_deadline_hours_before_end)
    return Dates(ends, deposit, ends + after, provisional, start, days)


def long_enough(rules: RuleProfile, calendar: WorkingDays, starts: datetime, ends: datetime) -> bool:
    """Whether a chosen end leaves the period that the profile asks for."""
    due = calendar.add(day_of(starts), rules.announcement_working_days)
    return ends > starts and (not rules.announcement_working_days or day_of(ends) >= due.day)


def minute_of(moment: datetime) -> int:
    there = moment.astimezone(BEIJING)
    return there.hour * 60 + there.minute


def period_of(rules: RuleProfile, state: LotState) -> int:
    """Working days of the period in which a listing is: the announcement's, or the extension's."""
    return rules.extension_working_days if state is LotState.EXTENDED else rules.announcement_working_days


def opening(rules: RuleProfile, opens_at: datetime, now: datetime) -> datetime:
    """When the auction opens after the evaluation: as announced, or later when the evaluation took longer."""
    return max(opens_at, now + max(LEAST_LEAD, timedelta(minutes=rules.opening_notice_minutes)))


def due_on_entering(
    rules: RuleProfile, calendar: WorkingDays, state: LotState, now: datetime
) -> Mapping[str, object]:
    """When something has to have happened in the state that a listing enters; for registration see Dates."""
    days = {
        LotState.NEGOTIATION: rules.negotiation_within_days,
        LotState.REVIEW: rules.review_within_days,
        LotState.CONFIRMATION: rules.confirmation_within_days,
        LotState.CONTRACT: rules.contract_within_days,
        LotState.PAYMENT: rules.payment_within_days,
    }
    if state in days:
        return {"due_at": now + timedelta(days=days[state]), "provisional": False}
    if state in (LotState.PRIORITY_OFFER, LotState.NEXT_OFFER):
        return {"due_at": now + timedelta(hours=rules.priority_answer_hours), "provisional": False}
    if state is LotState.EVALUATION:
        return {"due_at": now + timedelta(hours=rules.statements_within_hours), "provisional": False}
    if state is LotState.PUBLICATION:
        return publication(rules, calendar, now)
    return {"due_at": None, "provisional": False}


def publication(rules: RuleProfile, calendar: WorkingDays, now: datetime) -> Mapping[str, object]:
    """The end of the result's publication; with no days at all it is over at once."""
    if not rules.result_working_days:
        return {"due_at": now, "provisional": False, "counted_from": now, "counted_days": 0}
    due = calendar.add(day_of(now), rules.result_working_days)
    return {
        "due_at": at_minute(due.day, rules.day_ends_minute),
        "provisional": due.provisional,
        "counted_from": now,
        "counted_days": rules.result_working_days,
    }
