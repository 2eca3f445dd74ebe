"""What anybody may take home: the ledger of a finished lot, and the receipt of one entry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bidding.ledger.file import export_ledger
from bidding.ledger.receipts import receipt
from web.lots import known_lot
from web.visits import Visit

WAIT_S: Final = 5.0
LONGEST_S: Final = 120.0
MOST_DIGITS: Final = 9


async def ledger(visit: Visit) -> Response:
    """The public ledger of a finished lot: paddles, no names. `luochui verify` checks it offline."""
    lot = await known_lot(visit)
    if not lot.ended:
        raise HTTPException(404, "still open")
    try:
        async with asyncio.timeout(WAIT_S):
            await visit.site.downloads.acquire()
    except TimeoutError:
        raise HTTPException(503, "busy", {"Retry-After": "10"}) from None
    return _Download(visit.site.engine, lot.id, visit.site.downloads)


class _Download(Response):
    """Streams the file; the place and the connection are given back however the download ends."""

    def __init__(self, engine: AsyncEngine, lot: str, place: asyncio.Semaphore) -> None:
        super().__init__(media_type="application/jsonl")
        del self.headers["content-length"]
        self.headers["Content-Disposition"] = f'attachment; filename="{lot}.ledger.jsonl"'
        self._engine, self._lot, self._place = engine, lot, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(LONGEST_S), self._engine.connect() as connection:
                lines = await export_ledger(connection, self._lot)
                if lines is None:
                    raise HTTPException(404, "not sealed")
                await self._send(lines, send)
        finally:
            self._place.release()

    async def _send(self, lines: AsyncIterator[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(lines) as pages:  # type: ignore[type-var]  # it is an async generator
            async for page in pages:
                await send({"type": "http.response.body", "body": page, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def receipt_of(visit: Visit) -> Response:
    """The proof that the platform has one entry in its ledger; there within a second of the entry."""
    lot = await known_lot(visit)
    number = visit.param("seq")
    if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS):
        raise HTTPException(404)
    async with visit.site.engine.connect() as connection:
        found = await receipt(connection, lot.id, int(number))
    if found is None:
        raise HTTPException(404, "no receipt")
    response = Response(found.text() + "\n", media_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{lot.id}.{int(number)}.receipt.json"'
    return response
