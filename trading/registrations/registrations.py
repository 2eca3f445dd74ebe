"""Registrations: who asks to bid, step by step, until the paddle. The rows know pseudonyms only.

registrations = Registrations(engine, sealed)
registration = await registrations.begin(account_id, lot, now=now)
ranks = await registrations.qualified(lot)          # {paddle: rank}, for the end of the announcement
await registrations.on_deposit_changed(registration, enough, now=now)      # called by the money
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from office.sealed.port import Sealed
from trading.registrations import rows
from trading.registrations.states import RegistrationAct, RegistrationState


class Registrations:
    """Every method is one transaction of its own, and may be repeated."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed

    # for the lifecycle and the money

    async def qualified(self, lot: str) -> Mapping[str, int]:
        """{paddle: rank} of those whose form is complete and whose deposit is in; gives paddles that lack."""
        everyone = await self._sealed.of_lot(lot)
        complete = await self._in_state(everyone, RegistrationState.QUALIFIED)
        ranks = await self._ranks(lot)
        for registration in everyone:
            if registration in complete:
                await self._sealed.give_paddle(registration, ranks.get(registration, 0))
            else:
                await self._sealed.take_paddle(registration)
        return await self._sealed.qualified(lot)

    async def on_deposit_changed(self, registration: str, enough: bool, *, now: datetime) -> None:
        """The money says whether the deposit is in. What it says of an ended registration changes nothing."""
        async with self._engine.begin() as connection:
            facts = await rows.lock(connection, registration)
            if facts is None or facts.deposit_in == enough:
                return
            act = RegistrationAct.DEPOSIT_IN if enough else RegistrationAct.DEPOSIT_LACKING
            step = {
                RegistrationState.AWAITING_DEPOSIT: RegistrationState.QUALIFIED,
                RegistrationState.QUALIFIED: RegistrationState.AWAITING_DEPOSIT,
            }
            if (facts.state is RegistrationState.AWAITING_DEPOSIT) == enough and facts.state in step:
                await rows.change(connection, facts, act, step[facts.state], now=now, deposit_in=enough)
            else:
                await rows.note_deposit(connection, registration, enough)

    async def _in_state(self, registrations: list[str], state: RegistrationState) -> set[str]:
        found = select(rows.rows.registration).where(
            rows.rows.registration.in_(registrations), rows.rows.state == state.value
        )
        async with self._engine.connect() as connection:
            return set((await connection.execute(found)).scalars())

    async def _ranks(self, lot: str) -> Mapping[str, int]:
        return {}
