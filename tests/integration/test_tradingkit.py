"""Every state can be reached through real transitions."""

import pytest

from office.database import create_engine
from tests.tradingkit import a_clock, make_listing
from trading.lifecycle.performing import Listings
from trading.lifecycle.states import LotState, SaleMethod

WITH_OFFER = {LotState.PRIORITY_OFFER}


@pytest.mark.parametrize("state", list(LotState))
async def test_a_listing_comes_to_every_state(database: str, state: LotState) -> None:
    engine = create_engine(database)
    try:
        fields = {"asset_class": "equity"} if state in WITH_OFFER else {}
        listing = await make_listing(engine, state=state, clock=a_clock(), **fields)
        assert listing.state is state
        assert await Listings(engine).get(listing.lot) == listing
        history = await Listings(engine).history(listing.lot)
        assert not history or history[-1].after is state
    finally:
        await engine.dispose()


async def test_a_listing_may_differ_in_what_a_test_needs(database: str) -> None:
    engine = create_engine(database)
    try:
        listing = await make_listing(engine, lot="XX-9", method=SaleMethod.AUCTION, title="别的")
        assert (listing.lot, listing.method, listing.title) == ("XX-9", SaleMethod.AUCTION, "别的")
    finally:
        await engine.dispose()
