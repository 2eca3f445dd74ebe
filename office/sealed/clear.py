"""The functions of earlier versions, on the clear table, until the last user is gone."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from office.accounts import Role
from office.sealed.port import (
    MOST_QUALIFIED,
    MOST_RANKS,
    Imported,
    ListFault,
    ListFaults,
    NotPublished,
    Publish,
    QualifiedRow,
    StillSealed,
    Wrong,
)
from office.sealed.tables import ClearPaddle as _Paddle

PADDLES: Final = range(1000, 10_000)

_ONE_IMPORT_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtext('paddles ' || :lot))")
_chance = random.SystemRandom()


_paddles: Final = SQLModel.metadata.tables["paddles"].c
_listed: Final = _paddles.withdrawn.is_(False)
_accounts: Final = SQLModel.metadata.tables["accounts"].c  # made by office.accounts, imported above


async def import_qualified(
    engine: AsyncEngine, lot: str, rows: Sequence[QualifiedRow], publish: Publish | None = None
) -> Imported:
    """Replace the list of those who may bid on a lot.

    Who was ever on the list keeps the paddle; the others get random ones that nobody had. `publish` is called
    before the change becomes final, so that a book which has opened the lot meanwhile keeps its list, and
    this one stays too.
    Raises ListFaults, NotPublished, or what `publish` raises; nothing is changed then.
    """
    async with engine.begin() as connection:
        await connection.execute(_ONE_IMPORT_AT_A_TIME, {"lot": lot})
        accounts = await _account_ranks(connection, rows)
        ever = select(_paddles.account_id, _paddles.paddle).where(_paddles.lot == lot)
        kept = {row.account_id: row.paddle for row in await connection.execute(ever)}
        given = _assign(accounts, kept)
        await connection.execute(update(_Paddle).where(_paddles.lot == lot).values(withdrawn=True))
        listed = insert(_Paddle)
        await connection.execute(
            listed.on_conflict_do_update(
                index_elements=[_paddles.lot, _paddles.account_id],
                set_={"rank": listed.excluded.rank, "withdrawn": False},
            ),
            [
                {"lot": lot, "account_id": account, "paddle": given[account], "rank": rank}
                for account, rank in accounts.items()
            ],
        )
        ranks = {given[account]: rank for account, rank in accounts.items()}
        if publish is not None and not await publish(ranks):
            raise NotPublished(lot)
    return Imported(len(ranks), sum(rank > 0 for rank in ranks.values()))


async def check(engine: AsyncEngine, rows: Sequence[QualifiedRow]) -> None:
    """Raises ListFaults if `import_qualified` would."""
    async with engine.connect() as connection:
        await _account_ranks(connection, rows)


async def paddle_of(engine: AsyncEngine, lot: str, account_id: int) -> tuple[str, int] | None:
    """One's own paddle and rank of priority on a lot."""
    mine = (_paddles.lot == lot) & (_paddles.account_id == account_id) & _listed
    async with engine.connect() as connection:
        row = (await connection.execute(select(_paddles.paddle, _paddles.rank).where(mine))).one_or_none()
    return (row.paddle, row.rank) if row else None


async def lots_of(engine: AsyncEngine, account_id: int, limit: int = 200) -> dict[str, tuple[str, int]]:
    """One's own lots: {lot: (paddle, rank)}."""
    found = select(_paddles.lot, _paddles.paddle, _paddles.rank)
    found = found.where(_paddles.account_id == account_id, _listed)
    found = found.order_by(_paddles.lot.desc()).limit(limit)
    async with engine.connect() as connection:
        return {row.lot: (row.paddle, row.rank) for row in await connection.execute(found)}


async def qualified(engine: AsyncEngine, lot: str) -> dict[str, int]:
    """Who may bid, without persons: {paddle: rank}."""
    async with engine.connect() as connection:
        return {row.paddle: row.rank for row in await connection.execute(_all_of(lot))}


async def names_after_close(
    engine: AsyncEngine, lot: str, paddles: Iterable[str] | None = None
) -> dict[str, str]:
    """{paddle: name} of a lot that the record says is closed, all or some. Raises StillSealed before."""
    found = select(_paddles.paddle, _accounts.name).where(
        _paddles.lot == lot, _paddles.account_id == _accounts.id, _listed
    )
    if paddles is not None:
        found = found.where(_paddles.paddle.in_(list(paddles)))
    async with engine.connect() as connection:
        phase = await connection.scalar(text("SELECT phase FROM lots WHERE id = :lot"), {"lot": lot})
        if phase != "closed":
            raise StillSealed(lot)
        return {row.paddle: row.name for row in await connection.execute(found)}


async def account_after_close(engine: AsyncEngine, lot: str, paddle: str) -> int | None:
    """Whose paddle it was, on a lot that the record says is closed. Raises StillSealed before."""
    found = select(_paddles.account_id).where(_paddles.lot == lot, _paddles.paddle == paddle)
    async with engine.connect() as connection:
        phase = await connection.scalar(text("SELECT phase FROM lots WHERE id = :lot"), {"lot": lot})
        if phase != "closed":
            raise StillSealed(lot)
        account: int | None = await connection.scalar(found)
        return account


async def _account_ranks(connection: AsyncConnection, rows: Sequence[QualifiedRow]) -> dict[int, int]:
    """{account: rank} of the rows; raises ListFaults with everything that is wrong."""
    if not rows or len(rows) > MOST_QUALIFIED:
        raise ListFaults([ListFault(0, Wrong.EMPTY if not rows else Wrong.TOO_MANY)])
    wanted = select(_accounts.id, _accounts.login, _accounts.role, _accounts.disabled).where(
        _accounts.login.in_({row.login for row in rows})
    )
    known = {row.login: row for row in await connection.execute(wanted)}
    faults: list[ListFault] = []
    accounts: dict[int, int] = {}
    for line, row in enumerate(rows, start=1):
        account = known.get(row.login)
        wrong = _wrong(row, account, accounts)
        if wrong is not None:
            faults.append(ListFault(line, wrong, row.login))
        elif account is not None:
            accounts[account.id] = row.rank
    if faults:
        raise ListFaults(faults)
    return accounts


def _wrong(row: QualifiedRow, account: object, earlier: Mapping[int, int]) -> Wrong | None:
    if account is None:
        return Wrong.UNKNOWN_LOGIN
    checks = (
        (getattr(account, "role", None) != Role.BIDDER, Wrong.NOT_A_BIDDER),
        (getattr(account, "disabled", True), Wrong.DISABLED),
        (getattr(account, "id", None) in earlier, Wrong.TWICE),
        (not 0 <= row.rank <= MOST_RANKS, Wrong.RANK),
    )
    return next((fault for wrong, fault in checks if wrong), None)


def _assign(accounts: Collection[int], kept: Mapping[int, str]) -> dict[int, str]:
    new = [account for account in accounts if account not in kept]
    used = set(kept.values())
    free = [paddle for paddle in map(str, PADDLES) if paddle not in used]
    if len(new) > len(free):
        raise ListFaults([ListFault(0, Wrong.NO_PADDLES)])
    drawn = dict(zip(new, _chance.sample(free, len(new)), strict=True))
    return {account: kept.get(account) or drawn[account] for account in accounts}


def _all_of(lot: str) -> Select[Any]:
    return select(_paddles.paddle, _paddles.rank).where(_paddles.lot == lot, _listed)
