"""What waits for a person around market subjects: authorities that were offered to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from office.accounts import MARKET, Person
from office.subject_operators import OperatorState
from office.working_days import at_minute
from trading.tasks import Source, Task
from web.languages import N_
from web.site import Site
from web.subjects.acting import operators_on, subjects_on
from web.subjects.profile import HERE

END_OF_DAY: Final = 24 * 60 - 1


async def offered(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    if person.role not in MARKET:
        return ()
    found = []
    for one in await operators_on(site).offered_to(person.id):
        subject = await subjects_on(site).get(one.subject_id)
        if one.state is OperatorState.OFFERED and subject is not None:
            found.append(
                Task(
                    kind=f"subject.offered.{one.id}",
                    title=N_("“%(name)s”委托您代办，请接受或者拒绝"),
                    address=HERE,
                    since=one.made_at,
                    due_at=at_minute(one.last_day, END_OF_DAY),
                    facts={"name": subject.name},
                )
            )
    return found


SOURCES: Final[tuple[Source, ...]] = (offered,)
