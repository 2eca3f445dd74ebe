"""The only way in which an order changes its state: one act, in the caller's transaction.

    async with engine.begin() as connection:
        await perform(connection, number, OrderAct.PAID, By.clock(), now=clock(), facts={"fen": 35_000})

The row is locked first and everything is judged on the locked row; state, history, message and audit entry
are written together. Two at once: the second finds what the first left.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders import about, corrections, needs
from certificates.orders.order import COLUMNS, Order, locked, order_from
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.steps import PAYING, Step, next_state
from certificates.orders.table import FINAL, Need, Transition, row_for
from office.accounts import Role
from office.audit import trail
from office.messages.telling import ToAccount, ToRole, tell

HELD_FOR: Final = timedelta(minutes=30)
"""A clerk who takes an order keeps it so long, without doing anything."""
CHANGEABLE: Final = frozenset(
    {
        *("authority", "product", "years", "about_certificate", "number_mark", "contact_mark", "collected"),
        *("price", "price_fen", "payment_way", "pin_way", "courier", "tracking", "materials", "checks"),
        *("medium", "crypto_card", "certificate", "invoice", "review_due"),
        *("steps", "automatic", "four_eyes", "circumstances"),
    }
)
"""What may be changed along with an act; the rest is written here alone."""
BY_SMS: Final = frozenset(
    {
        OrderAct.APPROVE,
        OrderAct.RETURN,
        OrderAct.REJECT,
        OrderAct.REVERSE_REJECTION,
        OrderAct.SHIP,
        OrderAct.EXPIRE,
    }
)
"""Told to the telephone of the order as well (rounds.py)."""
_SAYS_WHY: Final = frozenset(
    {
        OrderAct.RETURN,
        OrderAct.REJECT,
        OrderAct.FAIL_ISSUE,
        OrderAct.REVERSE,
        OrderAct.REVERSE_PAYMENT,
        OrderAct.REVERSE_REJECTION,
        OrderAct.REVERSE_HAND_OVER,
        OrderAct.REISSUE,
    }
)
"""Whose reason the order shows until it goes on."""
_GOES_ON: Final = frozenset(
    {OrderAct.RESUBMIT, OrderAct.PAID, OrderAct.APPROVE, OrderAct.BEGIN_ISSUE, OrderAct.HAND_OVER}
)
BACK_TO_APPLICANT: Final = frozenset({OrderAct.CHANGE, OrderAct.RETURN, OrderAct.RESUBMIT})
"""After which paper that is asked for is looked at from the beginning."""
_TABLE: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class By:
    """Who acts. The caller has made sure that the account has this role, and that the order is theirs."""

    actor: OrderActor
    account_id: int | None = None

    @classmethod
    def clock(cls) -> "By":
        return cls(OrderActor.CLOCK)

    @classmethod
    def applicant(cls, account_id: int | None) -> "By":
        """None: who proved the operator's telephone and has no account."""
        return cls(OrderActor.APPLICANT, account_id)

    @classmethod
    def clerk(cls, account_id: int) -> "By":
        return cls(OrderActor.CLERK, account_id)

    @classmethod
    def finance(cls, account_id: int) -> "By":
        return cls(OrderActor.FINANCE, account_id)


class NotAllowed(Exception):
    """The table has no such row: wrong state, or wrong person."""

    def __init__(self, state: OrderState, act: OrderAct, actor: OrderActor) -> None:
        super().__init__(f"{act} by {actor} while {state}")
        self.state, self.act, self.actor = state, act, actor


class Lacks(Exception):
    """Something that must be true for the act is not."""

    def __init__(self, need: Need) -> None:
        super().__init__(need)
        self.need = need


class Stale(Exception):
    """The order was changed since the form was shown: by the applicant in another window, or by the desk."""


async def perform(
    connection: AsyncConnection,
    number: str,
    act: OrderAct,
    by: By,
    *,
    now: datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    does: frozenset[Step] = frozenset(),
    undoes: frozenset[Step] = frozenset(),
    version: int | None = None,
) -> Order:
    """Carry out one act on an order and return it as it is then.

    `reason`: in words, told to the applicant. `facts`: for history and audit, JSON, nothing personal.
    `changes`: columns that change along (CHANGEABLE). `does` and `undoes`: with SAVE, steps that are done or
    to be done again. `version`: of the order that the form showed.

    Raises UnknownOrder, NotAllowed, Lacks (which need), Stale; nothing is changed then.
    """
    before = await locked(connection, number)
    if version is not None and version != before.version:
        raise Stale(number)
    row = row_for(act, before.state, by.actor)
    if row is None:
        raise NotAllowed(before.state, act, by.actor)
    reason, facts = reason.strip(), dict(facts or {})
    asked = needs.Asked(before, by.account_id, reason, facts, now)
    for need in row.needs:
        if not await needs.fulfilled(connection, need, asked):
            raise Lacks(need)
    values = _checked(changes or {})
    if act is OrderAct.SAVE:
        values["done"] = (before.done | does) - undoes
    elif act is OrderAct.CONFIRM and values.get("price_fen", before.price_fen) == 0:
        values["done"] = before.done | PAYING
    elif act is OrderAct.PAID and not await needs.fulfilled(connection, Need.IDENTIFIED, asked):
        values["done"] = before.done - {Step.IDENTITY}  # what only some ways of paying ask for
    elif act is OrderAct.RETURN and await corrections.ask_for_paper_again(connection, before):
        values["done"] = before.done - {Step.PAPER}
    values |= _values(before, row, by, now, reason, facts, values)
    done = await _write(connection, number, values)
    await _remember(connection, before, done, act, by, now, reason, facts)
    await _tell(connection, row, before, done, now)
    if act in BACK_TO_APPLICANT and Step.PAPER not in done.done:
        await corrections.withdraw_originals(connection, number)
    entered = done.state is OrderState.IN_REVIEW and before.state is not OrderState.IN_REVIEW
    return await _decide(connection, done, now) if entered and done.automatic else done


