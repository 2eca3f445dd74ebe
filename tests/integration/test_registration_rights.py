"""Whose priority right it is, who has joined whom, and that the sealed paper is what was submitted."""


from sqlalchemy import text

from office.accounts import Role
from office.clock import utc_now
from tests.integration.test_web_registrations import LOT, Scene
from tests.integration.test_web_registrations import scene as _scene
from tests.registrationkit import ID_NUMBERS, Registrant
from trading.registrations.priority import PriorityHolders

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
    await one.register(LOT, 0)
    await two.register(LOT, 0)
    for who in (one, two):
        await scene.pay(who)
    assert sorted((await scene.deciding.qualified(LOT)).values()) == [0, 1]
    assert (await _rank(scene, one), await _rank(scene, two)) == (1, 0)


async def test_the_code_alone_takes_no_right_and_who_does_not_count_takes_none_away(scene: Scene) -> None:
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
