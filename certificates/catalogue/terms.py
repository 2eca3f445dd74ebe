"""Terms and windows to the day: when a certificate can be renewed, and how long the next one holds. Pure.

Days are days in Beijing; a moment in them is kept as it is. Months and years are added in the calendar: what
has no such day ends on the last day of its month (29 February, 31 January).
Source: spec/certificates.md, "The other services", renew and replace.
"""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from certificates.catalogue.model import ChannelRules, Renewal, Review
from certificates.catalogue.scope import Case, Service, first
from office.working_days import BEIJING, DueDay, WorkingDays, day_of

TERMED = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.RENEW})
"""The services that begin a new term; all others keep the one there is."""


class Standing(StrEnum):
    """How a moment stands to a renewal window."""

    OPEN = "open"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """`opens`: the first day; `last_day`: the last one; None: no limit on that side.
    `only_valid`: it ends with the certificate itself, at the moment of its expiry."""

    not_after: datetime
    opens: date | None
    last_day: date | None
    only_valid: bool

    def standing(self, now: datetime) -> Standing:
        today = day_of(now)
        if self.opens is not None and today < self.opens:
            return Standing.TOO_EARLY
        if self.only_valid and now > self.not_after:
            return Standing.TOO_LATE
        if self.last_day is not None and today > self.last_day:
            return Standing.TOO_LATE
        return Standing.OPEN


def window_of(rules: ChannelRules, case: Case, not_after: datetime) -> RenewalWindow | None:
    """The window of a case on its channel; None where its way has none (nothing can be renewed so)."""
    rule = first(rules.renewals, case)
    return None if rule is None else renewal_window(rule, not_after)


def renewal_window(rule: Renewal, not_after: datetime) -> RenewalWindow:
    """When a certificate that ends at a moment can be renewed.

    "Fewer than 90 days left" opens 89 days before the last day, "within 90 days" 90 days before it;
    "expired by at most 365 days" ends 365 days after it.
    """
    last = day_of(not_after)
    opens = None
    if rule.days_before is not None:
        opens = last - timedelta(days=rule.days_before - (not rule.day_included))
    until = None if rule.expired_days is None else last + timedelta(days=rule.expired_days)
    return RenewalWindow(not_after, opens, until, rule.expired_days == 0)


@dataclass(frozen=True, slots=True)
class Term:
    """A certificate's validity. `counted_from`: what the months are added to; before the expiry it is later
    than `valid_from`, because the UKey holds one certificate and the new one has to work at once."""

    valid_from: datetime
    counted_from: datetime
    not_after: datetime


class Expired(ValueError):
    """What has ended already can't be replaced, modified or converted: it is renewed, or issued anew."""


def issued_term(moment: datetime, months: int) -> Term:
    """The term of a new certificate."""
    return Term(moment, moment, add_months(moment, months))


def renewed_term(not_after: datetime, moment: datetime, months: int) -> Term:
    """The next term of a certificate that ends at `not_after`.

    `moment`: of the download or of the issue, whichever the channel counts from (RenewedTerm). Until the
    expiry the old end is counted from, so that no day is lost; after it the moment.
    """
    base = not_after if moment <= not_after else moment
    return Term(moment, base, add_months(base, months))


def kept_term(not_after: datetime, moment: datetime) -> Term:
    """The term of what takes a certificate's place: it ends when the old one would have. Raises Expired."""
    if moment > not_after:
        raise Expired(not_after.isoformat())
    return Term(moment, moment, not_after)


replaced_term = kept_term
"""A replaced certificate expires when the lost one would have."""


def term_months(rules: ChannelRules, case: Case, years: int | None) -> int | None:
    """How many months a new term has; None where the service begins none. Raises LookupError."""
    if case.service not in TERMED:
        return None
    if years is not None:
        return 12 * years
    product = rules.product(case.product) if case.product else None
    if product is None or product.months is None:
        raise LookupError(f"{rules.key}: no term of {case.product} for {case.service}")
    return product.months


def add_months(moment: datetime, months: int) -> datetime:
    """So many months later in Beijing's calendar, at the same time of day."""
    there = moment.astimezone(BEIJING)
    year, month0 = divmod(there.year * 12 + there.month - 1 + months, 12)
    day = min(there.day, calendar.monthrange(year, month0 + 1)[1])
    return there.replace(year=year, month=month0 + 1, day=day).astimezone(moment.tzinfo)


@dataclass(frozen=True, slots=True)
class ReviewDue:
    """The last day of a review, and the day on which those who review are warned."""

    due: DueDay
    warned: date


def review_due(review: Review, start: datetime, days: WorkingDays) -> ReviewDue:
    """When a review that began has to be done; 0 working days: on that very day, or the next working one."""
    first_day = day_of(start)
    due = days.add(first_day, review.working_days)
    return ReviewDue(due, days.add(first_day, max(0, review.working_days - 1)).day)
