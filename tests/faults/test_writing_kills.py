"""kill -9 in each step of writing a certificate into a UKey: it goes on, once; until then the old one works.

Two sweeps over all services. The assistant ends before and after every change of the UKey's file (what a kill
inside a call of the module leaves is in test_vukey_kills.py), with the real PKCS#11 module. The web and the
authority's process end before every statement and commit of the database; the UKey is a key in memory then.
"""

import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.authority import port
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.issuing import pins
from certificates.issuing.states import OPEN
from certificates.issuing.writing import FromUKey, Made
from certificates.orders.order import Order
from certificates.orders.performing import By
from certificates.orders.states import OrderState
from office.database import create_engine
from signing.assistant.acts import judge, perform
from signing.assistant.desk import Answer, Entry
from signing.assistant.revocation import Lists
from signing.csr import request_certificate
from signing.installing import Bundle
from signing.jobs import InstallTask, RequestTask, Task, new_job
from signing.names import Name
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.statements import parse_order, parse_signed
from signing.token import virtual
from signing.token.port import DeviceFault, Pin, PinState
from signing.token.profiles import profile
from signing.token.station import Station
from signing.unlocking import open_first_pin
from tests.issuingkit import ORGANIZATION, Issuing, issuing_on
from tests.killkit import Guillotine, killed_everywhere

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
PLATFORM = "http://127.0.0.1:8000"
PIN, OWN, CODE = Pin("135790"), Pin("my-own-1"), Pin("SO2345678912345")
SERVICES = ("issue", "replace", "renew", "modify", "convert")
NEW_UKEY = ("issue", "replace")
RENAMED = {**ORGANIZATION, "organization_name": "改名有限公司"}
MOST = 400


@dataclass(frozen=True)
class Asked:
    """An order of each service, as the channel that offers it has it."""

    service: str
    columns: Mapping[str, Any]
    details: Mapping[str, str]


ORDERS = {
    "issue": Asked("issue", {"pin_way": "sms:operator"}, ORGANIZATION),
    "replace": Asked("replace", {"pin_way": "sms:operator"}, ORGANIZATION),
    "renew": Asked("renew", {"pin_way": "unchanged:applicant"}, {}),
    "modify": Asked("modify", {"pin_way": "unchanged:applicant"}, RENAMED),
    "convert": Asked(
        "convert", {"channel": "xiangxi", "way": "assistant", "pin_way": "unchanged:applicant"}, ORGANIZATION
    ),
}


# ── UKeys ──


class Interrupted(Exception):
    """The assistant was killed."""


@dataclass
class RealUKey:
    """A virtual UKey through its module; what writes to it is killed where `at` says."""

    folder: Path
    shim: Path
    assistant: PrivateKey = field(default_factory=PrivateKey.generate)
    pin: Pin = field(default_factory=lambda: PIN)
    at: int = 0
    serial: str = ""

    def made(self, office: Issuing, label: str) -> "RealUKey":
        made = virtual.create(label, pin=PIN, so_pin=CODE, folder=self.folder, cost=10)
        office.codes.put(made.serial, CODE)
        self.serial = made.serial
        return self

    @property
    def station(self) -> Station:
        return virtual.station(self.folder)

    def does(self, task: Task, shown: Bundle | None, now: datetime) -> Answer:
        """The assistant, from judging to the answer. Raises Interrupted."""
        count = self.folder / ".count"
        count.unlink(missing_ok=True)
        killing = {"LD_PRELOAD": str(self.shim), "KILL_AT": str(self.at), "KILL_COUNT": str(count)}
        environment = {**self.station.environment, **killing}
        job = new_job(PLATFORM, "写入", task, now=now)
        (fit,) = judge(job, self.station.tokens(), now, Lists())
        assert not fit.problem, fit.problem
        entry = Entry("1", cast(Any, None), job, now, shown=shown if shown is not None else ())
        token = Station(profile(), environment).token(fit.contents.info.serial)
        try:
            return perform(entry, token, fit.contents, self.pin, now, self.assistant)
        except DeviceFault as fault:
            if "signal 9" not in str(fault):
                raise
            raise Interrupted from fault
        finally:
            self.at = max(0, self.at - count.stat().st_size) if count.exists() else self.at

    def holds(self, bundle: Bundle) -> bool:
        """Certificate and seal are in it, and its key signs for them."""
        (contents,) = self.station.tokens()
        token = self.station.token(contents.info.serial)
        there = contents.certificate == bundle.certificate and contents.seal == bundle.seal
        return there and bundle.certificate.key.verify(b"works", token.sign(b"works", self.pin))

    def opened_with(self, pin: Pin) -> None:
        """Its holder got the PIN, and chose another."""
        (contents,) = self.station.tokens()
        assert contents.info.pin_state is PinState.TO_BE_CHANGED
        self.station.token(contents.info.serial).change_pin(pin, OWN)
        self.pin = OWN


