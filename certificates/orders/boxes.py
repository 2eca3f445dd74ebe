"""What an applicant filled in and uploaded, closed with the platform's secret: personal data.

Each box has a key of its own, derived for the order and the thing in it: in another row it does not open, and
a copy of the database alone tells nothing.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.marks import Marks

DETAILS: Final = "details"
_PAD: Final = 512
"""Bytes: the length of a box of details must not tell a name."""

_KEEP: Final = text(
    "INSERT INTO order_boxes (number, name, box, made_at) VALUES (:number, :name, :box, :now)"
    " ON CONFLICT (number, name) DO UPDATE SET box = :box, made_at = :now"
)
_READ: Final = text("SELECT box FROM order_boxes WHERE number = :number AND name = :name")


class OrderBoxes:
    """`marks`: of the platform; the purpose of every key begins with "certificate order"."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    async def keep(
        self, connection: AsyncConnection, number: str, name: str, content: bytes, now: datetime
    ) -> None:
        box = self._marks.box(_purpose(number, name), content)
        await connection.execute(_KEEP, {"number": number, "name": name, "box": box, "now": now})

    async def read(self, connection: AsyncConnection, number: str, name: str) -> bytes | None:
        """None: there is none. Raises BoxUnreadable."""
        box = await connection.scalar(_READ, {"number": number, "name": name})
        return None if box is None else self._marks.unbox(_purpose(number, name), bytes(box))

    async def keep_details(
        self, connection: AsyncConnection, number: str, details: Mapping[str, str], now: datetime
    ) -> None:
        written = json.dumps(dict(details), ensure_ascii=False).encode()
        await self.keep(connection, number, DETAILS, written + b" " * (-len(written) % _PAD), now)

    async def details(self, connection: AsyncConnection, number: str) -> dict[str, str]:
        content = await self.read(connection, number, DETAILS)
        return {} if content is None else {str(k): str(v) for k, v in json.loads(content).items()}

    def number_mark(self, kind: str, number: str) -> str:
        """By which orders of a document number are found without knowing the number."""
        return self._marks.mark("certificate document", kind, number)

    def address_mark(self, address: str) -> str:
        return self._marks.mark("certificate address", address)

    def code_hash(self, ticket: str, code: str) -> str:
        return self._marks.mark("certificate code", ticket, code)


def _purpose(number: str, name: str) -> str:
    return f"certificate order {number} {name}"
