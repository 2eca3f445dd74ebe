"""Demonstration data: accounts with public passwords, and lots of every class in every phase.

`prepare` goes the way of the administrator's form (web.putting_on) and may be repeated: what is there stays,
what a crash left half done is finished. What takes time (bids, suspensions, the finished lots) the
robots do afterwards (luochui/processes/robots.py), through the book like everybody else.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.lots import Lot, LotExists, Offer
from bidding.messages import Phase
from bidding.session import ENDED as ENDED
from bidding.terms import Fen, Terms
from luochui import demo_assistant, demo_ukeys
from luochui.demo_desk import fill_desk
from luochui.demo_listings import Showing, Town
from luochui.demo_lots import BY_ROBOTS, FINISHED, LIVELY, SCENES, TRANSFEROR, Scene
from luochui.demo_players import Players
from luochui.demo_ukeys import PIN
from luochui.messaging import marks
from luochui.operations.demonstration import WrongDatabase, is_marked
from luochui.processes.wiring import clock_of, open_book
from luochui.settings import Settings
from luochui.vaults import open_vault
from office.accounts import Accounts, LoginTaken, Person, Role
from office.database import create_engine
from office.files import Files
from office.sealed import QualifiedRow, Sealed
from signing.sm3 import sm3
from trading.confirmations import DEMONSTRATION, House
from trading.profiles.store import ensure_defaults
from web import putting_on
from web.offer_form import Draft
from web.shown import BEIJING
from web.site import DemoAccount

PASSWORD: Final = "luochui-demo"  # noqa: S105 - public on purpose
_NUMBERS: Final = "一二三四五六"
_MOST_ACCOUNTS: Final = 1_000
_MOST_SUCCESSORS: Final = 1_000
_AHEAD_MS: Final = 5_000
"""A lively lot that opens later than this was put on just now, by a prepare before this one."""

BIDDERS: Final = tuple(f"bidder{number}" for number in range(1, len(_NUMBERS) + 1))
VISITOR: Final = BIDDERS[0]
"""Whom the robots leave to the person at the screen."""
ROBOTS: Final = BIDDERS[1:5]
"""The first bidder is the visitor's, the last one for a second visitor."""
ADMINISTRATORS: Final = ("administrator1", "administrator2")
CLERKS: Final = ("clerk1", "clerk2")

ACCOUNTS: Final[tuple[DemoAccount, ...]] = (
    *(
        DemoAccount(login, PASSWORD, Role.BIDDER, f"测试竞买人{number}", PIN, robot=login in ROBOTS)
        for login, number in zip(BIDDERS, _NUMBERS, strict=True)
    ),
    DemoAccount("transferor", PASSWORD, Role.TRANSFEROR, TRANSFEROR, PIN),
    DemoAccount(ADMINISTRATORS[0], PASSWORD, Role.ADMINISTRATOR, "演示管理员甲"),
    DemoAccount(ADMINISTRATORS[1], PASSWORD, Role.ADMINISTRATOR, "演示管理员乙"),
    DemoAccount("finance1", PASSWORD, Role.FINANCE, "演示财务人员甲"),
    DemoAccount("finance2", PASSWORD, Role.FINANCE, "演示财务人员乙"),
    DemoAccount(CLERKS[0], PASSWORD, Role.CLERK, "办证员甲"),
    DemoAccount(CLERKS[1], PASSWORD, Role.CLERK, "办证员乙"),
    DemoAccount("regulator", PASSWORD, Role.REGULATOR, "演示监管员"),
)


def accounts() -> tuple[DemoAccount, ...]:
    """What the sign-in page and the console show, in demonstration mode only."""
    return ACCOUNTS


@dataclass(frozen=True, slots=True)
class Cast:
    """A lot that is on, with the part that it plays."""

    lot: str
    scene: Scene


def prepare(settings: Settings) -> tuple[Cast, ...]:
    """Make accounts and lots; a repetition finds them there. Returns what plays now, the lively lot first.

    Raises WrongDatabase on a database that is not marked as a demonstration's.
    """
    _check_mark(settings.required_database_url())
    return asyncio.run(_prepare(settings))


