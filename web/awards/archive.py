"""Taking home: the archive of a finished lot, for those who may; a bidder's own evidence of an auction."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from office.audit.trail import account, look
from office.files import FileFault
from office.sealed.port import BoxBroken, SealedAway, StillSealed
from trading.awards.archive import Archives, Stored
from trading.awards.archive_contents import TooMuch
from trading.awards.evidence import evidence
from trading.awards.manifest import For
from web.awards.access import Part, account_of, seen
from web.lots import known_lot
from web.visits import Visit

log = structlog.get_logger(__name__)

WAIT_S: Final = 5.0
CHUNK: Final = 1 << 18
MAY_HAVE: Final = {
    Part.OVERSEER: frozenset(For),
    Part.TRANSFEROR: frozenset({For.ALL, For.PARTIES, For.TRANSFEROR}),
    Part.TRANSFEREE: frozenset({For.ALL, For.PARTIES, For.TRANSFEREE}),
}


async def archive(visit: Visit) -> Response:
    """The part of the archive that the visitor may have; who watches gets all. The look is written down."""
    it = await seen(visit)
    archives = Archives(visit.site.engine, visit.site.sealed, visit.site.files)
    stored = await archives.of_lot(it.lot)
    if stored is None:
        raise HTTPException(404)
    async with visit.site.engine.begin() as connection:
        await look(
            connection,
            at=visit.site.clock(),
            actor=account(account_of(visit)),
            role=str(visit.role),
            what="archive",
            subject=it.lot,
            facts={"part": it.part.value},
        )
    await _place(visit)
    name = f"{it.lot}.archive.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    chunks = _chunks(visit, archives, stored, it.part)
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        raise AssertionError("an archive has a manifest") from None
    except (FileFault, BoxBroken, StillSealed) as fault:
        log.error("archive_damaged", lot=it.lot, fault=type(fault).__name__)
        raise HTTPException(500) from fault
    except SealedAway as away:
        raise HTTPException(503, "sealed", {"Retry-After": "10"}) from away
    return StreamingResponse(_after(first, chunks), media_type="application/zip", headers=headers)


async def _chunks(
    visit: Visit, archives: Archives, stored: Stored, part: Part
) -> AsyncGenerator[bytes, None]:
    """The zip piece by piece; the place among the downloads is given back however it ends."""
    try:
        async with archives.as_zip(stored, MAY_HAVE[part]) as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk
    finally:
        visit.site.downloads.release()


async def _after(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


async def own_evidence(visit: Visit) -> Response:
    """A bidder's own bids and receipts of a lot that has ended. 404 for who was not on its list."""
    lot = await known_lot(visit)
    held = await visit.site.sealed.paddle_of(lot.id, account_of(visit)) if lot.ended else None
    if held is None:
        raise HTTPException(404)
    await _place(visit)
    try:
        async with visit.site.engine.connect() as connection:
            content = await evidence(connection, lot.id, held[0])
    except (TooMuch, AssertionError) as none:
        raise HTTPException(404, "not sealed yet, or too much") from none
    finally:
        visit.site.downloads.release()
    headers = {"Content-Disposition": f'attachment; filename="{lot.id}.evidence.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


async def _place(visit: Visit) -> None:
    """One of the downloads at a time; others are asked to come back."""
    try:
        async with asyncio.timeout(WAIT_S):
            await visit.site.downloads.acquire()
    except TimeoutError:
        raise HTTPException(503, "busy", {"Retry-After": "10"}) from None
