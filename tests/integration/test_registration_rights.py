"""Whose priority right it is, who has joined whom, and that the sealed paper is what was submitted."""

import asyncio

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.clock import utc_now
from office.sealed.port import WantedPartner
from tests import sealingkit
from tests.integration.test_web_registrations import LOT, Scene
from tests.integration.test_web_registrations import scene as _scene
from tests.registrationkit import ID_NUMBERS, Registrant, change_listing, form
from trading.registrations.mine import JoinedElsewhere
from trading.registrations.papers import Paper
from trading.registrations.priority import PriorityHolders
from trading.registrations.rows import Stale
from trading.registrations.states import WrongState
from web.registrations.own import registrations_on

scene = _scene


async def _confirmed(scene: Scene, name: str, code: str) -> None:
    holders, now = PriorityHolders(scene.web.site.engine), utc_now()
    proof = ("a" * 64, "合同.pdf")
    by = scene.transferor_id
    await holders.mark(LOT, by, name=name, code=code, rank=1, ground="承租人", proof=proof, now=now)
    [holder] = await holders.of_lot(LOT)
    await holders.decide(holder.id, by, True, "", now=now)


async def _rank(scene: Scene, who: Registrant) -> int:
    held = await scene.web.site.sealed.paddle_of(LOT, who.party.account)
    assert held is not None
    return held[1]


async def _alarms(scene: Scene) -> int:
    async with scene.web.site.engine.connect() as connection:
        found = text("SELECT count(*) FROM messages WHERE kind = 'priority.claimed_twice'")
        return int(await connection.scalar(found) or 0)


