"""A winner is named in public as the rules of the lot say: on the lot page and in what is published."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from tests.awardkit import PRICE, AwardHouse, a_house

NAME, MASKED = "张三丰", "张**"


@pytest.fixture
async def house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    async with a_house(database, valkey) as house:
        yield house


async def test_no_public_page_says_more_of_a_winner_than_the_rules(house: AwardHouse) -> None:
    async with house.web.site.engine.begin() as connection:
        renamed = text("UPDATE accounts SET name = :name WHERE id = :id")
        await connection.execute(renamed, {"name": NAME, "id": house.parties["one"].account})
    for rule, shown in (("name", NAME), ("masked", MASKED), ("paddle", None)):
        lot = await house.sold([("one", PRICE)], rules={"disclose_winner": rule})
        await house.settle()
        for who in (house.web.visitor(), house.visitors["stranger"], house.visitors["finance"]):
            page = await who.get(f"/lots/{lot}")
            assert page.status_code == 200
            assert (shown is None) == ("最高报价人" not in page.text), rule
            assert shown is None or shown in page.text, rule
            assert rule == "name" or NAME not in page.text, rule
            for path in (f"/open-data/lots/{lot}.json", f"/lots/{lot}/ledger.jsonl", f"/announcements/{lot}"):
                public = await who.get(path)
                assert rule == "name" or NAME not in public.text, (rule, path)
        assert NAME in (await house.administrator.get(f"/lots/{lot}")).text, "overseers read names"
