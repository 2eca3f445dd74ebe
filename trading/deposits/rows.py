"""The rows of sub-accounts and of the money that comes for them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.terms import Fen
from trading.deposits.judging import Held, Money
from trading.deposits.states import DepositState, Disposition, MoneyStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class SubAccount:
    """A row of `sub_accounts`. Nothing in it says whose registration it is, nor for which lot."""

    sub_account: str
    bank: str
    due: Fen
    payer_name: str
    payer_key: str
    state: DepositState
    disposition: Disposition
    taken: Fen
    reason: str
    decided_on: date | None
    refund_days: int
    enough: bool
    version: int
    made_on: date
    changed_at: datetime

    def held(self, deadline: datetime | None) -> Held:
        return Held(
            due=self.due,
            payer_key=self.payer_key,
            deadline=deadline,
            disposition=self.disposition,
            taken=self.taken,
        )


_COLUMNS: Final = ", ".join(SubAccount.__dataclass_fields__)
_ONE: Final = f"SELECT {_COLUMNS} FROM sub_accounts WHERE sub_account = :sub_account"  # noqa: S608
_SEVERAL: Final = text(f"SELECT {_COLUMNS} FROM sub_accounts WHERE sub_account = ANY(:numbers)")  # noqa: S608
_MONEYS: Final = text(
    "SELECT m.account, m.transaction_id AS id, t.amount, t.value_time, t.serial, t.payer_key, m.accepted,"
    " m.returned FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"
    " WHERE m.account = ANY(:accounts) AND m.standing <> 'unseen' ORDER BY m.transaction_id"
)
_STANDINGS: Final = text(
    "UPDATE moneys SET standing = given.standing, changed_at = :now, version = version + 1"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:standings AS text[])) AS given(id, standing)"
    " WHERE transaction_id = given.id AND moneys.standing <> given.standing"
)


def sub_account_from(row: Row[Any]) -> SubAccount:
    fields = dict(row._mapping)
    fields["state"], fields["disposition"] = (
        DepositState(fields["state"]),
        Disposition(fields["disposition"]),
    )
    return SubAccount(**{name: fields[name] for name in SubAccount.__dataclass_fields__})


async def read(connection: AsyncConnection, sub_account: str, *, lock: bool = False) -> SubAccount | None:
    statement = text(_ONE + (" FOR UPDATE" if lock else ""))
    row = (await connection.execute(statement, {"sub_account": sub_account})).one_or_none()
    return sub_account_from(row) if row else None


async def several(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, SubAccount]:
    """Those of these that have a row."""
    if not numbers:
        return {}
    rows = await connection.execute(_SEVERAL, {"numbers": list(numbers)})
    return {row.sub_account: sub_account_from(row) for row in rows}


async def moneys_of(connection: AsyncConnection, account: str) -> Sequence[Money]:
    """What came for a sub-account or price account, and has been looked at."""
    return (await moneys_of_all(connection, [account])).get(account, [])


async def moneys_of_all(connection: AsyncConnection, accounts: Collection[str]) -> dict[str, list[Money]]:
    """The same for several: {account: what came}, without those for which nothing came."""
    found: dict[str, list[Money]] = {}
    if not accounts:
        return found
    for row in await connection.execute(_MONEYS, {"accounts": list(accounts)}):
        fields = dict(row._mapping)
        found.setdefault(fields.pop("account"), []).append(Money(**fields))
    return found


async def write_standings(
    connection: AsyncConnection, standings: Mapping[int, MoneyStanding], now: datetime
) -> None:
    if standings:
        values = [standing.value for standing in standings.values()]
        await connection.execute(_STANDINGS, {"ids": list(standings), "standings": values, "now": now})


async def change(connection: AsyncConnection, sub_account: str, now: datetime, /, **values: object) -> None:
    """Write columns of a locked row."""
    settings = ", ".join(f"{name} = :{name}" for name in values)
    await connection.execute(
        text(  # names of columns, from our own code
            f"UPDATE sub_accounts SET {settings}, changed_at = :now, version = version + 1"  # noqa: S608
            " WHERE sub_account = :sub_account"
        ),
        {**values, "now": now, "sub_account": sub_account},
    )


async def returned_whole(connection: AsyncConnection, account: str) -> Collection[int]:
    """Transactions whose refunds the bank has confirmed, all of them."""
    rows = await connection.execute(
        text(
            "SELECT transaction_id FROM refunds WHERE account = :account AND transaction_id IS NOT NULL"
            " GROUP BY transaction_id HAVING bool_and(state = 'paid')"
        ),
        {"account": account},
    )
    return frozenset(rows.scalars())
