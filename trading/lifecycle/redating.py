"""Which dates an act gives a listing: the table's `Dating`, carried out with dates.py. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from trading.lifecycle import dates as periods
from trading.lifecycle.needs import Lacks, Need, Situation
from trading.lifecycle.states import Act, LotState
from trading.lifecycle.table import REGISTERING, Dating


def dates(it: Situation, target: LotState) -> Mapping[str, Any]:
    """The columns with dates that an act changes; what the caller chose stays where they may choose."""
    match it.row.dating:
        case Dating.KEEP:
            return {}
        case Dating.ANNOUNCE:
            return _announced(it)
        case Dating.CORRECT:
            return _corrected(it)
        case Dating.EXTEND:
            return {**_period(it, LotState.EXTENDED, _later(it)), "extensions": it.listing.extensions + 1}
        case Dating.RESUME:
            return _resumed(it, target)
        case Dating.OPEN:
            return {
                "opens_at": periods.opening(it.rules, _set(it.listing.opens_at), it.now),
                "put_on_at": None,
            }
        case Dating.REDATE:
            return _counted_again(it)
        case other:
            assert_never(other)


def on_entering(it: Situation, target: LotState) -> Mapping[str, Any]:
    """When something has to have happened in the new state. Registering has its own dates."""
    if target in REGISTERING or it.row.act is Act.REDATE:
        return {}
    if target is LotState.SUSPENDED:
        return {"due_at": None}
    return {**periods.due_on_entering(it.rules, it.calendar, target, it.now), "alarmed_at": None}


def _announced(it: Situation) -> Mapping[str, Any]:
    """The start that the administrator chose, or now; the end and the opening they chose, or by profile."""
    starts = max(it.changes.get("registration_starts") or it.now, it.now)
    found = periods.announced(it.rules, it.calendar, starts)
    ends, opens = it.changes.get("registration_ends"), it.changes.get("opens_at")
    if ends is not None and ends != found.registration_ends:
        found = periods.chosen(it.rules, it.calendar, starts, ends, None)
    if ends is not None and found.registration_ends != ends:
        raise Lacks(Need.DATES)
    return {
        **found.changes(),
        "registration_starts": starts,
        "opens_at": opens or found.opens_at,
        "announced_at": it.now,
    }


def _corrected(it: Situation) -> Mapping[str, Any]:
    """The period after a correction, and the opening that was chosen, else as long after the end as before.

    Raises Lacks for an opening before the end.
    """
    found, opens = _period_of_correction(it), it.changes.get("opens_at")
    if opens is None:
        return found
    if opens < found.get("registration_ends", _set(it.listing.registration_ends)):
        raise Lacks(Need.DATES)
    return {**found, "opens_at": opens}


def _period_of_correction(it: Situation) -> Mapping[str, Any]:
    """By profile a whole period from now, else so many working days at least; never an earlier end.

    Raises Lacks for a chosen end that is earlier than both.
    """
    listing, rules = it.listing, it.rules
    days = (
        periods.period_of(rules, listing.state)
        if rules.correction_restarts
        else rules.correction_working_days
    )
    found = _period(it, listing.state, it.now, days=days)
    number = {"corrections": listing.corrections + 1}
    ends, opens = _set(listing.registration_ends), _set(listing.opens_at)
    if wanted := it.changes.get("registration_ends"):
        if wanted < max(ends, _set(found["registration_ends"])):
            raise Lacks(Need.DATES)
        starts = _set(listing.registration_starts)
        return {**periods.chosen(rules, it.calendar, starts, wanted, opens - ends).changes(), **number}
    if found["registration_ends"] <= ends:
        return number
    return {**found, **number}


def _resumed(it: Situation, target: LotState) -> Mapping[str, Any]:
    """A full period from now; after the end of registration the opening alone is ahead."""
    if target in REGISTERING:
        return _period(it, target, it.now)
    if target is LotState.EVALUATION:
        return {"opens_at": periods.opening(it.rules, _set(it.listing.opens_at), it.now)}
    return {}


def _counted_again(it: Situation) -> Mapping[str, Any]:
    """The period from where it was counted, over days that are known now; never a known end that is over."""
    listing, start = it.listing, _set(it.listing.counted_from)
    if listing.state is LotState.PUBLICATION:
        found = dict(periods.publication(it.rules, it.calendar, start))
        return {**found, "due_at": max(_set(found["due_at"]), it.now)}
    if listing.counted_days is None:
        ends, opens = _set(listing.registration_ends), _set(listing.opens_at)
        found = periods.chosen(it.rules, it.calendar, start, ends, opens - ends).changes()
    else:
        found = _period(it, listing.state, start, days=listing.counted_days)
    if found["provisional"] or _set(found["registration_ends"]) > it.now:
        return found
    return _period(it, listing.state, it.now, days=1)


def _period(it: Situation, state: LotState, start: datetime, *, days: int | None = None) -> dict[str, Any]:
    """So many working days after a moment; the hour of the day and the time from end to opening stay."""
    ends, opens = _set(it.listing.registration_ends), _set(it.listing.opens_at)
    counted = periods.counted(
        it.rules,
        it.calendar,
        start,
        periods.period_of(it.rules, state) if days is None else days,
        minute=periods.minute_of(ends),
        opens_after=max(opens - ends, timedelta(0)),
    )
    return counted.changes()


def _later(it: Situation) -> datetime:
    """Who extends late, because finance was late, still gives the whole extension."""
    return max(_set(it.listing.registration_ends), it.now)


def _set(moment: Any) -> datetime:
    if moment is None:
        raise AssertionError("an announced listing has its dates")
    assert isinstance(moment, datetime)
    return moment
