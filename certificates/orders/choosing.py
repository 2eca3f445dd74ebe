"""Choosing the certificate that an order is about: what there is, and why one can't be it.

    choosing = Choosing(engine, marks, orders, platform)
    for one in await choosing.offered(mine, number, now=now): …     # with its standing
    await choosing.choose(mine, step, Chosen(serial), now=now)      # or AboutRefused

An account sees its own certificates and those of the market subject that it acts for. Who stands at the
counter has none: the clerk types the number of the document, and sees those that were issued to it. Where the
channel names who may find the order of a lost one (Replacement.found_by), a one-time code goes to that
person's telephone, as it stands in that order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.model import Service, SubjectKind
from certificates.catalogue.scope import Circumstance, Person, first
from certificates.catalogue.store import Catalogue
from certificates.issuing import issued
from certificates.issuing.issued import Issued
from certificates.orders import about, reading
from certificates.orders.about import FINE, AboutRefused, Hindrance, Standings
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import CodePurpose, Codes, Letter, WrongCode
from certificates.orders.mine import Mine
from certificates.orders.orders import Orders
from certificates.orders.reading import Fault
from certificates.orders.steps import Step
from office.marks import BoxUnreadable, Marks
from signing import SigningError
from signing.x509 import Certificate

MOST: Final = 100
_HIDDEN: Final = frozenset({Hindrance.OTHER_SUBJECT, Hindrance.FOLLOWED, Hindrance.NOT_WRITTEN})
"""Not shown at all: another kind of certificate; or there is a newer one beside it."""
_PHONES: Final[Mapping[Person, str]] = {
    Person.OPERATOR: "operator_phone",
    Person.LEGAL_REPRESENTATIVE: "representative_phone",
    Person.APPLICANT: "applicant_phone",
}
_OF_ACCOUNT: Final = text(
    "SELECT i.serial FROM issued_certificates i JOIN orders o ON o.number = i.number"
    " WHERE (o.market_subject = CAST(:market_subject AS bigint)"
    " OR (o.market_subject IS NULL AND i.account_id = :account))"
    " AND i.subject = :subject AND i.written_at IS NOT NULL ORDER BY i.made_at DESC, i.serial LIMIT :most"
)
_OF_NUMBER: Final = text(
    "SELECT i.serial FROM issued_certificates i JOIN orders o ON o.number = i.number"
    " WHERE o.number_mark = :mark AND i.subject = :subject AND i.written_at IS NOT NULL"
    " ORDER BY i.made_at DESC, i.serial LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Offered:
    """A certificate that may be meant. `facts` of the standing name a channel or an authority by its key."""

    row: Issued
    name: str
    standing: Standings


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen: the certificate; at a counter the document number typed there; where one is asked for,
    the one-time code and whose telephone it went to."""

    serial: str
    number: str = field(default="", repr=False)
    whose: str = ""
    code: str = field(default="", repr=False)


class NoTelephone(Exception):
    """The order of that certificate has no telephone of this person."""