def prepare_ukeys(settings: Settings) -> None:
    """Accounts, the authority, everybody's UKeys, bound and confirmed, and the assistant, paired and
    registered for the desk. May be repeated. Raises WrongDatabase."""
    _check_mark(settings.required_database_url())
    asyncio.run(_make_accounts(settings))
    demo_ukeys.prepare(settings, ACCOUNTS)
    demo_assistant.pair(settings)
    asyncio.run(_register_assistant(settings))


def prepare_listings(settings: Settings) -> tuple[str, ...]:
    """Listings in every state of their life. After `prepare_ukeys`, before the steward runs; may be repeated.
    Returns the titles of those that failed: the log says why, and a repetition tries them again.
    Raises WrongDatabase."""
    _check_mark(settings.required_database_url())
    return asyncio.run(_prepare_listings(settings))


async def _prepare_listings(settings: Settings) -> tuple[str, ...]:
    async with stage(settings) as here:
        async with here.engine.begin() as connection:
            await ensure_defaults(connection, clock_of(settings)())
        players = Players(settings, {}, random.SystemRandom())
        failed = await Showing(await town_of(settings, here), players).list_all()
        await _fill_desk(settings, here)
        return failed


async def _fill_desk(settings: Settings, here: "Stage") -> None:
    """Orders for the clerks to work on, made by the first of them."""
    clerk = (await here.people()).get(CLERKS[0])
    if clerk is not None:
        now, name = clock_of(settings)(), settings.platform_name
        await fill_desk(here.engine, marks(settings), name, clerk.id, now=now)


async def town_of(settings: Settings, here: "Stage") -> Town:
    """What listings are led with."""
    people = await here.people()
    return Town(
        engine=here.engine,
        sealed=here.sealed,
        files=Files.at(settings.kept_files(), digest=sm3),
        clock=clock_of(settings),
        people={login: person.id for login, person in people.items()},
        names={login: person.name for login, person in people.items()},
        house=House(settings.platform_name, DEMONSTRATION),
    )


def _check_mark(database_url: str) -> None:
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        if not is_marked(connection):
            raise WrongDatabase("This database is not a demonstration's: no demonstration data is put there.")


async def _make_accounts(settings: Settings) -> None:
    async with stage(settings) as here:
        await here.make_accounts()


async def _register_assistant(settings: Settings) -> None:
    async with stage(settings) as here:
        await demo_assistant.register(settings, here.engine, clock_of(settings)())


async def _prepare(settings: Settings) -> tuple[Cast, ...]:
    async with stage(settings) as here:
        await here.make_accounts()
        first = [scene for scene in SCENES if scene.part not in BY_ROBOTS]
        return (await here.lively(), *[await here.put_on(scene) for scene in first])


@asynccontextmanager
async def stage(settings: Settings) -> AsyncIterator["Stage"]:
    """Database and book of a demonstration."""
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        async with open_book(settings) as book:
            yield Stage(engine, book, await open_vault(settings, engine))
    finally:
        await engine.dispose()


