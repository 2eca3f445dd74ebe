"""Whether those who stand in an order are who they say: the checks of a channel, asked of a provider.

    identifying = Identifying(engine, marks, provider)
    fault = await identifying.identify(mine, "operator", typed, now=now)  # None: passed, or 0.01 yuan is sent
    fault = await identifying.prove_transfer(mine, "organization", remark, now=now)
    order = await identifying.identified(mine, now=now)  # all have passed: the order goes on

The mechanism is that of market subjects (office/identity_checks.py); which checks there are, and for whom, is
the channel's data. Source: spec/certificates.md, "Steps", identity checks.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.model import Identity
from certificates.catalogue.ordering import passes
from certificates.catalogue.scope import Person
from certificates.orders import fields, reading, representing
from certificates.orders.boxes import OrderBoxes
from certificates.orders.mine import Mine, check_of
from certificates.orders.order import Order, locked
from certificates.orders.performing import NotAllowed, Stale, perform
from certificates.orders.reading import Fault, FieldFaults
from certificates.orders.states import OrderAct, OrderActor, OrderState
from office import identity_checks
from office.identity import PHOTO, Failed, IdentityCheck, IdentityFault, IdentityProvider, asked_of
from office.identity_checks import IdentityOutcome, TooManyChecks
from office.marks import Marks

MOST_IN_A_DAY: Final = 30
"""Checks in all orders of one account or telephone: an order that is cancelled and begun anew has no more."""
MOST_ABOUT: Final = 90
"""About one document number, whoever asks; more, so that one stranger can't use up another's checks."""
_RECENT: Final = text(
    "SELECT count(*) FILTER (WHERE o.account_id = :account OR (:begun <> '' AND o.begun_mark = :begun)),"
    " count(*) FILTER (WHERE :mark <> '' AND o.number_mark = :mark)"
    " FROM identity_checks c JOIN orders o ON o.number = c.number WHERE c.made_at > :since"
    " AND o.changed_at > :since AND (o.account_id = :account OR (:begun <> '' AND o.begun_mark = :begun)"
    " OR (:mark <> '' AND o.number_mark = :mark))"
)
_TOUCH: Final = text("UPDATE orders SET version = version + 1, changed_at = :now WHERE number = :number")


class Identifying:
    """`identify` asks the provider between two transactions; everything else is one."""

    def __init__(self, engine: AsyncEngine, marks: Marks, provider: IdentityProvider) -> None:
        self._engine = engine
        self._marks = marks
        self._provider = provider
        self._boxes = OrderBoxes(marks)

    async def outcomes(self, mine: Mine) -> Mapping[str, IdentityOutcome]:
        """The last check of each row of the catalogue that was begun, by the row's key."""
        async with self._engine.connect() as connection:
            return await _outcomes(connection, mine)

    async def identify(
        self, mine: Mine, person: str, typed: Mapping[str, str], photo: bytes = b"", *, now: datetime
    ) -> IdentityFault | None:
        """Ask the provider about one person. None: passed, or a transfer is on its way.

        Raises NotAllowed, Stale, FieldFaults, TooManyChecks, ProviderAway.
        """
        if mine.order.state is not OrderState.AWAITING_IDENTITY:
            raise NotAllowed(mine.order.state, OrderAct.IDENTIFY, OrderActor.APPLICANT)
        number = mine.order.number
        async with self._engine.begin() as connection:
            if (await locked(connection, number)).version != mine.order.version:
                raise Stale(number)
            identity = await _open_row(connection, mine, person, typed.get(f"check_{person}", ""))
            if identity is None:  # what passed is not asked again, nor replaced by another way
                raise NotAllowed(mine.order.state, OrderAct.IDENTIFY, OrderActor.APPLICANT)
            details = _with_check(identity, mine.details, typed)
            check = check_of(identity, details)
            if check in PHOTO and not photo:
                raise FieldFaults({"photo": Fault.NO_PHOTO})
            await self._require_representative(connection, mine, check, details)
            await self._require_room(connection, mine.order, now)
            asked = await identity_checks.ask(connection, number, person, str(check), now)
            await connection.execute(_TOUCH, {"number": number, "now": now})
        answer = await self._provider.check(asked_of(check, details, photo))
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            stale = order.version != mine.order.version + 1  # changed meanwhile: the answer is not about this
            await identity_checks.answer(connection, self._marks, number, asked, answer, now, stale=stale)
            if not stale:
                await self._boxes.keep_details(connection, number, details, now)
        if stale:
            raise Stale(number)
        return answer.fault if isinstance(answer, Failed) else None

    async def _require_representative(
        self, connection: AsyncConnection, mine: Mine, check: IdentityCheck, details: Mapping[str, str]
    ) -> None:
        """Raises FieldFaults: another person than the certificate's order named."""
        former = await representing.represented(connection, self._boxes, mine.order, check)
        if former is not None and not representing.is_they(details, former):
            raise FieldFaults({f"check_{Person.ORGANIZATION}": Fault.OTHER_REPRESENTATIVE})

    async def _require_room(self, connection: AsyncConnection, order: Order, now: datetime) -> None:
        """For whoever began the order, or whom it is about. Raises TooManyChecks."""
        values = {"account": order.account_id, "begun": order.begun_mark, "mark": order.number_mark}
        found = await connection.execute(_RECENT, {**values, "since": now - timedelta(days=1)})
        own, about = found.one()
        if own >= MOST_IN_A_DAY or about >= MOST_ABOUT:
            raise TooManyChecks(order.number)

    async def prove_transfer(
        self, mine: Mine, person: str, remark: str, *, now: datetime
    ) -> IdentityFault | None:
        """The remark of the 0.01 yuan as it was read in the account. None: right. A wrong one is counted."""
        async with self._engine.begin() as connection:
            order = await locked(connection, mine.order.number)
            if order.state is not OrderState.AWAITING_IDENTITY:
                raise NotAllowed(order.state, OrderAct.IDENTIFY, OrderActor.APPLICANT)
            return await identity_checks.prove_transfer(
                connection, self._marks, order.number, person, remark, now
            )

    async def identified(self, mine: Mine, *, now: datetime) -> Order:
        """All checks have passed: go on. How the PIN comes follows the check that passed. Raises Lacks."""
        pin = mine.rules.pin_of(mine.case)
        changes = {"pin_way": f"{pin.by}:{pin.to}"} if pin is not None else {}
        async with self._engine.begin() as connection:
            return await perform(
                connection,
                mine.order.number,
                OrderAct.IDENTIFY,
                mine.by,
                now=now,
                version=mine.order.version,
                changes=changes,
            )


