"""Reminders before a certificate ends: to the day in Beijing, each once, only for those that count."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.issuing.held import HeldState, days_left, page_of
from certificates.issuing.reminding import EXPIRED, KIND, LAST_DAY, LATE, ExpiryRound
from office.database import create_engine
from tests.issuingkit import MARKS, Issuing, issuing_on
from tests.subjectkit import put_certificate

ENDS = datetime(2028, 3, 1, 2, 30, tzinfo=UTC)
"""10:30 in Beijing, the day after 29 February."""
BEIJING = timedelta(hours=8)


@dataclass
class House:
    engine: AsyncEngine
    issuing: Issuing
    number: str

    async def certificate(self, serial: str, ends: datetime = ENDS, **columns: Any) -> None:
        given = {"number": self.number, "account_id": self.issuing.account, **columns}
        await put_certificate(self.engine, serial, ends, **given)

    async def round(self, now: datetime) -> int:
        return await ExpiryRound(self.engine, MARKS, "落槌").round(now)

    async def told(self) -> list[tuple[str, Any]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("SELECT kind, facts FROM messages ORDER BY id"))
            return [(row.kind, row.facts.get("days")) for row in rows]


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    engine = create_engine(database)
    issuing = await issuing_on(engine, tmp_path, ENDS - timedelta(days=731))
    yield House(engine, issuing, await issuing.approved())
    await engine.dispose()


def midnight(before: int) -> datetime:
    """The beginning of the day in Beijing, so many days before the last one."""
    return datetime(2028, 3, 1, tzinfo=UTC) - timedelta(days=before) - BEIJING


async def test_each_reminder_comes_on_its_day_in_beijing_and_once(house: House) -> None:
    await house.certificate("ab12")
    days = {90: (2027, 12, 2), 30: (2028, 1, 31), 7: (2028, 2, 23), 1: (2028, 2, 29)}
    for before, day in days.items():
        assert midnight(before) + BEIJING == datetime(*day, tzinfo=UTC)  # over a leap day
        assert await house.round(midnight(before) - timedelta(seconds=1)) == 0
        assert await house.round(midnight(before)) == 1
        for later in (timedelta(0), timedelta(hours=1), timedelta(hours=23, minutes=59)):
            assert await house.round(midnight(before) + later) == 0  # a new round knows what was told
    assert await house.round(ENDS - timedelta(minutes=1)) == 0
    assert await house.round(ENDS + timedelta(days=1)) == 0
    assert await house.told() == [(KIND, 90), (KIND, 30), (KIND, 7), (KIND, 1)]


async def test_what_was_missed_is_told_late_with_the_days_that_are_left(house: House) -> None:
    await house.certificate("ab12")
    assert await house.round(midnight(25)) == 1
    assert await house.round(midnight(0) + timedelta(hours=1)) == 1
    assert await house.told() == [(KIND, 25), (LAST_DAY, None)]


async def test_one_that_expired_before_the_round_came_is_told_of_as_expired_and_once(house: House) -> None:
    await house.certificate("ab12")
    await house.certificate("cd34", ends=ENDS - LATE)
    for later in (timedelta(minutes=1), timedelta(minutes=2), timedelta(days=2)):
        await house.round(ENDS + later)
    assert await house.told() == [(EXPIRED, None)]


async def test_only_certificates_that_count_are_told_of(house: House) -> None:
    await house.certificate("1", state="revoked", revoked_at=ENDS - timedelta(days=40))
    await house.certificate("2", state="followed")
    await house.certificate("3")
    await house.certificate("4", ends=ENDS + timedelta(days=365), follows="3")
    await house.certificate("5", state="made", written_at=None)
    assert await house.round(midnight(30)) == 0
    await house.certificate("6", written_at=ENDS - timedelta(days=30))  # never had more than 30 days
    assert await house.round(midnight(30) + timedelta(hours=12)) == 0
    assert await house.round(midnight(7)) == 1
    assert await house.told() == [(KIND, 7)]


async def test_two_rounds_at_once_tell_once(house: House) -> None:
    await house.certificate("ab12")
    done = await asyncio.gather(*(house.round(midnight(30)) for _ in range(4)))
    assert sum(done) == 1
    assert await house.told() == [(KIND, 30)]


async def test_who_has_no_account_is_told_by_sms(house: House) -> None:
    columns = {"account_id": None, "contact_mark": "x"}
    number = await house.issuing.approved("issue", "natural_person", product="person_12", **columns)
    await house.certificate("cd34", number=number, account_id=None)
    assert await house.round(midnight(7)) == 1
    assert await house.told() == []
    async with house.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT state, kind FROM deliveries"))).all()
    assert [tuple(row) for row in rows] == [("waiting", "certificate.progress")]


async def test_the_list_of_ones_certificates_says_what_became_of_each(house: House) -> None:
    now = ENDS - timedelta(days=20)
    await house.certificate("a1")
    await house.certificate("a2", ends=ENDS + timedelta(days=300))
    await house.certificate("a3", ends=ENDS - timedelta(days=100))
    await house.certificate("a4", state="revoked", revoked_at=now)
    await house.certificate("a5", state="followed")
    await house.certificate("a6", state="revoked", revoked_at=now)
    await house.certificate("a7", ends=ENDS + timedelta(days=301), follows="a6")
    await house.certificate("b1", account_id=house.issuing.clerk)
    async with house.engine.connect() as connection:
        found, total = await page_of(connection, house.issuing.account, [], 1)
        nothing = await page_of(connection, 999_999, [1, 2], 1)
    assert (nothing, total) == (([], 0), 7)
    states = {one.issued.serial: one.state(now) for one in found}
    assert states == {
        "a1": HeldState.EXPIRING,
        "a2": HeldState.VALID,
        "a3": HeldState.EXPIRED,
        "a4": HeldState.REVOKED,
        "a5": HeldState.REPLACED,
        "a6": HeldState.REPLACED,
        "a7": HeldState.VALID,
    }


@pytest.mark.parametrize(
    ("ends", "now", "left"),
    [
        (datetime(2028, 3, 1, tzinfo=UTC), datetime(2028, 2, 28, 15, 59, tzinfo=UTC), 2),
        (datetime(2028, 3, 1, tzinfo=UTC), datetime(2028, 2, 28, 16, 0, tzinfo=UTC), 1),
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 2, 28, 0, 0, tzinfo=UTC), 1),
        (datetime(2027, 2, 28, 16, tzinfo=UTC), datetime(2027, 2, 28, 15, 0, tzinfo=UTC), 1),
        (datetime(2027, 2, 28, 1, tzinfo=UTC), datetime(2027, 2, 28, 15, 0, tzinfo=UTC), 0),
        (datetime(2027, 2, 28, 1, tzinfo=UTC), datetime(2027, 2, 28, 16, 0, tzinfo=UTC), -1),
    ],
)
def test_days_are_days_in_beijing(ends: datetime, now: datetime, left: int) -> None:
    assert days_left(ends, now) == left
