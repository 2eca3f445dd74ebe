"""What comes after the first issue, over the pages: who holds a certificate asks for another service."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from certificates.catalogue.store import Catalogue
from certificates.issuing import issued
from certificates.issuing.issued import Issued
from certificates.issuing.writing import FromUKey
from certificates.orders.boxes import OrderBoxes
from office.accounts import Role
from signing.assistant.acts import unlock
from signing.jobs import Job, UnlockTask
from signing.names import Name
from signing.sm2 import PrivateKey
from signing.token import virtual
from signing.token.port import Pin, PinLocked, PinState, WrongPin
from tests.deskkit import Clerk, clerk
from tests.issuingkit import CODE, PERSON, Desk, Issuing, as_form, issuing_on, with_rounds
from tests.orderkit import Applicant, details_of_organization, details_of_person, request_of_organization
from tests.sealingkit import job_of
from tests.webkit import Visitor, Web

NAME = "测试有限公司"
LONG_AGO = timedelta(days=800)
"""The authority is that old: certificates of last year can be made."""


def of_organization(**changes: str) -> dict[str, str]:
    """What the order of a certificate knew, as it is kept."""
    typed = {**request_of_organization(), **details_of_organization(), **changes}
    return {**typed, "operator_phone": "+8615112340305", "representative_phone": "+8618612349043"}


def of_person(**changes: str) -> dict[str, str]:
    return {**details_of_person(), "applicant_phone": "+8613912345678", **changes}


@dataclass
class Holders:
    """A site, two applicants, a clerk, the authority, and UKeys in one drawer."""

    web: Web
    her: Applicant
    him: Applicant
    one: Clerk
    office: Issuing
    drawer: Desk
    ids: Mapping[str, int] = field(default_factory=dict)

    async def holds(
        self,
        subject: str = "organization",
        *,
        days_left: float = 200,
        channel: str = "hunan_shared",
        authority: str = "bjca",
        product: str = "",
        who: str = "her",
        card: str = "",
        details: Mapping[str, str] | None = None,
        **columns: Any,
    ) -> str:
        """The serial of a certificate that ends in so many days, in that UKey, if one is named."""
        now, office = datetime.now(UTC), self.office
        person = subject == "natural_person"
        months = 12
        office.now = now + timedelta(days=days_left) - timedelta(days=365)
        known = details or (of_person() if person else of_organization())
        kind, number = ("person", PERSON) if person else ("organization", CODE)
        mark = OrderBoxes(self.web.site.marks).number_mark(kind, number)
        account = self.ids.get(who)
        given: dict[str, Any] = {"number_mark": mark, "authority": authority, **columns}
        if account is None:  # who walked in
            given["account_id"] = None
        else:
            office.account = account
        product = product or ("person_12" if person else "unit_12")
        years = 0 if channel == "hunan_shared" else months // 12
        order = await office.approved(
            "issue",
            subject,
            channel=channel,
            product=product,
            years=years,
            details=known,
            **given,
        )
        serial = await self._written(order, card)
        office.now = now
        return serial

    def today(self) -> None:
        """All certificates are made that the past needs: the lists of revoked ones are those of today."""
        self.office.now = datetime.now(UTC)
        self.office.authorities.maintain()

    async def _written(self, order: str, card: str) -> str:
        """Into the UKey with this number, or where there is none, nowhere."""
        office = self.office
        if not card:
            return await office.issued(order, PrivateKey.generate())
        token, pin = virtual.station(self.drawer.folder).token(card), self.drawer.pin
        token.new_key(pin)
        request = token.request_certificate(Name.of("whatever the UKey says"), pin)
        await office.lays(order, card)
        await office.writing.ask(order, office.by, FromUKey(request.der, card, card), now=office.now)
        await office.round()
        made = await office.writing.made(order)
        assert made is not None
        token.store(made.bundle.certificate, made.bundle.seal, made.bundle.chain, pin)
        await office.writing.written(made, office.by, now=office.now)
        return made.request.serial

    async def does(
        self, visitor: Visitor, ask: str, answer: str, form: Mapping[str, str] | None = None
    ) -> str:
        """One job of a page: asked for, done by the assistant, brought back; where the page goes on."""
        job = await self.asked(visitor, ask, form)
        said = await visitor.post(answer, {**(form or {}), **as_form(job.nonce, await self.drawer.does(job))})
        assert said.status_code == 200, said.text
        return str(said.json()["to"])

    async def writes(self, who: Applicant) -> str:
        """At home, by the subscriber's own assistant; the new certificate's serial."""
        here = f"/certificates/write/{who.number}"
        await self.does(who.visitor, f"{here}/request-job", f"{here}/request")
        await self.does(who.visitor, f"{here}/install-job", f"{here}/installed")
        return str((await who.row())["certificate"])

    async def issued(self, serial: str) -> Issued:
        async with self.web.site.engine.connect() as connection:
            row = await issued.by_serial(connection, serial)
        assert row is not None
        return row

    def locks(self, card: str) -> None:
        """Its holder has forgotten the PIN, and tried."""
        token = virtual.station(self.drawer.folder).token(card)
        for _ in range(3):
            with suppress(WrongPin, PinLocked):
                token.sign(b"anything", Pin("forgotten"))
        assert token.info().pin_state is PinState.LOCKED

    async def asked(self, visitor: Visitor, path: str, form: Mapping[str, str] | None = None) -> Job:
        """The job that a page's script asks for, while the authority's round comes by."""
        asking = visitor.post(path, {**self.drawer.asks, **(form or {})})
        return job_of(self.web, await with_rounds(self.office, asking))

    def unlocks(self, job: Job, card: str, pin: Pin) -> dict[str, str]:
        """The assistant's window: a new PIN is typed; what the page sends back."""
        assert isinstance(job.task, UnlockTask)
        token = virtual.station(self.drawer.folder).token(card)
        return as_form(job.nonce, unlock(job.task, token, pin, self.drawer.key))

    async def begins(self, who: Applicant, service: str, **business: str) -> None:
        form = {"channel": "hunan_shared", "subject": "organization", "way": "assistant", **business}
        await who.begin(service=service, **form)

    async def chooses(self, who: Applicant, serial: str, step: str = "held_ukey", **more: str) -> None:
        await who.done(f"/{step}", {"held": serial, "act": "choose", **more})


def seen(page: str) -> str:
    """The text of a page, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


async def holders_on(web: Web, folder: Path) -> Holders:
    """`web`: with `trust=folder / "authority"` where signatures are judged."""
    her = Applicant(web, await web.signed_in("her", Role.BIDDER, NAME))
    him = Applicant(web, await web.signed_in("him", Role.BIDDER, "别人"))
    one = await clerk(web, "clerk1")
    people = {login: await web.site.accounts.by_login(login) for login in ("her", "him", "clerk1")}
    ids = {login: person.id for login, person in people.items() if person is not None}
    office = await issuing_on(
        web.site.engine,
        folder,
        datetime.now(UTC) - LONG_AGO,
        marks=web.site.marks,
        people=(ids["her"], ids["clerk1"]),
    )
    known = await Catalogue(web.site.engine).authorities()
    for key in ("bjca", "netca", "sheca"):  # founded long ago, too
        office.authorities.own(key, known[key].name)
    return Holders(web, her, him, one, office, await office.desk(web, folder / "ukeys"), ids)