@dataclass
class PaperUKey:
    """A key in memory, and the last that was written."""

    key: PrivateKey = field(default_factory=PrivateKey.generate)
    assistant: PrivateKey = field(default_factory=PrivateKey.generate)
    written: Bundle | None = None
    pin: Pin = field(default_factory=lambda: PIN)
    serial: str = "CARD0001"

    def made(self, office: Issuing, _label: str) -> "PaperUKey":
        office.codes.put(self.serial, CODE)
        return self

    def does(self, task: Task, shown: Bundle | None, now: datetime) -> Answer:
        if isinstance(task, RequestTask):
            return Answer(request_certificate(Name.of("UKey"), self.key).der, serial=self.serial)
        assert isinstance(task, InstallTask)
        if task.first_pin:
            self.pin = open_first_pin(task.first_pin, self.assistant).pin
        self.written = shown
        return Answer(b"receipt", serial=task.serial)

    def holds(self, bundle: Bundle) -> bool:
        return self.written == bundle

    def opened_with(self, pin: Pin) -> None:
        assert self.pin == pin


UKey = RealUKey | PaperUKey


# ── desk and home ──


@dataclass
class Writes:
    """Who sits before the page: does whatever comes next, until the order is issued."""

    office: Issuing
    ukey: UKey
    number: str
    by: By

    async def go_on(self) -> Order:
        """Raises Interrupted, Killed."""
        order = await self.office.order(self.number)
        if order.state not in (OrderState.APPROVED, OrderState.ISSUING):
            return order
        request = await self.office.writing.current(self.number)
        if request is None or request.state not in OPEN:
            await self._request()
        await self.office.round()
        made = await self.office.writing.made(self.number)
        assert made is not None
        await self._install(made)
        return await self.office.writing.written(made, self.by, now=self.office.now)

    async def _request(self) -> None:
        await self.office.lays(self.number, self.ukey.serial)
        plan = await self.office.writing.plan(self.number)
        task = RequestTask("", plan.applicant.name, serial=plan.card, certificate=bytes.fromhex(plan.former))
        answer = self.ukey.does(task, None, self.office.now)
        given = FromUKey(answer.result, answer.serial, "")
        await self.office.writing.ask(self.number, self.by, given, now=self.office.now)

    async def _install(self, made: Made) -> None:
        first_pin = b""
        if pins.is_told(made.order):
            assistant = self.ukey.assistant.public_key
            await self.office.writing.ask_first_pin(made, assistant, now=self.office.now)
            await self.office.round()
            first_pin = await self.office.writing.first_pin(made, assistant) or b""
            assert first_pin
        bundle = made.bundle.der
        url, digest, size = f"{PLATFORM}/bundle", sm3(bundle), len(bundle)
        task = InstallTask("", self.number, url, digest, size, made.request.card, made.key, first_pin)
        answer = self.ukey.does(task, made.bundle, self.office.now)
        if isinstance(self.ukey, RealUKey):
            parse_order(parse_signed(answer.result).checked(made.bundle.certificate.key))


async def begun(office: Issuing, ukey: UKey, service: str) -> tuple[Writes, Bundle | None]:
    """An approved order; for all but a first one with the certificate that it is about."""
    asked, former, about = ORDERS[service], None, ""
    await office.registers(ukey.assistant.public_key)
    if service != "issue":
        first = Writes(office, ukey, await _order(office, ORDERS["issue"], ""), office.by)
        about = (await first.go_on()).certificate
        former = await bundle_of(office, first.number)
        ukey.opened_with(await told(office, first.number))
        office.now = LATER
    if service == "replace":  # the first one is lost
        ukey = _another(office, ukey)
        await office.registers(ukey.assistant.public_key)
    by = office.by if service in NEW_UKEY else By.applicant(office.account)
    return Writes(office, ukey, await _order(office, asked, about), by), former


