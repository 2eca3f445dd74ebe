"""The back office: officials look, nobody writes, nothing comes from outside, persons and lots stay apart."""

import re
from collections.abc import AsyncIterator

import pytest

from bidding.lots import SALT_BYTES, Secrets, put_on
from office.accounts import Role
from tests.tradingkit import a_clock, make_listing
from tests.webkit import ADDRESS, Web, web_on
from trading.lifecycle.states import LotState
from trading.rehearsals import RehearsalRules, offer_of
from web.oversight.back_office import VIEWS

OFFICIALS = (Role.ADMINISTRATOR, Role.REGULATOR)
SECRET_COLUMNS = re.compile(
    r"password|hash|box|secret|salt|mark|winner_|account_id|registration$|reserve|payer|sub_account"
)
OUTSIDE = re.compile(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//""")


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def test_only_officials_get_in(web: Web) -> None:
    stranger = await web.visitor().get("/admin/")
    assert stranger.headers["location"].startswith("/sign-in?next=%2Fadmin")
    for role in Role:
        visitor = await web.signed_in(f"a-{role}", role)
        for path in ("/admin/listings/list", "/admin/accounts/list", "/admin/static/js/sa-dom.js"):
            answer = await visitor.get(path)
            assert (answer.status_code == 200) == (role in OFFICIALS), (role, path, answer.text[:300])


async def test_nothing_can_be_written(web: Web) -> None:
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    account = await web.account("one", Role.BIDDER)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (
            "/admin/accounts/create",
            f"/admin/accounts/edit?pk={account}",
            "/admin/_api/accounts/action",
        ):
            answer = await clerk.client.request(method, path, data={"login": "x"})
            assert answer.status_code == 405, (method, path)
    for path in ("/admin/accounts/create", f"/admin/accounts/edit?pk={account}"):
        assert (await clerk.get(path)).status_code in (403, 404), path


async def test_every_table_is_shown_and_loads_nothing_from_outside(web: Web) -> None:
    lot = (await make_listing(web.site.engine, LotState.ANNOUNCED, clock=a_clock())).lot
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    pages = [*(f"/admin/{key}/list" for _, key, _, _ in VIEWS), f"/admin/listings/detail?pk={lot}"]
    for path in pages:
        answer = await clerk.get(path)
        assert answer.status_code == 200, (path, answer.text[:500])
        found = OUTSIDE.search(answer.text.replace(ADDRESS, ""))
        assert not found, (path, found)
        assert "unsafe-inline" in answer.headers["content-security-policy"]
        assert "http" not in answer.headers["content-security-policy"]
        assert "数据台账" in answer.text
    salts = Secrets(None, *("0a" * SALT_BYTES for _ in range(3)))
    bidder = await web.account("one", Role.BIDDER)
    async with web.site.engine.begin() as connection:
        for number in ("XX-SW-2026-9001", "REHEARSAL-0011"):
            await put_on(connection, offer_of(number, bidder, 1, RehearsalRules()), salts)
    auctions = (await clerk.get("/admin/lots/list")).text
    assert "XX-SW-2026-9001" in auctions
    assert "REHEARSAL" not in auctions
    start = await clerk.get("/admin/")
    assert start.headers["location"] == "/admin/listings/list"
    assert lot in (await clerk.get("/admin/listings/list")).text
    assert "unsafe-inline" not in (await clerk.get("/oversight")).headers["content-security-policy"]


def test_no_table_shows_a_secret_or_joins_person_and_lot() -> None:
    for model, key, _, fields in VIEWS:
        names = {field.name for field in fields}
        mapped = set(model.__table__.columns.keys())
        assert names <= mapped, key
        assert not {name for name in mapped if SECRET_COLUMNS.search(name)}, key
        persons = mapped & {"payer_name", "login", "transferee", "sub_account"}
        assert not (persons and mapped & {"lot"}), key
