"""Orders go to the authority that they chose, and on to the one that issued: the demonstration's own CAs, and
one that is reached over HTTP, also while it does not answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.port import State
from certificates.authority.remote import AWAY_S, RemoteAuthority
from certificates.issuing import issued, requests
from certificates.issuing.answering import Answering
from certificates.orders.order import locked
from certificates.orders.states import OrderState
from office.database import create_engine
from signing.sm2 import PrivateKey
from tests.authoritykit import Served, demonstration, over_http
from tests.issuingkit import Issuing, issuing_on

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """上海CA, somewhere else, with a root of its own."""
    return Served(demonstration(tmp_path / "elsewhere", lambda: NOW), clock=lambda: NOW)


@pytest.fixture
def sheca(served: Served) -> Iterator[RemoteAuthority]:
    with over_http(served) as adapter:
        yield adapter


@pytest.fixture
async def office(engine: AsyncEngine, tmp_path: Path, sheca: RemoteAuthority) -> Issuing:
    office = await issuing_on(engine, tmp_path, NOW)
    office.authorities = DemonstrationAuthorities.open(
        tmp_path / "authority", clock=lambda: NOW, remote={"sheca": sheca}
    )
    return office


async def written(office: Issuing, number: str, key: PrivateKey) -> str:
    """The whole way; an authority elsewhere may take more than one round."""
    await office.asked(number, key)
    answering = office.answering
    while (made := await office.writing.made(number)) is None:
        await answering.round(office.now)
    await answering.close()
    await office.writing.written(made, office.by, now=office.now)
    return made.request.serial


async def authority_of(office: Issuing, serial: str) -> str:
    async with office.engine.connect() as connection:
        found = await issued.by_serial(connection, serial)
    assert found is not None
    return found.authority


async def test_each_order_is_issued_by_the_authority_that_it_chose(office: Issuing, served: Served) -> None:
    serials = {}
    for key in ("bjca", "hunca", "sheca"):
        serials[key] = await written(office, await office.approved(authority=key), PrivateKey.generate())
    for key, serial in serials.items():
        number = int(serial, 16)
        assert await authority_of(office, serial) == key
        one = served.authority if key == "sheca" else office.authorities.own(key, key)
        assert one.status(number).state is State.GOOD
        known = [other for other in office.authorities.known().values() if other.knows(number)]
        assert known == ([] if key == "sheca" else [one])
    assert set(office.authorities.known()) == {"bjca", "hunca"}


def one_state(office: Issuing, served: Served, key: str, serial: str) -> State:
    one = served.authority if key == "sheca" else office.authorities.own(key, key)
    return one.status(int(serial, 16)).state


@pytest.mark.parametrize("key", ["hunca", "sheca"])
async def test_what_follows_stays_at_the_authority_that_issued(
    office: Issuing, served: Served, key: str
) -> None:
    """Whatever the later order says; and a lost one is revoked there."""
    ukey = PrivateKey.generate()
    first = await written(office, await office.approved(authority=key), ukey)
    renewed = await written(office, await office.approved("renew", authority="bjca", about=first), ukey)
    assert await authority_of(office, renewed) == key
    replaced = await office.approved("replace", authority="bjca", about=renewed)
    again = await written(office, replaced, PrivateKey.generate())
    while one_state(office, served, key, renewed) is State.GOOD:
        await office.round()
    assert await authority_of(office, again) == key
    states = [one_state(office, served, key, serial) for serial in (first, renewed, again)]
    assert states == [State.GOOD, State.REVOKED, State.GOOD]
    assert "bjca" not in office.authorities.known()


async def test_a_conversion_may_go_to_another_authority(office: Issuing) -> None:
    ukey = PrivateKey.generate()
    first = await written(office, await office.approved(authority="hunca"), ukey)
    number = await office.approved(
        "convert", channel="xiangxi", way="assistant", authority="bjca", about=first
    )
    await office.asked(number, ukey)
    async with office.engine.connect() as connection:
        waiting = await requests.asked(connection, 10, office.now)
    assert [(one.number, one.authority) for one in waiting] == [(number, "bjca")]  # and keeps none of hunca's
    second = await written(office, number, ukey)
    await office.round()
    assert await authority_of(office, second) == "bjca"
    assert office.authorities.own("hunca", "").status(int(first, 16)).state is State.REVOKED


async def test_an_authority_that_is_away_keeps_nobody_else_waiting_and_issues_once(
    office: Issuing, served: Served
) -> None:
    answering, away = office.answering, await office.approved(authority="sheca")
    await office.asked(away, PrivateKey.generate())
    hangs = threading.Event()

    def lost(_method: str, path: str) -> str:
        hangs.wait(60)
        return "lost" if path.endswith("/certificates") else ""

    served.behave = lost
    assert await answering.round(NOW) == 0  # it is still being asked
    other = await office.approved(authority="bjca")
    await office.asked(other, PrivateKey.generate(), "CARD0002")
    assert await answering.round(NOW) == 1
    assert await office.writing.made(other) is not None
    hangs.set()
    while answering._asking:
        assert await answering.round(NOW) == 0
    asked = len(served.asked)
    assert await answering.round(NOW + timedelta(seconds=AWAY_S - 1)) == 0
    assert len(served.asked) == asked  # it rests
    served.behave = lambda _method, _path: ""
    while await office.writing.made(away) is None:
        await answering.round(NOW + timedelta(seconds=AWAY_S + 1))
    made = await office.writing.made(away)
    assert made is not None
    assert made.bundle.chain == served.authority.chain()
    assert (await office.order(away)).state is OrderState.ISSUING
    assert [f"{entry.serial:x}" for entry in served.authority.entries()] == [made.request.serial]
    await answering.close()


@dataclass
class Slow:
    """The authority elsewhere, while it holds back its answer to a new certificate."""

    office: Issuing
    served: Served
    number: str
    answering: Answering
    asked: asyncio.Event
    answers: threading.Event

    async def goes_on(self) -> None:
        self.answers.set()
        while self.answering._asking:
            await self.answering.round(NOW)

    def left(self) -> list[int]:
        """What was issued there and holds."""
        there = self.served.authority
        serials = [entry.serial for entry in there.entries()]
        return [one for one in serials if there.status(one).state is not State.REVOKED]


@pytest.fixture
async def slow(office: Issuing, served: Served) -> AsyncIterator[Slow]:
    """Asked, and not answered yet."""
    answering, number = office.answering, await office.approved(authority="sheca")
    await office.asked(number, PrivateKey.generate())
    loop, asked, answers = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def holds_back(_method: str, path: str) -> str:
        loop.call_soon_threadsafe(asked.set)
        answers.wait(60)
        return ""

    served.behave = holds_back
    await answering.round(NOW)
    await asyncio.wait_for(asked.wait(), 60)
    yield Slow(office, served, number, answering, asked, answers)
    answers.set()
    await answering.close()


async def test_nobody_waits_for_the_order_while_the_authority_is_asked(slow: Slow) -> None:
    async with slow.office.engine.begin() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        assert (await locked(connection, slow.number)).state is OrderState.ISSUING
    await slow.goes_on()
    assert await slow.office.writing.made(slow.number) is not None


@pytest.mark.parametrize("killed", [False, True])
async def test_what_is_given_up_while_the_authority_is_asked_is_revoked(slow: Slow, killed: bool) -> None:
    """Also when the process ends before the answer comes: it is asked for under its reference."""
    office = slow.office
    if killed:
        await slow.answering.close()
        slow.answers.set()
        slow.answering = office.answering
    await office.writing.fail(slow.number, office.by, "不办了", now=NOW)
    if not killed:
        await slow.goes_on()
        assert await office.writing.made(slow.number) is None
    while not slow.served.authority.entries() or slow.left():
        await slow.answering.round(NOW)
    [entry] = slow.served.authority.entries()
    assert await office.writing.current(slow.number) is None
    async with office.engine.connect() as connection:
        kept = await issued.by_serial(connection, f"{entry.serial:x}")
        unsettled = text("SELECT count(*) FROM authority_requests WHERE question IS NOT NULL")
        assert await connection.scalar(unsettled) == 0
    assert kept is not None
    assert kept.written_at is None
