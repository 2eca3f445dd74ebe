"""Open data: what was announced, nothing else, in the form that the OpenAPI document describes."""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from bidding.lots import AssetClass
from office.accounts import Role
from tests.listingkit import announced, travelling
from tests.tradingkit import MutableClock, act_on, an_account, make_listing
from tests.webkit import Web, web_on
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, LotState
from trading.listings.releases import SETTLES
from web.limiting import OPEN_DATA_PER_ADDRESS


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


@pytest.fixture
async def clock(web: Web) -> MutableClock:
    return await travelling(web)


async def read(web: Web, path: str = "/open-data/releases.json", **more: Any) -> Any:
    answer = await web.visitor().get(path, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_answers_fit_the_openapi_document(web: Web, clock: MutableClock) -> None:
    owner = await web.signed_in("owner", Role.TRANSFEROR, "湘西州机关事务局")
    administrator = await web.signed_in("admin", Role.ADMINISTRATOR)
    lot = await announced(owner, administrator)
    here = f"/administration/listings/{lot}/acts"
    for act in ("suspend", "resume", "withdraw"):
        answer = await administrator.post(f"{here}/{act}", {"reason": "核实"})
        assert answer.status_code == 303
    await sold(web, clock)
    clock.advance(minutes=1)
    document = await read(web, "/open-data/openapi.json")
    assert document["openapi"] == "3.1.0"
    packages = [await read(web), await read(web, f"/open-data/lots/{lot}.json")]
    assert {one["announcement"]["kind"] for one in packages[0]["releases"]} >= {"announcement", "result"}
    for package in packages:
        Document(document).check(package, {"$ref": "#/components/schemas/Package"})
    bad = await web.visitor().get("/open-data/releases.json?limit=0")
    assert bad.status_code == 400
    Document(document).check(bad.json(), {"$ref": "#/components/schemas/Fault"})
    first = packages[1]["releases"][0]
    assert first["ocid"] == f"luochui-{lot}"
    assert first["tender"]["startingPrice"] == {"amount": "1200000.00", "currency": "CNY"}
    titles = {one["title"] for one in first["tender"]["documents"]}
    assert titles == {"门面.jpg", "平面图.pdf"}, "private files are not data"
    assert "reserve" not in json.dumps(packages)


async def sold(web: Web, clock: MutableClock) -> str:
    """A lot with its result announced, as the review and the award do it."""
    engine = web.site.engine
    listing = await make_listing(engine, LotState.PAYMENT, clock=clock, lot="XX-SOLD-1")
    by = By.administrator(await an_account(engine))
    named = {"final_price": 1_230_000, "transferee": "石**", "sale_method": "网络竞价", "paddle": "1001"}
    async with engine.begin() as connection:
        await perform(connection, listing.lot, Act.PAID, by, now=clock(), published=named)
    return listing.lot


async def test_the_winner_is_named_by_the_result_announcement_alone(web: Web, clock: MutableClock) -> None:
    engine = web.site.engine
    listing = await make_listing(engine, LotState.CONTRACT, clock=clock)
    clock.advance(minutes=1)
    before = json.dumps(await read(web, f"/open-data/lots/{listing.lot}.json"), ensure_ascii=False)
    assert "awards" not in before
    assert "1001" not in before
    lot = await sold(web, clock)
    clock.advance(minutes=1)
    after = await read(web, f"/open-data/lots/{lot}.json")
    award = after["releases"][-1]["awards"][0]
    assert award["buyers"] == [{"name": "石**"}]
    assert award["value"]["amount"] == "12300.00"


async def test_drafts_are_not_data(web: Web, clock: MutableClock) -> None:
    listing = await make_listing(web.site.engine, LotState.SUBMITTED, clock=clock)
    clock.advance(minutes=1)
    assert (await read(web))["releases"] == []
    for lot in (listing.lot, "NO-SUCH-LOT", "kleine-buchstaben"):
        assert (await web.visitor().get(f"/open-data/lots/{lot}.json")).status_code == 404


async def test_pages_follow_each_other_and_the_cursor_finds_what_comes_later(
    web: Web, clock: MutableClock
) -> None:
    lots = [(await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)).lot for _ in range(5)]
    clock.advance(minutes=1)
    found: list[str] = []
    path = "/open-data/releases.json?limit=2"
    while path:
        package = await read(web, path)
        found += [one["tender"]["id"] for one in package["releases"]]
        path = package["links"].get("next", "").replace(web.site.settings.public_url, "")
    assert found == lots
    cursor = package["links"]["cursor"]
    assert (await read(web, f"/open-data/releases.json?cursor={cursor}"))["releases"] == []
    later = await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)
    early = await read(web, f"/open-data/releases.json?cursor={cursor}")
    assert early["releases"] == [], "younger than a transaction may last"
    clock.advance(seconds=SETTLES.total_seconds())
    package = await read(web, f"/open-data/releases.json?cursor={cursor}")
    assert [one["tender"]["id"] for one in package["releases"]] == [later.lot]


