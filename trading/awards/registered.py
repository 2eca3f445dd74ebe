"""What a bidder handed in with the registration, opened after the close for who reviews it.

The boxes are opened by the sealed process, which refuses before the close; every look is in the audit log, in
the same moment as it is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.audit.trail import account, look
from office.sealed.port import Sealed
from trading.registrations.application import Application, read_application
from trading.registrations.mine import MOMENT

APPLICATION: Final = "application"
SEALED: Final = ".sealed.pdf"
MOST_BOXES: Final = 100
_NAMES: Final = text(
    "SELECT name FROM registration_boxes WHERE registration = :registration ORDER BY name LIMIT :most"
)
_BOX: Final = text("SELECT box FROM registration_boxes WHERE registration = :registration AND name = :name")
PDF: Final = "application/pdf"


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks: for the audit log."""

    account_id: int
    role: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RegisteredPaper:
    """One box of a registration. `title` is what its owner called it, "" for the forms of the platform."""

    name: str
    title: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Registered:
    """What was handed in. `application` None: the bidder was on a list that was imported by hand."""

    application: Application | None
    papers: Sequence[RegisteredPaper]


class RegisteredPapers:
    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed

    async def of(self, registration: str, looker: Looker) -> Registered:
        """Raises StillSealed before the close, SealedAway."""
        names = await self.names(registration)
        if APPLICATION not in names:
            papers = [RegisteredPaper(name, "", _media(name)) for name in papers_among(names)]
            return Registered(None, papers)
        application = read_application(await self.opened(registration, APPLICATION, looker))
        attached = {f"attachment/{one.id}": one for one in application.attachments}
        papers = [
            RegisteredPaper(
                name,
                attached[name].name if name in attached else "",
                attached[name].media_type if name in attached else _media(name),
            )
            for name in papers_among(names)
        ]
        return Registered(application, papers)

    async def names(self, registration: str) -> list[str]:
        given = {"registration": registration, "most": MOST_BOXES}
        async with self._engine.connect() as connection:
            return list((await connection.execute(_NAMES, given)).scalars())

    async def opened(self, registration: str, name: str, looker: Looker) -> bytes:
        """The content of one box; the look is written down first. Raises KeyError, StillSealed, BoxBroken."""
        async with self._engine.begin() as connection:
            box = await connection.scalar(_BOX, {"registration": registration, "name": name})
            if box is None:
                raise KeyError(name)
            who = account(looker.account_id)
            facts = {"name": name}
            await look(
                connection,
                at=looker.now,
                actor=who,
                role=looker.role,
                what="registration",
                subject=registration,
                facts=facts,
            )
        return await self._sealed.open(registration, name, bytes(box))


def papers_among(names: Sequence[str]) -> list[str]:
    """What a person handed in, once each: of a sealed paper the sealed file; boxes that keep the moments of
    acts are no papers."""
    sealed = {name.removesuffix(SEALED) for name in names if name.endswith(SEALED)}
    return [
        name
        for name in names
        if name != APPLICATION
        and not name.startswith(f"{MOMENT}/")
        and (name.endswith(SEALED) or name.removesuffix(".pdf") not in sealed)
    ]


def _media(name: str) -> str:
    return PDF if name.endswith(".pdf") else "application/octet-stream"
