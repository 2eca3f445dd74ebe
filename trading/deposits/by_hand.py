"""What finance does by hand with money that did not find its way: return it, or give it to somebody.

To return money to where it came from takes one person. To say whose money it is, that another payer's
counts, or that a refund goes to another account, takes two: one proposes with a reason, another agrees.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.banking.proposals import About, CannotDo, CarryOut, Obstacle, ProposalKind, propose, said
from office.banking.recording import record_act
from trading.deposits import matching, planning, rows
from trading.deposits.planning import Planned
from trading.deposits.states import MoneyStanding, RefundKind
from trading.working_days import day_of

_MONEY: Final = text(
    "SELECT m.*, t.bank, t.amount, t.payer_name, s.sub_account AS deposit, p.number AS price FROM moneys m"
    " JOIN bank_transactions t ON t.id = m.transaction_id"
    " LEFT JOIN sub_accounts s ON s.sub_account = m.account"
    " LEFT JOIN price_accounts p ON p.number = m.account"
    " WHERE m.transaction_id = :id AND m.version = :version FOR UPDATE OF m"
)
_ACCOUNT_FIRST: Final = tuple(
    text(  # names of our own tables
        f"SELECT FROM {table} a JOIN moneys m ON m.account = a.{key}"
        " WHERE m.transaction_id = :id AND m.version = :version FOR UPDATE OF a"
    )
    for table, key in (("sub_accounts", "sub_account"), ("price_accounts", "number"))
)
RETURNABLE: Final = frozenset(
    {MoneyStanding.UNMATCHED, MoneyStanding.FOREIGN, MoneyStanding.LATE, MoneyStanding.COUNTED}
)
ASSIGNABLE: Final = frozenset({MoneyStanding.UNMATCHED, MoneyStanding.FOREIGN})


class ByHand:
    """Every method is one transaction of its own; all raise CannotDo."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def give_back(self, transaction: int, version: int, reason: str, *, by: int, now: datetime) -> int:
        """Plan the refund of money that is not accepted, or of what is over; the refund's id."""
        why = said(reason)
        async with self._engine.begin() as connection:
            money = await _locked(connection, transaction, version, RETURNABLE)
            amount, kind = await _returnable(connection, money)
            planned = Planned(
                transaction=transaction,
                account=money.account,
                source=_held_as(money),
                amount=amount,
                kind=kind,
                counted_from=day_of(now),
                working_days=planning.USUAL_DAYS,
                reason=why,
                by=by,
            )
            refund = await planning.plan(connection, planned, now)
            if money.account:
                await matching.mark_unjudged(connection, [money.account])
            else:
                await rows.write_standings(connection, {transaction: MoneyStanding.RETURNING}, now)
            await record_act(connection, by, "money.return", str(transaction), {"fen": amount}, now)
        return refund

    async def propose_assigning(
        self, transaction: int, version: int, account: str, reason: str, *, by: int, now: datetime
    ) -> int:
        """To a sub-account or price account; the proposal's id."""
        number = "".join(account.split()).replace("-", "")
        async with self._engine.begin() as connection:
            money = await _locked(connection, transaction, version, ASSIGNABLE)
            if number == money.account or await _ledger_of(connection, number) is None:
                raise CannotDo(Obstacle.UNKNOWN_ACCOUNT)
            facts = {"account": number}
            about = About(transaction=transaction)
            return await propose(connection, ProposalKind.ASSIGN, facts, reason, about, by=by, now=now)

    async def propose_accepting(
        self, transaction: int, version: int, reason: str, *, by: int, now: datetime
    ) -> int:
        async with self._engine.begin() as connection:
            money = await _locked(connection, transaction, version, frozenset({MoneyStanding.FOREIGN}))
            facts = {"payer": money.payer_name, "account": money.account}
            about = About(transaction=transaction)
            return await propose(connection, ProposalKind.ACCEPT, facts, reason, about, by=by, now=now)

    async def propose_payee(
        self,
        refund: int,
        version: int,
        payee: tuple[str, str, str],
        reason: str,
        *,
        by: int,
        now: datetime,
    ) -> int:
        """Name, account and bank of who gets a refund that is due or failed."""
        name, account, bank = (part.strip()[:200] for part in payee)
        if not name or not account:
            raise CannotDo(Obstacle.NO_PAYEE)
        found = text(
            "SELECT id FROM refunds WHERE id = :id AND version = :version AND state IN ('due', 'failed')"
            " FOR UPDATE"
        )
        async with self._engine.begin() as connection:
            if await connection.scalar(found, {"id": refund, "version": version}) is None:
                raise CannotDo(Obstacle.OVERTAKEN)
            facts = {"name": name, "account": account, "bank": bank}
            about = About(refund=refund)
            return await propose(connection, ProposalKind.PAYEE, facts, reason, about, by=by, now=now)


