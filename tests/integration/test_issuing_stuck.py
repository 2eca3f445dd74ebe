"""What an authority does not do: asked again with growing pauses and after everybody else, told to the desk,
ended there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import Applicant, AuthorityAway, AuthorityError, State, SubjectKind
from certificates.issuing import answering, issued, requests
from certificates.issuing.giving_up import stop
from certificates.issuing.revoking import Revoking, to_revoke
from certificates.issuing.states import Holding, RequestKind, RequestState
from certificates.issuing.writing import NotNow
from certificates.orders.performing import NotAllowed, perform
from certificates.orders.states import OrderAct, OrderState
from office.database import create_engine
from signing.sm2 import PrivateKey
from tests.authoritykit import Served, demonstration, over_http
from tests.issuingkit import CODE, Issuing, issuing_on

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def office(engine: AsyncEngine, tmp_path: Path) -> Issuing:
    return await issuing_on(engine, tmp_path, NOW)


class Refusing:
    """The authorities' revocations, which are not done."""

    def __init__(self, why: Exception) -> None:
        self.why: Exception | None = why
        self.calls = 0
        self._revoke = DemonstrationAuthority.revoke

    def __call__(self, authority: DemonstrationAuthority, *given: Any, **more: Any) -> Any:
        self.calls += 1
        if self.why is not None:
            raise self.why
        return self._revoke(authority, *given, **more)


def refusing(monkeypatch: pytest.MonkeyPatch, why: Exception) -> Refusing:
    made = Refusing(why)
    monkeypatch.setattr(DemonstrationAuthority, "revoke", lambda *given, **more: made(*given, **more))
    return made


async def told(office: Issuing) -> int:
    async with office.engine.connect() as connection:
        found = text("SELECT count(*) FROM messages WHERE kind = 'certificate.not_done'")
        return int(await connection.scalar(found) or 0)


async def last(office: Issuing, number: str, kind: RequestKind) -> requests.Request:
    async with office.engine.connect() as connection:
        return (await requests.of_order(connection, number, kind, 1))[0]


async def ordered(office: Issuing) -> tuple[str, str]:
    """An approved order, and the certificate that it ends."""
    serial = await office.issued(await office.approved(), PrivateKey.generate())
    return await office.approved("revoke", channel="hunan_sanzi", product="", about=serial), serial


async def standing(office: Issuing, serial: str) -> tuple[Holding, State]:
    async with office.engine.connect() as connection:
        row = await issued.by_serial(connection, serial)
    assert row is not None
    return row.state, office.authority.status(int(serial, 16)).state


