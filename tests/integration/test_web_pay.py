"""Paying for an order over the pages: the demonstration's code, its notifications, who may do what."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.orderkit import (
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    request_of_organization,
)
from tests.webkit import Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def at_code(who: Applicant, way: str = "alipay") -> str:
    """The order is at its code; the address of the demonstration's page."""
    await who.done("/payment", {"payment_way": way})
    await who.done("/payment/code")
    page = await who.get("/payment/code")
    found = re.search(r'href="(/demo/pay/ZF\d+)"', page.text)
    assert found, page.text[:3000]
    return found[1]


async def test_an_order_of_the_shared_platform_is_paid_by_code_and_goes_to_review(web: Web) -> None:
    who = await applicant(web, "her")
    await who.begin()
    await who.to_payment(request_of_organization(), details_of_organization())
    assert await who.state() == "awaiting_payment"
    address = await at_code(who)
    phone = web.visitor()
    answer = await phone.post(address, {"amount": plain_price(await who.row()), "telling": "twice"})
    assert answer.status_code == 303, answer.text[:1000]
    row = await who.row()
    assert (row["state"], row["payment_way"], row["paid_fen"]) == ("in_review", "alipay", row["price_fen"])


def plain_price(row: object) -> str:
    fen = int(row["price_fen"])  # type: ignore[index]
    return f"{fen // 100}.{fen % 100:02d}"
