"""The whole platform for the journeys of the trading workflow, with a clock that jumps over working days.

`luochui up` with everything in it; the trading clock starts on an ordinary Monday of a published year and is
moved by a file that all processes read (tests/travel). Persons of all roles have accounts, and those who seal
have UKeys; windows and inquiries are short, working days are as long as the rule profiles say.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from certificates.issuing.presenting import presented
from office.accounts import Accounts, Role
from office.database import create_engine
from office.passwords import hash_password
from office.ukeys import UKeys
from signing.sm2 import load_or_create
from signing.token.port import Pin
from tests import sealingkit
from tests.assistantkit import free_port
from tests.browser.auction_house import _apart
from tests.browser.computer import PIN, Computer
from tests.browser.errands import Errand
from tests.browser.pretended_bank import BANK, KEY, PretendedBank
from tests.faults import stage
from tests.faults.stage import PASSWORD, Platform
from tests.tradingkit import MONDAY
from trading.profiles.store import Profiles, ensure_defaults

TRAVEL: Final = Path(__file__).parents[1] / "travel"
PLATFORM_PIN: Final = "1234567890"
PATIENCE_S: Final = 90.0
PEOPLE: Final = {
    "one": (Role.BIDDER, "湘西示例商贸有限公司"),
    "two": (Role.BIDDER, "吉首示例实业有限公司"),
    "three": (Role.BIDDER, "凤凰示例投资有限公司"),
    "four": (Role.BIDDER, "泸溪示例置业有限公司"),
    "five": (Role.BIDDER, "保靖示例农业有限公司"),
    "transferor": (Role.TRANSFEROR, "甲方示例单位"),
    "administrator": (Role.ADMINISTRATOR, "测试管理员一"),
    "second-administrator": (Role.ADMINISTRATOR, "测试管理员二"),
    "finance": (Role.FINANCE, "测试财务人员"),
    "regulator": (Role.REGULATOR, "测试监管人员"),
}
SEALING: Final = ("one", "two", "three", "transferor")
PLUGGED_IN: Final = ("four", "five")
"""Whose UKeys are plugged into a computer on which the assistant runs; the others' seal without one."""
BRISK: Final = {
    "inquiry_ms": 1_500,
    "window_ms": 4_000,
    "opening_notice_minutes": 0,
    "opening_delay_minutes": 0,
}
"""Of the rule profile: the working days stay, the live part is short."""


@dataclass
class TradingClock:
    """The file that all processes read: by how many seconds the trading clock is ahead of the real one."""

    file: Path

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self.file.read_text("ascii")))

    def set(self, moment: datetime) -> None:
        ahead = (moment - datetime.now(UTC)).total_seconds()
        new = self.file.with_suffix(".new")
        new.write_text(f"{ahead:.3f}", "ascii")
        new.replace(self.file)

    def reach(self, moment: datetime) -> None:
        """To a moment, if it is ahead; the clock never goes back."""
        if moment > self.now():
            self.set(moment)


@dataclass
class TradingHouse:
    """The running platform, its clock, and what everybody has in hand."""

    platform: Platform
    folder: Path
    clock: TradingClock
    assistant: int
    keys: Mapping[str, sealingkit.UKey]
    bank: PretendedBank
    errands: dict[str, Errand] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.platform.port}"

    @property
    def computer(self) -> Computer:
        """The one into which UKeys are plugged."""
        return Computer(self.address, self.folder, self.assistant)

    def errand(self, login: str) -> Errand:
        """Somebody who does things without a browser, over the same routes; signed in once."""
        if login not in self.errands:
            cookie = stage.sign_in(self.platform.port, login)
            job_key = load_or_create(self.platform.folder / "keys" / "jobs.pem").public_key
            self.errands[login] = Errand(self.address, cookie, self.keys.get(login), job_key)
        return self.errands[login]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What stands in the database."""
        url = self.platform.settings.required_database_url()
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the only row, or None."""
        found = self.rows(query, *values)
        return next(iter(found[0].values())) if found else None

    def state(self, lot: str) -> str:
        return str(self.one("SELECT state FROM listings WHERE lot = %s", lot))

    def until(self, true: Callable[[], Any], said: str, within_s: float = PATIENCE_S) -> Any:
        """Wait for something that comes by itself."""
        end = time.monotonic() + within_s
        while not (found := true()):
            assert time.monotonic() < end, f"not within {within_s} s: {said}"
            time.sleep(0.1)
        return found

    def until_state(self, lot: str, *states: str, within_s: float = PATIENCE_S) -> str:
        end = time.monotonic() + within_s
        while (state := self.state(lot)) not in states:
            assert time.monotonic() < end, f"{lot} is {state}, not {' or '.join(states)}: {self.story(lot)}"
            time.sleep(0.1)
        return state

    def reach_due(self, lot: str) -> None:
        """Jump to the date at which the lot's next step is due."""
        due = self.one("SELECT due_at FROM listings WHERE lot = %s", lot)
        assert due is not None, f"nothing is due for {lot}"
        self.clock.reach(due + timedelta(seconds=1))

    def story(self, lot: str) -> str:
        found = self.rows("SELECT act, after FROM listing_events WHERE lot = %s ORDER BY id", lot)
        return ", ".join(f"{row['act']}→{row['after']}" for row in found)


