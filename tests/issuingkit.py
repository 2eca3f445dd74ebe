"""Orders that are approved, keys as of UKeys, and the authority's round: for the tests of issuing."""

import asyncio
import base64
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.catalogue.model import SubjectKind
from certificates.catalogue.scope import Case, Service, Way
from certificates.catalogue.store import Catalogue, ensure_defaults
from certificates.desk.stock import needs_one
from certificates.issuing import issued
from certificates.issuing.answering import Answering
from certificates.issuing.assistants import DeskAssistants
from certificates.issuing.deciding import SAME_UKEY
from certificates.issuing.writing import FromUKey, Writing
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order, read
from certificates.orders.performing import By, begin
from certificates.orders.steps import ISSUING
from office.marks import Marks
from signing.assistant.acts import judge, perform
from signing.assistant.desk import Answer, Entry
from signing.assistant.revocation import Lists
from signing.csr import request_certificate
from signing.installing import parse_bundle
from signing.jobs import InstallTask, Job
from signing.names import Name
from signing.sm2 import PrivateKey, PublicKey
from signing.sm3 import sm3
from signing.token import virtual
from signing.token.codes import CodeBook
from signing.token.port import Pin, TokenContents

_TAKE_OFF: Final = text(
    "UPDATE blank_ukeys SET state = 'defective', number = NULL WHERE number = :number AND serial <> :card"
)
_LAY: Final = text(
    "INSERT INTO blank_ukeys (serial, model, state, number, received_at, changed_at)"
    " VALUES (:card, 'SM2 Key', 'assigned', :number, :now, :now)"
    " ON CONFLICT (serial) DO UPDATE SET state = 'assigned', number = :number"
)
T = TypeVar("T")
MARKS = Marks("of the tests")
CODE, PERSON = "91110000600037341L", "110101199003070003"
ORGANIZATION = {"organization_name": "测试有限公司", "credit_code": CODE, "operator_phone": "+8615112340305"}
NATURAL = {"applicant_name": "赵申请", "applicant_number": PERSON, "applicant_phone": "+8613912345678"}
_WAYS = {"renew": Way.ASSISTANT, "modify": Way.ASSISTANT, "unlock": Way.ASSISTANT, "revoke": Way.COUNTER}


@dataclass
class Issuing:
    """An authority with its round, and the writing, on one database."""

    engine: AsyncEngine
    authorities: DemonstrationAuthorities
    codes: CodeBook
    writing: Writing
    now: datetime
    clerk: int
    account: int
    marks: Marks = field(default=MARKS, repr=False)
    cards: dict[str, str] = field(default_factory=dict)
    """New UKeys, by their orders."""

    @property
    def authority(self) -> DemonstrationAuthority:
        """The one that `approved` orders choose."""
        return self.authorities.own("bjca", "北京数字认证")

    @property
    def answering(self) -> Answering:
        return Answering(self.engine, self.marks, self.authorities, self.codes, virtual.random_so_pin)

    @property
    def by(self) -> By:
        return By.clerk(self.clerk)

    async def desk(self, web: Any, folder: Path, *, label: str = "测试电脑") -> "Desk":
        """An assistant that is registered for the desks, with a folder for UKeys."""
        made = Desk(web, folder, codes=self.codes)
        await self.registers(made.key.public_key, label)
        return made

    async def registers(self, key: PublicKey, label: str = "测试电脑") -> None:
        await DeskAssistants(self.engine).register(key.fingerprint, label, "测试窗口", None, now=self.now)

    async def round(self) -> int:
        return await self.answering.round(self.now)

    async def order(self, number: str) -> Order:
        async with self.engine.connect() as connection:
            return await read(connection, number)

    async def approved(
        self,
        service: str = "issue",
        subject: str = "organization",
        *,
        channel: str = "hunan_shared",
        product: str = "unit_12",
        years: int = 0,
        about: str = "",
        details: Mapping[str, str] | None = None,
        **columns: Any,
    ) -> str:
        """The number of an order whose review is over. `columns`: of orders, as they shall be."""
        way = columns.pop("way", _WAYS.get(service, Way.ONLINE))
        stored = await Catalogue(self.engine).published(channel)
        assert stored is not None
        case = Case(service=Service(service), subject=SubjectKind(subject), way=Way(way), product=product)
        route = stored.rules.route(case)
        assert route is not None, case
        values: dict[str, Any] = {
            "account_id": self.account,
            "channel": channel,
            "catalogue_id": stored.id,
            "service": service,
            "subject": subject,
            "way": str(way),
            "authority": "bjca",
            "product": product,
            "years": years,
            "about_certificate": about,
            "steps": route.steps,
            **columns,
        }
        typed = details if details is not None else NATURAL if subject == "natural_person" else ORGANIZATION
        async with self.engine.begin() as connection:
            made = await begin(connection, values, By.applicant(self.account), now=self.now)
            await OrderBoxes(self.marks).keep_details(connection, made.number, typed, self.now)
            done = [str(step) for step in made.steps[: _first(made.steps)]]
            bring = text("UPDATE orders SET state = 'approved', done = :done WHERE number = :number")
            await connection.execute(bring, {"done": done, "number": made.number})
        return made.number

    async def lays(self, number: str, card: str) -> None:
        """A blank UKey of the stock lies with the order, if that takes one; what lay there is broken."""
        if not needs_one(await self.order(number)):
            return
        async with self.engine.begin() as connection:
            values = {"card": card, "number": number, "now": self.now}
            await connection.execute(_TAKE_OFF, values)
            await connection.execute(_LAY, values)

    async def card(self, number: str) -> str:
        """The UKey of an order: the one that it is about where the key goes on, else a new one."""
        order = await self.order(number)
        if Service(order.service) in SAME_UKEY:
            async with self.engine.connect() as connection:
                former = await issued.by_serial(connection, order.about_certificate)
            if former is not None:
                return former.crypto_card
        return self.cards.setdefault(number, f"CARD{len(self.cards) + 1:04}")

    async def asked(self, number: str, key: PrivateKey, card: str = "") -> int:
        """Job 1's answer: the id of the request."""
        card = card or await self.card(number)
        await self.lays(number, card)
        request = request_certificate(Name.of("whatever the UKey says"), key)
        kept = await self.writing.ask(number, self.by, FromUKey(request.der, card, "M-1"), now=self.now)
        return kept.id

    async def issued(self, number: str, key: PrivateKey) -> str:
        """The whole way; the serial of the certificate that is written."""
        await self.asked(number, key)
        await self.round()
        made = await self.writing.made(number)
        assert made is not None
        await self.writing.written(made, self.by, now=self.now)
        return made.request.serial


