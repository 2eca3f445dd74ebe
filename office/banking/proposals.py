"""Four eyes for money: one person of finance proposes with a reason, another agrees.

    id = await propose(connection, ProposalKind.ASSIGN, facts, reason, about, by=12, now=now)
    state = await Proposals(engine, {ProposalKind.ASSIGN: assign}).decide(id, True, by=13, now=now)

Who proposes may take it back, and never agrees: the database refuses it as well. What is agreed on is carried
out in the same transaction, by whoever owns that kind of it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.banking.recording import record_act

LONGEST_REASON: Final = 300
PAGE: Final = 50
MOST_ABOUT: Final = 50


class ProposalKind(StrEnum):
    ASSIGN = "assign"
    """The money is meant for a sub-account."""
    ACCEPT = "accept"
    """Another payer's money counts as the registrant's own."""
    PAYEE = "payee"
    """A refund goes to another account than it came from."""
    ORDER = "order"
    """The money is meant for an order for certificate services, whatever payer and remark say."""


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
    UNKNOWN_ORDER = "unknown_order"
    """None of this number waits for money."""
    PROPOSED_BEFORE = "proposed_before"
    OWN_PROPOSAL = "own_proposal"
    WHOLE_NEEDED = "whole_needed"
    """What counts as a deposit is not sent back, but for what is over."""
    NO_PAYEE = "no_payee"


class CannotDo(Exception):
    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class About:
    """What a proposal is about: one of them."""

    transaction: int | None = None
    refund: int | None = None
    receipt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    id: int
    kind: ProposalKind
    transaction_id: int | None
    refund_id: int | None
    receipt_id: int | None
    facts: Mapping[str, str] = field(repr=False)
    reason: str = field(repr=False)
    state: ProposalState
    asked_by: int
    asker: str
    asked_at: datetime
    decided_by: int | None
    decider: str
    decided_at: datetime | None


CarryOut = Callable[[AsyncConnection, Row[Any], datetime], Awaitable[None]]
"""(connection, the proposal's row, now): what was agreed on, done. Raises CannotDo."""

_PROPOSE: Final = text(
    "INSERT INTO money_proposals (kind, transaction_id, refund_id, receipt_id, facts, reason, state,"
    " asked_by, asked_at) VALUES (:kind, :transaction, :refund, :receipt, CAST(:facts AS jsonb), :reason,"
    " 'open', :by, :now) RETURNING id"
)
_SELECT: Final = (
    "SELECT p.*, a.name AS asker, coalesce(d.name, '') AS decider FROM money_proposals p"
    " JOIN accounts a ON a.id = p.asked_by LEFT JOIN accounts d ON d.id = p.decided_by"
)
_DECIDE: Final = text(
    "UPDATE money_proposals SET state = :state, decided_by = :by, decided_at = :now WHERE id = :id"
)


def said(reason: str) -> str:
    """A reason, tidied. Raises CannotDo."""
    tidy = " ".join(reason.replace("\0", "").split())
    if not 0 < len(tidy) <= LONGEST_REASON:
        raise CannotDo(Obstacle.NO_REASON)
    return tidy


async def propose(
    connection: AsyncConnection,
    kind: ProposalKind,
    facts: Mapping[str, str],
    reason: str,
    about: About,
    *,
    by: int,
    now: datetime,
) -> int:
    """In the caller's transaction; the proposal's id. One at a time about the same. Raises CannotDo."""
    values: dict[str, Any] = {"kind": kind.value, "reason": said(reason), "by": by, "now": now}
    values |= {"transaction": about.transaction, "refund": about.refund, "receipt": about.receipt}
    values["facts"] = json.dumps(dict(facts), ensure_ascii=False)
    try:
        async with connection.begin_nested():
            proposal = int(await connection.scalar(_PROPOSE, values) or 0)
    except IntegrityError as taken:
        raise CannotDo(Obstacle.PROPOSED_BEFORE) from taken
    await record_act(connection, by, f"money.propose_{kind.value}", str(proposal), {}, now)
    return proposal


class Proposals:
    """Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, carried_out: Mapping[ProposalKind, CarryOut]) -> None:
        self._engine = engine
        self._carried_out = carried_out

    async def decide(self, proposal: int, agreed: bool, *, by: int, now: datetime) -> ProposalState:
        """Another person agrees or refuses; the one who asked may only take it back. Raises CannotDo."""
        found = text("SELECT * FROM money_proposals WHERE id = :id AND state = 'open' FOR UPDATE")
        async with self._engine.begin() as connection:
            row = (await connection.execute(found, {"id": proposal})).one_or_none()
            if row is None:
                raise CannotDo(Obstacle.OVERTAKEN)
            if agreed and row.asked_by == by:
                raise CannotDo(Obstacle.OWN_PROPOSAL)
            state = _decided(agreed, own=row.asked_by == by)
            if agreed:
                await self._carried_out[ProposalKind(row.kind)](connection, row, now)
            await connection.execute(_DECIDE, {"id": proposal, "state": state.value, "by": by, "now": now})
            facts = {"kind": row.kind, "asked_by": f"account {row.asked_by}"}
            await record_act(connection, by, f"money.{state.value}", str(proposal), facts, now)
        return state

    async def page(
        self, page: int, *, only_open: bool = False, size: int = PAGE
    ) -> tuple[Sequence[Proposal], int]:
        """The latest first, and how many there are."""
        where = " WHERE p.state = 'open'" if only_open else ""
        found = text(f"{_SELECT}{where} ORDER BY p.id DESC LIMIT :size OFFSET :offset")
        counted = text(f"SELECT count(*) FROM money_proposals p{where}")  # noqa: S608
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
            return [_proposal(row) for row in rows], int(await connection.scalar(counted) or 0)

    async def about(self, about: About) -> Sequence[Proposal]:
        found = text(
            f"{_SELECT} WHERE p.transaction_id = :transaction OR p.refund_id = :refund"
            " OR p.receipt_id = :receipt ORDER BY p.id DESC LIMIT :most"
        )
        given = {"transaction": about.transaction, "refund": about.refund, "receipt": about.receipt}
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, given | {"most": MOST_ABOUT})
            return [_proposal(row) for row in rows]


def _decided(agreed: bool, *, own: bool) -> ProposalState:
    if agreed:
        return ProposalState.AGREED
    return ProposalState.WITHDRAWN if own else ProposalState.REFUSED


def _proposal(row: Row[Any]) -> Proposal:
    fields = dict(row._mapping)
    fields["kind"], fields["state"] = ProposalKind(fields["kind"]), ProposalState(fields["state"])
    return Proposal(**{name: fields[name] for name in Proposal.__dataclass_fields__})