async def _assign(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    """The money moves in the journal, whole: nothing of it may be on its way back."""
    money = await _locked_any(connection, row.transaction_id, ASSIGNABLE)
    number = str(row.facts["account"])
    ledger = await _ledger_of(connection, number)
    if money.returned or ledger is None:
        raise CannotDo(Obstacle.OVERTAKEN)
    lines = journal.moved(_held_as(money), (ledger, number), money.amount)
    await journal.post(
        connection, Posting(at=now, reference=f"assign {row.id}", text="人工认领至子账号", lines=lines)
    )
    await _set(connection, row.transaction_id, now, account=number, accepted=False)
    await matching.mark_unjudged(connection, [each for each in (number, money.account) if each])


async def _accept(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    money = await _locked_any(connection, row.transaction_id, frozenset({MoneyStanding.FOREIGN}))
    await _set(connection, row.transaction_id, now, account=money.account, accepted=True)
    await matching.mark_unjudged(connection, [money.account])


async def _change_payee(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    change = text(
        "UPDATE refunds SET payee_name = :name, payee_account = :account, payee_bank = :bank,"
        " state = 'due', batch_id = NULL, version = version + 1, changed_at = :now"
        " WHERE id = :id AND state IN ('due', 'failed') RETURNING id"
    )
    if await connection.scalar(change, {**row.facts, "id": row.refund_id, "now": now}) is None:
        raise CannotDo(Obstacle.OVERTAKEN)


async def _set(
    connection: AsyncConnection, transaction: int, now: datetime, *, account: str, accepted: bool
) -> None:
    write = text(
        "UPDATE moneys SET account = :account, accepted = :accepted, standing = 'counted',"
        " version = version + 1, changed_at = :now WHERE transaction_id = :id"
    )
    given = {"id": transaction, "account": account, "accepted": accepted, "now": now}
    await connection.execute(write, given)


async def _locked(
    connection: AsyncConnection, transaction: int, version: int, standings: frozenset[MoneyStanding]
) -> Row[Any]:
    """As it was on the page; else somebody was faster. The account is locked first, as the steward does."""
    given = {"id": transaction, "version": version}
    for statement in _ACCOUNT_FIRST:
        await connection.execute(statement, given)
    row = (await connection.execute(_MONEY, given)).one_or_none()
    if row is None or MoneyStanding(row.standing) not in standings:
        raise CannotDo(Obstacle.OVERTAKEN)
    return row


async def _locked_any(
    connection: AsyncConnection, transaction: int, standings: frozenset[MoneyStanding]
) -> Row[Any]:
    found = text("SELECT version FROM moneys WHERE transaction_id = :id")
    version = await connection.scalar(found, {"id": transaction})
    return await _locked(connection, transaction, int(version or 0), standings)


def _held_as(money: Row[Any]) -> tuple[Ledger, str]:
    """Where the journal has it."""
    if money.deposit:
        return Ledger.DEPOSIT, money.deposit
    return (Ledger.PRICE, money.price) if money.price else (Ledger.SUSPENSE, money.bank)


async def _ledger_of(connection: AsyncConnection, number: str) -> Ledger | None:
    found = text(
        "SELECT EXISTS (SELECT FROM sub_accounts WHERE sub_account = :number) AS deposit,"
        " EXISTS (SELECT FROM price_accounts WHERE number = :number) AS price"
    )
    row = (await connection.execute(found, {"number": number})).one()
    return Ledger.DEPOSIT if row.deposit else Ledger.PRICE if row.price else None


async def _returnable(connection: AsyncConnection, money: Row[Any]) -> tuple[Fen, RefundKind]:
    """All that is left of it; of what counts, only what is over. Raises CannotDo, also when all of it is on
    its way already and the steward has not looked at it yet."""
    left = Fen(money.amount - money.returned)
    if left <= 0:
        raise CannotDo(Obstacle.OVERTAKEN)
    if MoneyStanding(money.standing) is not MoneyStanding.COUNTED:
        return left, RefundKind.RETURN
    over = await excess_of(connection, money.account)
    if over <= 0:
        raise CannotDo(Obstacle.WHOLE_NEEDED)
    return Fen(min(left, over)), RefundKind.EXCESS


async def excess_of(connection: AsyncConnection, account: str) -> Fen:
    """What counts on an account beyond what is due. Locks the account, so that it is returned once."""
    due = await connection.scalar(
        text("SELECT due FROM sub_accounts WHERE sub_account = :number FOR UPDATE"), {"number": account}
    )
    if due is None:
        price = text(
            "SELECT greatest(0, price + fee - credited) FROM price_accounts WHERE number = :number FOR UPDATE"
        )
        due = await connection.scalar(price, {"number": account})
    counted = await connection.scalar(
        text(
            "SELECT coalesce(sum(t.amount - m.returned), 0)::bigint FROM moneys m"
            " JOIN bank_transactions t ON t.id = m.transaction_id"
            " WHERE m.account = :number AND m.standing = 'counted'"
        ),
        {"number": account},
    )
    return Fen(int(counted or 0) - int(due or 0))


CARRIED_OUT: Final[Mapping[ProposalKind, CarryOut]] = {
    ProposalKind.ASSIGN: _assign,
    ProposalKind.ACCEPT: _accept,
    ProposalKind.PAYEE: _change_payee,
}
