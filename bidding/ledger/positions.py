"""Positions in the log's streams: how they sort, and where a stream ends."""

from typing import Final

import hiredis

from bidding.pipeline import Connection

START: Final = "0-0"


def order(position: str) -> tuple[int, int]:
    """A position as a pair that sorts."""
    time, _, number = position.partition("-")
    return int(time), int(number)


def time_of(position: str) -> int:
    """The server's time (ms) in a position."""
    return order(position)[0]


async def last_position(connection: Connection, stream: str) -> str | None:
    """The last position that the stream gave out, even if that entry is gone; None without such a stream."""
    try:
        told = await connection.ask("XINFO", "STREAM", stream)
    except hiredis.ReplyError:
        return None
    position: bytes = dict(zip(told[::2], told[1::2], strict=True))[b"last-generated-id"]
    return position.decode()
