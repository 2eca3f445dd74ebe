"""The whole platform for the browser tests: real servers and processes, people with accounts, lots with short
periods, and a proxy before each gateway."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bidding.lots import AssetClass, Offer
from bidding.terms import Fen, Terms
from luochui.processes.wiring import open_book
from luochui.vaults import open_vault
from office.accounts import Accounts, Role
from office.database import create_engine
from office.passwords import hash_password
from office.sealed import NotPublished, QualifiedRow
from tests.browser.proxy import Proxy
from tests.faults import stage
from tests.faults.stage import PASSWORD, Platform
from web import putting_on
from web.offer_form import Draft

START = 1_000_000_00
STEP = 10_000_00
PATIENCE_S = 90
SLOWER = {"LUOCHUI_RESUME_AFTER_MS": "5000", "LUOCHUI_REHEARSAL_WINDOW_S": "20"}
"""Who looks at a page sees the suspension, also on a busy machine."""
PEOPLE = {
    "one": (Role.BIDDER, "测试竞买人一"),
    "two": (Role.BIDDER, "测试竞买人二"),
    "three": (Role.BIDDER, "测试竞买人三"),
    "stranger": (Role.BIDDER, "测试竞买人四"),
    "newcomer": (Role.BIDDER, "测试竞买人六"),
    "reader-of-english": (Role.BIDDER, "测试竞买人五"),
    "transferor": (Role.TRANSFEROR, "甲方示例单位"),
    "first-administrator": (Role.ADMINISTRATOR, "测试管理员一"),
    "second-administrator": (Role.ADMINISTRATOR, "测试管理员二"),
    "regulator": (Role.REGULATOR, "测试监管人员"),
    "english-administrator": (Role.ADMINISTRATOR, "测试管理员三"),
}

_T = TypeVar("_T")


@dataclass
class House:
    """The running platform. Its methods may be called while playwright's own loop runs in this thread."""

    platform: Platform
    proxies: tuple[Proxy, ...]
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.platform.port}"

    def cookie(self, login: str) -> str:
        """The session of a person, signed in once."""
        if login not in self.cookies:
            self.cookies[login] = stage.sign_in(self.platform.port, login)
        return self.cookies[login]

    def put_on(
        self,
        *,
        opens_in_ms: int = 1_000,
        ranks: Mapping[str, int] | None = None,
        reserve: int | None = None,
        title: str = "某市人民路临街商铺",
        **terms: Any,
    ) -> str:
        """A lot that opens soon; its number. `ranks` are the qualified and their priority."""
        listed = {"one": 0, "two": 0, "three": 0} if ranks is None else dict(ranks)
        periods = {"inquiry_ms": 600, "window_ms": 20_000, **terms}
        for login in listed:
            self.cookie(login)  # signing in is slow: not between the opening and the first bid
        for slower in (1, 3, 10):
            with suppress(NotPublished):  # a busy machine: it opened before its list was there
                return _apart(_put_on(self.platform, slower * opens_in_ms, listed, reserve, title, periods))
        raise AssertionError("no list could be imported before the lot opened")

    def bid(self, lot: str, login: str, price: int) -> None:
        """A bid of somebody who is not at a browser."""
        _apart(_bid(self, lot, login, price))

    def restore(self) -> None:
        for proxy in self.proxies:
            proxy.restore()


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    proxies = (Proxy(), Proxy())
    urls = ",".join(proxy.url for proxy in proxies)
    try:
        with stage.platform(folder, {**SLOWER, "LUOCHUI_GATEWAY_URLS": urls}) as platform:
            for index, proxy in enumerate(proxies):
                proxy.target = ("127.0.0.1", platform.port + 1 + index)
            _apart(_make_accounts(platform))
            yield House(platform, proxies)
    finally:
        for proxy in proxies:
            proxy.close()


def _apart(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it in a thread of its own: playwright's synchronous interface occupies this thread's loop."""
    bounded = asyncio.wait_for(work, PATIENCE_S)
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, bounded).result()


async def _make_accounts(platform: Platform) -> None:
    engine = create_engine(platform.settings.required_database_url())
    accounts, password = Accounts(engine), hash_password(PASSWORD)
    for login, (role, name) in PEOPLE.items():
        await accounts.create_hashed(login, password, role, name)
    await engine.dispose()


async def _put_on(
    platform: Platform,
    opens_in_ms: int,
    ranks: Mapping[str, int],
    reserve: int | None,
    title: str,
    terms: Mapping[str, Any],
) -> str:
    lot = f"B-{secrets.token_hex(3).upper()}"
    engine = create_engine(platform.settings.required_database_url())
    sealed = await open_vault(platform.settings, engine)
    async with open_book(platform.settings) as book:
        now, _ = await book.observe(0)
        offer = Offer(
            terms=Terms(lot=lot, **{"starting_price": Fen(START), "increment": Fen(STEP), **terms}),
            opens_at=now + opens_in_ms,
            title=title,
            asset_class=AssetClass.PHYSICAL,
            place="某市",
            description="临街商铺一间，按现状交付。",
            transferor="甲方示例单位",
        )
        await putting_on.put_on(engine, book, sealed, Draft(offer, None if reserve is None else Fen(reserve)))
        rows = [QualifiedRow(login, rank) for login, rank in ranks.items()]
        await putting_on.import_list(engine, book, sealed, lot, rows)
    await engine.dispose()
    return lot


async def _bid(house: House, lot: str, login: str, price: int) -> None:
    said = (secrets.token_hex(8), price)
    bidder = stage.Bidder(house.platform, house.cookie(login), lot, 0, pending=said, bids=False)
    sitting = asyncio.create_task(bidder.run())
    async with asyncio.timeout(60):
        while bidder.pending is not None:
            await asyncio.sleep(0.02)
    sitting.cancel()
    assert bidder.acknowledged, f"{login}'s bid of {price} was refused"