async def test_what_is_refused_is_asked_again_ever_later_and_the_desk_is_told_once(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, serial = await ordered(office)
    authority = refusing(monkeypatch, AuthorityError("not now"))
    for _ in range(3):
        await office.round()
    assert authority.calls == 1
    for tries in range(2, requests.STUCK_AFTER + 1):
        assert await told(office) == 0
        office.now += requests.pause_after(tries - 1)
        await office.round()
        assert authority.calls == tries
    assert await told(office) == 1
    assert requests.pause_after(1) == timedelta(seconds=2)
    assert requests.pause_after(100) == timedelta(hours=1)
    assert (await last(office, number, RequestKind.REVOCATION)).is_stuck(office.now)
    authority.why = None
    office.now += requests.pause_after(requests.STUCK_AFTER)
    await office.round()  # it goes on by itself, once the authority does it
    assert await standing(office, serial) == (Holding.REVOKED, State.REVOKED)
    assert (await office.order(number)).state is OrderState.DONE
    assert await told(office) == 1


@pytest.mark.parametrize("why", [AuthorityError("refused"), AuthorityAway("away"), RuntimeError("ours")])
async def test_what_is_stuck_keeps_nobody_else_waiting(
    office: Issuing, monkeypatch: pytest.MonkeyPatch, why: Exception
) -> None:
    monkeypatch.setattr(answering, "AT_ONCE", 2)
    authority = refusing(monkeypatch, why)
    for _ in range(2):
        await ordered(office)
    await office.round()
    assert authority.calls >= 2
    office.now += timedelta(hours=1)  # their turn has come again, and somebody is new
    new = await office.approved()
    await office.asked(new, PrivateKey.generate())
    await office.round()
    assert await office.writing.made(new) is not None


async def test_a_revocation_that_is_not_done_is_ended_at_the_desk(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, serial = await ordered(office)
    authority = refusing(monkeypatch, AuthorityError("refused"))
    await office.round()
    with pytest.raises(NotAllowed):  # it was asked just now
        await stop(office.engine, number, office.by, "证书机构不办", now=office.now)
    office.now += requests.STUCK_FOR
    stopped = await stop(office.engine, number, office.by, "证书机构不办", now=office.now)
    assert (stopped.state, stopped.reason) == (OrderState.IN_REVIEW, "证书机构不办")
    assert (await last(office, number, RequestKind.REVOCATION)).state is RequestState.ABANDONED
    calls = authority.calls
    await office.round()
    assert authority.calls == calls
    assert await standing(office, serial) == (Holding.WRITTEN, State.GOOD)
    authority.why = None
    async with office.engine.begin() as connection:  # approved once more: asked once more
        for act in (OrderAct.TAKE, OrderAct.APPROVE):
            await perform(connection, number, act, office.by, now=office.now)
    await office.round()
    assert await standing(office, serial) == (Holding.REVOKED, State.REVOKED)


async def test_what_the_authority_revokes_while_it_is_given_up_counts_as_revoked(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, serial = await ordered(office)
    authority = refusing(monkeypatch, AuthorityError("refused"))
    await office.round()
    office.now += requests.STUCK_FOR
    authority.why = None
    request = await last(office, number, RequestKind.REVOCATION)
    async with office.engine.begin() as connection:
        wanted = await to_revoke(connection, await office.order(number), request)
    await stop(office.engine, number, office.by, "证书机构不办", now=office.now)
    assert not await Revoking(office.engine, office.authorities).revoke(request, wanted, office.now)
    assert await standing(office, serial) == (Holding.REVOKED, State.REVOKED)
    assert (await office.order(number)).state is OrderState.IN_REVIEW


async def test_what_is_revoked_already_is_done(office: Issuing) -> None:
    """Nobody has to ask for it: two orders, or 我的 UKey, or the authority was quicker."""
    number, serial = await ordered(office)
    other = await office.approved("revoke", channel="hunan_sanzi", product="", about=serial)
    async with office.engine.begin() as connection:  # approved, and not begun yet
        put = text("UPDATE orders SET state = 'in_review' WHERE number = :number")
        await connection.execute(put, {"number": other})
    await office.round()
    async with office.engine.begin() as connection:
        put = text("UPDATE orders SET state = 'approved' WHERE number = :number")
        await connection.execute(put, {"number": other})
    await office.round()
    states = [(await office.order(one)).state for one in (number, other)]
    assert states == [OrderState.DONE, OrderState.DONE]


# ── made, and not used ──


async def useless(office: Issuing) -> tuple[str, str]:
    """An order for which a certificate was made that is not used, and its serial number."""
    number = await office.approved()
    await office.asked(number, PrivateKey.generate())
    await office.round()
    with pytest.raises(NotNow, match=r"refused\.authority"):
        await office.writing.made(number)
    [entry] = office.authority.entries()
    return number, f"{entry.serial:x}"


async def test_a_certificate_whose_seal_is_refused_is_known_and_revoked(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_given: object, **_more: object) -> None:
        raise AuthorityError("no seal today")

    with monkeypatch.context() as patch:
        patch.setattr(DemonstrationAuthority, "make_seal", refuses)
        number, serial = await useless(office)
    assert (await last(office, number, RequestKind.CERTIFICATE)).serial == serial
    await office.round()
    assert await standing(office, serial) == (Holding.REVOKED, State.REVOKED)
    key = PrivateKey.generate()
    assert await office.issued(number, key) != serial  # the order goes on with another one


async def test_a_certificate_that_says_something_else_is_revoked_there(
    office: Issuing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over HTTP: it is not believed."""
    served = Served(demonstration(tmp_path / "elsewhere", lambda: office.now), clock=lambda: office.now)
    right = served.authority.issue_to
    wrong = Applicant(SubjectKind.ORGANIZATION, "别家有限公司", credit_code=CODE)
    monkeypatch.setattr(served.authority, "issue_to", lambda _who, key, **more: right(wrong, key, **more))
    with over_http(served) as adapter:
        office.authorities = DemonstrationAuthorities.open(
            tmp_path / "authority", clock=lambda: office.now, remote={"sheca": adapter}
        )
        round_, number = office.answering, await office.approved(authority="sheca")
        await office.asked(number, PrivateKey.generate())
        there: list[State] = []
        async with asyncio.timeout(30):
            while there != [State.REVOKED]:
                await round_.round(office.now)
                entries = served.authority.entries()
                there = [served.authority.status(one.serial).state for one in entries]
                assert len(there) <= 1
        await round_.close()
    with pytest.raises(NotNow, match=r"refused\.authority"):
        await office.writing.made(number)


async def test_a_certificate_that_was_there_before_is_left_alone(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority that answers with the former certificate, which its holder goes on using."""
    key = PrivateKey.generate()
    former = await office.issued(await office.approved(), key)
    old = office.authority.status(int(former, 16)).certificate
    monkeypatch.setattr(DemonstrationAuthority, "issue_to", lambda *_given, **_more: old)
    number = await office.approved("renew", about=former)
    await office.asked(number, key)
    await office.round()
    await office.round()
    with pytest.raises(NotNow, match=r"refused\.authority"):
        await office.writing.made(number)
    assert await standing(office, former) == (Holding.WRITTEN, State.GOOD)
