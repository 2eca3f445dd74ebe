"""The demonstration for the journeys of certificates: its desk, its authority, its assistant and UKeys.

One for all journeys of a file. The assistant runs on the one computer of everybody; whose UKeys are in its
ports, `plugged` says. The clock of the trading workflow is moved by its file, forward alone.
"""

import asyncio
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import environ
from pathlib import Path
from typing import Any, Final, cast

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import text

from certificates.issuing.writing import FromUKey, Writing
from certificates.orders.boxes import OrderBoxes
from luochui.demo import PASSWORD
from luochui.demo_ukeys import PIN
from luochui.messaging import marks
from luochui.processes.wiring import CLOCK_AHEAD
from luochui.services import running
from luochui.settings import Settings
from office.accounts import Accounts, Role
from office.database import create_engine
from office.passwords import hash_password
from signing.names import Name
from signing.token import virtual
from signing.token.codes import FOLDER as CODES
from signing.token.codes import CodeBook
from signing.token.port import Pin, PinLocked, TokenContents, WrongPin
from tests.assistantkit import free_port
from tests.browser.auction_house import _apart
from tests.faults.stage import _await_ready, _free_ports
from tests.issuingkit import Issuing

_NONE: Final = cast(Any, None)
"""The authority is another process."""
PATIENCE_S: Final = 90.0
GATEWAYS: Final = 2
QUICK: Final = "10"
"""Of deriving a key from a PIN: slow on purpose, and not what is tested."""


_ALONG: Final = (
    "UPDATE listings SET registration_starts = registration_starts + %(more)s,"
    " registration_ends = registration_ends + %(more)s, deposit_ends = deposit_ends + %(more)s,"
    " opens_at = opens_at + %(more)s, due_at = due_at + %(more)s WHERE state = 'announced'"
)


@dataclass
class CertificateHouse:
    """The running demonstration."""

    folder: Path
    port: int
    settings: Settings

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ukeys(self) -> Path:
        return self.folder / "ukeys"

    def account(self, login: str, name: str, role: Role = Role.BIDDER) -> None:
        """An account as an administrator makes it."""
        _apart(_account(self.settings.required_database_url(), login, name, role))

    def blank(self) -> tuple[str, str]:
        """A UKey without a key, out of its box: label and serial number. Its code lies with the authority."""
        label, code = f"new-{secrets.token_hex(4)}", virtual.random_so_pin()
        made = virtual.create(label, pin=Pin(PIN), so_pin=code, folder=self.ukeys, cost=int(QUICK))
        CodeBook(self.folder / "authority" / CODES).put(made.serial, code)
        virtual.unplug(label, self.ukeys)
        return label, made.serial

    @contextmanager
    def plugged(self, label: str) -> Iterator[None]:
        """This UKey alone is in the computer."""
        for other in virtual.ukeys(self.ukeys):
            virtual.unplug(other.label, self.ukeys)
        virtual.plug(label, self.ukeys)
        try:
            yield
        finally:
            virtual.unplug(label, self.ukeys)

    def holds(self, login: str, name: str, known: Mapping[str, str], **business: Any) -> "Held":
        """An account that has a certificate in its UKey, as its earlier order left it. The PIN is PIN.

        `known`: what that order was told. `business`: channel, product, subject, authority, years, way.
        """
        self.account(login, name)
        label, serial = self.blank()
        virtual.plug(label, self.ukeys)
        number, certificate = _apart(_held(self, login, serial, known, business))
        virtual.unplug(label, self.ukeys)
        return Held(label, serial, number, certificate)

    def moved_back(self) -> None:
        """To the real time: for a journey that has leapt."""
        leapt = self._leapt()
        (self.folder / CLOCK_AHEAD).unlink(missing_ok=True)
        self._take_listing_along(-leapt)

    def locks(self, label: str) -> None:
        """Its holder has forgotten the PIN, and tried."""
        virtual.plug(label, self.ukeys)
        for _ in range(3):
            with suppress(WrongPin, PinLocked):
                virtual.station(self.ukeys).token(label).sign(b"anything", Pin("forgotten"))
        virtual.unplug(label, self.ukeys)

    def signs(self, label: str, pin: str) -> None:
        """That the UKey takes this PIN."""
        with self.plugged(label):
            virtual.station(self.ukeys).token(label).sign(b"anything", Pin(pin))

    def contents(self, label: str) -> TokenContents:
        return virtual.station(self.ukeys).token(label).contents()

    def ahead(self, more: timedelta) -> None:
        """The clock of everything that has dates."""
        self._take_listing_along(more)
        new = (self.folder / CLOCK_AHEAD).with_suffix(".new")
        new.write_text(f"{(self._leapt() + more).total_seconds():.3f}", "ascii")
        new.chmod(0o644)
        new.replace(self.folder / CLOCK_AHEAD)

    def _leapt(self) -> timedelta:
        file = self.folder / CLOCK_AHEAD
        return timedelta(seconds=float(file.read_text("ascii")) if file.exists() else 0.0)

    def _take_listing_along(self, more: timedelta) -> None:
        """It would end in the leap; another journey, in whatever order, needs it."""
        with psycopg.connect(self.settings.required_database_url()) as connection:
            connection.execute(_ALONG, {"more": more})

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        url = self.settings.required_database_url()
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def order(self, number: str) -> dict[str, Any]:
        return self.rows("SELECT * FROM orders WHERE number = %s", number)[0]

    def until(self, true: Callable[[], Any], said: str) -> Any:
        """Wait for something that comes by itself."""
        end = time.monotonic() + PATIENCE_S
        while not (found := true()):
            assert time.monotonic() < end, f"not within {PATIENCE_S} s: {said}"
            time.sleep(0.1)
        return found


