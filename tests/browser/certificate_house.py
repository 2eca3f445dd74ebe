"""The demonstration for the journeys of certificates: its desk, its authority, its assistant and UKeys.

One for all journeys of a file. The assistant runs on the one computer of everybody; whose UKeys are in its
ports, `plugged` says. The clock of the trading workflow is moved by its file, forward alone.
"""

import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from os import environ
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from luochui.demo import PASSWORD
from luochui.demo_ukeys import PIN
from luochui.processes.wiring import CLOCK_AHEAD
from luochui.services import running
from luochui.settings import Settings
from office.accounts import Accounts, Role
from office.database import create_engine
from office.passwords import hash_password
from signing.token import virtual
from signing.token.codes import FOLDER as CODES
from signing.token.codes import CodeBook
from signing.token.port import Pin, TokenContents
from tests.assistantkit import free_port
from tests.browser.auction_house import _apart
from tests.faults.stage import _await_ready, _free_ports

PATIENCE_S: Final = 90.0
GATEWAYS: Final = 2
QUICK: Final = "10"
"""Of deriving a key from a PIN: slow on purpose, and not what is tested."""


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
        """A UKey without a key, out of its box: its label and serial number. Its code lies with the authority."""
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

    def contents(self, label: str) -> TokenContents:
        return virtual.station(self.ukeys).token(label).contents()

    def ahead(self, more: timedelta) -> None:
        """The clock of everything that has dates."""
        file = self.folder / CLOCK_AHEAD
        now = float(file.read_text("ascii")) if file.exists() else 0.0
        new = file.with_suffix(".new")
        new.write_text(f"{now + more.total_seconds():.3f}", "ascii")
        new.chmod(0o644)
        new.replace(file)

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
