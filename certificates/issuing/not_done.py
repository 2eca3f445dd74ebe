"""What an authority does not do: asked again later and after everybody else, or refused; and who hears of it.

await put_off(engine, one, now)                   # one more try, a longer pause
await put_off(engine, one, now, pause_s=20)       # it was away: no try
await refuse(connection, request, code, now)      # for good
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.issuing import requests
from certificates.issuing.requests import Request, Waiting
from certificates.issuing.states import RequestKind, RequestState
from office.accounts import Role
from office.messages.telling import ToRole, tell

log = structlog.get_logger(__name__)


async def put_off(engine: AsyncEngine, one: Waiting, now: datetime, *, pause_s: int | None = None) -> None:
    """`pause_s`: None: it was refused, which counts; after STUCK_AFTER tries the desk is told, once."""
    tries = one.tries + (pause_s is None)
    pause = requests.pause_after(tries) if pause_s is None else timedelta(seconds=pause_s)
    async with engine.begin() as connection:
        waits = await requests.put_off(connection, one, now + pause, tries)
        if waits and one.tries < tries == requests.STUCK_AFTER:
            await _tell_desk(connection, one.number, now)


async def refuse(
    connection: AsyncConnection, request: Request, code: str, now: datetime, serial: str = ""
) -> None:
    """For good; `serial`: of what was made all the same. The caller holds the row."""
    log.warning("request_refused", request=request.id, order=request.number, why=code)
    if request.state is RequestState.ABANDONED:
        await requests.settle(connection, request, serial=serial, refusal=code)
    else:
        values = {"refusal": code, "serial": serial or request.serial}
        await requests.move(connection, request, RequestState.REFUSED, now=now, **values)
    if request.kind is RequestKind.REVOCATION:
        await _tell_desk(connection, request.number, now)


async def _tell_desk(connection: AsyncConnection, number: str, now: datetime) -> None:
    """Nobody waits at a page for a revocation: somebody has to ask the authority."""
    await tell(connection, ToRole(Role.CLERK), "certificate.not_done", {"number": number}, now=now)
