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

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from office.accounts import Role
from office.audit.trail import record
from office.messages.telling import ToRegistration, tell
from office.sealed.port import Affairs, NotYours, Partner, PartnerAnswer, Sealed, WantedPartner
from trading.confirmations import ASSET_CLASSES
from trading.defaulters import refuse_listed
from trading.registrations import papers, rows
from trading.registrations.application import Application, Attachment, Step, read_application
from trading.registrations.consents import Consent, consent_name, render_consent
from trading.registrations.deciding import Deciding, Money
from trading.registrations.lots import RegisterableLot, lot_of, lots_of
from trading.registrations.papers import House, Offered, Paper
from trading.registrations.rows import RegistrationFacts, Stale
from trading.registrations.states import ENDED, UNSEALED, RegistrationAct, RegistrationState, WrongState

APPLICATION: Final = "application"
MOMENT: Final = "moment"
"""Boxes with the exact time of an act: "moment/registration.seal/7", after the version it was done to."""
_S = RegistrationState
_A = RegistrationAct


class NotOpen(Exception):
    """The lot takes no registrations now."""

    def __init__(self, lot: RegisterableLot) -> None:
        super().__init__(lot.lot)
        self.lot = lot


class UnknownLot(LookupError):
    """There is no such listing."""


class OwnLot(Exception):
    """Who sells does not bid."""


class JoinedElsewhere(Exception):
    """The person takes part in this lot as somebody's partner, or the other way round."""


class JoinedAnother(JoinedElsewhere):
    """The person has accepted another group on this lot."""


class ConsentMissing(WrongState):
    """A partner has not sealed a consent yet: asked before partners sealed, or again since."""


class Corrected(Exception):
    """The announcement was corrected after the papers were made."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a paper stood for when it was handed out: the registration's version, the last correction."""

    version: int
    corrections: int


class Incomplete(Exception):
    """Something is not filled in yet; `step` is where."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A registration as the registrant or a partner sees it."""

    facts: RegistrationFacts
    account_id: int
    owner: bool
    lot: RegisterableLot
    application: Application
    partners: Sequence[Partner]
    sealed: frozenset[Paper]
    """Papers that carry the registrant's seal."""

    @property
    def registration(self) -> str:
        return self.facts.registration

    @property
    def state(self) -> RegistrationState:
        return self.facts.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """What one person takes part in, with the rows that everybody may have."""

    affairs: Affairs
    registrations: Sequence[tuple[RegistrationFacts, RegisterableLot]]


