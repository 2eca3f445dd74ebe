"""The first start: which key this database belongs to, and the clear links of earlier versions."""

import os
from pathlib import Path
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.sealed import key as keys
from office.sealed.boxes import Boxes
from office.sealed.key import KeyFault, SealedKey
from office.sealed.paddles import Held, PaddleRows
from office.sealed.port import BoxBroken
from office.sealed.tables import ClearPaddle, SealedKeyRow, clear_paddles, key_row

KNOWN: Final = b"luochui sealed: this box is opened by the key that sealed this database"
_CONTEXT: Final = "known box"
_ONE_START: Final = text("SELECT pg_advisory_xact_lock(hashtext('sealed start'))")


async def key_for(engine: AsyncEngine, file: Path) -> SealedKey:
    """The key of this database: the file's; a new one only where nothing has ever been sealed.

    Raises KeyFault for a key that is missing, or another's: a new one would make all that is sealed
    unreadable without anybody noticing.
    """
    async with engine.begin() as connection:
        await connection.execute(_ONE_START)
        known = (await connection.execute(select(key_row.mark, key_row.box))).one_or_none()
        if not _is_there(file):
            if known is not None:
                raise KeyFault(
                    f"{file} is missing, and this database was sealed with the key {known.mark}."
                    " Bring it back: luochui sealed restore"
                )
            keys.write(file, SealedKey.generate())
        key = keys.load(file)
        if known is None:
            box = Boxes(key).seal(KNOWN, _CONTEXT)
            await connection.execute(insert(SealedKeyRow).values(one=True, mark=key.mark, box=box))
        else:
            check(key, known.mark, known.box)
    return key


def _is_there(file: Path) -> bool:
    return os.path.lexists(file)


def check(key: SealedKey, mark: str, box: bytes) -> None:
    """Raises KeyFault when this key did not seal the database."""
    try:
        if Boxes(key).open(box, _CONTEXT) != KNOWN:
            raise BoxBroken("another text")
    except BoxBroken as broken:
        raise KeyFault(
            f"The key {key.mark} is not the one that sealed this database (that is {mark})."
        ) from broken


async def take_over(engine: AsyncEngine, key: SealedKey) -> int:
    """Put the clear rows of earlier versions into boxes, and empty their table. Returns how many."""
    async with engine.begin() as connection:
        await connection.execute(_ONE_START)
        count = int(await connection.scalar(select(func.count()).select_from(ClearPaddle)) or 0)
        if count:
            await _into_boxes(connection, PaddleRows(Boxes(key)))
            # Not DELETE: that leaves the rows in the table's file until it is vacuumed.
            await connection.execute(text("TRUNCATE paddles"))
    return count


async def _into_boxes(connection: AsyncConnection, rows: PaddleRows) -> None:
    found = await connection.stream(
        select(*(clear_paddles[name] for name in ("lot", "account_id", "paddle", "rank", "withdrawn")))
    )
    async for part in found.partitions(500):
        helds = [Held(row.lot, row.account_id, row.paddle, row.rank, not row.withdrawn) for row in part]
        await rows.put(connection, helds)
