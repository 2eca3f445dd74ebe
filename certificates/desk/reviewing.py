"""A clerk's work on an order: taking it, looking, a verdict on each item, and what becomes of the order.

    review = Reviewing(engine)
    await review.take(number, clerk, now=now)
    await review.decide(number, clerk, verdicts, Decision.RETURN, words, version=version, now=now)

States are changed by orders.performing alone; verdicts, look and act are one transaction.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.desk import stock
from certificates.desk import verdicts as kept
from certificates.desk.stock import StockAct
from certificates.desk.verdicts import Verdict
from certificates.orders import materials
from certificates.orders.order import Order, locked
from certificates.orders.performing import By, Lacks, NotAllowed, Stale, perform
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.table import AT_REVIEW, Need
from certificates.payments import receipts
from office.accounts import Role
from office.audit import trail

LONGEST: Final = 500
HELD_IN: Final = AT_REVIEW | {OrderState.AWAITING_PAPER}
"""Where an order is held by who works on it."""


class Decision(StrEnum):
    KEEP = "keep"
    """The verdicts so far are kept; the review goes on."""
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"


_ACTS: Final[Mapping[Decision, OrderAct]] = {
    Decision.APPROVE: OrderAct.APPROVE,
    Decision.RETURN: OrderAct.RETURN,
    Decision.REJECT: OrderAct.REJECT,
}


class Undecided(Exception):
    """Approved with an item that is refused or not looked at, or returned with none that is refused."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision)
        self.decision = decision


class TooLong(Exception):
    """The reasons together are longer than an order keeps."""


def holds(order: Order, clerk: int, now: datetime) -> bool:
    """Whether this clerk works on it now: only they see what was uploaded, and numbers in full."""
    return order.worked_by == clerk and order.worked_by_another(None, now)


class Reviewing:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def take(self, number: str, clerk: int, *, now: datetime) -> Order:
        """Raises UnknownOrder, NotAllowed, Lacks(FREE)."""
        return await self._act(number, OrderAct.TAKE, clerk, now)

    async def put_back(self, number: str, clerk: int, *, now: datetime) -> Order:
        return await self._act(number, OrderAct.PUT_BACK, clerk, now)

    async def reverse(self, number: str, clerk: int, reason: str, version: int, *, now: datetime) -> Order:
        """An approval by mistake goes back to review. Raises Lacks(REASON), Stale, NotAllowed."""
        async with self._engine.begin() as connection:
            done = await perform(
                connection,
                number,
                OrderAct.REVERSE,
                By.clerk(clerk),
                now=now,
                reason=reason,
                version=version,
            )
            if serial := await stock.assigned_to(connection, number):
                await stock.move(connection, serial, StockAct.RELEASE, clerk, now=now)
            return done

    async def reject(self, number: str, clerk: int, reason: str, version: int, *, now: datetime) -> Order:
        """An order outside of the review ends: paper never comes, or who has paid does not go on. Raises
        Lacks(REASON, FREE or MONEY), Stale, NotAllowed."""
        async with self._engine.begin() as connection:
            return await perform(
                connection,
                number,
                OrderAct.REJECT,
                By.clerk(clerk),
                now=now,
                reason=reason,
                version=version,
            )

    async def unreject(self, number: str, clerk: int, reason: str, version: int, *, now: datetime) -> Order:
        """不予办理 by mistake: the order is where it was, and its money is looked at again. Raises
        Lacks(REASON, UNREFUNDED, CERTIFICATE), Stale, NotAllowed."""
        async with self._engine.begin() as connection:
            done = await perform(
                connection,
                number,
                OrderAct.REVERSE_REJECTION,
                By.clerk(clerk),
                now=now,
                reason=reason,
                version=version,
            )
            await receipts.reopen(connection, number, now)
            return done

    async def _act(self, number: str, act: OrderAct, clerk: int, now: datetime) -> Order:
        async with self._engine.begin() as connection:
            return await perform(connection, number, act, By.clerk(clerk), now=now)

    async def decide(
        self,
        number: str,
        clerk: int,
        verdicts: Sequence[Verdict],
        decision: Decision,
        words: str,
        *,
        expected: frozenset[str],
        named: Mapping[str, str],
        version: int,
        now: datetime,
    ) -> Order:
        """Keep the verdicts, and approve, return or reject.

        `expected`: the items that an approval has to have looked at. `named`: what each is called, for the
        reason that the applicant reads. `words`: besides; a rejection's whole reason.
        Raises Undecided (what was said of single items is kept), TooLong, NoSuchFile, UnknownOrder,
        NotAllowed, Stale, Lacks.
        """
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            require_held(order, clerk, now)
            if order.version != version:
                raise Stale(number)
            await kept.keep(connection, number, verdicts, by=clerk, now=now)
            if decision is Decision.KEEP:
                return order
            standing = await kept.of(connection, number, by=whose_verdicts(order, clerk))
            refused = [
                standing[item] for item in sorted(expected & standing.keys()) if standing[item].refused
            ]
            if consistent(decision, refused, expected - standing.keys()):
                reason = _reason(decision, refused, named, words)
                act, facts = _ACTS[decision], {"refused": [one.item.partition(":")[0] for one in refused]}
                by = By.clerk(clerk)
                return await perform(
                    connection, number, act, by, now=now, reason=reason, facts=facts, version=version
                )
        raise Undecided(decision)

    async def look(
        self, number: str, file: str, clerk: int, *, now: datetime
    ) -> materials.MaterialFile | None:
        """An uploaded file is looked at: by who holds the order, and the audit log says so.

        None: no such file. Raises UnknownOrder, Lacks(TAKEN).
        """
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            require_held(order, clerk, now)
            found = {one.id: one for one in await materials.of(connection, number, replaced=True)}
            if file in found:
                facts = {"file": file, "kind": found[file].kind}
                await _audit(connection, clerk, "order_file", number, facts, now)
            return found.get(file)

    async def look_at_details(self, number: str, clerk: int, *, now: datetime) -> None:
        """The numbers of persons are shown in full. Raises UnknownOrder, Lacks(TAKEN)."""
        async with self._engine.begin() as connection:
            require_held(await locked(connection, number), clerk, now)
            await _audit(connection, clerk, "order_details", number, {}, now)


