"""The journal: balances, single accounts, postings, and whether everything adds up."""

from urllib.parse import urlencode

from starlette.responses import Response

from office.banking import journal as books
from office.banking.journal import Ledger
from trading.deposits import checking
from web.finance.rooms import pages_of, room
from web.visits import Visit


async def index(visit: Visit) -> Response:
    async with visit.site.engine.connect() as connection:
        found = await books.balances(connection)
        verdict = await checking.check(connection)
    return room(visit, "journal.html", found=found, verdict=verdict)


async def accounts(visit: Visit) -> Response:
    """The accounts of one ledger that hold something."""
    asked, number = visit.query("ledger"), visit.page()
    ledger = Ledger(asked) if asked in set(Ledger) else Ledger.DEPOSIT
    async with visit.site.engine.connect() as connection:
        found, count = await books.accounts_of(connection, ledger, number)
    return room(
        visit,
        "journal_accounts.html",
        ledger=ledger,
        found=found,
        number=number,
        count=count,
        pages=pages_of(count, books.PAGE),
    )


async def postings(visit: Visit) -> Response:
    asked, detail, number = visit.query("ledger"), visit.query("detail", 40).replace("\0", ""), visit.page()
    ledger = asked if asked in set(Ledger) else ""
    async with visit.site.engine.connect() as connection:
        found, count = await books.postings(connection, number, ledger=ledger, detail=detail)
    kept = {name: text for name, text in (("ledger", ledger), ("detail", detail)) if text}
    return room(
        visit,
        "journal_postings.html",
        ledger=ledger,
        detail=detail,
        found=found,
        number=number,
        count=count,
        pages=pages_of(count, books.PAGE),
        address=f"/finance/journal/postings?{urlencode(kept)}&page=",
    )
