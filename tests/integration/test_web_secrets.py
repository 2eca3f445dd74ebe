"""What must not be seen before the close: the reserve, and who is on the list. Walks all pages."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bidding.messages import PlaceBid
from bidding.terms import Fen
from office.accounts import Role
from office.sealed import QualifiedRow, StillSealed
from tests.webkit import Visitor, Web, phase_is, put_on_soon, service, until, web_on
from web import lot_search
from web.routes import PAGES

RESERVE = 1_234_567
LIST = [QualifiedRow("bidder-a"), QualifiedRow("bidder-b")]
NAMES = ("测试竞买人甲", "测试竞买人乙")


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        yield web


async def everybody(web: Web) -> dict[Role | None, Visitor]:
    people: dict[Role | None, Visitor] = {None: web.visitor()}
    for role in Role:
        people[role] = await web.signed_in(f"some-{role}", role)
    return people


async def bidders(web: Web) -> dict[str, Visitor]:
    return {
        login: await web.signed_in(login, Role.BIDDER, name)
        for login, name in zip(("bidder-a", "bidder-b"), NAMES, strict=True)
    }


async def pages_of(visitor: Visitor, role: Role | None) -> AsyncIterator[tuple[str, str]]:
    for page in PAGES:
        if page.method == "GET" and (page.who is None or role in page.who):
            path = page.path.replace("{lot}", "CAR-1").replace("{seq}", "1")
            answer = await visitor.get(path)
            assert answer.status_code < 500, path
            yield path, answer.text + str(answer.headers)


async def test_no_page_shows_the_reserve_or_a_name_before_the_close(web: Web) -> None:
    people, mine = await everybody(web), await bidders(web)
    await web.site.sealed.import_qualified("CAR-1", LIST)
    await put_on_soon(web, "CAR-1", reserve=RESERVE, inquiry_ms=60_000)
    paddles = set(await web.site.sealed.qualified("CAR-1"))
    await phase_is(web, "CAR-1", "inquiry")
    secrets = (*NAMES, "bidder-a", "bidder-b", "12,345.67", "12345.67", str(RESERVE))
    for role, visitor in people.items():
        async for path, text in pages_of(visitor, role):
            if path != "/administration/accounts":  # it lists accounts, and no lots
                assert not [secret for secret in secrets if secret in text], (path, role)
            shown = set(re.findall(r"(?<![A-Za-z0-9_+/=-])[0-9]{4}(?![A-Za-z0-9_+/=-])", text))
            assert not paddles & shown, (path, role)  # four digits inside a form's token are chance
    own = await mine["bidder-a"].get("/my/trades")
    held = re.findall(r"<strong>(\d{4})</strong>", own.text)
    assert len(held) == 1
    assert held[0] in paddles
    async for path, text in pages_of(mine["bidder-a"], Role.BIDDER):
        other = (paddles - set(held)).pop()
        assert NAMES[1] not in text, path
        assert not re.search(rf"(?<![0-9a-f]){other}(?![0-9a-f])", text), path


async def test_names_stay_sealed_until_the_record_says_closed(web: Web) -> None:
    await bidders(web)
    await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
    await web.site.sealed.import_qualified("CAR-1", [QualifiedRow("bidder-a")])
    with pytest.raises(StillSealed):
        await web.site.sealed.names_after_close("CAR-1")


async def test_the_result_names_the_buyer_and_opens_the_reserve(web: Web) -> None:
    people, mine = await everybody(web), await bidders(web)
    await web.site.sealed.import_qualified("CAR-1", LIST)
    await put_on_soon(web, "CAR-1", reserve=RESERVE, inquiry_ms=300, window_ms=30_000)
    account = await web.site.accounts.verify("bidder-a", "a-password-of-the-tests")
    assert account is not None
    held = await web.site.sealed.paddle_of("CAR-1", account.id)
    assert held is not None
    await phase_is(web, "CAR-1", "timed_bidding")
    assert (await people[None].get("/lots/CAR-1/ledger.jsonl")).status_code == 404
    price = 1_000_000 + 30 * 10_000
    await web.site.book.place_bid("CAR-1", PlaceBid(held[0], "bid-00000001", Fen(price)))
    refused = await web.site.book.place_bid("CAR-1", PlaceBid(held[0], "bid-00000002", Fen(price)))
    assert refused.answer.kind == "bid_rejected"
    await phase_is(web, "CAR-1", "closed")

    async def settled() -> bool:
        lot = await lot_search.one(web.site.engine, "CAR-1")
        return lot is not None and lot.sold is True

    await until(settled)
    public = (await people[None].get("/lots/CAR-1")).text
    assert NAMES[0] in public
    assert NAMES[1] not in public
    assert "12,345.67" in public
    assert "13,000.00" in re.sub(r"<[^>]+>", "", public)
    await put_on_soon(web, "CAR-2", inquiry_ms=60_000)
    await web.site.sealed.import_qualified("CAR-2", LIST)
    await phase_is(web, "CAR-2", "inquiry")
    trades = (await mine["bidder-a"].get("/my/trades")).text
    assert "恭喜您！成为最高报价人。" in trades
    assert "成交价" in trades
    assert "最高报价</dt>" not in trades
    assert trades.index("/lots/CAR-1") < trades.index("/lots/CAR-2")
    trades_of_the_other = (await mine["bidder-b"].get("/my/trades")).text
    assert trades_of_the_other.index("/lots/CAR-2") < trades_of_the_other.index("/lots/CAR-1")
    assert "恭喜您！成为最高报价人。" in (await mine["bidder-a"].get("/lots/CAR-1")).text
    assert "您没有竞得" in (await mine["bidder-b"].get("/my/trades")).text
    for role in (Role.ADMINISTRATOR, Role.REGULATOR):
        seen = (await people[role].get("/lots/CAR-1")).text
        assert NAMES[0] in seen
        assert NAMES[1] in seen
        refusals = await people[role].get("/lots/CAR-1/refusals")
        assert "您已领先，不必再加价" in refusals.text
    for person in (None, Role.BIDDER, Role.TRANSFEROR):
        assert NAMES[1] not in (await people[person].get("/lots/CAR-1")).text

    async def offered() -> bool:
        return (await people[None].get("/lots/CAR-1/ledger.jsonl")).status_code == 200

    await until(offered)
    file = await people[None].get("/lots/CAR-1/ledger.jsonl")
    assert file.headers["content-disposition"] == 'attachment; filename="CAR-1.ledger.jsonl"'
    assert file.text.splitlines()[0].startswith('{"format":"luochui ledger 1"')
    assert '"seal"' in file.text.splitlines()[-1]
    assert not [name for name in NAMES if name in file.text]
    receipt = await people[None].get("/lots/CAR-1/receipts/1")
    assert receipt.json()["lot"] == "CAR-1"


async def test_a_receipt_that_is_not_there_is_a_page_in_words(web: Web) -> None:
    await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
    await phase_is(web, "CAR-1", "inquiry")
    for number in ("99", "0", "x", "9" * 30):
        answer = await web.visitor().get(f"/lots/CAR-1/receipts/{number}")
        assert answer.status_code == 404
        assert "<h1>" in answer.text


async def test_after_the_close_everybody_sees_how_late_it_was_and_how_long_bids_took(web: Web) -> None:
    await put_on_soon(web, "CAR-1", inquiry_ms=300, window_ms=30_000)
    await phase_is(web, "CAR-1", "closed")
    page = await web.visitor().get("/lots/CAR-1")
    assert "收槌延迟" in page.text
    assert "服务中断" in page.text
    assert "出价处理用时" not in page.text
    measured = {"gateway_p99_ms": "11.2", "gateway_max_ms": "1085", "bids": "120"}
    await web.site.redis.hset("luochui:delays:CAR-1", mapping=measured)
    page = await web.visitor().get("/lots/CAR-1")
    assert "99% 的出价在 0.012 秒内答复，最慢 1.085 秒，共 120 次" in page.text
    english = await web.visitor(**{"accept-language": "en"}).get("/lots/CAR-1")
    assert "99% of bids answered within 0.012 s, the slowest took 1.085 s; 120 bids" in english.text
    await web.site.redis.hset("luochui:delays:CAR-1", mapping={"gateway_max_ms": "nan"})
    page = await web.visitor().get("/lots/CAR-1")
    assert (page.status_code, "出价处理用时" in page.text) == (200, False)
    await web.site.redis.set("luochui:delays:CAR-1", "of another kind")
    assert (await web.visitor().get("/lots/CAR-1")).status_code == 200


async def test_only_the_sealed_module_reads_the_table_of_paddles() -> None:
    root = Path(__file__).parents[2]
    for package in ("bidding", "luochui", "office", "web"):
        for file in (root / package).rglob("*.py"):
            if file.name not in ("sealed.py",):
                assert not re.search(r"\b(FROM|INTO|UPDATE|JOIN)\s+paddles\b", file.read_text()), file
                assert "office.sealed import _" not in file.read_text(), file


async def test_logs_never_link_a_person_with_a_lot(web: Web, capfd: pytest.CaptureFixture[str]) -> None:
    mine = await bidders(web)
    await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
    await web.site.sealed.import_qualified("CAR-1", [QualifiedRow("bidder-a")])
    capfd.readouterr()
    await mine["bidder-a"].get("/lots/CAR-1/room")
    await mine["bidder-a"].get("/lots/CAR-1")
    written = capfd.readouterr()
    assert "bidder-a" not in written.out + written.err
    assert NAMES[0] not in written.out + written.err