def _another(office: Issuing, ukey: UKey) -> UKey:
    if isinstance(ukey, PaperUKey):
        return PaperUKey(serial="CARD0002").made(office, "")
    virtual.unplug("one", ukey.folder)
    return RealUKey(ukey.folder, ukey.shim).made(office, "two")


async def _order(office: Issuing, asked: Asked, about: str) -> str:
    return await office.approved(asked.service, about=about, details=asked.details, **asked.columns)


async def bundle_of(office: Issuing, number: str) -> Bundle:
    made = await office.writing.made(number)
    assert made is not None
    return made.bundle


async def told(office: Issuing, number: str) -> Pin:
    """The first PIN, as it would be sent."""
    async with office.engine.connect() as connection:
        return (await pins.of_orders(connection, [number]))[number].opened(office.marks)


async def ended_once(writes: Writes, former: Bundle | None, service: str) -> None:
    """One certificate, one issue, one PIN, and the former one as the service has it."""
    office, number = writes.office, writes.number
    await office.round()
    order, bundle = await office.order(number), await bundle_of(office, number)
    assert order.state in (OrderState.AWAITING_DELIVERY, OrderState.DONE)
    assert order.certificate == f"{bundle.certificate.serial:x}"
    async with office.engine.connect() as connection:
        for counted in (
            "SELECT count(*) FROM issued_certificates WHERE number = :n",
            "SELECT count(*) FROM order_events WHERE act = 'issued' AND number = :n",
        ):
            assert await connection.scalar(text(counted), {"n": number}) == 1, counted
    serials = {entry.serial for one in everybody(office) for entry in one.entries()}
    assert len(serials) == (1 if former is None else 2)
    if service in NEW_UKEY:
        writes.ukey.opened_with(await told(office, number))
    assert writes.ukey.holds(bundle)
    if former is not None:
        ends = port.State.GOOD if service == "renew" else port.State.REVOKED
        assert office.authority.status(former.certificate.serial).state is ends


def everybody(office: Issuing) -> list[DemonstrationAuthority]:
    return [office.authorities.house, *office.authorities.known().values()]


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def office(engine: AsyncEngine, tmp_path: Path) -> Issuing:
    return await issuing_on(engine, tmp_path, NOW)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shim") / "writing_shim.so"
    source = Path(__file__).with_name("writing_shim.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True, timeout=150)
    return made


# ── the assistant ──


async def killed_at_every_change(office: Issuing, ukey: RealUKey, service: str, every: int) -> int:
    """The assistant ends at its first change of the UKey, then goes on and ends at the next, …: how often."""
    writes, former = await begun(office, ukey.made(office, "one"), service)
    mine = writes.ukey
    assert isinstance(mine, RealUKey)
    for kills in range(MOST):
        mine.at = 1 + kills * every
        try:
            await writes.go_on()
        except Interrupted:
            if former is not None and service not in NEW_UKEY:
                new = await office.writing.made(writes.number)
                assert mine.holds(former) or (new is not None and mine.holds(new.bundle))
            continue
        finally:
            mine.at = 0
        await ended_once(writes, former, service)
        return kills
    raise AssertionError("it does not come to an end")


@pytest.mark.parametrize("service", ["issue", "renew"])
async def test_an_assistant_that_is_killed_now_and_then_goes_on(
    office: Issuing, tmp_path: Path, shim: Path, service: str
) -> None:
    assert await killed_at_every_change(office, RealUKey(tmp_path / "ukeys", shim), service, 23) >= 1


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("service", SERVICES)
async def test_an_assistant_that_is_killed_at_every_change_goes_on(
    office: Issuing, tmp_path: Path, shim: Path, service: str
) -> None:
    assert await killed_at_every_change(office, RealUKey(tmp_path / "ukeys", shim), service, 1) >= 10


# ── the web and the authority ──


async def killed_at_statements(office: Issuing, service: str, every: int) -> int:
    writes, former = await begun(office, PaperUKey().made(office, ""), service)
    kills, _order = await killed_everywhere(Guillotine(office.engine), writes.go_on, every)
    await ended_once(writes, former, service)
    return kills


@pytest.mark.parametrize("service", ["issue", "modify"])
async def test_a_platform_that_is_killed_now_and_then_goes_on(office: Issuing, service: str) -> None:
    assert await killed_at_statements(office, service, 7) >= 3


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
async def test_a_platform_that_is_killed_at_every_statement_goes_on(office: Issuing, service: str) -> None:
    assert await killed_at_statements(office, service, 1) >= 20
