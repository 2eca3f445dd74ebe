"""Pages of messages and of the audit log: each for whom it is, with nothing of anybody else."""

import re
from collections.abc import AsyncIterator

import polars
import pytest

from office.accounts import Role
from office.audit.chain import Chain
from office.audit.trail import account, record
from office.messages.telling import ToAccount, ToRegistrantsOf, ToRegistration, tell
from signing.sm3 import sm3
from tests.webkit import Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def write(web: Web, **entry: str) -> None:
    written = {
        "actor": account(7),
        "role": "administrator",
        "act": "lot.announce",
        "subject": "CAR-1",
        **entry,
    }
    async with web.site.engine.begin() as connection:
        await record(connection, at=web.site.clock(), **written)  # type: ignore[arg-type]


async def test_messages_are_counted_opened_and_read(web: Web) -> None:
    one = await web.signed_in("one", Role.BIDDER)
    other = await web.signed_in("other", Role.BIDDER)
    person = await web.site.accounts.by_login("one")
    assert person is not None
    registration = await web.site.sealed.register(person.id, "CAR-1")
    now = web.site.clock()
    async with web.site.engine.begin() as connection:
        await tell(connection, ToAccount(person.id), "account.contact_changed", now=now)
        await tell(connection, ToRegistration(registration), "lot.award", {"lot": "CAR-1"}, now=now)
        await tell(connection, ToRegistrantsOf("CAR-1"), "lot.suspend", {"reason": "材料有误"}, now=now)
        await tell(connection, ToRegistrantsOf("CAR-2"), "lot.resume", {"reason": "不相干"}, now=now)
    page = (await one.get("/my/messages")).text
    assert "3 条未读" in page
    for words in ("联系方式已修改", "资格审查通过", "标的“CAR-1”已中止", "材料有误"):
        assert words in page, words
    assert "不相干" not in page
    assert "还没有消息" in (await other.get("/my/messages")).text
    [*numbers] = re.findall(r"/my/messages/(\d+)/open", page)
    answer = await one.post(f"/my/messages/{numbers[0]}/open", {"next": "https://evil.test/"})
    assert answer.headers["location"] == "/"
    assert "2 条未读" in (await one.get("/my/messages?show=unread")).text
    for number in numbers:
        assert (await other.post(f"/my/messages/{number}/open")).status_code == 303
    assert "2 条未读" in (await one.get("/my/messages")).text
    page = (await one.post_and_follow("/my/messages/read-all")).text
    assert "已把 2 条消息标为已读" in page
    assert "没有未读的消息" in (await one.get("/my/messages?show=unread")).text
    assert (await one.post("/my/messages/x/open")).status_code == 404


async def test_the_outbox_is_shown_in_a_demonstration_only(web: Web, database: str, valkey: str) -> None:
    assert (await web.visitor().get("/demo/outbox")).status_code == 404
    async with web_on(database, valkey, demo=True) as demo:
        assert "还没有要发的内容" in (await demo.visitor().get("/demo/outbox")).text


async def test_the_log_is_found_checked_and_taken_away(web: Web) -> None:
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    assert "没有符合条件的记录" in (await regulator.get("/audit")).text
    for number in range(53):
        await write(web, subject=f"LOT-{number}")
    await write(web, act="odd.act", subject="=1+1")
    await write(web, act="registration.seal", actor="R0123456789abcdef", role="bidder", subject="")
    await Chain(web.site.engine, sm3).round(web.site.clock())
    page = (await regulator.get("/audit")).text
    assert "发布公告" in page
    assert "odd.act" in page
    assert "LOT-1<" not in page
    assert "R0123456789abcdef" not in page
    older = re.search(r'href="(/audit\?before=[0-9a-f]+)"', page)
    assert older is not None
    assert "LOT-1<" in (await regulator.get(older[1])).text
    found = (await regulator.get("/audit?actor=7&subject=LOT-3&since=2020-01-01&until=2999-12-31")).text
    assert "LOT-3<" in found
    assert "LOT-4<" not in found
    assert (await regulator.get("/audit?since=nonsense&until=0000-00-00&before=x")).status_code == 200
    assert "LOT-52<" in (await regulator.get("/audit?before=1")).text  # nobody tries out numbers
    assert "还没有核对过" in page
    assert "全链核对完毕" in (await regulator.post_and_follow("/audit/verify")).text
    assert "新记录核对完毕" in (await regulator.post_and_follow("/audit/verify")).text
    assert "全链核对完毕" in (await regulator.post_and_follow("/audit/verify", {"all": "1"})).text
    written = await regulator.get("/audit/export.csv?act=odd.")
    assert "'=1+1" in written.text
    assert "LOT-" not in written.text
    book = await regulator.get("/audit/export.xlsx?subject=LOT-3")
    assert polars.read_excel(book.content, infer_schema_length=0).height == 1
    assert (await regulator.get("/audit/export.pdf")).status_code == 404
    page = (await regulator.get("/audit?act=look.")).text
    assert page.count("导出审计日志") >= 2


async def test_whose_a_pseudonym_is_stays_secret_before_the_close(web: Web) -> None:
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    bidder = await web.account("one", Role.BIDDER, "张三")
    registration = await web.site.sealed.register(bidder, "CAR-1")
    page = await regulator.post_and_follow("/audit/reveal", {"registration": registration})
    assert "现在不能核对" in page.text
    assert "张三" not in page.text
    assert "核对被拒绝" in page.text
    for wrong in ("R0000000000000000", "account 1", ""):
        page = await regulator.post_and_follow("/audit/reveal", {"registration": wrong})
        assert "没有这个登记号" in page.text or "登记号是 R 加" in page.text


async def test_deliveries_that_failed_are_listed_for_administrators(web: Web) -> None:
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    assert "没有发送失败的内容" in (await administrator.get("/oversight/deliveries")).text
