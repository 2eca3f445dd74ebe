"""Messages as they go over the wire: each is put into its WebSocket frame once, however many read it."""

from typing import Protocol

from websockets.frames import Frame, Opcode

from bidding.gateway.wire import ServerMessage, encode_server


def frame_of(payload: bytes) -> bytes:
    """A text frame from the server (unmasked)."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


PING = Frame(Opcode.PING, b"").serialize(mask=False)


class Batch:
    """Messages that are written together: `payloads` for a plain send, `wire` for a direct write."""

    __slots__ = ("payloads", "wire")

    def __init__(self, *messages: ServerMessage) -> None:
        self.payloads = tuple(encode_server(message) for message in messages)
        self.wire = b"".join(map(frame_of, self.payloads))


class Outlet(Protocol):
    """One connection, as those see it who write to it. Nothing here waits."""

    def deliver(self, batch: Batch) -> None: ...

    def close(self, code: int, reason: str = "") -> None: ...