@dataclass(frozen=True)
class Held:
    """Somebody's UKey: its label and number, the order it came from, its certificate's serial."""

    label: str
    card: str
    number: str
    certificate: str


async def _held(
    house: CertificateHouse, login: str, card: str, known: Mapping[str, str], business: Mapping[str, Any]
) -> tuple[str, str]:
    """Order and certificate: asked for with the UKey's key, made by the authority's process, written."""
    engine, kept = create_engine(house.settings.required_database_url()), marks(house.settings)
    people = [await Accounts(engine).by_login(one) for one in (login, "clerk1")]
    ids = [one.id for one in people if one is not None]
    office = Issuing(
        engine,
        cast(Any, None),
        cast(Any, None),
        Writing(engine, kept),
        datetime.now(UTC),
        ids[1],
        ids[0],
        kept,
    )
    subject = str(business.get("subject", "organization"))
    person = subject == "natural_person"
    named = known["applicant_number"] if person else known["credit_code"]
    mark = OrderBoxes(kept).number_mark("person" if person else "organization", named)
    typed = {name: f"+86{value}" if name.endswith("_phone") else value for name, value in known.items()}
    number = await office.approved("issue", details=typed, number_mark=mark, **business)
    token, pin = virtual.station(house.ukeys).token(card), Pin(PIN)
    token.new_key(pin)
    request = token.request_certificate(Name.of("whatever the UKey says"), pin)
    await office.lays(number, card)
    await office.writing.ask(number, office.by, FromUKey(request.der, card, card), now=office.now)
    while (made := await office.writing.made(number)) is None:
        await asyncio.sleep(0.1)
    token.store(made.bundle.certificate, made.bundle.seal, made.bundle.chain, pin)
    await office.writing.written(made, office.by, now=office.now)
    async with engine.begin() as connection:
        done = text("UPDATE orders SET state = 'done', finished_at = :now WHERE number = :number")
        await connection.execute(done, {"number": number, "now": office.now})
    await engine.dispose()
    return number, made.request.serial


async def _account(url: str, login: str, name: str, role: Role) -> None:
    engine = create_engine(url)
    if await Accounts(engine).by_login(login) is None:
        await Accounts(engine).create_hashed(login, hash_password(PASSWORD), role, name)
    await engine.dispose()


@contextmanager
def open_certificate_house() -> Iterator[CertificateHouse]:
    folder = Path(tempfile.mkdtemp(prefix="luochui-certificates-"))
    folder.chmod(0o711)
    data, port = folder / "data", _free_ports(1 + GATEWAYS)
    settings = {
        "LUOCHUI_DATA": str(data),
        "LUOCHUI_PORT": str(port),
        "LUOCHUI_GATEWAYS": str(GATEWAYS),
        "LUOCHUI_ASSISTANT_PORT": str(free_port()),
        "LUOCHUI_AUTHORITY_PORT": str(free_port()),
        "LUOCHUI_VUKEY_COST": QUICK,
        "LUOCHUI_BID_REQUIRES_UKEY": "0",
    }
    log = (folder / "up.log").open("wb")
    command = [sys.executable, "-m", "tests.browser.quiet_demo"]
    process = subprocess.Popen(command, env={**environ, **settings}, stdout=log, stderr=log)
    try:
        try:
            _await_ready(port, process)
        except AssertionError as ended:
            raise AssertionError((folder / "up.log").read_text("utf-8")[-4_000:]) from ended
        attached = running.attach(Settings(data=data, port=port, demo=True))
        yield CertificateHouse(data, port, attached)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