async def test_filters_and_what_is_none(web: Web, clock: MutableClock) -> None:
    debt = await make_listing(
        web.site.engine, LotState.ANNOUNCED, clock=clock, asset_class=AssetClass.DEBT, lot="XX-ZQ-1"
    )
    car = await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)
    await act_on(web.site.engine, car, Act.SUSPEND, clock)
    clock.advance(minutes=1)
    for query, lots in (
        ("assetClass=debt", [debt.lot]),
        ("kind=suspension", [car.lot]),
        (f"since={clock() + timedelta(days=1):%Y-%m-%d}", []),
        ("since=2020-01-01T00:00:00Z&assetClass=physical&kind=announcement", [car.lot]),
    ):
        package = await read(web, f"/open-data/releases.json?{query}")
        assert [one["tender"]["id"] for one in package["releases"]] == lots, query
    for query in (
        "cursor=x",
        "cursor=eyJhIjogLTF9",
        "limit=201",
        "limit=ten",
        "since=yesterday",
        "since=2020-01-01T00:00:00",
        "assetClass=gold",
        "kind=x",
        "asset_class=debt",
    ):
        answer = await web.visitor().get(f"/open-data/releases.json?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["error"] == "bad_parameter", query


async def test_unchanged_answers_are_not_sent_again_and_carry_no_cookie(
    web: Web, clock: MutableClock
) -> None:
    await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)
    clock.advance(minutes=1)
    first = await web.visitor().get("/open-data/releases.json")
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in first.headers
    again = {"if-none-match": first.headers["etag"]}
    assert (await web.visitor().get("/open-data/releases.json", headers=again)).status_code == 304
    await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)
    clock.advance(minutes=1)
    assert (await web.visitor().get("/open-data/releases.json", headers=again)).status_code == 200


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(
    web: Web, clock: MutableClock
) -> None:
    limits = web.site.reader_limits
    for _ in range(OPEN_DATA_PER_ADDRESS.amount):
        await limits.waiting_s("203.0.113.7")
    assert await limits.waiting_s("203.0.113.7") > 0
    assert await limits.waiting_s("203.0.113.8") == 0
    visitor = web.visitor()
    answers = [(await visitor.get("/open-data/releases.json")).status_code for _ in range(62)]
    assert answers[0] == 200
    last = await visitor.get("/open-data/releases.json")
    assert 429 in answers
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    assert (await visitor.get("/open-data/openapi.json")).status_code == 200


class Document:
    """As much of JSON Schema as the document uses; what it does not know fails."""

    KNOWN = frozenset(
        {
            *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
            *("pattern", "format", "minimum", "maximum", "default", "description", "$ref"),
        }
    )
    TYPES: ClassVar = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}

    def __init__(self, document: Any) -> None:
        self.schemas = document["components"]["schemas"]

    def check(self, value: Any, schema: Any, where: str = "") -> None:
        if "$ref" in schema:
            return self.check(value, self.schemas[schema["$ref"].rpartition("/")[2]], where)
        assert set(schema) <= self.KNOWN, (where, schema)
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(type(value) is self.TYPES[each] for each in types), (where, value)
        assert value in schema.get("enum", [value]), (where, value)
        assert value == schema.get("const", value), (where, value)
        assert not isinstance(value, int) or value >= schema.get("minimum", value), (where, value)
        if "pattern" in schema:
            assert re.search(schema["pattern"], value), (where, value)
        if schema.get("format") == "date-time":
            assert datetime.fromisoformat(value).tzinfo is not None, (where, value)
        for number, each in enumerate(value if isinstance(value, list) else ()):
            self.check(each, schema["items"], f"{where}[{number}]")
        if isinstance(value, dict):
            assert set(schema["required"]) <= set(value), (where, set(schema["required"]) - set(value))
            for name, each in value.items():
                assert name in schema["properties"], (where, name)
                self.check(each, schema["properties"][name], f"{where}.{name}")
        return None