class Registrations(Deciding):
    """`money` None: for those who only read."""

    def __init__(
        self, engine: AsyncEngine, sealed: Sealed, money: Money | None = None, house: House | None = None
    ) -> None:
        super().__init__(engine, sealed, money)
        self._house = house or House(name="")

    # ── the registrant's ──

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

    async def of(self, registration: str, account_id: int) -> Mine:
        """Raises NotYours for everybody but the registrant and the partners."""
        lot = await self._sealed.lot_of(registration, account_id)
        owner = await self._sealed.owner_of(registration, account_id)
        partners = await self._sealed.partners(registration, account_id)
        async with self._engine.connect() as connection:
            facts = await rows.read(connection, registration)
            found = await lot_of(connection, lot)
            box = await rows.box_of(connection, registration, APPLICATION)
            names = await rows.box_names(connection, registration)
        if facts is None or found is None or box is None:
            raise NotYours(registration)
        data = await self._sealed.open(registration, APPLICATION, box, account_id=account_id)
        return Mine(
            facts=facts,
            account_id=account_id,
            owner=owner,
            lot=found,
            application=read_application(data),
            partners=partners,
            sealed=frozenset(paper for paper in Paper if sealed_name(paper) in names),
        )

    async def save(self, mine: Mine, application: Application, step: Step, *, now: datetime) -> None:
        """Keep what was filled in. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        box = await self._boxed(mine.registration, application)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=step.value)
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

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

    async def attach(self, mine: Mine, attachment: Attachment, content: bytes, *, now: datetime) -> None:
        """One more attachment. Raises ValueError when there are too many; Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        name = attachment_name(attachment.id)
        changed = mine.application.with_attachment(attachment)
        kept = await self._sealed.seal(mine.registration, name, content)
        box = await self._boxed(mine.registration, changed)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=Step.ATTACHMENTS.value)
            await rows.keep_box(connection, mine.registration, name, kept, now=now)
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

    async def detach(self, mine: Mine, which: str, *, now: datetime) -> None:
        """Without this attachment. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        box = await self._boxed(mine.registration, mine.application.without_attachment(which))
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=Step.ATTACHMENTS.value)
            await rows.drop_boxes(connection, mine.registration, [attachment_name(which)])
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

    async def content(self, mine: Mine, name: str) -> bytes | None:
        """What lies in one of the registration's boxes; None: there is no such."""
        async with self._engine.connect() as connection:
            box = await rows.box_of(connection, mine.registration, name)
        if box is None:
            return None
        return await self._sealed.open(mine.registration, name, box, account_id=mine.account_id)

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

    async def change(self, mine: Mine, *, now: datetime) -> None:
        """Back to the forms; what was sealed is thrown away. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.CHANGE, _S.FILLING, now=now)
            gone = [name(paper) for paper in Paper for name in (plain_name, sealed_name)]
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
        applicant, offered = mine.application.name, _offered(mine.lot)
        content = await asyncio.to_thread(
            render_consent, mine.registration, applicant, own, offered, self._house, as_of=now
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

    # ── inside ──

    async def _note(
        self, connection: AsyncConnection, registration: str, act: str, version: int, now: datetime
    ) -> None:
        """An entry of the audit log with the day, and a box with the moment."""
        role, name = Role.BIDDER, f"{MOMENT}/{act}/{version}"
        box = await self._sealed.seal(registration, name, now.isoformat().encode())
        await rows.keep_box(connection, registration, name, box, now=now)
        await record(connection, at=now, actor=registration, role=role, act=act, subject=registration)

    async def _papers(self, mine: Mine, now: datetime) -> dict[str, bytes]:
        offered, made = _offered(mine.lot), {}
        for paper in Paper:
            pdf = await asyncio.to_thread(
                papers.render,
                paper,
                mine.registration,
                mine.application,
                list(mine.partners),
                offered,
                self._house,
                as_of=now,
            )
            made[plain_name(paper)] = await self._sealed.seal(mine.registration, plain_name(paper), pdf)
        return made

    async def _boxed(self, registration: str, application: Application) -> bytes:
        return await self._sealed.seal(registration, APPLICATION, application.as_bytes())

    async def _facts(self, registration: str) -> RegistrationFacts | None:
        async with self._engine.connect() as connection:
            return await rows.read(connection, registration)

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

    @staticmethod
    async def _locked(connection: AsyncConnection, mine: Mine) -> RegistrationFacts:
        """The row as the page saw it. Raises Stale; NotYours for who is not the registrant."""
        if not mine.owner:
            raise NotYours(mine.registration)
        facts = await rows.lock(connection, mine.registration)
        if facts is None or facts.version != mine.facts.version:
            raise Stale(mine.registration)
        return facts

    @staticmethod
    def _require_open(mine: Mine, now: datetime) -> None:
        if not mine.lot.is_open(now):
            raise NotOpen(mine.lot)


def _own_partner(mine: Mine) -> Partner:
    """Raises NotYours for who is no partner."""
    own = next((one for one in mine.partners if one.own), None)
    if own is None or mine.owner:
        raise NotYours(mine.registration)
    return own


def _offered(lot: RegisterableLot) -> Offered:
    return Offered(
        lot=lot.lot,
        title=lot.title,
        asset_class=ASSET_CLASSES[AssetClass(lot.asset_class)],
        transferor=lot.transferor,
        starting_price=lot.starting_price,
        deposit=lot.deposit,
    )


def plain_name(paper: Paper) -> str:
    return f"{paper.value}.pdf"


def sealed_name(paper: Paper) -> str:
    return f"{paper.value}.sealed.pdf"


def attachment_name(which: str) -> str:
    return f"attachment/{which}"