async def _outcomes(connection: AsyncConnection, mine: Mine) -> dict[str, IdentityOutcome]:
    found = await identity_checks.by_way(connection, mine.order.number)
    last = {}
    for key in [one.key for one in mine.rules.identities_for(mine.case)]:
        theirs = [one for one in found if passes(key, one.person, one.way)]
        if theirs:
            last[key] = theirs[0]
    return last


async def _open_row(connection: AsyncConnection, mine: Mine, person: str, asked: str) -> Identity | None:
    """The row of this person that has not been passed: the one with the check that is asked for, where
    there are several."""
    known = await _outcomes(connection, mine)
    rows = [one for one in mine.rules.identities_for(mine.case) if one.whose == person]
    unpassed = [one for one in rows if one.key not in known or known[one.key].state != "passed"]
    if any(asked in one.checks for one in rows if one not in unpassed):
        return None
    return next((one for one in unpassed if asked in one.checks), next(iter(unpassed), None))


def _with_check(identity: Identity, details: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """The details with the chosen check and what it needs. Raises FieldFaults."""
    chosen = typed.get(f"check_{identity.whose}") or str(check_of(identity, details))
    if chosen not in identity.checks:
        raise FieldFaults({f"check_{identity.whose}": Fault.NOT_A_CHOICE})
    needed = fields.check_fields(frozenset({chosen}))
    given = {one.name: typed.get(one.name, "") or details.get(one.name, "") for one in needed}
    return {**details, **reading.read(needed, given, {}), f"check_{identity.whose}": chosen}
