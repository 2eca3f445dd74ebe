"""Lots as PostgreSQL keeps them."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bidding.lots import (
    MAX_PAGE,
    MAX_TEXT,
    AssetClass,
    LotExists,
    Offer,
    Standing,
    counts_by_phase,
    lot,
    lots_by_phase,
    put_on,
    secrets_of,
)
from bidding.messages import Phase
from tests.ledgerkit import SECRETS, terms


@pytest.fixture
async def connection(database: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(f"postgresql+psycopg://{database.split('://', 1)[1]}")
    async with engine.begin() as opened:
        yield opened
    await engine.dispose()


def offer(id: str = "L-1", opens_at: int = 1_000) -> Offer:
    return Offer(
        terms=terms(id, confirm=True, match=True),
        opens_at=opens_at,
        title="示例标的",
        asset_class=AssetClass.EQUITY,
        place="示例市",
        description="说明",
        transferor="甲方示例单位",
    )


async def test_a_lot_comes_back_as_it_was_put_on(connection: AsyncConnection) -> None:
    await put_on(connection, offer(), SECRETS)
    found = await lot(connection, "L-1")
    assert found is not None
    assert (found.id, found.offer, found.standing) == ("L-1", offer(), Standing(deadline=1_000))
    assert await secrets_of(connection, "L-1") == SECRETS
    assert await lot(connection, "NONE") is None
    assert await secrets_of(connection, "NONE") is None


async def test_a_lot_is_put_on_once(connection: AsyncConnection) -> None:
    await put_on(connection, offer(), SECRETS)
    with pytest.raises(LotExists):
        await put_on(connection, offer(), SECRETS)


async def test_lots_come_in_pages_in_the_order_of_their_opening(connection: AsyncConnection) -> None:
    for number in range(5):
        await put_on(connection, offer(f"L-{number}", opens_at=10 - number), SECRETS)
    pages = [await lots_by_phase(connection, [Phase.SCHEDULED], page=page, size=2) for page in (1, 2, 3, 4)]
    assert [[one.id for one in page] for page in pages] == [["L-4", "L-3"], ["L-2", "L-1"], ["L-0"], []]
    await connection.exec_driver_sql("UPDATE lots SET phase = 'closed'")
    assert (await lots_by_phase(connection, [Phase.CLOSED, Phase.ABORTED]))[0].id == "L-0"
    counts = await counts_by_phase(connection)
    assert (counts[Phase.CLOSED], counts[Phase.SCHEDULED], len(counts)) == (5, 0, len(Phase))


@pytest.mark.parametrize(("page", "size"), [(0, 1), (1, 0), (1, MAX_PAGE + 1), (10**9, 1)])
async def test_pages_are_bounded(connection: AsyncConnection, page: int, size: int) -> None:
    with pytest.raises(ValueError, match="page"):
        await lots_by_phase(connection, [Phase.CLOSED], page=page, size=size)


def test_an_offer_names_all_its_faults_at_once() -> None:
    with pytest.raises(ValueError, match=r"title is empty; description is over .*; opens_at"):
        replace(offer(), title=" ", description="长" * (MAX_TEXT + 1), opens_at=0)


@pytest.mark.parametrize("change", [{"reserve": 0}, {"private_salt": "00"}, {"reserve_salt": "AA" * 32}])
def test_unsound_secrets_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"salt|reserve"):
        replace(SECRETS, **change)  # type: ignore[arg-type]
