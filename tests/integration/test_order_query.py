"""The order query: who is listed, what a proved telephone opens, and what a stranger learns: nothing."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from certificates.orders import about, circumstances
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import read
from certificates.orders.performing import By, Lacks, perform
from certificates.orders.states import OrderAct
from office.accounts import Role
from office.working_days import day_of
from tests.deskkit import clerk
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
from tests.subjectkit import HERE, authorized, organization, verified
from tests.timekit import ClockAhead
from tests.webkit import PASSWORD, Visitor, Web, web_on
from web.certificates import query

ELSEWHERE = "91430100MA4L16JJ4P"
"""A sound credit code that nobody applied with."""


@pytest.fixture
def clock() -> ClockAhead:
    return ClockAhead()


@pytest.fixture
async def web(database: str, valkey: str, clock: ClockAhead) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True, clock=clock) as web:
        await defaults(web)
        yield web


@pytest.fixture
async def her(web: Web) -> Applicant:
    return await _filled(web, "her")


async def _filled(web: Web, login: str, phone: str = "15112340305") -> Applicant:
    one = await applicant(web, login)
    await one.begin()
    await one.fill(request_of_organization(operator_phone=phone), details_of_organization())
    return one


async def consented(one: Applicant, state: str = "awaiting_payment") -> None:
    """As if the code of its telephone had been typed, and what comes after it."""
    async with one.web.site.engine.begin() as connection:
        done = "UPDATE orders SET state = :state, done = done || '{confirm,consent}' WHERE number = :number"
        await connection.execute(text(done), {"number": one.number, "state": state})


async def ask(visitor: Visitor, number: str = CREDIT_CODE, kind: str = "organization") -> str:
    """The address of the page with the masked applicants."""
    page = await visitor.get("/certificates/query")
    answer = await visitor.post("/certificates/query", {"kind": kind, "number": number, **solved(page.text)})
    assert answer.status_code == 303, answer.text[:1500]
    return str(answer.headers["location"])


def _shape(page: str) -> str:
    """A page without what differs between any two visits: names, numbers, tokens."""
    plain = re.sub(r"[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高]\*|1\d{2}\*{4}\d{4}", "X", page)
    return re.sub(r'value="[^"]*"|/certificates/query/[\w-]+|id="[^"]*"|<!--.*?-->|[0-9a-f]{16}', "Y", plain)


async def test_orders_are_found_without_an_account_by_the_operators_telephone_alone(
    web: Web, her: Applicant, clock: ClockAhead
) -> None:
    await consented(her)
    visitor = web.visitor()
    known, unknown = await ask(visitor, CREDIT_CODE), await ask(visitor, ELSEWHERE)
    shown, made_up = await visitor.get(known), await visitor.get(unknown)
    assert "李*" in shown.text
    assert "151****0305" in shown.text
    assert "15112340305" not in shown.text
    assert _shape(shown.text) == _shape(made_up.text)
    again = await visitor.get(await ask(visitor, ELSEWHERE))
    assert re.findall(r"1\d{2}\*{4}\d{4}", again.text) == re.findall(r"1\d{2}\*{4}\d{4}", made_up.text)
    for path in (known, unknown):
        assert (await visitor.post(f"{path}/code", {"which": "0"})).status_code == 303
        soon = await visitor.post(f"{path}/code", {"which": "0"}, headers={"accept": "application/json"})
        assert soon.status_code == 429
        wrong = await visitor.post(path, {"which": "0", "code": "000000"})
        assert wrong.status_code == 422
    # the code for the known one is the letter that was sent; nobody's letter is never sent
    async with web.site.engine.connect() as connection:
        states = await connection.scalars(
            text("SELECT state FROM deliveries WHERE kind = 'certificate.one_time' ORDER BY id")
        )
        assert list(states) == ["waiting", "no_address"]
    clock.ahead += timedelta(seconds=61)
    await visitor.post(f"{known}/code", {"which": "0"})
    right = await last_code(web)
    assert (await visitor.get("/certificates/query/orders")).headers["location"] == "/certificates/query"
    thief = web.visitor()
    assert (await thief.post(known, {"which": "0", "code": right})).status_code == 404
    proved = await visitor.post(known, {"which": "0", "code": right})
    assert proved.headers["location"] == "/certificates/query/orders"
    listed = await visitor.get("/certificates/query/orders")
    assert her.number in listed.text
    assert "去支付" in listed.text
    went_on = await visitor.get(f"{her.here}/payment")
    assert went_on.status_code == 200
    other = await applicant(web, "other")
    await other.begin()
    assert (await visitor.get(other.here)).status_code == 404
    thief.client.cookies.set(
        "luochui_orders", visitor.client.cookies["luochui_orders"], domain="auction.test"
    )
    assert (await thief.get("/certificates/query/orders")).headers["location"] == "/certificates/query"


async def test_at_a_shared_computer_the_proof_ends_with_who_gave_it(
    web: Web, her: Applicant, clock: ClockAhead
) -> None:
    """By the button on every page that it opens, by signing out, and by whoever signs in next."""
    await consented(her)
    pages = (her.here, f"{her.here}/payment", "/certificates/query/orders")
    computer = web.visitor()
    await web.account("him", Role.BIDDER)

    async def proves() -> None:
        clock.ahead += timedelta(minutes=2)
        question = await ask(computer)
        await computer.post(f"{question}/code", {"which": "0"})
        await computer.post(question, {"which": "0", "code": await last_code(web)})
        for path in pages:
            assert "结束查询" in (await computer.get(path)).text, path

    ends = {
        "/certificates/query/end": {},
        "/sign-in": {"login": "him", "password": PASSWORD},
        "/sign-out": {},
    }
    for path, form in ends.items():
        await proves()
        kept = computer.client.cookies["luochui_orders"]
        assert (await computer.post(path, form)).status_code == 303
        assert "luochui_orders" not in computer.client.cookies
        computer.client.cookies.set(
            "luochui_orders", kept, domain="auction.test"
        )  # as it stood in the browser
        for closed in pages:
            answer = await computer.get(closed)
            assert answer.status_code in (303, 404), (path, closed)
            assert "结束查询" not in answer.text
        computer.client.cookies.delete("luochui_orders", domain="auction.test")
    other = web.visitor()  # another browser ends nothing of hers
    await proves()
    await other.post("/certificates/query/end")
    assert (await computer.get(her.here)).status_code == 200


async def test_a_draft_with_somebody_elses_numbers_proves_nothing(web: Web, her: Applicant) -> None:
    """A thief types her numbers into a draft, asks the query, and puts the own telephone into the draft."""
    thief = await applicant(web, "thief")
    await thief.begin()
    await thief.fill(request_of_organization(), details_of_organization())
    asked = await ask(thief.visitor, CREDIT_CODE)
    await thief.done("/request", request_of_organization(operator_phone="13900001111"))
    assert (await thief.visitor.post(f"{asked}/code", {"which": "0"})).status_code == 303
    assert (await last_letter(web))["address"] == ""  # nobody's: it is never sent
    assert (await thief.visitor.get(her.here)).status_code == 404


async def test_the_query_is_paced_and_asks_for_a_human(web: Web) -> None:
    visitor = web.visitor()
    page = await visitor.get("/certificates/query")
    for form in (
        {"kind": "organization", "number": CREDIT_CODE},
        {"kind": "x", "number": CREDIT_CODE, **solved(page.text)},
        {"kind": "organization", "number": "1", **solved(page.text)},
    ):
        assert (await visitor.post("/certificates/query", form)).status_code == 422
    for _ in range(10):
        await ask(visitor, CREDIT_CODE)
    page = await visitor.get("/certificates/query")
    form = {"kind": "organization", "number": CREDIT_CODE, **solved(page.text)}
    assert (await visitor.post("/certificates/query", form)).status_code == 429


async def prove(web: Web, visitor: Visitor, asked: str) -> None:
    """The code of the first who is listed, typed."""
    assert (await visitor.post(f"{asked}/code", {"which": "0"})).status_code == 303
    proved = await visitor.post(asked, {"which": "0", "code": await last_code(web)})
    assert proved.headers["location"] == "/certificates/query/orders"


async def listed(visitor: Visitor, asked: str) -> list[str]:
    """The masked telephones, in their order."""
    return list(dict.fromkeys(re.findall(r"1\d{2}\*{4}\d{4}", (await visitor.get(asked)).text)))


async def test_drafts_and_many_orders_hide_nobody(
    web: Web, her: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others type her number, with their own telephones or anybody's."""
    await consented(her)
    monkeypatch.setattr(query, "MOST_APPLICANTS", 1)
    monkeypatch.setattr(query, "MOST_ORDERS", 1)
    draft = await _filled(web, "draft", "13900001111")
    await draft.confirm()
    visitor = web.visitor()
    asked = await ask(visitor)
    assert await listed(visitor, asked) == ["151****0305"]
    await prove(web, visitor, asked)
    await consented(her, "done")
    await consented(await _filled(web, "later", "13900002222"))  # proved: listed, after who was served
    assert her.number in (await visitor.get("/certificates/query/orders")).text
    assert await listed(visitor, await ask(visitor)) == ["151****0305"]
    monkeypatch.setattr(query, "MOST_APPLICANTS", 10)
    assert await listed(visitor, await ask(visitor)) == ["151****0305", "139****2222"]


