"""Transfers of 0.01 yuan whose remark tells its reader something: the port, and the demonstration's bank."""

from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_SHOW: Final = text(
    "INSERT INTO outbox (key, channel, address, subject, content, at)"
    " VALUES (:key, 'bank', :address, :subject, :content, :now) ON CONFLICT (key) DO NOTHING"
)


class BankAway(Exception):
    """It did not answer, or there is none: nothing is known, and the same key may be sent again."""


class Remarks(Protocol):
    """Whoever sends the transfers."""

    async def send(self, account: str, remark: str, key: str, now: datetime) -> None:
        """Once for each `key`, however often it is asked for. Raises BankAway."""


class DemonstrationBank:
    """Nothing leaves the machine: the outbox shows the transfer, and of the account its last digits."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def send(self, account: str, remark: str, key: str, now: datetime) -> None:
        row = {"key": key, "address": f"****{account[-4:]}", "now": now}
        row |= {"subject": "收款 0.01 元", "content": f"附言：{remark}"}
        async with self._engine.begin() as connection:
            await connection.execute(_SHOW, row)


class NoBank:
    """An installation without transfers: PINs that come by remark wait."""

    async def send(self, account: str, remark: str, key: str, now: datetime) -> None:
        raise BankAway(key)