def _first(steps: Any) -> int:
    return next((at for at, step in enumerate(steps) if step in ISSUING), len(steps))


async def issuing_on(
    engine: AsyncEngine,
    folder: Path,
    now: datetime,
    *,
    marks: Marks = MARKS,
    people: tuple[int, int] | None = None,
) -> Issuing:
    """`now` is the authority's clock, too. `people`: a bidder's account and a clerk's that are there."""
    async with engine.begin() as connection:
        await ensure_defaults(connection, now)
    account, clerk = people or await _people(engine)
    holder: list[Issuing] = []

    def clock() -> datetime:
        return holder[0].now if holder else now

    authorities = DemonstrationAuthorities.open(folder / "authority", clock=clock)
    codes, writing = CodeBook(folder / "codes"), Writing(engine, marks)
    made = Issuing(engine, authorities, codes, writing, now, clerk, account, marks)
    holder.append(made)
    return made


async def _people(engine: AsyncEngine) -> tuple[int, int]:
    async with engine.begin() as connection:
        put = text(
            "INSERT INTO accounts (login, password_hash, role, name) VALUES (:login, 'x', :role, :login)"
            " RETURNING id"
        )
        account = int(await connection.scalar(put, {"login": "her", "role": "bidder"}) or 0)
        return account, int(await connection.scalar(put, {"login": "clerk1", "role": "clerk"}) or 0)


DAY = timedelta(days=1)


@dataclass
class Desk:
    """An assistant without windows, with real virtual UKeys in a folder; whoever sits there agrees."""

    web: Any
    folder: Path
    pin: Pin = field(default_factory=lambda: Pin("135790"), repr=False)
    codes: CodeBook | None = None
    """Where the platform keeps the authorization codes of the UKeys it hands out."""
    key: PrivateKey = field(default_factory=PrivateKey.generate, repr=False)
    """The assistant's."""

    @property
    def asks(self) -> dict[str, str]:
        """What the page's script posts along with the question for a job."""
        return {"assistant": base64.b64encode(self.key.public_key.spki).decode()}

    def blank(self, label: str) -> str:
        """A UKey without a key, plugged in; its serial number."""
        code = Pin("SO2345678912345")
        made = virtual.create(label, pin=self.pin, so_pin=code, folder=self.folder, cost=10)
        if self.codes is not None:
            self.codes.put(made.serial, code)
        return made.serial

    def takes_over(self, serial: str, told: Pin, own: Pin) -> None:
        """Its holder sits here now, with the PIN that was told, and chooses another."""
        virtual.station(self.folder).token(serial).change_pin(told, own)
        self.pin = own

    def contents(self, serial: str) -> TokenContents:
        return virtual.station(self.folder).token(serial).contents()

    async def does(self, job: Job, *, at: datetime | None = None) -> Answer:
        """What the assistant does with a job: judged, fetched, shown, agreed to, carried out."""
        now = at or datetime.now(UTC)
        fits = judge(job, virtual.station(self.folder).tokens(), now, Lists())
        assert len(fits) == 1
        assert not fits[0].problem, fits[0].problem
        shown = None
        if isinstance(job.task, InstallTask):
            path = job.task.url.removeprefix(self.web.site.jobs.platform)
            found = await self.web.visitor().get(path)
            assert found.status_code == 200, found.text
            assert (sm3(found.content), len(found.content)) == (job.task.digest, job.task.size)
            shown = parse_bundle(found.content)
        entry = Entry("1", cast(Any, None), job, now, shown=shown)
        token = virtual.station(self.folder).token(fits[0].contents.info.serial)
        return perform(entry, token, fits[0].contents, self.pin, now, self.key)


async def with_rounds(office: Issuing, asking: Coroutine[Any, Any, T]) -> T:
    """What a page is answered while the authority's round comes by."""
    task = asyncio.create_task(asking)
    while not task.done():
        office.now = datetime.now(UTC)
        await office.round()
        await asyncio.sleep(0.05)
    return task.result()


def as_form(nonce: str, answer: Answer) -> dict[str, str]:
    """What the page sends back to the platform."""
    parts = {"result": answer.result, "certificate": answer.certificate, "seal": answer.seal}
    packed = {name: base64.b64encode(data).decode() for name, data in parts.items()}
    return {"nonce": nonce, "serial": answer.serial, **packed}