async def test_a_former_operators_telephone_opens_no_order_of_the_organization(
    web: Web, clock: ClockAhead
) -> None:
    owner, helper = await web.signed_in("owner", Role.BIDDER), await web.signed_in("helper", Role.BIDDER)
    await verified(owner, organization())
    last_day = f"{day_of(clock()) + timedelta(days=30):%Y-%m-%d}"
    number = await authorized(owner, helper, last_day=last_day)
    order = Applicant(web, helper)
    await order.begin()
    await order.fill(request_of_organization(), details_of_organization())
    await consented(order)
    by_owner = Applicant(web, owner)
    await by_owner.begin()
    await by_owner.fill(request_of_organization(), details_of_organization())
    await consented(by_owner)
    at_once, asked_before = web.visitor(), web.visitor()
    assert await _is_who_applied_last(web, by_owner, order)
    await prove(web, at_once, await ask(at_once))
    question = await ask(asked_before)
    for one in (order, by_owner):
        assert (await at_once.get(f"{one.here}/payment")).status_code == 200
    await owner.post(f"{HERE}/operators/{number}/end", {"back": "list"})
    rows = (await at_once.get("/certificates/query/orders")).text
    for one in (order, by_owner):  # whoever began it, and though the telephone was proved before
        assert (await at_once.get(f"{one.here}/payment")).status_code == 404
        assert one.number not in rows
        assert (await owner.get(f"{one.here}/payment")).status_code == 200
    assert not await _is_who_applied_last(web, by_owner, order)
    clock.ahead += timedelta(seconds=61)
    await asked_before.post(f"{question}/code", {"which": "0"})
    assert (await last_letter(web))["address"] == ""
    assert "151****0305" not in await listed(asked_before, await ask(asked_before))
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE subject_operators SET state = 'standing', ended_at = NULL"))
    assert (await at_once.get(f"{order.here}/payment")).status_code == 200
    clock.ahead += timedelta(days=31)
    assert "151****0305" not in await listed(asked_before, await ask(asked_before))


