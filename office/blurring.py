"""Times of what is secret until the close: kept to the day, so that no two rows are joined by a moment.

A row with a pseudonym that was written at 10:31:07.482113, and another with a person or a lot from the same
microsecond, are as good as a link. What bidders do about a lot is therefore kept with the day alone, as it is
in Beijing. Where a rule or a dispute needs the moment, it lies in a box (trading.registrations.mine,
MOMENT).
"""

from datetime import datetime, timedelta, timezone
from typing import Final

_BEIJING: Final = timezone(timedelta(hours=8))


def blurred(moment: datetime) -> datetime:
    """The beginning of the day in Beijing. `moment` is aware."""
    return moment.astimezone(_BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)


def is_blurred(moment: datetime) -> bool:
    """Whether only the day of it is known."""
    return blurred(moment) == moment
