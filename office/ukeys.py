"""UKeys that are bound to accounts: whose certificate may sign in and seal for whom.

    PENDING ──an administrator compares subject and account──▶ CONFIRMED ──▶ ENDED
       └──────────────────────────────────────────────────────────────────────▲

One certificate stands for one account at a time. Certificates and seals are bytes here: what is in them is
read and judged elsewhere, again at every use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, DateTime, LargeBinary, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import Field, SQLModel

MOST_OF_AN_ACCOUNT: Final = 10
"""UKeys of one account that have not ended."""


class UKeyState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[UKeyState, frozenset[UKeyState]]] = {
    UKeyState.PENDING: frozenset({UKeyState.CONFIRMED, UKeyState.ENDED}),
    UKeyState.CONFIRMED: frozenset({UKeyState.ENDED}),
    UKeyState.ENDED: frozenset(),
}


class _UKey(SQLModel, table=True):
    __tablename__ = "ukeys"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int
    fingerprint: str
    certificate: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    seal: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    subject: str
    seal_name: str
    serial: str
    valid_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    state: str
    bound_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    confirmed_by: int | None = None
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    ended_by: int | None = None


_ukeys: Final = SQLModel.metadata.tables["ukeys"].c


@dataclass(frozen=True, slots=True)
class Presented:
    """What a UKey shows of itself. `fingerprint` is the hex digest of the certificate."""

    fingerprint: str
    certificate: bytes = field(repr=False)
    seal: bytes = field(repr=False)
    subject: str
    seal_name: str
    serial: str
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class BoundUKey:
    """One binding."""

    id: int
    account_id: int
    fingerprint: str
    certificate: bytes = field(repr=False)
    seal: bytes = field(repr=False)
    subject: str
    seal_name: str
    serial: str
    valid_until: datetime
    state: UKeyState
    bound_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


class BoundAlready(Exception):
    """This certificate stands for an account: `mine` says whether for the one that asked."""

    def __init__(self, *, mine: bool) -> None:
        super().__init__("the certificate is bound")
        self.mine = mine


class TooManyUKeys(Exception):
    """The account has enough of them."""


async def succeed(connection: AsyncConnection, former: str, ukey: Presented, now: datetime) -> bool:
    """What a certificate (by its fingerprint) stood for, the one that took its place in the UKey stands for
    from now on, confirmed as the former was; in the transaction that says that it is there. False: the former
    stands for nobody. What its holder has bound meanwhile, before the receipt came, stays bound."""
    living = select(*(_ukeys[name] for name in ("id", "account_id", "state", "confirmed_at", "confirmed_by")))
    living = living.where(_ukeys.fingerprint == former, _ukeys.state != UKeyState.ENDED).with_for_update()
    row = (await connection.execute(living)).first()
    if row is None:
        return False
    ended = update(_UKey).where(_ukeys.id == row.id)
    await connection.execute(ended.values(state=UKeyState.ENDED.value, ended_at=now))
    confirmed = {"state": row.state, "confirmed_at": row.confirmed_at, "confirmed_by": row.confirmed_by}
    there = select(_ukeys.id, _ukeys.account_id).where(
        _ukeys.fingerprint == ukey.fingerprint, _ukeys.state != UKeyState.ENDED
    )
    bound = (await connection.execute(there.with_for_update())).first()
    if bound is not None:
        if bound.account_id == row.account_id:
            await connection.execute(update(_UKey).where(_ukeys.id == bound.id).values(confirmed))
        return True
    values = {name: getattr(ukey, name) for name in Presented.__dataclass_fields__}
    values |= {"account_id": row.account_id, "bound_at": now, **confirmed}
    await connection.execute(SQLModel.metadata.tables["ukeys"].insert().values(values))
    return True


class UKeys:
    """The table of bindings. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def bind(self, account_id: int, ukey: Presented) -> int:
        """A new binding, which waits to be confirmed; its id. Raises BoundAlready, TooManyUKeys."""
        living = await self._select(_ukeys.account_id == account_id, _ukeys.state != UKeyState.ENDED)
        if len(living) >= MOST_OF_AN_ACCOUNT:
            raise TooManyUKeys(account_id)
        row = {
            "account_id": account_id,
            "fingerprint": ukey.fingerprint,
            "certificate": ukey.certificate,
            "seal": ukey.seal,
            "subject": ukey.subject,
            "seal_name": ukey.seal_name,
            "serial": ukey.serial,
            "valid_until": ukey.valid_until,
            "state": UKeyState.PENDING.value,
            "bound_at": datetime.now(UTC),
        }
        made = SQLModel.metadata.tables["ukeys"].insert().values(row).returning(_ukeys.id)
        try:
            async with self._engine.begin() as connection:
                return int((await connection.execute(made)).scalar_one())
        except IntegrityError as taken:
            there = await self._select(
                _ukeys.fingerprint == ukey.fingerprint, _ukeys.state != UKeyState.ENDED
            )
            raise BoundAlready(mine=any(one.account_id == account_id for one in there)) from taken

    async def confirm(self, ukey_id: int, *, by: int | None) -> bool:
        """The subject of the certificate is whose account this is. False: it does not wait any more.

        `by`: None where it was issued to this account here, under the account's own name.
        """
        return await self._step(ukey_id, UKeyState.CONFIRMED, confirmed_at=datetime.now(UTC), confirmed_by=by)

    async def end(self, ukey_id: int, *, by: int) -> bool:
        """It stands for nobody from now on. False: it had ended before. Its sessions are ended elsewhere."""
        return await self._step(ukey_id, UKeyState.ENDED, ended_at=datetime.now(UTC), ended_by=by)

    async def get(self, ukey_id: int) -> BoundUKey | None:
        found = await self._select(_ukeys.id == ukey_id)
        return found[0] if found else None

    async def confirmed(self, account_id: int, fingerprint: str) -> BoundUKey | None:
        """The confirmed binding of this certificate to this account."""
        found = await self._select(
            _ukeys.account_id == account_id,
            _ukeys.fingerprint == fingerprint,
            _ukeys.state == UKeyState.CONFIRMED,
        )
        return found[0] if found else None

    async def of(self, account_id: int, limit: int = 50) -> Sequence[BoundUKey]:
        """All of an account, those that have not ended first, the newest first."""
        return await self._select(_ukeys.account_id == account_id, limit=limit)

    async def confirmed_of(self, account_id: int) -> Sequence[BoundUKey]:
        return await self._select(
            _ukeys.account_id == account_id, _ukeys.state == UKeyState.CONFIRMED, limit=MOST_OF_AN_ACCOUNT
        )

    async def pending(self, limit: int = 50) -> Sequence[BoundUKey]:
        """What waits for an administrator."""
        return await self._select(_ukeys.state == UKeyState.PENDING, limit=limit)

    async def count_pending(self) -> int:
        counted = select(func.count()).where(_ukeys.state == UKeyState.PENDING)
        async with self._engine.connect() as connection:
            return int((await connection.execute(counted)).scalar_one())

    async def _step(self, ukey_id: int, to: UKeyState, **values: Any) -> bool:
        """Decide and write in one step."""
        before = [state.value for state, after in TRANSITIONS.items() if to in after]
        changed = update(_UKey).where(_ukeys.id == ukey_id, _ukeys.state.in_(before))
        async with self._engine.begin() as connection:
            done = await connection.execute(changed.values(state=to.value, **values))
            return bool(done.rowcount)

    async def _select(self, *where: Any, limit: int = 50) -> Sequence[BoundUKey]:
        columns = [_ukeys[name] for name in BoundUKey.__dataclass_fields__]
        ended = _ukeys.state == UKeyState.ENDED
        found = select(*columns).where(*where).order_by(ended, _ukeys.id.desc()).limit(limit)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(found)).mappings()
            return [BoundUKey(**{**row, "state": UKeyState(row["state"])}) for row in rows]
