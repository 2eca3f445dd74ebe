"""One-time codes are neither guessed nor sent at will: what bounds them lies in the database, so that another
order, account, session or a restart begins nothing anew."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import (
    LIVES,
    MOST_IN_A_DAY,
    MOST_IN_WINDOW,
    PAUSE,
    TRIES,
    WINDOW,
    CodePurpose,
    Codes,
    Letter,
    TooSoon,
    WrongCode,
    sweep,
)
from office.database import create_engine
from office.marks import Marks
from office.messages.delivering import BOX

NOW = datetime(2026, 4, 22, 7, 0, tzinfo=UTC)
PHONE, OTHER = "+8615112340305", "+8613912345678"
FOR = CodePurpose.CONSENT


@dataclass
class Counter:
    """Whoever sends and tries: always by a `Codes` of its own, as after a restart."""

    engine: AsyncEngine
    now: datetime = NOW

    def letter(self, phone: str) -> Letter:
        return Letter(phone, OrderBoxes(Marks("of the tests")).address_mark(phone), "测试平台", "")

    async def send(self, order: str, phone: str = PHONE, purpose: CodePurpose = FOR) -> str:
        async with self.engine.begin() as connection:
            codes = Codes(Marks("of the tests"))
            return await codes.send(connection, purpose, order, self.letter(phone), self.now)

    async def code(self) -> str:
        found = text("SELECT box FROM deliveries ORDER BY id DESC LIMIT 1")
        async with self.engine.connect() as connection:
            box = bytes(await connection.scalar(found))
        code = re.search(rb"(?<!\d)\d{6}(?!\d)", Marks("of the tests").unbox(BOX, box))
        assert code is not None
        return code[0].decode()

    async def proves(self, order: str, ticket: str, code: str, purpose: CodePurpose = FOR) -> bool:
        """A wrong try is committed, as the pages do."""
        async with self.engine.connect() as connection:
            try:
                await Codes(Marks("of the tests")).prove(connection, purpose, order, ticket, code, self.now)
            except WrongCode:
                return False
            finally:
                await connection.commit()
            return True

    async def refused(self, order: str, phone: str = PHONE) -> int:
        with pytest.raises(TooSoon) as soon:
            await self.send(order, phone)
        return soon.value.wait_s


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Counter]:
    engine = create_engine(database)
    yield Counter(engine)
    await engine.dispose()


async def test_a_code_is_tried_so_often_whoever_tries_and_wherever(desk: Counter) -> None:
    ticket = await desk.send("A")
    right = await desk.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    tries = [desk.proves("A", ticket, wrong) for _ in range(TRIES + 5)]
    assert not any(await asyncio.gather(*tries))
    assert not await desk.proves("A", ticket, right), "one more than there are"


async def test_a_code_proves_one_thing_once(desk: Counter) -> None:
    ticket = await desk.send("A")
    code = await desk.code()
    assert not await desk.proves("B", ticket, code), "another order"
    assert not await desk.proves("A", ticket, code, CodePurpose.UNLOCK), "another purpose"
    assert not await desk.proves("A", "x" * 43, code), "another ticket"
    assert await desk.proves("A", ticket, code)
    assert not await desk.proves("A", ticket, code), "twice"


async def test_of_two_who_use_a_code_at_once_one_does(desk: Counter) -> None:
    ticket = await desk.send("A")
    code = await desk.code()
    assert sorted(await asyncio.gather(*(desk.proves("A", ticket, code) for _ in range(4)))) == [
        *(False, False, False),
        True,
    ]


async def test_a_code_ends_with_its_time(desk: Counter) -> None:
    ticket = await desk.send("A")
    code, desk.now = await desk.code(), NOW + LIVES
    assert not await desk.proves("A", ticket, code)


async def test_a_telephone_is_not_rung_by_another_order_nor_an_order_by_another_telephone(
    desk: Counter,
) -> None:
    await desk.send("A")
    assert await desk.refused("B") == PAUSE.total_seconds() + 1
    await desk.refused("A", OTHER)
    desk.now += PAUSE
    await desk.send("B")


async def test_so_many_an_hour_and_a_day_however_they_are_spread(desk: Counter) -> None:
    sent = []
    for number in range(MOST_IN_A_DAY):
        if number % MOST_IN_WINDOW == 0 and number:
            assert await desk.refused(f"order {number}") > 0
            desk.now = sent[number - MOST_IN_WINDOW] + WINDOW
        await desk.send(f"order {number}")
        sent.append(desk.now)
        desk.now += PAUSE
    desk.now = sent[-MOST_IN_WINDOW] + WINDOW
    wait = await desk.refused("one more")
    assert wait > WINDOW.total_seconds(), "the day's, not the hour's"
    async with desk.engine.begin() as connection:
        await sweep(connection, desk.now)
    await desk.refused("after the sweep")
    desk.now = sent[0] + timedelta(days=1)
    await desk.send("the next day")


async def test_of_two_sends_at_once_one_goes_out(desk: Counter) -> None:
    sends = (desk.send(order) for order in ("A", "B", "C"))
    told = await asyncio.gather(*sends, return_exceptions=True)
    assert sum(isinstance(one, str) for one in told) == 1
    assert all(isinstance(one, str | TooSoon) for one in told)