class Choosing:
    def __init__(self, engine: AsyncEngine, marks: Marks, orders: Orders, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._orders = orders
        self._platform = platform
        self._boxes = OrderBoxes(marks)
        self._codes = Codes(marks)
        self._catalogue = Catalogue(engine)

    # ── what there is ──

    async def offered(self, mine: Mine, number: str, *, now: datetime) -> Sequence[Offered]:
        """The newest first. `number`: typed by the clerk for who has no account."""
        async with self._engine.connect() as connection:
            rows = await self._rows(connection, mine, number)
        found = [Offered(row, self._name(row), await self._standing(mine, row, now)) for row in rows]
        return [one for one in found if one.standing.hindrance not in _HIDDEN]

    async def _rows(self, connection: AsyncConnection, mine: Mine, number: str) -> Sequence[Issued]:
        order, values = mine.order, {"subject": mine.order.subject, "most": MOST}
        if order.account_id is not None:
            asked = (
                _OF_ACCOUNT,
                values | {"account": order.account_id, "market_subject": order.market_subject},
            )
        elif mine.by.account_id is not None and (mark := self._mark(mine, number)):
            asked = _OF_NUMBER, values | {"mark": mark}
        else:
            return []
        serials = (await connection.execute(*asked)).scalars().all()
        rows = [await issued.by_serial(connection, str(one)) for one in serials]
        return [one for one in rows if one is not None]

    def _mark(self, mine: Mine, number: str) -> str:
        person = mine.case.subject is SubjectKind.NATURAL_PERSON
        read = reading.document_number("id_card", number) if person else reading.credit_code(number)
        if person and isinstance(read, Fault):
            read = reading.document_number("", number)
        if isinstance(read, Fault):
            return ""
        return self._boxes.number_mark("person" if person else "organization", read)

    def _name(self, row: Issued) -> str:
        try:
            return row.bundle(self._marks).certificate.subject.common_name
        except (BoxUnreadable, SigningError):
            return ""

    async def _standing(self, mine: Mine, row: Issued, now: datetime) -> Standings:
        async with self._engine.connect() as connection:
            lost = await about.is_lost(connection, mine.order, row.serial)
        found = about.standing_of(mine.rules, mine.case, row, now, lost=lost)
        if found.hindrance is None and row.channel != mine.order.channel:
            found = await self._at_home(mine, row)
        if found.hindrance is None:
            async with self._engine.connect() as connection:
                found = await about.alone(connection, mine.order, row.serial)
        return found

    async def _at_home(self, mine: Mine, row: Issued) -> Standings:
        """What the certificate's own channel does is done there, by its rules and at its price."""
        own = await self._catalogue.published(row.channel)
        if own is not None and own.rules.ways(mine.case.service, mine.case.subject):
            return Standings(Hindrance.OTHER_CHANNEL, {"channel": own.key})
        return FINE

    # ── choosing ──

    def finders(self, mine: Mine) -> tuple[Person, ...]:
        """Whose telephone proves that it may be found; nobody's: it is one's own account, or paper does."""
        if mine.case.service is not Service.REPLACE:
            return ()
        rule = first(mine.rules.replacements, mine.case)
        return rule.found_by if rule is not None else ()

    async def send_code(self, mine: Mine, chosen: Chosen, locale: str, *, now: datetime) -> str:
        """The telephone it went to. Raises AboutRefused, NoTelephone, TooSoon."""
        row = await self._require(mine, chosen, now)
        phone = await self._phone(mine, row, chosen.whose)
        letter = Letter(phone, self._boxes.address_mark(phone), self._platform, locale)
        async with self._engine.begin() as connection:
            await self._codes.send(connection, CodePurpose.CHOOSE, _bound(mine, chosen), letter, now)
        return phone

    async def choose(self, mine: Mine, step: Step, chosen: Chosen, *, now: datetime) -> None:
        """The order is about this certificate from now on, and knows what its order knew.

        Raises AboutRefused, WrongCode (the try is counted), NotAllowed, Stale.
        """
        row = await self._require(mine, chosen, now)
        if self.finders(mine):
            await self._prove(mine, row, chosen, now)
        columns = {"about_certificate": row.serial}
        if mine.rules.product(row.product) is not None:
            columns["product"] = row.product
        if row.authority in about.may_issue(mine.rules, mine.case, row.authority):
            columns["authority"] = row.authority
        before = mine.order.about_certificate
        other = before not in ("", row.serial)
        again = frozenset({Step.DETAILS, Step.SEAL_CHECK}) if other else frozenset[Step]()
        # chosen once more, it changes nothing: a new name that was typed stays
        values = {} if before == row.serial else await self._known(mine, row)
        await self._orders.save(mine, step, values, now=now, again=again, **columns)

    async def _require(self, mine: Mine, chosen: Chosen, now: datetime) -> Issued:
        """The row, if it is one of those that are offered. Raises AboutRefused."""
        offered = await self.offered(mine, chosen.number, now=now)
        found = next((one for one in offered if one.row.serial == chosen.serial), None)
        if found is None:
            raise AboutRefused(Hindrance.NONE_THERE)
        if found.standing.hindrance is not None:
            raise AboutRefused(found.standing.hindrance, found.standing.facts)
        return found.row

    async def _prove(self, mine: Mine, row: Issued, chosen: Chosen, now: datetime) -> None:
        bound = _bound(mine, chosen)
        async with self._engine.connect() as connection:
            ticket, _wait = await self._codes.current(connection, CodePurpose.CHOOSE, bound, now)
            try:
                await self._codes.prove(connection, CodePurpose.CHOOSE, bound, ticket, chosen.code, now)
            finally:
                await connection.commit()

    async def _phone(self, mine: Mine, row: Issued, whose: str) -> str:
        if whose not in self.finders(mine):
            raise NoTelephone(whose)
        async with self._engine.connect() as connection:
            try:
                details = await self._boxes.details(connection, row.number)
            except BoxUnreadable as unreadable:
                raise NoTelephone(whose) from unreadable
        phone = details.get(_PHONES[Person(whose)], "")
        if not phone:
            raise NoTelephone(whose)
        return phone

    async def named(self, mine: Mine) -> Mapping[str, str]:
        """Whom the certificate of this order names, as the fields of a form. {}: there is none."""
        async with self._engine.connect() as connection:
            row = await issued.by_serial(connection, mine.order.about_certificate)
        return {} if row is None else named_by(mine.case.subject, row.bundle(self._marks).certificate)

    async def _known(self, mine: Mine, row: Issued) -> dict[str, str]:
        """What the certificate says, and what its order knew besides; what was typed here already stays.

        Where it matters who the operator is, nothing of them is shown: it has to be typed.
        """
        async with self._engine.connect() as connection:
            try:
                before = await self._boxes.details(connection, row.number)
            except BoxUnreadable:
                before = {}
        hidden = mine.rules.looks_at(mine.case, Circumstance.SAME_OPERATOR)
        kept = {
            name: value
            for name, value in before.items()
            if not name.startswith(("check_", "invoice_"))
            and not (hidden and (name.startswith("operator_") or name == "applicant_phone"))
        }
        certificate = row.bundle(self._marks).certificate
        return {**kept, **mine.details, **named_by(mine.case.subject, certificate)}


def _bound(mine: Mine, chosen: Chosen) -> str:
    """A code for one certificate and one telephone is worth nothing for another."""
    return f"{mine.order.number} {chosen.serial} {chosen.whose}"


def named_by(subject: SubjectKind, certificate: Certificate) -> dict[str, str]:
    """Whom a certificate names, as the fields of a form."""
    name = certificate.subject
    if subject is SubjectKind.ORGANIZATION:
        return {"organization_name": name.common_name, "credit_code": certificate.credit_code}
    found = {"applicant_name": name.common_name, "applicant_number": certificate.extensions.person_id}
    if name.organization:
        found["organization_name"] = name.organization
    if subject is SubjectKind.LEGAL_REPRESENTATIVE:
        found["credit_code"] = certificate.credit_code
    return found


__all__ = ["Choosing", "Chosen", "NoTelephone", "Offered", "WrongCode", "named_by"]