@contextmanager
def open_trading_house(more: Mapping[str, str] | None = None) -> Iterator[TradingHouse]:
    folder = Path(tempfile.mkdtemp(prefix="luochui-trading-"))
    folder.chmod(0o711)
    authority = sealingkit.authority(folder / "authority")
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o711)
    clock = TradingClock(folder / "clock")
    clock.set(MONDAY)
    (folder / "clock").chmod(0o644)
    pin_file = folder / "platform.pin"
    pin_file.write_text(PLATFORM_PIN)
    pin_file.chmod(0o600)
    sealingkit.equip(authority, data / "platform-ukey", "platform", "测试平台", Pin(PLATFORM_PIN))
    keys = {login: sealingkit.ukey(authority, PEOPLE[login][1]) for login in SEALING}
    plugged_in = {
        login: sealingkit.equip(authority, folder / "ukeys", login, PEOPLE[login][1], Pin(PIN))
        for login in PLUGGED_IN
    }
    settings = {
        "TRADING_CLOCK": str(clock.file),
        "PYTHONPATH": str(TRAVEL),
        "LUOCHUI_TRUST_FOLDER": str(folder / "authority"),
        "LUOCHUI_PLATFORM_UKEY": "platform",
        "LUOCHUI_PLATFORM_PIN_FILE": str(pin_file),
        "LUOCHUI_ASSISTANT_PORT": str(port),
        "LUOCHUI_BANK_KEYS": f"{BANK}={KEY}",
        **(more or {}),
    }
    try:
        with stage.platform(data, settings) as platform:
            _apart(_settle_in(platform, {**keys, **plugged_in}, clock))
            bank = PretendedBank(f"http://127.0.0.1:{platform.port}", clock.now)
            yield TradingHouse(platform, folder, clock, port, keys, bank)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _settle_in(
    platform: Platform, keys: Mapping[str, sealingkit.UKey | sealingkit.UKeyOnToken], clock: TradingClock
) -> None:
    """Accounts, bound UKeys, rule profiles with short windows."""
    engine = create_engine(platform.settings.required_database_url())
    accounts, ukeys = Accounts(engine), UKeys(engine)
    password = await asyncio.to_thread(hash_password, PASSWORD)
    ids = {
        login: await accounts.create_hashed(login, password, role, name)
        for login, (role, name) in PEOPLE.items()
    }
    for login, key in keys.items():
        bound = await ukeys.bind(ids[login], presented(key.certificate, key.seal))
        await ukeys.confirm(bound, by=ids["administrator"])
    profiles = Profiles(engine)
    async with engine.begin() as connection:
        await ensure_defaults(connection, clock.now())
    for stored in await profiles.versions():
        fields = {**stored.rules.as_json(), **BRISK}
        draft = await profiles.draft(stored.id, ids["administrator"], clock.now())
        await profiles.save(draft.id, fields, ids["administrator"], clock.now())
        await profiles.publish(draft.id, ids["second-administrator"], clock.now())
    await engine.dispose()
