"""What a list of the qualified must be, and how paddles are drawn."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from office.accounts import Role
from office.sealed.port import MOST_QUALIFIED, MOST_RANKS, ListFault, ListFaults, QualifiedRow, Wrong

PADDLES: Final = range(1000, 10_000)

_chance = random.SystemRandom()
accounts: Final = SQLModel.metadata.tables["accounts"].c  # made by office.accounts, imported above


@dataclass(frozen=True, slots=True)
class Known:
    """An account as a list needs it."""

    id: int
    login: str
    role: str
    name: str
    disabled: bool


async def known(connection: AsyncConnection, logins: Collection[str]) -> dict[str, Known]:
    wanted = select(accounts.id, accounts.login, accounts.role, accounts.name, accounts.disabled)
    rows = await connection.execute(wanted.where(accounts.login.in_(set(logins))))
    return {row.login: Known(*row) for row in rows}


async def account_ranks(connection: AsyncConnection, rows: Sequence[QualifiedRow]) -> dict[int, int]:
    """{account: rank} of the rows; raises ListFaults with everything that is wrong."""
    if not rows or len(rows) > MOST_QUALIFIED:
        raise ListFaults([ListFault(0, Wrong.EMPTY if not rows else Wrong.TOO_MANY)])
    found = await known(connection, [row.login for row in rows])
    faults: list[ListFault] = []
    ranks: dict[int, int] = {}
    for line, row in enumerate(rows, start=1):
        account = found.get(row.login)
        wrong = who_cannot(account, ranks) or (None if 0 <= row.rank <= MOST_RANKS else Wrong.RANK)
        if wrong is not None:
            faults.append(ListFault(line, wrong, row.login))
        elif account is not None:
            ranks[account.id] = row.rank
    if faults:
        raise ListFaults(faults)
    return ranks


def who_cannot(account: Known | None, earlier: Collection[int]) -> Wrong | None:
    """Why an account can't stand in this line; `earlier`: accounts of the lines above."""
    if account is None:
        return Wrong.UNKNOWN_LOGIN
    checks = (
        (account.role != Role.BIDDER, Wrong.NOT_A_BIDDER),
        (account.disabled, Wrong.DISABLED),
        (account.id in earlier, Wrong.TWICE),
    )
    return next((fault for wrong, fault in checks if wrong), None)


def drawn(wanted: Collection[int], kept: Mapping[int, str]) -> dict[int, str]:
    """{account: paddle}: who has one keeps it, the others get random ones that nobody had."""
    new = [account for account in wanted if account not in kept]
    used = set(kept.values())
    free = [paddle for paddle in map(str, PADDLES) if paddle not in used]
    if len(new) > len(free):
        raise ListFaults([ListFault(0, Wrong.NO_PADDLES)])
    fresh = dict(zip(new, _chance.sample(free, len(new)), strict=True))
    return {account: kept.get(account) or fresh[account] for account in wanted}
