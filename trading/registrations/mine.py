"""A registration in its registrant's hands: what it is, why an act is refused, what all acts share.

The acts themselves: filling.py, joining.py, sealing.py, registrations.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from office.accounts import Role
from office.audit.trail import record
from office.sealed.port import Affairs, NotYours, Partner, Sealed
from trading.confirmations import ASSET_CLASSES
from trading.registrations import rows
from trading.registrations.application import Application, Step, read_application
from trading.registrations.deciding import Deciding, Money
from trading.registrations.lots import RegisterableLot, lot_of
from trading.registrations.papers import House, Offered, Paper
from trading.registrations.rows import RegistrationFacts, Stale
from trading.registrations.states import RegistrationState, WrongState

APPLICATION: Final = "application"
MOMENT: Final = "moment"
"""Boxes with the exact time of an act: "moment/registration.seal/7", after the version it was done to."""


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


class OwnRegistrations(Deciding):
    """What every act of a registrant does. `money` None: for those who only read."""

    def __init__(
        self, engine: AsyncEngine, sealed: Sealed, money: Money | None = None, house: House | None = None
    ) -> None:
        super().__init__(engine, sealed, money)
        self._house = house or House(name="")

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

    async def content(self, mine: Mine, name: str) -> bytes | None:
        """What lies in one of the registration's boxes; None: there is no such."""
        async with self._engine.connect() as connection:
            box = await rows.box_of(connection, mine.registration, name)
        if box is None:
            return None
        return await self._sealed.open(mine.registration, name, box, account_id=mine.account_id)

    async def _note(
        self, connection: AsyncConnection, registration: str, act: str, version: int, now: datetime
    ) -> None:
        """An entry of the audit log with the day, and a box with the moment."""
        role, name = Role.BIDDER, f"{MOMENT}/{act}/{version}"
        box = await self._sealed.seal(registration, name, now.isoformat().encode())
        await rows.keep_box(connection, registration, name, box, now=now)
        await record(connection, at=now, actor=registration, role=role, act=act, subject=registration)

    async def _boxed(self, registration: str, application: Application) -> bytes:
        return await self._sealed.seal(registration, APPLICATION, application.as_bytes())

    async def _facts(self, registration: str) -> RegistrationFacts | None:
        async with self._engine.connect() as connection:
            return await rows.read(connection, registration)

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


def offered(lot: RegisterableLot) -> Offered:
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
