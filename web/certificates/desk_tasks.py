"""What waits for clerks: orders to review, the late ones first, and those that they have taken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from certificates.desk.queue import Queue, Wanted
from office.accounts import Person, Role
from office.working_days import at_minute
from trading.tasks import Source, Task
from web.certificates.desk_own import desk_address
from web.languages import N_
from web.site import Site

END_OF_DAY: Final = 24 * 60 - 1


async def to_review(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """The first page of the queue, less what other clerks hold."""
    if person.role is not Role.CLERK:
        return ()
    found = await Queue(site.engine).page_of(Wanted(), now=now)
    return tuple(
        Task(
            kind="certificate.review",
            title=N_("审核办证订单：%(number)s"),
            address=desk_address(one.order.number),
            since=one.order.review_since or one.order.changed_at,
            due_at=at_minute(one.due_on, END_OF_DAY) if one.due_on else None,
            facts={"number": one.order.number},
        )
        for one in found.rows
        if not one.held_by or one.order.worked_by == person.id
    )


SOURCES: Final[tuple[Source, ...]] = (to_review,)