class Stage:
    """Puts scenes on, each under the ids of its series: XX-SW-101, and XX-SW-101-2 when that has ended."""

    def __init__(self, engine: AsyncEngine, book: Book, sealed: Sealed) -> None:
        self.sealed = sealed
        self.engine = engine
        self.book = book

    async def make_accounts(self) -> None:
        office = Accounts(self.engine)
        there, _ = await office.page(0, _MOST_ACCOUNTS)
        known = {person.login for person in there}
        for account in ACCOUNTS:
            if account.login not in known:
                try:
                    await office.create(account.login, account.password, account.role, account.name)
                except LoginTaken:  # another prepare at the same time
                    continue

    async def people(self) -> dict[str, Person]:
        """The demonstration's accounts by login."""
        there, _ = await Accounts(self.engine).page(0, _MOST_ACCOUNTS)
        known = {account.login for account in ACCOUNTS}
        return {person.login: person for person in there if person.login in known}

    async def lot(self, lot: str) -> Lot | None:
        async with self.engine.connect() as connection:
            return await lots.lot(connection, lot)

    async def put_on(self, scene: Scene) -> Cast:
        """The lot that plays this scene: the one that is there, or a new one."""
        for number in range(1, _MOST_SUCCESSORS):
            lot = scene.lot if number == 1 else f"{scene.lot}-{number}"
            found = await self.lot(lot)
            if found is None:
                await self._put_on_new(scene, lot)
            elif found.standing.phase in ENDED and scene.part not in FINISHED:
                continue
            else:
                await self._finish(scene, lot)
            return Cast(lot, scene)
        raise AssertionError(f"{scene.lot} has had {_MOST_SUCCESSORS} successors")

    async def living_lively(self) -> Cast | None:
        """The newest lively lot that has not ended."""
        async with self.engine.connect() as connection:
            living = await lots.lots_by_phase(connection, list(set(Phase) - ENDED), size=lots.MAX_PAGE)
        mine = [found for found in living if found.offer.title == LIVELY.title]
        newest = max(mine, key=lambda found: found.offer.opens_at, default=None)
        return None if newest is None else Cast(newest.id, LIVELY)

    async def lively(self) -> Cast:
        """A lively lot that has not opened yet: the one that was just put on, or a new one."""
        async with self.engine.connect() as connection:
            waiting = await lots.lots_by_phase(connection, [Phase.SCHEDULED], size=lots.MAX_PAGE)
        now = _now_ms()
        for found in waiting:
            if found.offer.title == LIVELY.title and found.offer.opens_at > now + _AHEAD_MS:
                await self._finish(LIVELY, found.id)
                return Cast(found.id, LIVELY)
        lot = f"{LIVELY.lot}-{datetime.fromtimestamp(now / 1000, BEIJING):%m%d-%H%M%S}"
        await self._put_on_new(LIVELY, lot)
        return Cast(lot, LIVELY)

    async def _put_on_new(self, scene: Scene, lot: str) -> None:
        try:
            await putting_on.put_on(self.engine, self.book, self.sealed, draft(scene, lot, _now_ms()))
        except LotExists:
            await putting_on.schedule(self.engine, self.book, self.sealed, lot)
        await putting_on.import_list(self.engine, self.book, self.sealed, lot, qualified(scene))

    async def _finish(self, scene: Scene, lot: str) -> None:
        """Repeat what a crash may have left out."""
        state = await putting_on.in_the_book(self.engine, self.book, self.sealed, lot)
        if not state.scheduled:
            await putting_on.schedule(self.engine, self.book, self.sealed, lot)
            state = await putting_on.in_the_book(self.engine, self.book, self.sealed, lot)
        snapshot = await self.book.snapshot(lot)
        if snapshot is not None and not snapshot.session.qualified and _can_amend(snapshot.session.phase):
            await putting_on.import_list(self.engine, self.book, self.sealed, lot, qualified(scene))
        elif not state.list_agrees:
            await putting_on.agree_on_list(self.engine, self.book, self.sealed, lot)


def _can_amend(phase: Phase) -> bool:
    return phase is Phase.SCHEDULED


def draft(scene: Scene, lot: str, now: int) -> Draft:
    """The form, filled in."""
    terms = Terms(
        lot=lot,
        starting_price=Fen(scene.starting_yuan * 100),
        increment=Fen(scene.increment_yuan * 100),
        inquiry_ms=scene.inquiry_ms,
        window_ms=scene.window_ms,
        inquiry_mode=scene.inquiry_mode,
        priority_mode=scene.priority_mode,
    )
    offer = Offer(
        terms=terms,
        opens_at=now + scene.opens_in_ms,
        title=scene.title,
        asset_class=scene.asset_class,
        place=scene.place,
        description=scene.description,
        transferor=TRANSFEROR,
    )
    return Draft(offer, None if scene.reserve_yuan is None else Fen(scene.reserve_yuan * 100))


def qualified(scene: Scene) -> list[QualifiedRow]:
    """Everybody may bid on everything here; some hold a priority right."""
    ranks = dict(scene.ranks)
    return [QualifiedRow(login, ranks.get(login, 0)) for login in BIDDERS]


def _now_ms() -> int:
    return int(time.time() * 1000)
