"""What is done again when an order is changed: another authority, another price; and how much is uploaded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.model import Step
from certificates.catalogue.store import Catalogue, StoredChannel, ensure_defaults
from certificates.orders import materials
from certificates.orders.mine import Mine
from certificates.orders.orders import Orders
from certificates.orders.performing import By
from certificates.orders.states import OrderState
from certificates.orders.uploads import Bounds, check
from office.accounts import Role
from office.database import create_engine
from office.marks import Marks
from tests.channelkit import SMALL, case
from tests.orderkit import details_of_person, sheet
from tests.tradingkit import an_account

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_PRODUCTS = """months = 12, authorities = ["bjca", "gdca"] },
    { key = "other", name = "别的证书", subject = "natural_person", months = 12, authorities = ["szca"] }]"""
_FREE = '{ authorities = ["bjca"], parts = [{ kind = "certificate", fen = 0 }] }, '
_RULES = """
[[agreements]]
kind = "practice_rules"
title = "电子认证业务规则"
version = "1"
authorities = ["szca"]
text = "规则。"

[[materials]]
document = "applicant_id"
"""
THREE = SMALL.replace('authorities = ["bjca"]', 'authorities = ["bjca", "szca", "gdca"]')
THREE = THREE.replace("months = 12 }]", _PRODUCTS).replace("prices = [", f"prices = [{_FREE}") + _RULES
THREE = THREE.replace('"details", "payment"', '"authority", "agreements", "details", "uploads", "payment"')
"""Two authorities sell the same, one of them free of charge; the third has another product and rules."""


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


class Form:
    """Somebody's order of that channel, filled in."""

    def __init__(self, orders: Orders, stored: StoredChannel, account: int) -> None:
        self.orders, self.stored, self.account, self.number = orders, stored, account, ""

    async def begin(self) -> None:
        self.number = await self.orders.begin(self.account, self.stored, case("issue", "N"), now=NOW)

    async def mine(self) -> Mine:
        return await self.orders.of(self.number, By.applicant(None))

    async def fill(self, authority: str, product: str = "person") -> None:
        await self.orders.save(await self.mine(), Step.AUTHORITY, {}, now=NOW, authority=authority)
        mine = await self.mine()
        kinds = frozenset(str(one.kind) for one in mine.rules.agreements_for(mine.case))
        await self.orders.accept(mine, kinds, now=NOW)
        details = {name: value for name, value in details_of_person().items() if name[:5] == "appli"}
        await self.orders.save(await self.mine(), Step.DETAILS, details, now=NOW, product=product)

    async def upload(self, now: datetime = NOW) -> None:
        upload = check(sheet(form="PNG"), Bounds(("png",), 100_000))
        await self.orders.files.upload(await self.mine(), "applicant_id", upload, now=now)


@pytest.fixture
async def form(engine: AsyncEngine, tmp_path: Path) -> Form:
    tmp_path.joinpath("new_channel.toml").write_text(THREE, encoding="utf-8")
    async with engine.begin() as connection:
        await ensure_defaults(connection, NOW)
        await ensure_defaults(connection, NOW, tmp_path)
    stored = await Catalogue(engine).published("new_channel")
    assert stored is not None
    account = await an_account(engine, Role.BIDDER, login="her")
    begun = Form(Orders(engine, Marks("secret"), "platform"), stored, account)
    await begun.begin()
    return begun


async def test_another_authority_asks_again_for_what_is_its_own(form: Form) -> None:
    await form.fill("bjca")
    filled = frozenset({Step.AUTHORITY, Step.AGREEMENTS, Step.DETAILS})
    assert (await form.mine()).order.done == filled
    await form.orders.save(await form.mine(), Step.AUTHORITY, {}, now=NOW, authority="gdca")
    same = (await form.mine()).order
    assert (same.done, same.product) == (filled, "person")  # it sells the same, by the same rules
    await form.orders.save(await form.mine(), Step.AUTHORITY, {}, now=NOW, authority="szca")
    other = (await form.mine()).order
    assert (other.done, other.product) == (frozenset({Step.AUTHORITY}), "")


async def test_the_uploads_of_one_applicant_are_bounded_in_all_orders_and_free_again_later(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    await form.fill("bjca")
    await form.orders.confirm(await form.mine(), now=NOW)
    await form.upload()
    held = (await form.orders.files.of(form.number))[0].size
    monkeypatch.setattr(materials, "MOST_BYTES", 2 * held)
    await form.orders.cancel(await form.mine(), now=NOW)
    await form.begin()
    await form.fill("bjca")
    await form.orders.confirm(await form.mine(), now=NOW)
    await form.upload()
    with pytest.raises(materials.TooMuch):
        await form.upload()
    assert [one.kind for one in await form.orders.files.of(form.number)] == ["applicant_id"]
    await form.upload(NOW + materials.WITHIN)


async def test_what_was_free_is_paid_once_it_costs_something(form: Form) -> None:
    await form.fill("bjca")
    free = await form.orders.confirm(await form.mine(), now=NOW)
    assert (free.state, free.price_fen) == (OrderState.AWAITING_MATERIAL, 0)
    await form.orders.change(await form.mine(), now=NOW)
    await form.fill("gdca")
    assert (await form.orders.confirm(await form.mine(), now=NOW)).price_fen == 100
    await form.upload()
    done = await form.orders.finish_material(await form.mine(), now=NOW)
    assert done.state is OrderState.AWAITING_PAYMENT