async def _decide(connection: AsyncConnection, order: Order, now: datetime) -> Order:
    """The system's own review, in the moment in which the order gets there: what was so when it began (the
    window of a renewal above all) is looked at again. Money that is in goes back."""
    standing = await about.look_again(connection, order, now)
    if standing.hindrance is None:
        return await perform(connection, order.number, OrderAct.APPROVE, By.clock(), now=now)
    reason, facts = about.reason(standing), {"why": str(standing.hindrance)}
    return await perform(
        connection, order.number, OrderAct.REJECT, By.clock(), now=now, reason=reason, facts=facts
    )


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(f"not changed by an act: {', '.join(sorted(unknown))}")
    return dict(changes)


def _values(
    before: Order,
    row: Transition,
    by: By,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any],
    wanted: Mapping[str, Any],
) -> dict[str, Any]:
    """The columns that an act sets by itself."""
    act = row.act
    done = (frozenset(wanted.get("done", before.done)) | row.does) - row.undoes
    first_look = act is OrderAct.APPROVE and before.state is OrderState.IN_REVIEW
    second = first_look and before.four_eyes and by.actor is OrderActor.CLERK
    if second:
        done -= {Step.REVIEW}
    collected = bool(wanted.get("collected", before.collected))
    after = _target(before, row, done, collected, second=second)
    values: dict[str, Any] = {"state": after, "done": sorted(done), "version": before.version + 1}
    values["changed_at"] = now
    if act in _SAYS_WHY:
        values["reason"] = reason
    elif act in _GOES_ON:
        values["reason"] = ""
    if act in (OrderAct.REVERSE, OrderAct.REVERSE_REJECTION) and after is OrderState.IN_REVIEW:
        values["automatic"] = False  # clerks decide now: the system would say the same again
    if act is OrderAct.PAID:
        values |= {"paid_fen": facts["fen"], "payment_way": str(facts.get("way", before.payment_way))}
    if act is OrderAct.REVERSE_PAYMENT:
        values["paid_fen"] = 0
    if before.state in FINAL:
        values |= {"finished_at": None, "refund_due": False}
    if act is OrderAct.SHIP:
        values |= {"courier": str(facts["courier"]), "tracking": str(facts["tracking"])}
    if act is OrderAct.APPROVE:
        values["approved_first_by"] = by.account_id if second else before.approved_first_by
    values |= _holding(act, by, now)
    if after is OrderState.IN_REVIEW and before.state is not OrderState.IN_REVIEW:
        values |= {"review_since": now, "submitted_at": before.submitted_at or now}
    if after in FINAL:
        values |= {"finished_at": now}
    if after in (OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED) and before.paid_fen:
        values["refund_due"] = True
    return values


def _holding(act: OrderAct, by: By, now: datetime) -> dict[str, Any]:
    """Who works on it: taken, kept through nothing but saving, let go with every other act."""
    if act is OrderAct.TAKE:
        return {"worked_by": by.account_id, "worked_until": now + HELD_FOR}
    return {} if act is OrderAct.SAVE else {"worked_by": None, "worked_until": None}


def _target(
    before: Order, row: Transition, done: frozenset[Step], collected: bool, *, second: bool
) -> OrderState:
    """Where the act leads: the row's one state, or the one that the channel's next step names."""
    if row.act in (OrderAct.SAVE, OrderAct.TAKE, OrderAct.PUT_BACK):
        return before.state
    if len(row.after) == 1:
        return next(iter(row.after))
    if row.act is OrderAct.REVERSE_REJECTION and Step.CONFIRM not in done:
        return OrderState.RETURNED  # where alone an order that was sent off has to be confirmed again
    after = OrderState.SECOND_REVIEW if second else next_state(before.steps, done, collected=collected)
    if after not in row.after:
        raise AssertionError(
            f"{row.act} while {before.state} leads to {after}: the channel's steps are wrong"
        )
    return after


