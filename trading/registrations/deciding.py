"""What the lifecycle and the money ask of registrations, and tell them. No person is known here.

ranks = await deciding.qualified(lot)
await deciding.on_deposit_changed(registration, enough, now=now)
await deciding.invalidate_for_correction(lot, number, now=now)
await deciding.lapse(lot, now=now)
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.clock import utc_now
from office.messages.telling import ToRegistration, tell
from office.sealed.port import NotYours, Sealed
from trading.defaulters import OnDefaultersList, refuse_listed
from trading.registrations import priority, rows
from trading.registrations.lots import BEFORE_DECISION, RegisterableLot, lot_of
from trading.registrations.rows import RegistrationFacts
from trading.registrations.states import ENDED, RegistrationAct, RegistrationState

log = structlog.get_logger(__name__)

LISTED: Final = "defaulter"
"""Why a registration was rejected, as a word of the pages."""
_S = RegistrationState
_A = RegistrationAct


class Money(Protocol):
    """What registrations ask of the deposits (trading.deposits.Deposits)."""

    async def open_sub_account(
        self,
        registration: str,
        bank: str,
        due: Fen,
        payer_name: str,
        deadline: datetime | None,
        *,
        now: datetime,
    ) -> str: ...

    async def release(self, registrations: Iterable[str], *, now: datetime) -> int: ...


class Deciding:
    """Every method may be repeated after a kill."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed, money: Money | None = None) -> None:
        self._engine = engine
        self._sealed = sealed
        self._money = money

    async def qualified(self, lot: str) -> Mapping[str, int]:
        """{paddle: rank} of those whose form is complete and whose deposit is in; gives paddles that lack."""
        everyone = await self._sealed.of_lot(lot)
        async with self._engine.connect() as connection:
            found = await lot_of(connection, lot)
            facts = await rows.states(connection, everyone)
        if found is None:
            return await self._sealed.qualified(lot)
        counting = [one for one in everyone if _counts(facts.get(one), found)]
        rank_of = await self._ranks(lot, counting)
        return await self._sealed.qualify(lot, {one: rank_of.get(one, 0) for one in counting})

    async def _ranks(self, lot: str, counting: Sequence[str]) -> dict[str, int]:
        """{registration: rank} of holders of a priority right. A right that several claim is nobody's."""
        async with self._engine.connect() as connection:
            confirmed = await priority.confirmed_of(connection, lot)
        if not confirmed or not counting:
            return {}
        names = {code: holder.name for code, holder in confirmed.items()}
        matched = await self._sealed.match(lot, names, counting)
        if any(len(registrations) > 1 for registrations in matched.values()):
            log.error("priority_claimed_twice", lot=lot)
            async with self._engine.begin() as connection:
                await priority.alarm(connection, lot, now=utc_now())
        return {one[0]: confirmed[code].rank for code, one in matched.items() if len(one) == 1}

    async def on_deposit_changed(self, registration: str, enough: bool, *, now: datetime) -> None:
        """Whether the deposit is in, as the money says.

        It changes no state of an ended registration, nor once the lot is decided: money that goes back to
        who did not win takes nobody off a list any more. Who is on the list of defaulters by the time the
        deposit is in has registered in vain: it goes back.
        """
        try:
            lot = await self._sealed.lot_for_steward(registration)
            account = await self._sealed.account_for_delivery(registration)
        except NotYours:
            return
        async with self._engine.begin() as connection:
            found = await lot_of(connection, lot)
            open_still = found is not None and found.state in BEFORE_DECISION
            facts = await rows.lock(connection, registration)
            if facts is None or facts.deposit_in == enough or facts.state is _S.REJECTED:
                return
            counts = enough and open_still and facts.state is _S.AWAITING_DEPOSIT
            if counts and await self._reject_listed(connection, facts, account, now):
                return
            act = _A.DEPOSIT_IN if enough else _A.DEPOSIT_LACKING
            step = {_S.AWAITING_DEPOSIT: _S.QUALIFIED, _S.QUALIFIED: _S.AWAITING_DEPOSIT}
            if open_still and (facts.state is _S.AWAITING_DEPOSIT) == enough and facts.state in step:
                await rows.change(connection, facts, act, step[facts.state], now=now, deposit_in=enough)
                kind = "registration.qualified" if enough else "registration.deposit_lacking"
                await tell(connection, ToRegistration(registration), kind, now=now)
            else:
                await rows.note_deposit(connection, registration, enough)
        if open_still:
            await self._list_if_qualified(registration)

    async def _reject_listed(
        self, connection: AsyncConnection, facts: RegistrationFacts, account: int, now: datetime
    ) -> bool:
        """Whether the registrant is on the list of defaulters; then the registration ends. The money is told
        later: now its row is held by who tells us (`give_back`)."""
        try:
            await refuse_listed(connection, account, now)
        except OnDefaultersList:
            await rows.change(
                connection, facts, _A.REJECT, _S.REJECTED, now=now, reason=LISTED, deposit_in=True
            )
            await tell(connection, ToRegistration(facts.registration), "registration.rejected", now=now)
            return True
        return False

    async def give_back(self, *, now: datetime) -> int:
        """Deposits of the rejected go back. How many."""
        async with self._engine.connect() as connection:
            found = await rows.rejected_with_deposit(connection)
        for registration in found:
            await self._leave(registration, now)
            async with self._engine.begin() as connection:
                await rows.note_deposit(connection, registration, enough=False)
        return len(found)

    async def _list_if_qualified(self, registration: str) -> None:
        """A paddle at once, for the bidder's eyes; `qualified` looks at everybody again."""
        async with self._engine.connect() as connection:
            facts = await rows.read(connection, registration)
        if facts is None or facts.state is not _S.QUALIFIED:
            await self._sealed.take_paddle(registration)
            return
        lot = await self._sealed.lot_for_steward(registration)
        everyone = await self._sealed.of_lot(lot)
        async with self._engine.connect() as connection:
            found = await lot_of(connection, lot)
            all_facts = await rows.states(connection, everyone)
        counting = [one for one in everyone if found is not None and _counts(all_facts.get(one), found)]
        rank_of = await self._ranks(lot, counting)
        await self._sealed.give_paddle(registration, rank_of.get(registration, 0))

    async def invalidate_for_correction(self, lot: str, number: int, *, now: datetime) -> int:
        """The n-th correction is out: who agreed to an earlier text has to agree again. Returns how many."""
        count = 0
        for registration in await self._sealed.of_lot(lot):
            async with self._engine.begin() as connection:
                facts = await rows.lock(connection, registration)
                if facts is None or facts.agreed_to >= number or facts.sealed_at is None:
                    continue
                if facts.state not in (_S.AWAITING_DEPOSIT, _S.QUALIFIED):
                    continue
                await rows.change(connection, facts, _A.INVALIDATE, _S.INVALIDATED, now=now)
                await tell(connection, ToRegistration(registration), "registration.invalidated", now=now)
                count += 1
        return count

    async def lapse(self, lot: str, *, now: datetime) -> int:
        """The lot is decided: what is not qualified ends, and its deposit goes back. Returns how many."""
        ended = []
        for registration in await self._sealed.of_lot(lot):
            async with self._engine.begin() as connection:
                facts = await rows.lock(connection, registration)
                if facts is None or facts.state is _S.QUALIFIED or facts.state in ENDED:
                    continue
                await rows.change(connection, facts, _A.LAPSE, _S.NOT_CONCLUDED, now=now)
                ended.append(registration)
        for registration in ended:
            await self._leave(registration, now)
        return len(ended)

    # ── inside ──

    async def _leave(self, registration: str, now: datetime) -> None:
        await self._sealed.take_paddle(registration)
        if self._money is not None:
            await self._money.release([registration], now=now)


def _counts(facts: RegistrationFacts | None, lot: RegisterableLot) -> bool:
    """Complete, paid, and agreed to the announcement as it is now."""
    return facts is not None and facts.state is _S.QUALIFIED and facts.agreed_to >= lot.corrections
