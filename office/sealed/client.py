"""Asks the sealed process. What it can't reach in time is SealedAway; nothing is kept here."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from office.sealed import wire
from office.sealed.port import (
    Affairs,
    Imported,
    Invitation,
    OwnRegistration,
    Partner,
    Publish,
    QualifiedRow,
    SealedAway,
    WantedPartner,
)

AT_ONCE: Final = 32
KEPT: Final = 8
"""Connections that wait for the next call."""
CONNECT_WITHIN_S: Final = 2.0
ANSWER_WITHIN_S: Final = 10.0
IMPORT_WITHIN_S: Final = 30.0

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SealedClient:
    """The Protocol `Sealed`, through the socket. Every call but the import may be repeated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Connection] = []
        self._working = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def import_qualified(
        self, lot: str, rows: Sequence[QualifiedRow], publish: Publish | None = None
    ) -> Imported:
        call = wire.pack_call("import_qualified", {"lot": lot, "rows": rows})
        async with self._working:
            connection = await self._connect()
            try:
                async with asyncio.timeout(IMPORT_WITHIN_S):
                    frame = await _ask(connection, call)
                    ranks = wire.parse(frame).get("publish")
                    if isinstance(ranks, dict):
                        taken = await publish(ranks) if publish else True
                        frame = await _ask(connection, b'{"published":%s}' % wire.dump(taken))
            except (OSError, TimeoutError, wire.BadFrame) as fault:
                raise SealedAway(type(fault).__name__) from fault
            finally:
                connection[1].close()
        imported: Imported = wire.read_answer("import_qualified", frame)
        return imported

    async def paddle_of(self, lot: str, account_id: int) -> tuple[str, int] | None:
        answer: tuple[str, int] | None = await self._call("paddle_of", lot=lot, account_id=account_id)
        return answer

    async def lots_of(self, account_id: int) -> dict[str, tuple[str, int]]:
        answer: dict[str, tuple[str, int]] = await self._call("lots_of", account_id=account_id)
        return answer

    async def qualified(self, lot: str) -> dict[str, int]:
        answer: dict[str, int] = await self._call("qualified", lot=lot)
        return answer

    async def check(self, rows: Sequence[QualifiedRow]) -> None:
        await self._call("check", rows=rows)

    async def names_after_close(self, lot: str, paddles: Sequence[str] | None = None) -> dict[str, str]:
        answer: dict[str, str] = await self._call("names_after_close", lot=lot, paddles=paddles)
        return answer

    async def account_after_close(self, lot: str, paddle: str) -> int | None:
        answer: int | None = await self._call("account_after_close", lot=lot, paddle=paddle)
        return answer

    async def register(self, account_id: int, lot: str) -> str:
        answer: str = await self._call("register", account_id=account_id, lot=lot)
        return answer

    async def retire(self, registration: str) -> None:
        await self._call("retire", registration=registration)

    async def registration_of(self, account_id: int, lot: str) -> str | None:
        answer: str | None = await self._call("registration_of", account_id=account_id, lot=lot)
        return answer

    async def registrations_of(self, account_id: int) -> list[OwnRegistration]:
        answer: list[OwnRegistration] = await self._call("registrations_of", account_id=account_id)
        return answer

    async def affairs_of(self, account_id: int, skip: int = 0) -> Affairs:
        answer: Affairs = await self._call("affairs_of", account_id=account_id, skip=skip)
        return answer

    async def of_lot(self, lot: str) -> list[str]:
        answer: list[str] = await self._call("of_lot", lot=lot)
        return answer

    async def owner_of(self, registration: str, account_id: int) -> bool:
        answer: bool = await self._call("owner_of", registration=registration, account_id=account_id)
        return answer

    async def lot_of(self, registration: str, account_id: int) -> str:
        answer: str = await self._call("lot_of", registration=registration, account_id=account_id)
        return answer

    async def lot_for_steward(self, registration: str) -> str:
        answer: str = await self._call("lot_for_steward", registration=registration)
        return answer

    async def account_for_delivery(self, registration: str) -> int:
        answer: int = await self._call("account_for_delivery", registration=registration)
        return answer

    async def account_of_registration_after_close(self, registration: str) -> int:
        answer: int = await self._call("account_of_registration_after_close", registration=registration)
        return answer

    async def closed_among(self, registrations: Sequence[str]) -> list[str]:
        answer: list[str] = await self._call("closed_among", registrations=registrations)
        return answer

    async def identify(self, registration: str, account_id: int, code: str) -> None:
        await self._call("identify", registration=registration, account_id=account_id, code=code)

    async def match(self, lot: str, holders: Mapping[str, str], among: Sequence[str]) -> dict[str, list[str]]:
        answer: dict[str, list[str]] = await self._call("match", lot=lot, holders=holders, among=among)
        return answer

    async def objector_of(self, account_id: int, lot: str) -> str:
        answer: str = await self._call("objector_of", account_id=account_id, lot=lot)
        return answer

    async def objections_of(self, account_id: int) -> list[OwnRegistration]:
        answer: list[OwnRegistration] = await self._call("objections_of", account_id=account_id)
        return answer

    async def objector_after_end(self, pseudonym: str) -> int:
        answer: int = await self._call("objector_after_end", pseudonym=pseudonym)
        return answer

    async def seal(self, registration: str, name: str, data: bytes) -> bytes:
        answer: bytes = await self._call("seal", registration=registration, name=name, data=data)
        return answer

    async def open(self, registration: str, name: str, box: bytes, *, account_id: int | None = None) -> bytes:
        answer: bytes = await self._call(
            "open", registration=registration, name=name, box=box, account_id=account_id
        )
        return answer

    async def set_partners(
        self, registration: str, account_id: int, wanted: Sequence[WantedPartner]
    ) -> list[Partner]:
        answer: list[Partner] = await self._call(
            "set_partners", registration=registration, account_id=account_id, wanted=wanted
        )
        return answer

    async def partners(self, registration: str, account_id: int | None = None) -> list[Partner]:
        answer: list[Partner] = await self._call("partners", registration=registration, account_id=account_id)
        return answer

    async def invitations(self, account_id: int) -> list[Invitation]:
        answer: list[Invitation] = await self._call("invitations", account_id=account_id)
        return answer

    async def answer(self, registration: str, account_id: int, accepted: bool) -> bool:
        answer: bool = await self._call(
            "answer", registration=registration, account_id=account_id, accepted=accepted
        )
        return answer

    async def all_accepted(self, registration: str) -> bool:
        answer: bool = await self._call("all_accepted", registration=registration)
        return answer

    async def qualify(self, lot: str, ranks: dict[str, int]) -> dict[str, int]:
        answer: dict[str, int] = await self._call("qualify", lot=lot, ranks=ranks)
        return answer

    async def give_paddle(self, registration: str, rank: int = 0) -> str:
        answer: str = await self._call("give_paddle", registration=registration, rank=rank)
        return answer

    async def take_paddle(self, registration: str) -> None:
        await self._call("take_paddle", registration=registration)

    async def forget_paddles(self, lot: str) -> None:
        await self._call("forget_paddles", lot=lot)

    async def winner(self, lot: str, paddle: str) -> int | None:
        answer: int | None = await self._call("winner", lot=lot, paddle=paddle)
        return answer

    async def registration_by_paddle(self, lot: str, paddle: str) -> str | None:
        answer: str | None = await self._call("registration_by_paddle", lot=lot, paddle=paddle)
        return answer

    async def paddle_by_registration(self, registration: str) -> str | None:
        answer: str | None = await self._call("paddle_by_registration", registration=registration)
        return answer

    async def bind_sub_account(self, sub_account: str, registration: str) -> None:
        await self._call("bind_sub_account", sub_account=sub_account, registration=registration)

    async def registration_of_sub_account(self, sub_account: str) -> str | None:
        answer: str | None = await self._call("registration_of_sub_account", sub_account=sub_account)
        return answer

    async def sub_account_of(self, registration: str) -> str | None:
        answer: str | None = await self._call("sub_account_of", registration=registration)
        return answer

    async def _call(self, method: str, **arguments: Any) -> Any:
        call = wire.pack_call(method, arguments)
        async with self._working:
            frame = await self._exchange(call)
        try:
            return wire.read_answer(method, frame)
        except wire.BadFrame as fault:
            raise SealedAway(str(fault)) from fault

    async def _exchange(self, call: bytes) -> bytes:
        """On a connection that waits; a dead one (the process began anew) is forgotten."""
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._on(connection, call)
            except SealedAway as away:
                if not isinstance(away.__cause__, ConnectionError):
                    raise
        return await self._on(await self._connect(), call)

    async def _on(self, connection: _Connection, call: bytes) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                frame = await _ask(connection, call)
        except (OSError, TimeoutError, wire.BadFrame) as fault:
            connection[1].close()
            raise SealedAway(type(fault).__name__) from fault
        except BaseException:
            connection[1].close()  # its answer would be taken for the next call's
            raise
        if len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection[1].close()
        return frame

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                return await asyncio.open_unix_connection(str(self._path))
        except (OSError, TimeoutError) as fault:
            raise SealedAway(type(fault).__name__) from fault


async def _ask(connection: _Connection, frame: bytes) -> bytes:
    reader, writer = connection
    await wire.write_frame(writer, frame)
    answer = await wire.read_frame(reader)
    if answer is None:
        raise ConnectionResetError
    return answer
