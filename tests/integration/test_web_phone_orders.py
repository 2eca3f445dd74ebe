"""Applying with a telephone alone, where the channel's data allows it; opening an account with one; and an
order query that takes the same work for numbers that nobody knows."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import event, text

from office.accounts import Role
from tests.orderkit import (
    CREDIT_CODE,
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    last_code,
    last_letter,
    request_of_organization,
    solved,
)
from tests.subjectkit import organization, verified
from tests.timekit import ClockAhead
from tests.webkit import Visitor, Web, web_on
from web.certificates import access

PHONE = "15112340305"
BUSINESS = {"channel": "shenzhen_ca", "service": "issue", "subject": "organization", "way": "online"}
HERE = "/certificates/apply?channel=shenzhen_ca&service=issue&subject=organization&way=online"


@pytest.fixture
def clock() -> ClockAhead:
    return ClockAhead()


@pytest.fixture
async def web(database: str, valkey: str, clock: ClockAhead) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True, clock=clock) as web:
        await defaults(web)
        yield web


async def asked(visitor: Visitor, path: str, form: dict[str, str]) -> httpx.Response:
    """A form with a challenge, sent with the answer."""
    page = await visitor.get(path)
    return await visitor.post(path.partition("?")[0], {**form, **solved(page.text)})


async def proved(web: Web, visitor: Visitor, phone: str = PHONE, to: str = HERE) -> httpx.Response:
    """Signed in with a telephone."""
    answer = await asked(visitor, "/certificates/phone", {"phone": phone, "next": to})
    assert answer.status_code == 303, answer.text[:2000]
    return await visitor.post(answer.headers["location"], {"code": await last_code(web)})


async def test_an_order_without_an_account_belongs_to_the_proved_telephone(
    web: Web, clock: ClockAhead
) -> None:
    someone = web.visitor()
    assert "用手机号办理" in (await someone.get(HERE)).text
    refused = await someone.post("/certificates/apply", BUSINESS)
    assert refused.headers["location"].startswith("/sign-in")
    entered = await proved(web, someone)
    assert entered.headers["location"] == HERE
    assert "151****0305" in (await someone.get(HERE)).text
    shared = {**BUSINESS, "channel": "hunan_shared"}
    elsewhere = await someone.post("/certificates/apply", shared)  # that channel's data ask for an account
    assert elsewhere.status_code == 303
    assert "channel=hunan_shared" in elsewhere.headers["location"]
    order = Applicant(web, someone)
    await order.begin(**BUSINESS)
    await order.agree()
    page = (await order.get("/details")).text
    assert "151****0305" in page
    assert 'name="operator_phone"' not in page  # proved, so it can't be typed
    details = {**request_of_organization(), **details_of_organization(product="organization", years="1")}
    await order.done(
        "/details", {**details, "operator_phone": "13800138000", "invoice_title": "测试有限公司"}
    )
    await order.confirm()
    assert await order.state() == "awaiting_material"
    row = await order.row()
    assert (row["account_id"], row["begun_mark"] == row["contact_mark"] != "") == (None, True)
    other = web.visitor()
    clock.ahead += timedelta(minutes=2)
    await proved(web, other, "13800138000")
    assert (await other.get(order.here)).status_code == 404
    assert order.number not in (await other.get("/certificates/query/orders")).text
    for role in Role:
        stranger = await web.signed_in(f"other-{role}", role)
        assert (await stranger.get(order.here)).status_code == 404
        assert (await stranger.get(f"{order.here}/material")).status_code == 404
    clock.ahead += timedelta(minutes=2)
    again = web.visitor()
    await proved(web, again, to="/certificates/query/orders")
    assert order.number in (await again.get("/certificates/query/orders")).text
    assert (await again.get(f"{order.here}/material")).status_code == 200


async def test_a_proved_telephone_lasts_while_it_is_used_and_what_was_typed_is_kept(
    web: Web, clock: ClockAhead
) -> None:
    someone = web.visitor()
    await proved(web, someone)
    order = Applicant(web, someone)
    await order.begin(**BUSINESS)
    await order.agree()
    (key,) = [one async for one in web.site.redis.scan_iter("luochui:order-access:*")]
    await web.site.redis.expire(key, 60)
    page = await order.get("/details")
    assert await web.site.redis.ttl(key) > 1_700  # half an hour after the last page
    shown = re.search(r'name="version" value="(\d+)"', page.text)
    assert shown
    clock.ahead += access.LONGEST  # but no longer than that after the code
    assert (await order.get("/details")).status_code == 303
    form = {**details_of_organization(product="organization", years="1"), "version": shown[1]}
    form |= {**request_of_organization(), "invoice_title": "打了一半有限公司"}
    lapsed = await someone.post(f"{order.here}/details", form)
    said = (await someone.get(lapsed.headers["location"])).text
    assert "填写的内容已保留" in said
    to = re.search(r'href="/certificates/phone\?next=([^"]+)"', said)
    assert to
    for one in [value async for value in web.site.redis.scan_iter("luochui:unsent:*")]:
        assert "打了一半" not in str(await web.site.redis.get(one))  # a box
    thief = web.visitor()
    assert "打了一半" not in (await thief.get(unquote(to[1]), follow_redirects=True)).text
    entered = await proved(web, someone, to=unquote(to[1]))
    assert entered.headers["location"] == f"{order.here}/details?unsent=1"
    again = (await someone.get(entered.headers["location"])).text
    assert "打了一半有限公司" in again
    assert "打了一半有限公司" not in (await someone.get(entered.headers["location"])).text  # once


async def test_a_begun_order_is_continued_through_the_query(web: Web, clock: ClockAhead) -> None:
    someone = web.visitor()
    await proved(web, someone)
    order = Applicant(web, someone)
    await order.begin(**BUSINESS)
    await order.agree()
    details = {**request_of_organization(), **details_of_organization(product="organization", years="1")}
    await order.done("/details", {**details, "invoice_title": "测试有限公司"})
    clock.ahead += timedelta(minutes=2)
    later = web.visitor()
    answer = await asked(later, "/certificates/query", {"kind": "organization", "number": CREDIT_CODE})
    question = answer.headers["location"]
    assert "151****0305" in (await later.get(question)).text
    await later.post(f"{question}/code", {"which": "0"})
    done = await later.post(question, {"which": "0", "code": await last_code(web)})
    assert done.headers["location"] == "/certificates/query/orders"
    page = (await later.get("/certificates/query/orders")).text
    for column in ("申请时间", "订单号", "证书名称", "业务种类", "订单状态"):
        assert f"<dt>{column}</dt>" in page
    for not_yet in ("完成时间", "介质号", "驳回原因", "发票", "邮寄"):
        assert f"<dt>{not_yet}</dt>" not in page
    assert "继续填写" in page
    assert (await later.get(f"{order.here}/confirm")).status_code == 200


async def test_codes_for_a_telephone_are_few_and_another_browsers_question_is_not_there(
    web: Web, clock: ClockAhead
) -> None:
    someone, thief = web.visitor(), web.visitor()
    assert (await asked(someone, "/certificates/phone", {"phone": "010-1234"})).status_code == 422
    unsolved = await someone.post("/certificates/phone", {"phone": PHONE})
    assert unsolved.status_code == 422
    answer = await asked(someone, "/certificates/phone", {"phone": PHONE, "next": "//evil.example/"})
    question = answer.headers["location"]
    assert (await thief.get(question)).status_code == 404
    assert (await thief.post(question, {"code": await last_code(web)})).status_code == 404
    assert (await thief.post(f"{question}/code")).status_code == 404
    again = await someone.post(f"{question}/code")
    assert again.status_code == 303  # said on the page: too soon
    code = await last_code(web)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        assert (await someone.post(question, {"code": wrong})).status_code == 422
    assert (await someone.post(question, {"code": code})).status_code == 422
    for _ in range(4):
        clock.ahead += timedelta(minutes=2)
        assert (await asked(someone, "/certificates/phone", {"phone": PHONE})).status_code == 303
    clock.ahead += timedelta(minutes=2)
    late = await asked(web.visitor(), "/certificates/phone", {"phone": PHONE})
    assert late.status_code == 429
    answer = await asked(someone, "/certificates/phone", {"phone": "13800138000", "next": "//evil.example/"})
    done = await someone.post(answer.headers["location"], {"code": await last_code(web)})
    assert done.headers["location"] == "/certificates/query/orders"
    kept = [await web.site.redis.get(key) async for key in web.site.redis.scan_iter("luochui:order-*")]
    assert kept
    assert not [value for value in kept if "13800138000" in str(value)]


@contextmanager
def statements(web: Web) -> Iterator[list[str]]:
    """What the database is asked while this lasts."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(" ".join(statement.split())[:60])

    event.listen(web.site.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(web.site.engine.sync_engine, "before_cursor_execute", note)


async def test_the_query_does_the_same_work_for_an_unknown_number(web: Web, clock: ClockAhead) -> None:
    """Counted, not timed: the same statements, as many boxes opened, as many letters written."""
    known = (
        ("15112340305", CREDIT_CODE),
        ("15112340306", "91430100MA4L16JJ4P"),
        ("15112340305", CREDIT_CODE),
    )
    for place, (phone, code) in enumerate(known):
        one = await applicant(web, f"applicant{place}")
        await one.begin()
        await one.fill(
            request_of_organization(operator_phone=phone), details_of_organization(credit_code=code)
        )
    async with web.site.engine.begin() as connection:  # their telephones are proved
        await connection.execute(text("UPDATE orders SET done = done || '{consent}'"))
    work = {}
    for kind, number in (("known", CREDIT_CODE), ("unknown", "91310000MA1FL0L40C")):
        clock.ahead += timedelta(minutes=5)
        visitor = web.visitor()
        token, page = await visitor.token(), await visitor.get("/certificates/query")
        form = {"kind": "organization", "number": number, "csrf_token": token, **solved(page.text)}
        with statements(web) as asking:
            answer = await visitor.client.post("/certificates/query", data=form)
        assert answer.status_code == 303, answer.text[:2000]
        question = answer.headers["location"]
        with statements(web) as sending:
            await visitor.client.post(f"{question}/code", data={"which": "0", "csrf_token": token})
        with statements(web) as trying:
            await visitor.client.post(question, data={"which": "0", "code": "000000", "csrf_token": token})
        work[kind] = (asking, sending, trying)
    assert work["known"] == work["unknown"]
    assert len(work["known"][0]) > 5


async def test_whoever_proves_a_telephone_opens_an_account_and_gets_the_checked_name(web: Web) -> None:
    someone = web.visitor()
    answer = await asked(someone, "/register", {"phone": PHONE})
    ticket = re.search(r'name="ticket" value="([^"]+)"', answer.text)
    assert ticket
    code = re.search(r"\d{6}", (await last_letter(web, "account.one_time"))["content"])
    assert code
    form = {
        "ticket": ticket[1],
        "code": code[0],
        "login": "neu",
        "password": "long enough",
        "again": "long enough",
    }
    await web.account("taken", Role.BIDDER)
    for wrong, said in (
        ({"login": "taken"}, "已经有人用了"),
        ({"login": "X Y"}, "小写字母"),
        ({"password": "short", "again": "short"}, "8 到 200"),
        ({"again": "another one"}, "不一样"),
        ({"code": f"{(int(code[0]) + 1) % 1_000_000:06d}"}, "验证码不对"),
    ):
        refused = await someone.post("/register/account", {**form, **wrong})
        assert refused.status_code == 422
        assert said in refused.text
    done = await someone.post("/register/account", form)
    assert done.headers["location"] == "/my/subject/register"
    assert (await web.visitor().post("/register/account", {**form, "login": "neu2"})).status_code == 422
    await verified(someone, organization())
    person = await web.site.accounts.by_login("neu")
    assert person is not None
    assert (person.role, person.name) == (Role.BIDDER, "测试有限公司")
    assert "测试有限公司" in (await someone.get("/")).text  # the session knows it as well
    contacts = await web.site.contacts.of(person.id)
    assert [one.address for one in contacts] == ["+8615112340305"]
    async with web.site.engine.connect() as connection:
        audit = await connection.scalar(
            text("SELECT count(*) FROM audit_entries WHERE act = 'account.register'")
        )
    assert audit == 1