def require_held(order: Order, clerk: int, now: datetime) -> None:
    """Raises NotAllowed where nothing is reviewed, Lacks(TAKEN) for everybody but who works on it."""
    if order.state not in HELD_IN:
        raise NotAllowed(order.state, OrderAct.TAKE, OrderActor.CLERK)
    if not holds(order, clerk, now):
        raise Lacks(Need.TAKEN)


def whose_verdicts(order: Order, clerk: int) -> int | None:
    """Whose verdicts count for this clerk's decision. None: everybody's, who worked on it before included.

    Two pairs of eyes see each item for themselves: who confirms says of every one, and nothing is filled in.
    """
    return clerk if order.state is OrderState.SECOND_REVIEW else None


async def _audit(
    connection: AsyncConnection,
    clerk: int,
    what: str,
    number: str,
    facts: Mapping[str, object],
    now: datetime,
) -> None:
    actor, role = trail.account(clerk), Role.CLERK.value
    await trail.look(connection, at=now, actor=actor, role=role, what=what, subject=number, facts=facts)


def consistent(decision: Decision, refused: Sequence[Verdict], open_items: Set[str]) -> bool:
    """An approval has looked at everything and refuses nothing; what is returned has something refused."""
    if decision is Decision.APPROVE:
        return not refused and not open_items
    return decision is not Decision.RETURN or bool(refused)


def _reason(decision: Decision, refused: Sequence[Verdict], named: Mapping[str, str], words: str) -> str:
    """What the applicant reads: each refused item with its reason, then what the clerk added."""
    words = words.strip()
    if decision is not Decision.RETURN:
        return words
    parts = [f"{named.get(one.item, one.item)}：{one.reason}" for one in refused]
    reason = "；".join([*parts, *([words] if words else [])])
    if len(reason) >= LONGEST:
        raise TooLong(str(len(reason)))
    return reason if reason.endswith(("。", "！", "？")) else f"{reason}。"