async def _write(connection: AsyncConnection, number: str, values: Mapping[str, Any]) -> Order:
    stored = {name: _stored(name, value) for name, value in values.items()}
    put = ", ".join(
        f"{name} = CAST(:{name} AS jsonb)" if name == "price" else f"{name} = :{name}" for name in stored
    )
    changed = text(f"UPDATE orders SET {put} WHERE number = :number RETURNING {', '.join(COLUMNS)}")  # noqa: S608
    return order_from((await connection.execute(changed, {**stored, "number": number})).one())


def _stored(name: str, value: Any) -> Any:
    if name == "price":
        return json.dumps([{"kind": part.kind, "fen": part.fen, "ours": part.ours} for part in value])
    if isinstance(value, list | tuple | frozenset):
        return [str(each) for each in value]
    return getattr(value, "value", value)


_EVENT: Final = text(
    "INSERT INTO order_events (number, act, before, after, at, actor, actor_id, reason, facts, sms_due)"
    " VALUES (:number, :act, :before, :after, :at, :actor, :actor_id, :reason, CAST(:facts AS jsonb),"
    " :sms_due)"
)


async def _remember(
    connection: AsyncConnection,
    before: Order,
    done: Order,
    act: OrderAct,
    by: By,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    """The history of the order, and the audit log. Saving a step again is no event of its own."""
    if act is OrderAct.SAVE and before.done == done.done:
        return
    event = {
        "number": done.number,
        "act": act.value,
        "before": before.state.value,
        "after": done.state.value,
        "at": now,
        "actor": by.actor.value,
        "actor_id": by.account_id,
        "reason": reason,
        "facts": json.dumps(facts, ensure_ascii=False, default=str),
        "sms_due": act in BY_SMS and done.state is not OrderState.SECOND_REVIEW,
    }
    await connection.execute(_EVENT, event)
    if act is OrderAct.SAVE:
        return
    await audit(connection, done.number, act, by, now, {"before": before.state, "after": done.state, **facts})


async def audit(
    connection: AsyncConnection, number: str, act: OrderAct, by: By, now: datetime, facts: Mapping[str, Any]
) -> None:
    """An entry of the audit log: which order, never who is in it."""
    actor = trail.CLOCK if by.account_id is None else trail.account(by.account_id)
    role = "" if by.actor is OrderActor.CLOCK else str(by.actor)
    kept = {name: value for name, value in facts.items() if name not in ("code", "signed")}
    if by.actor is OrderActor.APPLICANT and by.account_id is None:
        kept["proved_by"] = "telephone"
    await trail.record(
        connection, at=now, actor=actor, role=role, act=f"order.{act.value}", subject=number, facts=kept
    )


async def _tell(
    connection: AsyncConnection, row: Transition, before: Order, done: Order, now: datetime
) -> None:
    """The applicant on the site; the desk when something new lies there; finance when money goes back."""
    facts: dict[str, str | int] = {"number": done.number, "reason": done.reason}
    if row.tells and done.account_id is not None:
        kind = f"certificate.{row.act.value}"
        await tell(connection, ToAccount(done.account_id), kind, facts, now=now)
    if done.state is OrderState.IN_REVIEW and before.state is not OrderState.IN_REVIEW:
        await tell(connection, ToRole(Role.CLERK), "certificate.to_review", {"number": done.number}, now=now)
    if done.refund_due and not before.refund_due:
        refund: dict[str, str | int] = {"number": done.number, "paid": done.paid_fen}
        await tell(connection, ToRole(Role.FINANCE), "certificate.refund_due", refund, now=now)


def new_number(now: datetime) -> str:
    """The day, and eight characters that nobody guesses: 20260422 + 40 random bits."""
    return f"{now + timedelta(hours=8):%Y%m%d}{''.join(secrets.choice(_TABLE) for _ in range(8))}"


async def begin(connection: AsyncConnection, values: Mapping[str, Any], by: By, *, now: datetime) -> Order:
    """A new order, FILLING. `values`: the columns that say which service it is. For `Orders.begin`."""
    stored = {name: _stored(name, value) for name, value in values.items()}
    stored |= {"number": new_number(now), "state": OrderState.FILLING.value}
    stored |= {"made_at": now, "changed_at": now}
    names, marks = ", ".join(stored), ", ".join(f":{name}" for name in stored)
    put = text(f"INSERT INTO orders ({names}) VALUES ({marks}) RETURNING {', '.join(COLUMNS)}")  # noqa: S608
    made = order_from((await connection.execute(put, stored)).one())
    facts = {"channel": made.channel, "service": made.service, "subject": made.subject, "way": made.way}
    event: dict[str, Any] = {"number": made.number, "act": OrderAct.BEGIN.value}
    event |= {"before": made.state.value, "after": made.state.value, "at": now, "actor": by.actor.value}
    event |= {"actor_id": by.account_id, "reason": "", "sms_due": False}
    await connection.execute(_EVENT, event | {"facts": json.dumps(facts)})
    await audit(connection, made.number, OrderAct.BEGIN, by, now, facts)
    return made
