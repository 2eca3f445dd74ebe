"""What finance does by hand with money that did not find its way: return it, or give it to somebody.

To return money to where it came from takes one person. To say whose money it is, that another payer's
counts, or that a refund goes to another account, takes two: one proposes with a reason, another agrees.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger, Posting
from trading.deposits import matching, planning, rows
from trading.deposits.planning import Planned
from trading.deposits.recording import record_act
from trading.deposits.states import MoneyStanding, RefundKind
from trading.working_days import day_of

LONGEST_REASON: Final = 300
PAGE: Final = 50


class ProposalKind(StrEnum):
    ASSIGN = "assign"
    """The money is meant for a sub-account."""
    ACCEPT = "accept"
    """Another payer's money counts as the registrant's own."""
    PAYEE = "payee"
    """A refund goes to another account than it came from."""


class ProposalState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Obstacle(StrEnum):
    """Why an act by hand did not go. Nothing was changed."""

    OVERTAKEN = "overtaken"
    """Somebody changed it meanwhile, or it is not in a standing in which this goes."""
    NO_REASON = "no_reason"
    UNKNOWN_ACCOUNT = "unknown_account"
    PROPOSED_BEFORE = "proposed_before"
    OWN_PROPOSAL = "own_proposal"
    WHOLE_NEEDED = "whole_needed"
    """What counts as a deposit is not sent back, but for what is over."""
    NO_PAYEE = "no_payee"


class CannotDo(Exception):
    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    id: int
    kind: ProposalKind
    transaction_id: int | None
    refund_id: int | None
    facts: Mapping[str, str]
    reason: str
    state: ProposalState
    asked_by: int
    asker: str
    asked_at: datetime
    decided_by: int | None
    decider: str
    decided_at: datetime | None


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
_PROPOSE: Final = text(
    "INSERT INTO money_proposals (kind, transaction_id, refund_id, facts, reason, state, asked_by, asked_at)"
    " VALUES (:kind, :transaction, :refund, CAST(:facts AS jsonb), :reason, 'open', :by, :now) RETURNING id"
)
_PROPOSALS: Final = (
    "SELECT p.*, a.name AS asker, coalesce(d.name, '') AS decider FROM money_proposals p"
    " JOIN accounts a ON a.id = p.asked_by LEFT JOIN accounts d ON d.id = p.decided_by"
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
        said = _reason(reason)
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
                reason=said,
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
            return await _propose(
                connection, ProposalKind.ASSIGN, facts, reason, transaction=transaction, by=by, now=now
            )

    async def propose_accepting(
        self, transaction: int, version: int, reason: str, *, by: int, now: datetime
    ) -> int:
        async with self._engine.begin() as connection:
            money = await _locked(connection, transaction, version, frozenset({MoneyStanding.FOREIGN}))
            facts = {"payer": money.payer_name, "account": money.account}
            return await _propose(
                connection, ProposalKind.ACCEPT, facts, reason, transaction=transaction, by=by, now=now
            )

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
            return await _propose(
                connection, ProposalKind.PAYEE, facts, reason, refund=refund, by=by, now=now
            )

    async def decide(self, proposal_id: int, agreed: bool, *, by: int, now: datetime) -> ProposalState:
        """Another person agrees or refuses; the one who asked may only take it back."""
        found = text("SELECT * FROM money_proposals WHERE id = :id AND state = 'open' FOR UPDATE")
        async with self._engine.begin() as connection:
            row = (await connection.execute(found, {"id": proposal_id})).one_or_none()
            if row is None:
                raise CannotDo(Obstacle.OVERTAKEN)
            if agreed and row.asked_by == by:
                raise CannotDo(Obstacle.OWN_PROPOSAL)
            state = _decided(agreed, own=row.asked_by == by)
            if agreed:
                await _carry_out(connection, row, now)
            await connection.execute(_DECIDE, {"id": proposal_id, "state": state.value, "by": by, "now": now})
            facts = {"kind": row.kind, "asked_by": f"account {row.asked_by}"}
            await record_act(connection, by, f"money.{state.value}", str(proposal_id), facts, now)
        return state

    async def proposals(
        self, page: int, *, only_open: bool = False, size: int = PAGE
    ) -> tuple[Sequence[Proposal], int]:
        """The latest first, and how many there are."""
        where = " WHERE p.state = 'open'" if only_open else ""
        found = text(f"{_PROPOSALS}{where} ORDER BY p.id DESC LIMIT :size OFFSET :offset")
        counted = text(f"SELECT count(*) FROM money_proposals p{where}")  # noqa: S608
        async with self._engine.connect() as connection:
            rows_ = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
            return [_proposal(row) for row in rows_], int(await connection.scalar(counted) or 0)

    async def proposals_about(
        self, *, transaction: int | None = None, refund: int | None = None
    ) -> Sequence[Proposal]:
        found = text(
            f"{_PROPOSALS} WHERE p.transaction_id = :transaction OR p.refund_id = :refund"
            " ORDER BY p.id DESC LIMIT 50"
        )
        async with self._engine.connect() as connection:
            given = {"transaction": transaction, "refund": refund}
            return [_proposal(row) for row in await connection.execute(found, given)]


_DECIDE: Final = text(
    "UPDATE money_proposals SET state = :state, decided_by = :by, decided_at = :now WHERE id = :id"
)


def _decided(agreed: bool, *, own: bool) -> ProposalState:
    if agreed:
        return ProposalState.AGREED
    return ProposalState.WITHDRAWN if own else ProposalState.REFUSED


async def _carry_out(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    match ProposalKind(row.kind):
        case ProposalKind.ASSIGN:
            await _assign(connection, row, now)
        case ProposalKind.ACCEPT:
            money = await _locked_any(connection, row.transaction_id, frozenset({MoneyStanding.FOREIGN}))
            await _set(connection, row.transaction_id, now, account=money.account, accepted=True)
            await matching.mark_unjudged(connection, [money.account])
        case ProposalKind.PAYEE:
            await _change_payee(connection, row, now)


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


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if not 0 < len(said) <= LONGEST_REASON:
        raise CannotDo(Obstacle.NO_REASON)
    return said


async def _propose(
    connection: AsyncConnection,
    kind: ProposalKind,
    facts: Mapping[str, str],
    reason: str,
    *,
    by: int,
    now: datetime,
    transaction: int | None = None,
    refund: int | None = None,
) -> int:
    values = {
        "kind": kind.value,
        "transaction": transaction,
        "refund": refund,
        "facts": json.dumps(dict(facts), ensure_ascii=False),
        "reason": _reason(reason),
        "by": by,
        "now": now,
    }
    try:
        async with connection.begin_nested():
            proposal = int(await connection.scalar(_PROPOSE, values) or 0)
    except IntegrityError as taken:
        raise CannotDo(Obstacle.PROPOSED_BEFORE) from taken
    await record_act(connection, by, f"money.propose_{kind.value}", str(proposal), {}, now)
    return proposal


def _proposal(row: Row[Any]) -> Proposal:
    fields = dict(row._mapping)
    fields["kind"], fields["state"] = ProposalKind(fields["kind"]), ProposalState(fields["state"])
    return Proposal(**{name: fields[name] for name in Proposal.__dataclass_fields__})
