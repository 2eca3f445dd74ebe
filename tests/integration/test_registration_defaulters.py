"""Who is on the list of defaulters neither begins, submits nor seals a registration, and joins nobody's."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.clock import utc_now
from office.sealed.port import WantedPartner
from tests import registrationkit
from tests.registrationkit import form
from tests.webkit import Visitor, Web, web_on
from trading.defaulters import OnDefaultersList
from trading.registrations.application import Step, with_form
from trading.registrations.consents import Consent
from trading.registrations.mine import Mine
from trading.registrations.papers import Paper
from trading.registrations.rounds import LapseRound
from web.registrations.own import registrations_on

LOT = "XX-SW-2026-0001"


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as made:
        seller = await made.account("seller", Role.TRANSFEROR, "甲方示例单位")
        await registrationkit.announce(made, LOT, seller)
        yield made


async def _list(web: Web, account: int, until: str | None) -> None:
    put = text(
        "INSERT INTO defaulters (account_id, lot, reason, listed_at, until)"
        " VALUES (:account, 'XX-SW-2025-0009', '没有付清价款', now(),"
        " CAST(CAST(:until AS text) AS timestamptz))"
    )
    async with web.site.engine.begin() as connection:
        await connection.execute(text("DELETE FROM defaulters"))
        await connection.execute(put, {"account": account, "until": until})


async def _lift(web: Web) -> None:
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE defaulters SET lifted_at = now(), lifted_because = '已履行'"))


async def test_a_defaulter_is_told_until_when_and_cannot_begin(web: Web) -> None:
    visitor = await web.signed_in("bidder", Role.BIDDER, "测试竞买人")
    person = await web.site.accounts.by_login("bidder")
    assert person is not None
    there = f"/announcements/{LOT}/register"
    assert "开始报名" in (await visitor.get(there)).text
    await _list(web, person.id, "2099-05-06T12:00:00+08")
    page = (await visitor.get(there)).text
    assert "到2099-05-06为止不能报名" in page
    assert "开始报名" not in page
    answer = await visitor.post(there)
    assert (answer.status_code, answer.headers["location"]) == (303, there)
    assert await web.site.sealed.registration_of(person.id, LOT) is None
    await _list(web, person.id, None)
    assert "您在违约名单上，不能报名" in (await visitor.get(there)).text
    for over in ("2020-01-01T00:00:00+08", "2099-01-01T00:00:00+08"):
        await _list(web, person.id, over)
        if over.startswith("2099"):
            await _lift(web)
        assert "开始报名" in (await visitor.get(there)).text
    assert "/my/registrations/R" in (await visitor.post(there)).headers["location"]


async def _mine(web: Web, login: str) -> tuple[Visitor, Mine]:
    """Everything is filled in."""
    visitor = await web.signed_in(login, Role.BIDDER, "测试竞买人")
    person = await web.site.accounts.by_login(login)
    assert person is not None
    registrations, now = registrations_on(web.site), utc_now()
    registration = await registrations.begin(person.id, person.name, LOT, now=now)
    mine = await registrations.of(registration, person.id)
    filled = with_form(mine.application, form())
    filled = replace(filled, rules_read_at=now, joint=False, pledged_at=now, attached=True, bank="shifan")
    await registrations.save(mine, filled, Step.BANK, now=now)
    return visitor, await registrations.of(registration, person.id)


async def test_who_is_listed_meanwhile_neither_submits_nor_seals(web: Web) -> None:
    visitor, mine = await _mine(web, "bidder")
    registrations, now = registrations_on(web.site), utc_now()
    here = f"/my/registrations/{mine.registration}"
    await _list(web, mine.account_id, "2099-05-06T12:00:00+08")
    page = await visitor.post_and_follow(f"{here}/submit", {"version": str(mine.facts.version)})
    assert "到2099-05-06为止不能报名" in page.text
    with pytest.raises(OnDefaultersList):
        await registrations.submit(mine, now=now)
    await _lift(web)
    await registrations.submit(mine, now=now)
    sealing = await registrations.of(mine.registration, mine.account_id)
    await _list(web, mine.account_id, None)
    with pytest.raises(OnDefaultersList):
        await registrations.to_seal(sealing, Paper.FORM, now=now)
    with pytest.raises(OnDefaultersList):
        await registrations.keep_sealed(sealing, Paper.FORM, b"%PDF", now=now)


async def test_a_defaulter_joins_nobody(web: Web) -> None:
    _, mine = await _mine(web, "bidder")
    partner = await web.signed_in("partner", Role.BIDDER, "联合购买人")
    joining = await web.site.accounts.by_login("partner")
    assert joining is not None
    registrations, now = registrations_on(web.site), utc_now()
    await registrations.set_partners(mine, [WantedPartner("partner", 4_000)], now=now)
    await _list(web, joining.id, "2099-05-06T12:00:00+08")
    there = f"/my/registrations/{mine.registration}/joining"
    asked = await registrations.of(mine.registration, joining.id)
    with pytest.raises(OnDefaultersList):
        await registrations.consent_to_seal(asked, now=now)
    own = next(one for one in asked.partners if one.own)
    consent = Consent(own.key, b"%PDF")
    with pytest.raises(OnDefaultersList):
        await registrations.answer(mine.registration, joining.id, consent, now=now)
    assert not await web.site.sealed.all_accepted(mine.registration)
    declined = await partner.post_and_follow(there, {"answer": "decline"})
    assert "您没有同意" in declined.text


async def _sealed(web: Web, login: str) -> tuple[Visitor, Mine]:
    """Complete but for the deposit."""
    visitor, mine = await _mine(web, login)
    registrations, now = registrations_on(web.site), utc_now()
    await registrations.submit(mine, now=now)
    mine = await registrations.of(mine.registration, mine.account_id)
    for paper in Paper:
        await registrations.keep_sealed(mine, paper, b"%PDF", now=now)
    return visitor, await registrations.of(mine.registration, mine.account_id)


async def test_who_pays_after_being_listed_has_the_deposit_back_and_no_paddle(web: Web) -> None:
    visitor, mine = await _sealed(web, "bidder")
    registrations, now = registrations_on(web.site), utc_now()
    number = await registrations.sub_account(mine, now=now)
    await _list(web, mine.account_id, "2099-05-06T12:00:00+08")
    for enough in (True, True, False):
        await registrations.on_deposit_changed(mine.registration, enough, now=now)
    assert await web.site.sealed.paddle_of(LOT, mine.account_id) is None
    page = (await visitor.get(f"/my/registrations/{mine.registration}")).text
    assert "您在违约名单上。已交的保证金会原路退回。" in page
    rounds = LapseRound(web.site.engine, registrations)
    assert [await rounds.round(now) for _ in range(2)] == [1, 0]
    async with web.site.engine.connect() as connection:
        kept = text("SELECT disposition FROM sub_accounts WHERE sub_account = :number")
        assert await connection.scalar(kept, {"number": number}) == "released"
        told = text("SELECT count(*) FROM messages WHERE kind = 'registration.rejected'")
        assert await connection.scalar(told) == 1
    assert await registrations.qualified(LOT) == {}


async def test_who_was_qualified_before_the_default_stays_so(web: Web) -> None:
    _, mine = await _sealed(web, "bidder")
    registrations, now = registrations_on(web.site), utc_now()
    await registrations.on_deposit_changed(mine.registration, True, now=now)
    await _list(web, mine.account_id, "2099-05-06T12:00:00+08")
    assert len(await registrations.qualified(LOT)) == 1