async def test_an_operator_whose_authority_has_ended_gets_no_first_certificate_either(
    web: Web, clock: ClockAhead
) -> None:
    owner, helper = await web.signed_in("owner", Role.BIDDER), await web.signed_in("helper", Role.BIDDER)
    await verified(owner, organization())
    last_day = f"{day_of(clock()) + timedelta(days=30):%Y-%m-%d}"
    await authorized(owner, helper, last_day=last_day)
    order = Applicant(web, helper)
    await order.begin()
    await order.fill(request_of_organization(), details_of_organization())
    await consented(order, "in_review")
    one, now = await clerk(web, "one"), clock()
    await one.act(order.number, "take")
    assert "授权已结束" not in (await one.get(one.order(order.number))).text
    clock.ahead = timedelta(days=31)
    await one.act(order.number, "take")
    assert "授权已结束" in (await one.get(one.order(order.number))).text
    assert "授权已经结束" in await one.decide(order.number, "approve")
    assert await order.state() == "in_review"
    async with web.site.engine.begin() as connection:
        row = await read(connection, order.number)
        assert (await about.still(connection, row, now)).hindrance is None
        assert (await about.still(connection, row, clock())).hindrance is about.Hindrance.AUTHORITY_ENDED
    by = await web.site.accounts.by_login("one")
    assert by is not None
    for state, act in (("awaiting_collection", OrderAct.HAND_OVER), ("awaiting_delivery", OrderAct.SHIP)):
        await consented(order, state)
        facts = {"courier": "顺丰", "tracking": "SF1"}
        async with web.site.engine.connect() as connection:
            with pytest.raises(Lacks, match="acting"):
                await perform(connection, order.number, act, By.clerk(by.id), now=clock(), facts=facts)


async def _is_who_applied_last(web: Web, now: Applicant, last: Applicant) -> bool:
    """Whether this order would be approved at once where that one was finished before."""
    site = web.site
    async with site.engine.connect() as connection:
        done = text("UPDATE orders SET state = 'done', finished_at = :now WHERE number = :number")
        await connection.execute(done, {"number": last.number, "now": site.clock()})
        order = await read(connection, now.number)
        details = await OrderBoxes(site.marks).details(connection, now.number)
        return await circumstances._same_operator(connection, site.marks, order, details, site.clock())
