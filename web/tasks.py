"""我的办件: what waits for the person who asks, from the sources of every owner; and their papers."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from office.accounts import Person, Role
from office.sealed.port import SealedFault
from trading.sale_lists import Which
from trading.sales import PAGE
from trading.tasks import MOST, Source, Task, in_order
from web.awards.tasks import SOURCES as AWARDS
from web.certificates.catalogue_tasks import SOURCES as CATALOGUE
from web.certificates.desk_tasks import SOURCES as DESK
from web.certificates.held import SOURCES as CERTIFICATES
from web.finance.tasks import SOURCES as MONEY
from web.listings.tasks import SOURCES as LISTINGS
from web.oversight.tasks import SOURCES as OVERSIGHT
from web.pages import page
from web.registrations.tasks import SOURCES as REGISTRATIONS
from web.subjects.tasks import SOURCES as SUBJECTS
from web.visits import Visit

log = structlog.get_logger(__name__)

HERE: Final = "/my/tasks"
MOST_PAGES: Final = 500
ASKED_AT_ONCE: Final = 3
"""Sources of one page. All at once they take connections beyond the pool, which are opened anew."""
SHOWN: Final = {"open": Which.OPEN, "all": Which.ALL}
OWNERS: Final[tuple[tuple[Source, ...], ...]] = (
    LISTINGS,
    REGISTRATIONS,
    MONEY,
    AWARDS,
    OVERSIGHT,
    CATALOGUE,
    DESK,
    SUBJECTS,
    CERTIFICATES,
)


def sources() -> tuple[Source, ...]:
    return tuple(source for owner in OWNERS for source in owner)


async def index(visit: Visit) -> Response:
    """What waits for the visitor; `show=open`: papers under way; `show=all`: all that one may see."""
    which = Which.ALL if visit.role is Role.REGULATOR else SHOWN.get(visit.query("show"), Which.DUE)
    return await (_due(visit) if which is Which.DUE else _papers(visit, which))


async def _due(visit: Visit) -> Response:
    assert visit.signed_in is not None
    person = await visit.site.accounts.get(visit.signed_in.account_id)
    tasks, whole = ([], True) if person is None else await waiting_for(visit, person)
    pages = max(1, -(-len(tasks) // PAGE))
    number = min(visit.page(), pages)
    return page(
        visit,
        "tasks.html",
        which="DUE",
        tasks=[_worded(visit, task) for task in tasks[(number - 1) * PAGE : number * PAGE]],
        whole=whole,
        now=visit.site.clock(),
        number=number,
        pages=pages,
        total=len(tasks),
        address=HERE + "?page=",
    )


async def waiting_for(visit: Visit, person: Person) -> tuple[list[Task], bool]:
    """All tasks of a person, the most urgent first, and whether every source answered.

    One that can't (the database or the sealed process is away) leaves the others their place.
    """
    now = visit.site.clock()
    few = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(source: Source) -> Sequence[Task]:
        async with few:
            return await source(visit.site, person, now)

    answers = await asyncio.gather(*map(ask, sources()), return_exceptions=True)
    found: dict[tuple[str, str], Task] = {}
    whole = True
    for answer in answers:
        if isinstance(answer, SQLAlchemyError | SealedFault):
            log.error("tasks_missing", fault=type(answer).__name__)
            whole = False
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found |= {(task.address, task.kind): task for task in list(answer)[:MOST]}
    return in_order(list(found.values())), whole


def _worded(visit: Visit, task: Task) -> dict[str, object]:
    """A task in the visitor's language."""

    def said(text: str) -> str:
        return visit.text(text) % task.facts if task.facts else visit.text(text)

    return {
        "title": said(task.title),
        "about": said(task.about) if task.about else "",
        "lot": task.lot,
        "address": task.address,
        "since": task.since,
        "due_at": task.due_at,
        "late": task.due_at is not None and task.due_at < visit.site.clock(),
    }


async def _papers(visit: Visit, which: Which) -> Response:
    """The papers of sales."""
    assert visit.signed_in is not None
    overseer = visit.role in (Role.ADMINISTRATOR, Role.REGULATOR)
    number = min(visit.page(), MOST_PAGES)
    account_id = visit.signed_in.account_id
    sales = visit.site.sales
    documents, total = await sales.of_person(None if overseer else account_id, which, page=number)
    return page(
        visit,
        "tasks.html",
        documents=documents,
        which=which.name,
        ofd_waits=frozenset() if overseer else await sales.lack_ofd_seal_of(account_id, documents),
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
        address=HERE + {Which.OPEN: "?show=open&", Which.ALL: "?show=all&"}[which] + "page=",
        account_id=account_id,
    )
