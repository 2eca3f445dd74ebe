"""Who buys together: whom the registrant asks, what a partner seals and answers. Nobody is in two groups."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from office.messages.telling import ToRegistration, tell
from office.sealed.port import NotYours, Partner, PartnerAnswer, WantedPartner
from trading.defaulters import refuse_listed
from trading.registrations import rows
from trading.registrations.application import Step
from trading.registrations.consents import Consent, consent_name, render_consent
from trading.registrations.mine import (
    APPLICATION,
    JoinedAnother,
    JoinedElsewhere,
    Mine,
    OwnRegistrations,
    offered,
)
from trading.registrations.rows import Stale
from trading.registrations.states import ENDED, UNSEALED, RegistrationAct, RegistrationState, WrongState

_S = RegistrationState
_A = RegistrationAct


class Joining(OwnRegistrations):
    """For the registrant, and for partners."""

    async def set_partners(self, mine: Mine, wanted: Sequence[WantedPartner], *, now: datetime) -> None:
        """Whom to buy with; nobody: alone. Raises ListFaults, Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        box = await self._boxed(mine.registration, replace(mine.application, joint=bool(wanted)))
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=Step.JOINT.value)
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)
            partners = await self._sealed.set_partners(mine.registration, mine.account_id, wanted)
            standing = {consent_name(one.key) for one in partners}
            known = await rows.box_names(connection, mine.registration)
            gone = [name for name in known if name.startswith("consent/") and name not in standing]
            await rows.drop_boxes(connection, mine.registration, gone)

    async def consent_to_seal(self, mine: Mine, *, now: datetime) -> Consent:
        """What a partner seals to join, before the seal.

        Raises NotYours, WrongState, NotOpen, JoinedElsewhere, OnDefaultersList: before anybody enters a PIN.
        """
        own = _own_partner(mine)
        self._require_open(mine, now)
        if mine.state not in UNSEALED:
            raise WrongState(mine.state, _A.FINISH)
        async with self._engine.connect() as connection:
            await refuse_listed(connection, mine.account_id, now)
        await self._require_free(mine.account_id, mine.lot.lot, mine.registration)
        applicant, lot = mine.application.name, offered(mine.lot)
        content = await asyncio.to_thread(
            render_consent, mine.registration, applicant, own, lot, self._house, as_of=now
        )
        return Consent(own.key, content)

    async def consent_of(self, mine: Mine, key: str) -> bytes | None:
        """What a partner sealed, for the registrant and that partner. None: nothing, or another's."""
        if not any(one.key == key and (mine.owner or one.own) for one in mine.partners):
            return None
        return await self.content(mine, consent_name(key))

    async def answer(
        self, registration: str, account_id: int, consent: Consent | None, *, now: datetime
    ) -> None:
        """A partner joins, with what they sealed; None: they do not, whatever they answered before.

        Until the registrant's seal a no holds it up. Raises NotYours, WrongState, NotOpen, JoinedElsewhere,
        OnDefaultersList, Stale (what was sealed is of another share).
        """
        mine, accepted = await self.of(registration, account_id), consent is not None
        own = _own_partner(mine)
        self._require_open(mine, now)
        name = consent_name(own.key)
        box = b"" if consent is None else await self._sealed.seal(registration, name, consent.content)
        async with self._engine.begin() as connection:
            await rows.lock_person(connection, account_id)
            facts = await rows.lock(connection, registration)
            if facts is None or facts.state not in UNSEALED:
                raise WrongState(mine.state if facts is None else facts.state, _A.FINISH)
            if accepted:
                await refuse_listed(connection, account_id, now)
                await self._require_free(account_id, mine.lot.lot, registration)
            await self._keep_consent(connection, mine, consent, box, now)
            everybody = await self._sealed.answer(registration, account_id, accepted)
            if everybody and facts.state is _S.AWAITING_PARTNERS:
                await rows.change(connection, facts, _A.FINISH, _S.AWAITING_SEAL, now=now)
            elif not everybody and facts.state is _S.AWAITING_SEAL:
                await rows.change(connection, facts, _A.ASK_PARTNERS, _S.AWAITING_PARTNERS, now=now)
            kind = "registration.partner_accepted" if accepted else "registration.partner_declined"
            await tell(connection, ToRegistration(registration), kind, now=now)

    async def _keep_consent(
        self, connection: AsyncConnection, mine: Mine, consent: Consent | None, box: bytes, now: datetime
    ) -> None:
        """In the transaction in which the answer is kept. Raises Stale."""
        known = _own_partner(mine)
        partners = await self._sealed.partners(mine.registration, mine.account_id)
        standing = next((one for one in partners if one.own), None)
        if standing is None or (consent is not None and consent.key != standing.key):
            raise Stale(mine.registration)
        if consent is None:
            await rows.drop_boxes(connection, mine.registration, [consent_name(known.key)])
        else:
            await rows.keep_box(connection, mine.registration, consent_name(consent.key), box, now=now)

    async def _has_joined(self, account_id: int, lot: str, *, but: str = "") -> bool:
        """Whether the person takes part in somebody's registration that lives; `but` is not asked."""
        joined = [
            one.registration
            for one in await self._sealed.invitations(account_id)
            if one.lot == lot and one.answer is PartnerAnswer.ACCEPTED and one.registration != but
        ]
        async with self._engine.connect() as connection:
            known = await rows.states(connection, joined)
        return any(one.state not in ENDED for one in known.values())

    async def _require_free(self, account_id: int, lot: str, registration: str) -> None:
        """Raises JoinedElsewhere."""
        own = await self._sealed.registration_of(account_id, lot)
        known = None if own is None else await self._facts(own)
        if known is not None and known.state not in ENDED:
            raise JoinedElsewhere(lot)
        if await self._has_joined(account_id, lot, but=registration):
            raise JoinedAnother(lot)


def _own_partner(mine: Mine) -> Partner:
    """Raises NotYours for who is no partner."""
    own = next((one for one in mine.partners if one.own), None)
    if own is None or mine.owner:
        raise NotYours(mine.registration)
    return own