async def test_the_code_of_a_holder_gives_no_rank_to_another_name(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await _confirmed(scene, "测试　竞买人一", ID_NUMBERS[0])
    await two.register(LOT, 0)
    await scene.pay(two)
    assert (list((await scene.deciding.qualified(LOT)).values()), await _rank(scene, two)) == ([0], 0)
    await one.register(LOT, 0)
    await scene.pay(one)
    assert sorted((await scene.deciding.qualified(LOT)).values()) == [0, 1]
    assert (await _rank(scene, one), await _rank(scene, two)) == (1, 0)


async def test_who_does_not_count_takes_no_right_away(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人一")
    await _confirmed(scene, "测试竞买人一", ID_NUMBERS[0])
    await one.register(LOT, 0)
    await two.register(LOT, 0)
    await scene.pay(one)
    assert list((await scene.deciding.qualified(LOT)).values()) == [1]
    assert await _rank(scene, one) == 1


async def test_a_right_that_two_claim_is_nobodys_and_administrators_know(scene: Scene) -> None:
    await scene.web.signed_in("administrator", Role.ADMINISTRATOR)
    one, two = scene.one, await scene.another("bidder2", "测试竞买人一")
    await _confirmed(scene, "测试竞买人一", ID_NUMBERS[0])
    for who in (one, two):
        await who.register(LOT, 0)
        await scene.pay(who)
    for _ in range(2):
        assert list((await scene.deciding.qualified(LOT)).values()) == [0, 0]
    assert await _alarms(scene) == 1


HALVES = {"joint": "joint", "own_share": "50", "partner_1": "bidder2", "share_1": "50"}
NO = {"answer": "decline"}


async def test_a_partner_who_declines_before_the_seal_holds_it_up_again(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.fill(LOT, joint=HALVES)
    await one.submit()
    there = f"{one.here}/joining"
    assert (await two.join(one)).json()["ok"]
    assert (await one.seal("form")).json()["ok"]
    await two.party.visitor.post(there, NO)
    assert await one.state() == "awaiting_partners"
    assert (await one.post("prepare", {"paper": "pledge"})).status_code == 409
    assert (await two.join(one)).json()["ok"]
    assert (await one.seal("pledge")).json()["ok"]
    assert await one.state() == "awaiting_deposit"


async def test_a_refusal_of_which_the_state_does_not_know_yet_holds_up_the_seal(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.fill(LOT, joint=HALVES)
    await one.submit()
    assert (await two.join(one)).json()["ok"]
    await scene.web.site.sealed.answer(one.registration, two.party.account, False)
    registrations = registrations_on(scene.web.site)
    mine = await registrations.of(one.registration, one.party.account)
    with pytest.raises(WrongState):
        await registrations.keep_sealed(mine, Paper.FORM, b"%PDF-", now=utc_now())


async def test_who_joined_what_was_withdrawn_registers_alone_and_the_other_way_round(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.fill(LOT, joint=HALVES)
    await one.submit()
    assert (await two.join(one)).json()["ok"]
    await one.post("withdraw", {"sure": "1"})
    assert await one.state() == "withdrawn"
    await two.begin(LOT)
    await two.post("withdraw", {"sure": "1"})
    assert await two.state() == "withdrawn"
    await one.fill(LOT, joint=HALVES)
    await one.submit()
    assert (await two.join(one)).json()["ok"]
    assert await one.state() == "awaiting_seal"


async def test_nobody_joins_two_groups_on_one_lot(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    three = await scene.another("bidder3", "测试竞买人三")
    for number, owner in enumerate((one, three)):
        await owner.fill(LOT, number, joint=HALVES)
        await owner.submit()
    registrations, account = registrations_on(scene.web.site), two.party.account
    consents = []
    for owner in (one, three):
        asked = await registrations.of(owner.registration, account)
        consents.append(await registrations.consent_to_seal(asked, now=utc_now()))
    answers = await asyncio.gather(
        *(
            registrations.answer(owner.registration, account, consent, now=utc_now())
            for owner, consent in zip((one, three), consents, strict=True)
        ),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in answers) == ["JoinedAnother", "NoneType"]
    joined, left = (one, three) if answers[0] is None else (three, one)
    assert (await joined.state(), await left.state()) == ("awaiting_seal", "awaiting_partners")
    said = await two.join(left)
    assert said.status_code == 409
    assert "只能参加一组" in said.text
    with pytest.raises(JoinedElsewhere):
        await registrations.begin(two.party.account, "测试竞买人二", LOT, now=utc_now())


async def test_a_stale_page_changes_no_partners(scene: Scene) -> None:
    one = scene.one
    await scene.another("bidder2", "测试竞买人二")
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    registrations = registrations_on(scene.web.site)
    earlier = await registrations.of(one.registration, one.party.account)
    await one.step("joint", {"joint": "alone"}, "form")
    with pytest.raises(Stale):
        await registrations.set_partners(earlier, [WantedPartner("bidder2", 5_000)], now=utc_now())
    assert not (await registrations.of(one.registration, one.party.account)).partners


async def test_a_seal_on_what_was_changed_meanwhile_is_not_kept(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    await one.submit()
    job = sealingkit.job_of(scene.web, await one.post("prepare", {"paper": "form"}))
    sealing = await sealingkit.sealing_for(scene.web, job, one.party.ukey)
    await one.post("change")
    await one.step("form", form(1), "pledge")
    await one.submit()
    answer = await one.post("seal", sealingkit.fields(job.nonce, sealing.der, one.party.ukey))
    assert answer.status_code == 409
    assert "申请在盖章期间改过" in answer.text
    for paper in ("form", "pledge"):
        assert (await one.seal(paper)).json()["ok"]


async def test_a_correction_before_the_seal_leads_back_to_the_forms(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    await one.submit()
    job = sealingkit.job_of(scene.web, await one.post("prepare", {"paper": "form"}))
    sealing = await sealingkit.sealing_for(scene.web, job, one.party.ukey)
    await change_listing(scene.web, LOT, corrections=1)
    answer = await one.post("seal", sealingkit.fields(job.nonce, sealing.der, one.party.ukey))
    assert (answer.status_code, "更正" in answer.text) == (409, True)
    again = await one.post("prepare", {"paper": "form"})
    assert (again.status_code, "更正" in again.text) == (409, True)
    assert "公告在您提交申请后更正过" in (await one.party.visitor.get(one.here)).text
    await one.post("change")
    await one.submit()
    for paper in ("form", "pledge"):
        assert (await one.seal(paper)).json()["ok"]
    assert await one.state() == "awaiting_deposit"
    await scene.pay(one)
    assert len(await scene.deciding.qualified(LOT)) == 1
