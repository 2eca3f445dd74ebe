"""From the submitted form to the sealed papers: rendered once, handed out, kept with the seal."""

import asyncio
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from office.messages.telling import ToRegistration, tell
from office.sealed.port import PartnerAnswer
from trading.defaulters import refuse_listed
from trading.registrations import papers, rows
from trading.registrations.application import Step
from trading.registrations.consents import consent_name
from trading.registrations.lots import RegisterableLot, lot_of
from trading.registrations.mine import (
    APPLICATION,
    ConsentMissing,
    Corrected,
    Incomplete,
    Mine,
    NotOpen,
    OwnRegistrations,
    Rendered,
    offered,
    plain_name,
    sealed_name,
)
from trading.registrations.papers import Paper
from trading.registrations.rows import RegistrationFacts, Stale
from trading.registrations.states import RegistrationAct, RegistrationState, WrongState

_S = RegistrationState
_A = RegistrationAct


class Sealing(OwnRegistrations):
    """The papers of one registration."""

    async def submit(self, mine: Mine, *, now: datetime) -> RegistrationState:
        """All is filled in: the partners are asked, or the papers made ready to be sealed.

        Raises Incomplete, Stale, WrongState, NotOpen, OnDefaultersList.
        """
        self._require_open(mine, now)
        async with self._engine.connect() as connection:  # before the papers are typeset
            await refuse_listed(connection, mine.account_id, now)
        if (step := mine.application.next_step()) is not Step.SEAL:
            raise Incomplete(step)
        if mine.application.joint != bool(mine.partners):
            raise Incomplete(Step.JOINT)
        application = replace(mine.application, submitted_at=now)
        kept = {APPLICATION: await self._boxed(mine.registration, application)}
        kept |= await self._papers(replace(mine, application=application), now)
        seen = mine.lot.corrections
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            agreed = await self._agreed_as_rendered(connection, mine)
            act, after = (_A.FINISH, _S.AWAITING_SEAL) if agreed else (_A.ASK_PARTNERS, _S.AWAITING_PARTNERS)
            await rows.change(connection, facts, act, after, now=now, step=Step.SEAL.value, agreed_to=seen)
            await self._sealed.identify(mine.registration, mine.account_id, application.code)
            for name, box in kept.items():
                await rows.keep_box(connection, mine.registration, name, box, now=now)
            await self._note(connection, mine.registration, "registration.submit", facts.version, now)
        return after

    async def to_seal(self, mine: Mine, paper: Paper, *, now: datetime) -> tuple[bytes, Rendered]:
        """The paper as it was submitted, for the seal.

        Raises WrongState, ConsentMissing, NotOpen, Corrected, OnDefaultersList.
        """
        async with self._engine.begin() as connection:
            await refuse_listed(connection, mine.account_id, now)
            facts, lot = await self._to_be_sealed(connection, mine)
            box = await rows.box_of(connection, mine.registration, plain_name(paper))
            names = await rows.box_names(connection, mine.registration)
        if any(consent_name(one.key) not in names for one in mine.partners):
            raise ConsentMissing(facts.state, _A.SEAL)
        if box is None:
            raise WrongState(facts.state, _A.SEAL)
        name = plain_name(paper)
        content = await self._sealed.open(mine.registration, name, box, account_id=mine.account_id)
        return content, Rendered(facts.version, lot.corrections)

    async def keep_sealed(
        self, mine: Mine, paper: Paper, content: bytes, *, now: datetime, rendered: Rendered | None = None
    ) -> RegistrationState:
        """A paper with the registrant's seal. With the last one it is complete but for the money.

        `rendered` is what the paper stood for when it was handed out; without it, that `mine` is.
        Raises WrongState, NotOpen, Stale, Corrected, OnDefaultersList.
        """
        self._require_open(mine, now)
        sealed_as = rendered or Rendered(mine.facts.version, mine.facts.agreed_to)
        box = await self._sealed.seal(mine.registration, sealed_name(paper), content)
        async with self._engine.begin() as connection:
            facts, lot = await self._to_be_sealed(connection, mine)
            if not lot.is_open(now):
                raise NotOpen(lot)
            await refuse_listed(connection, mine.account_id, now)
            if facts.version != sealed_as.version or sealed_as.corrections != facts.agreed_to:
                raise Stale(mine.registration)
            if not await self._sealed.all_accepted(mine.registration):
                raise WrongState(facts.state, _A.SEAL)
            await rows.keep_box(connection, mine.registration, sealed_name(paper), box, now=now)
            names = await rows.box_names(connection, mine.registration)
            if any(consent_name(one.key) not in names for one in mine.partners):
                raise ConsentMissing(facts.state, _A.SEAL)
            if any(sealed_name(each) not in names for each in Paper):
                return facts.state
            after = _S.QUALIFIED if facts.deposit_in or lot.deposit == 0 else _S.AWAITING_DEPOSIT
            await rows.change(
                connection,
                facts,
                _A.SEAL,
                after,
                now=now,
                sealed_at=now,
                agreed_to=lot.corrections,
                step=Step.RECEIPT.value,
            )
            await self._note(connection, mine.registration, "registration.seal", facts.version, now)
            await tell(connection, ToRegistration(mine.registration), "registration.sealed", now=now)
        return after

    async def _papers(self, mine: Mine, now: datetime) -> dict[str, bytes]:
        made = {}
        for paper in Paper:
            pdf = await asyncio.to_thread(
                papers.render,
                paper,
                mine.registration,
                mine.application,
                list(mine.partners),
                offered(mine.lot),
                self._house,
                as_of=now,
            )
            made[plain_name(paper)] = await self._sealed.seal(mine.registration, plain_name(paper), pdf)
        return made

    async def _agreed_as_rendered(self, connection: AsyncConnection, mine: Mine) -> bool:
        """Whether all partners have accepted. Raises Stale when the papers show others, or another lot."""
        lot = await lot_of(connection, mine.lot.lot)
        partners = await self._sealed.partners(mine.registration, mine.account_id)
        as_shown = [(one.login, one.share) for one in mine.partners]
        if lot is None or lot.corrections != mine.lot.corrections:
            raise Stale(mine.registration)
        if [(one.login, one.share) for one in partners] != as_shown:
            raise Stale(mine.registration)
        return all(one.answer is PartnerAnswer.ACCEPTED for one in partners)

    @staticmethod
    async def _to_be_sealed(
        connection: AsyncConnection, mine: Mine
    ) -> tuple[RegistrationFacts, RegisterableLot]:
        """The locked row, and the lot as it is now. Raises WrongState, NotOpen, Corrected."""
        facts = await rows.lock(connection, mine.registration)
        if facts is None or facts.state is not _S.AWAITING_SEAL:
            raise WrongState(_S.FILLING if facts is None else facts.state, _A.SEAL)
        lot = await lot_of(connection, mine.lot.lot)
        if lot is None:
            raise NotOpen(mine.lot)
        if facts.agreed_to != lot.corrections:
            raise Corrected(mine.registration)
        return facts, lot
