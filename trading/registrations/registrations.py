"""Registrations: who asks to bid, step by step, until the paddle. The rows know pseudonyms only.

    registrations = Registrations(engine, sealed, money, house)
    registration = await registrations.begin(account_id, name, lot, now=now)
    mine = await registrations.of(registration, account_id)
    await registrations.save(mine, replace(mine.application, …), Step.FORM, now=now)
    await registrations.submit(mine, now=now)              # papers, then the seal
    ranks = await registrations.qualified(lot)          # {paddle: rank}, for the end of the announcement
    await registrations.on_deposit_changed(registration, enough, now=now)      # called by the money

Every method is one transaction of its own and may be repeated. What the sealed process has to say is asked
before the transaction begins, so that no lock waits for it; except who joins, and who is identified by which
code: these have to be true of the very row that is locked.
"""

from datetime import datetime

from trading.defaulters import refuse_listed
from trading.registrations import rows
from trading.registrations.application import Application
from trading.registrations.filling import Filling
from trading.registrations.joining import Joining
from trading.registrations.lots import lot_of, lots_of
from trading.registrations.mine import (
    APPLICATION,
    MOMENT,
    Everything,
    JoinedElsewhere,
    Mine,
    NotOpen,
    OwnLot,
    UnknownLot,
)
from trading.registrations.sealing import Sealing
from trading.registrations.states import ENDED, UNSEALED, RegistrationAct, RegistrationState

_S = RegistrationState
_A = RegistrationAct


class Registrations(Filling, Joining, Sealing):
    """All acts of registrants; `money` None: for those who only read."""

    async def begin(self, account_id: int, name: str, lot: str, *, now: datetime) -> str:
        """The person's registration for the lot: the one that lives, or a new one.

        Raises UnknownLot, NotOpen, JoinedElsewhere, OnDefaultersList.
        """
        async with self._engine.connect() as connection:
            found = await lot_of(connection, lot)
        if found is None:
            raise UnknownLot(lot)
        earlier = await self._sealed.registration_of(account_id, lot)
        known = None if earlier is None else await self._facts(earlier)
        if known is not None and known.state not in ENDED:
            return known.registration
        if not found.is_open(now):
            raise NotOpen(found)
        if found.transferor_id == account_id:
            raise OwnLot(lot)
        async with self._engine.begin() as connection:
            await refuse_listed(connection, account_id, now)
            await rows.lock_person(connection, account_id)
            if await self._has_joined(account_id, lot):
                raise JoinedElsewhere(lot)
            if known is not None:  # without facts it was killed between its link and its row: both go on
                await self._sealed.retire(known.registration)
            registration = await self._sealed.register(account_id, lot)
            box = await self._boxed(registration, Application(name=name))
            await rows.make(connection, registration, now=now)
            await rows.keep_new_box(connection, registration, APPLICATION, box, now=now)
            await self._note(connection, registration, "registration.begin", 0, now)
        return registration

    async def sub_account(self, mine: Mine, *, now: datetime) -> str | None:
        """The number to pay the deposit into; opened at the first asking after the seal.

        None: nothing is to be paid yet, or its deadline was over by then.
        """
        if mine.state in UNSEALED or mine.lot.deposit == 0:
            return None
        known = await self._sealed.sub_account_of(mine.registration)
        due, name, deadline = mine.lot.deposit, mine.application.name, mine.lot.deposit_ends
        late = deadline is not None and now > deadline
        if late or self._money is None or not mine.lot.is_open(now):
            return known
        return await self._money.open_sub_account(
            mine.registration, mine.application.bank, due, name, deadline, now=now
        )

    async def withdraw(self, mine: Mine, *, now: datetime) -> None:
        """Before the end of registration. The paddle goes off the list, the deposit back.

        Raises Stale, WrongState, NotOpen.
        """
        self._require_open(mine, now)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.WITHDRAW, _S.WITHDRAWN, now=now)
            await self._note(connection, mine.registration, "registration.withdraw", facts.version, now)
        await self._leave(mine.registration, now)

    async def confirm_again(self, mine: Mine, *, now: datetime) -> RegistrationState:
        """The registrant keeps to it after a correction.

        Raises Stale, WrongState, NotOpen, OnDefaultersList.
        """
        self._require_open(mine, now)
        async with self._engine.begin() as connection:
            await refuse_listed(connection, mine.account_id, now)
            facts = await self._locked(connection, mine)
            complete = facts.deposit_in or mine.lot.deposit == 0
            after = _S.QUALIFIED if complete else _S.AWAITING_DEPOSIT
            seen = mine.lot.corrections
            await rows.change(connection, facts, _A.CONFIRM_AGAIN, after, now=now, agreed_to=seen)
            await self._note(connection, mine.registration, "registration.confirm_again", facts.version, now)
        return after

    async def everything_of(self, account_id: int, skip: int = 0) -> Everything:
        """All that one person takes part in: one call of the sealed process, one query for each table.

        The newest registrations first, at most MOST_REGISTRATIONS of them after `skip`.
        """
        affairs = await self._sealed.affairs_of(account_id, skip)
        async with self._engine.connect() as connection:
            facts = await rows.states(connection, [one.registration for one in affairs.registrations])
            lots = await lots_of(connection, {one.lot for one in affairs.registrations})
        shown = [
            (facts[one.registration], lots[one.lot])
            for one in affairs.registrations
            if one.registration in facts and one.lot in lots
        ]
        return Everything(affairs=affairs, registrations=shown)

    async def moments_of(self, mine: Mine) -> list[tuple[str, datetime]]:
        """The registrant's acts with their exact times, in order: for the registrant's own eyes."""
        async with self._engine.connect() as connection:
            found = await rows.boxes_called(connection, mine.registration, f"{MOMENT}/")
        told = []
        for name, box in found.items():
            data = await self._sealed.open(mine.registration, name, box, account_id=mine.account_id)
            _, act, version = name.split("/")
            told.append((datetime.fromisoformat(data.decode()), int(version), act))
        return [(act, at) for at, _, act in sorted(told)]
