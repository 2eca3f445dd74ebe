"""A UKey of an organization stands for its operator's account while the authority stands."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.issuing import issued
from certificates.issuing.ending import EndingRound
from certificates.issuing.presenting import presented
from office.accounts import Accounts, Role
from office.database import create_engine
from office.ukeys import UKeys
from signing.sm2 import PrivateKey
from tests.issuingkit import Issuing, issuing_on

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
LAST_DAY = date(2026, 6, 30)


class Sessions:
    def __init__(self) -> None:
        self.ended: list[int] = []

    async def end_all_of(self, account_id: int, *, but: str = "") -> int:
        self.ended.append(account_id)
        return 1


@pytest.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Issuing]:
    engine = create_engine(database)
    yield await issuing_on(engine, tmp_path, NOW)
    await engine.dispose()


async def subject_of(engine: AsyncEngine, owner: int) -> int:
    put = text(
        "INSERT INTO subjects (account_id, kind, box, number_mark, made_at, changed_at)"
        " VALUES (:owner, 'organization', '\\x00', repeat('a', 64), :now, :now) RETURNING id"
    )
    async with engine.begin() as connection:
        return int(await connection.scalar(put, {"owner": owner, "now": NOW}) or 0)


async def authorize(engine: AsyncEngine, subject: int, owner: int, operator: int) -> None:
    put = text(
        "INSERT INTO subject_operators (subject_id, login, account_id, state, last_day, box, made_by,"
        " made_at) VALUES (:subject, 'her', :operator, 'standing', :last, '\\x00', :owner, :now)"
    )
    values = {"subject": subject, "operator": operator, "owner": owner, "last": LAST_DAY, "now": NOW}
    async with engine.begin() as connection:
        await connection.execute(put, values)


async def bound(office: Issuing, account: int, subject: int | None) -> str:
    """The fingerprint of a certificate that is bound to the account."""
    serial = await office.issued(await office.approved(market_subject=subject), PrivateKey.generate())
    async with office.engine.connect() as connection:
        row = await issued.by_serial(connection, serial)
    assert row is not None
    bundle, ukeys = row.bundle(office.marks), UKeys(office.engine)
    await ukeys.confirm(
        await ukeys.bind(account, presented(bundle.certificate, bundle.seal)), by=office.clerk
    )
    return row.fingerprint


@pytest.mark.parametrize("ended", [True, False], ids=["ended by the organization", "the last day is over"])
async def test_the_binding_ends_with_the_authority(office: Issuing, ended: bool) -> None:
    owner = await Accounts(office.engine).create_hashed("owner", "-", Role.BIDDER, "测试有限公司")
    operator, subject = office.account, await subject_of(office.engine, owner)
    await authorize(office.engine, subject, owner, operator)
    theirs, own = await bound(office, operator, subject), await bound(office, operator, None)
    organizations = await bound(office, owner, subject)
    branch = await Accounts(office.engine).create_hashed("branch", "-", Role.TRANSFEROR, "测试有限公司")
    given = await bound(office, branch, subject)  # an administrator compared the names: it never was operator
    sessions = Sessions()
    round_ = EndingRound(office.engine, sessions, lambda: None)
    last = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)
    assert await round_.round(last) == 0
    assert await office.writing.issued_to(operator, theirs, last) is not None
    if ended:
        async with office.engine.begin() as connection:
            await connection.execute(
                text("UPDATE subject_operators SET state = 'ended', ended_at = :n"), {"n": NOW}
            )
    after = last if ended else last + timedelta(minutes=2)
    assert await office.writing.issued_to(operator, theirs, after) is None, "nor is it bound anew by itself"
    assert await round_.round(after) == 1
    assert await round_.round(after) == 0
    assert set(sessions.ended) == {operator}
    assert [one.fingerprint for one in await UKeys(office.engine).confirmed_of(operator)] == [own]
    assert [one.fingerprint for one in await UKeys(office.engine).confirmed_of(owner)] == [organizations]
    assert [one.fingerprint for one in await UKeys(office.engine).confirmed_of(branch)] == [given]
    async with office.engine.connect() as connection:
        entry = text("SELECT facts FROM audit_entries WHERE act = 'ukey.end'")
        assert "authority" in str(await connection.scalar(entry))
