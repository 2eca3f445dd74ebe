"""Market subjects over the pages: registered, checked, changed; operators act while authority stands."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import text

from certificates.identity.demonstration import DemonstrationProvider
from office.accounts import MARKET, Role
from office.identity import OF_ORGANIZATION, Failed, IdentityFault, asked_of
from office.working_days import day_of
from tests.orderkit import Applicant, defaults, request_of_organization, sheet
from tests.registrationkit import Registrant, announce
from tests.sealingkit import Party
from tests.subjectkit import (
    HERE,
    authorized,
    checked,
    operator,
    organization,
    person,
    put_certificate,
    register,
    verified,
    version,
)
from tests.timekit import ClockAhead
from tests.webkit import Visitor, Web, web_on
from web.csrf import FIELD
from web.subjects.routes import PAGES


@pytest.fixture
def clock() -> ClockAhead:
    return ClockAhead()


@pytest.fixture
async def web(database: str, valkey: str, clock: ClockAhead) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True, clock=clock) as web:
        await defaults(web)
        yield web


@pytest.fixture
async def owner(web: Web) -> Visitor:
    return await web.signed_in("owner", Role.BIDDER)


async def _rows(web: Web, query: str) -> list[tuple[object, ...]]:
    async with web.site.engine.connect() as connection:
        return [tuple(row) for row in (await connection.execute(text(query))).all()]


async def test_an_organization_registers_and_its_name_is_checked_by_a_transfer(
    web: Web, owner: Visitor
) -> None:
    assert "还没有注册" in (await owner.get(HERE)).text
    assert "单位还是个人" in (await owner.get(f"{HERE}/register")).text
    wrong = await register(owner, organization(credit_code="91110000600037341A", account_number="12"))
    assert wrong.status_code == 422
    assert "统一社会信用代码不对" in wrong.text
    assert "银行账号由 8 到 32 位" in wrong.text
    assert (await register(owner, organization())).headers["location"] == f"{HERE}/check"
    again = await register(owner, person())
    assert again.headers["location"] == HERE  # one for an account
    page = (await owner.get(HERE)).text
    assert "名称未核验" in page
    assert "110105********002X" in page
    for secret in ("11010519491231002X", "18612349043", "622202020011223344"):
        assert secret not in page
    await checked(owner, "corporate_account")
    asked = (await owner.get(f"{HERE}/check")).text
    assert "附言里有一串数字" in asked
    remark = re.search(r"附言：(\d{6})", (await owner.get("/demo/outbox")).text)
    assert remark
    wrong_remark = "000000" if remark[1] != "000000" else "111111"
    shown = await version(owner, f"{HERE}/check")
    await owner.post(f"{HERE}/check", {"version": shown, "remark": wrong_remark})
    assert "还可以试 2 次" in (await owner.get(f"{HERE}/check")).text
    done = await owner.post(f"{HERE}/check", {"version": shown, "remark": remark[1]})
    assert done.headers["location"] == HERE
    assert "名称已核验" in (await owner.get(HERE)).text
    assert (await owner.get(f"{HERE}/check")).status_code == 303
    kept = await _rows(web, "SELECT facts::text, subject FROM audit_entries WHERE act LIKE 'subject.%'")
    assert len(kept) == 2
    assert not [row for row in kept if "测试有限公司" in str(row) or "6000373" in str(row)]


async def test_a_check_that_fails_says_why_and_checks_are_few(web: Web, owner: Visitor) -> None:
    await register(owner, person(applicant_phone="13900000001"))
    await checked(owner, "applicant_mobile")
    assert "没有通过" in (await owner.get(f"{HERE}/check")).text
    await checked(owner, "applicant_account")  # no account in the profile: nothing is asked
    assert await _rows(web, "SELECT count(*) FROM identity_checks") == [(1,)]
    await checked(owner, "corporate_account")  # not for persons
    form = {"version": await version(owner, f"{HERE}/check"), "check": "applicant_mobile"}
    await asyncio.gather(*(owner.post(f"{HERE}/check", form) for _ in range(4)))  # one form asks once
    assert await _rows(web, "SELECT count(*) FROM identity_checks") == [(2,)]
    for _ in range(8):
        await checked(owner, "applicant_mobile")
    assert await _rows(web, "SELECT count(*) FROM identity_checks") == [(8,)]
    assert (
        await owner.post(f"{HERE}/check", {"version": "99", "check": "applicant_mobile"})
    ).status_code == 303


async def test_a_number_is_one_subjects_only_once_it_is_checked(
    web: Web, owner: Visitor, clock: ClockAhead
) -> None:
    other = await web.signed_in("other", Role.TRANSFEROR)
    await register(other, organization(organization_name="冒名有限公司"))
    await verified(owner, organization())
    await checked(other, "legal_representative_mobile")
    page = (await other.get(f"{HERE}/check")).text
    assert "已由另一个账号注册并核验" in page
    assert await _rows(web, "SELECT count(*) FROM subjects WHERE verified_at IS NOT NULL") == [(1,)]
    helper = await web.signed_in("helper", Role.BIDDER)
    await authorized(owner, helper, **_soon(clock))
    await by_transfer(other)  # whoever has the account has the number
    assert "名称已核验" in (await other.get(HERE)).text
    assert "名称未核验" in (await owner.get(HERE)).text
    assert "名称核验已失效" in (await owner.get("/my/messages")).text
    assert await _rows(web, "SELECT state FROM subject_operators") == [("ended",)]
    await checked(owner, "legal_representative_mobile")
    assert "名称未核验" in (await owner.get(HERE)).text
    await by_transfer(owner)  # of two accounts with the bank account the first stays
    assert "名称未核验" in (await owner.get(HERE)).text


async def test_an_organization_is_asked_for_with_its_name_and_code(web: Web, owner: Visitor) -> None:
    """Every check of it, by whatever way; and whoever was checked by telephone may add the account."""
    known = organization(account_number="6222000011112222", representative_card="6222020200112233440")
    provider = DemonstrationProvider(_nowhere)
    for check in OF_ORGANIZATION:
        asked = asked_of(check, known, b"")
        assert (asked.organization, asked.credit_code) == ("测试有限公司", known["credit_code"]), check
        assert not isinstance(await provider.check(asked), Failed)
        codes = [replace(asked, credit_code=code) for code in ("", "91110000600037341A")]
        for lacking in (replace(asked, organization=""), *codes):
            failed = await provider.check(lacking)
            assert isinstance(failed, Failed), check
            assert failed.fault is IdentityFault.MISMATCH
    await verified(owner, organization())
    assert "用对公账户核验" in (await owner.get(HERE)).text
    again = await checked(owner, "legal_representative_mobile")
    assert again.headers["location"] == f"{HERE}/check"
    await by_transfer(owner)
    by = "SELECT verified_by FROM subjects WHERE verified_at IS NOT NULL"
    assert await _rows(web, by) == [("corporate_account",)]
    assert "用对公账户核验" not in (await owner.get(HERE)).text


async def _nowhere(_account: str, _remark: str) -> None:
    pass


async def by_transfer(visitor: Visitor) -> None:
    await checked(visitor, "corporate_account")
    remark = re.search(r"附言：(\d{6})", (await visitor.get("/demo/outbox")).text)
    assert remark
    shown = await version(visitor, f"{HERE}/check")
    await visitor.post(f"{HERE}/check", {"version": shown, "remark": remark[1]})


async def test_what_was_checked_changes_only_with_a_new_check(web: Web, owner: Visitor) -> None:
    await verified(owner, organization())
    form = organization(city="凤凰县", version=await version(owner, f"{HERE}/edit"))
    assert (await owner.post(f"{HERE}/edit", form)).headers["location"] == HERE
    stale = await owner.post(f"{HERE}/edit", form)
    assert stale.headers["location"] == f"{HERE}/edit"
    assert "名称已核验" in (await owner.get(HERE)).text
    other = "91430100MA4L16JJ4P"
    shown = await version(owner, f"{HERE}/edit")
    await owner.post(f"{HERE}/edit", organization(city="凤凰县", credit_code=other, version=shown))
    assert "91110000600037341L" in (await owner.get(HERE)).text  # the number stays, whatever is sent
    shown = await version(owner, f"{HERE}/edit")
    renamed = organization(organization_name="改名有限公司", version=shown)
    assert (await owner.post(f"{HERE}/edit", renamed)).headers["location"] == f"{HERE}/check"
    assert "名称未核验" in (await owner.get(HERE)).text
    history = (await owner.get(f"{HERE}/history")).text
    assert ">测试有限公司</td>" in history  # who: the account, which is called so since the check
    assert ">城市</td>" in history
    assert ">城市、单位名称</td>" in history
    assert "改名有限公司" not in history
    assert await _rows(web, "SELECT name FROM accounts") == [
        ("测试有限公司",)
    ]  # until the new one is checked
    await checked(owner, "legal_representative_mobile")
    assert await _rows(web, "SELECT name FROM accounts") == [("改名有限公司",)]
    shown = await version(owner, f"{HERE}/edit")
    twice = organization(organization_name="再改有限公司", version=shown)
    answers = await asyncio.gather(*(owner.post(f"{HERE}/edit", twice) for _ in range(3)))
    assert [one.headers["location"] for one in answers].count(f"{HERE}/check") == 1


async def test_an_operator_acts_for_an_organization_while_the_authority_stands(
    web: Web, owner: Visitor, clock: ClockAhead
) -> None:
    helper = await web.signed_in("helper", Role.BIDDER)
    await register(owner, organization())
    early = await owner.post(f"{HERE}/operators", operator(**_soon(clock)))
    assert "请先核验单位的名称" in early.text
    await checked(owner, "legal_representative_mobile")
    for wrong, said in (
        ({"login": "owner"}, "这是您自己的账号"),
        ({"last_day": "2001-01-01"}, "三年以内"),
        ({"statement": ""}, "请填写授权说明"),
        ({"operator_number": "1"}, "身份证号码是 18 位"),
    ):
        answer = await owner.post(f"{HERE}/operators", operator(**{**_soon(clock), **wrong}))
        assert answer.status_code == 422
        assert said in answer.text, wrong
    number = await authorized(owner, helper, **_soon(clock))
    twice = await owner.post(f"{HERE}/operators", operator(**_soon(clock)))
    assert "已经在名单里" in twice.text
    begin = {"channel": "hunan_shared", "service": "issue", "subject": "organization", "way": "online"}
    page = await helper.get("/certificates/apply", params=begin)
    assert "测试有限公司" in page.text
    order = Applicant(web, helper)
    await order.begin()
    request = (await order.get("/request")).text
    assert 'value="李经办"' in request
    await order.done("/request", request_of_organization())
    await order.done("/authority", {"authority": "bjca"})
    await order.agree()
    details = (await order.get("/details")).text
    assert "测试有限公司" in details
    assert 'name="organization_name"' not in details
    assert "居民身份证" in details
    assert "id_card" not in details
    assert (await owner.get(order.here)).status_code == 200  # the organization's own
    assert order.number in (await owner.get("/my/certificates")).text
    assert order.number in (await helper.get("/my/certificates")).text
    clock.ahead = timedelta(days=31)
    assert (await helper.get(order.here)).status_code == 404
    assert order.number not in (await helper.get("/my/certificates")).text
    assert "已到期" in (await helper.get(HERE)).text
    clock.ahead = timedelta(0)
    assert (await helper.get(order.here)).status_code == 200
    await owner.post(f"{HERE}/operators/{number}/end", {"back": "list"})
    assert (await helper.get(order.here)).status_code == 404
    assert (await order.post("/cancel", {"sure": "1"})).status_code == 404
    ended = await helper.post("/certificates/apply", {**begin, "for": "1"})
    assert ended.status_code == 303
    assert "委托已经结束" in (await helper.get(ended.headers["location"])).text


def _soon(clock: ClockAhead) -> dict[str, str]:
    return {"last_day": f"{day_of(clock()) + timedelta(days=30):%Y-%m-%d}"}


async def test_nobody_else_gets_at_a_subject_on_any_route(
    web: Web, owner: Visitor, clock: ClockAhead
) -> None:
    await verified(owner, organization())
    paper = {"paper": ("authority.jpg", sheet(), "image/jpeg")}
    form = {**operator(statement="", **_soon(clock)), FIELD: await owner.token()}
    added = await owner.client.post(f"{HERE}/operators", data=form, files=paper)
    assert added.status_code == 303, added.text
    number = str((await _rows(web, "SELECT id FROM subject_operators"))[0][0])
    assert (await owner.get(f"{HERE}/operators/{number}/paper")).content.startswith(b"\xff\xd8")
    routes = [page for page in PAGES if page.who is not None]  # anybody may open an account
    before = await _rows(web, "SELECT * FROM subject_operators") + await _rows(web, "SELECT * FROM subjects")
    for role in Role:
        other = await web.signed_in(f"other-{role}", role)
        for page in routes:
            path = page.path.replace("{operator}", number)
            data = {"version": "2", "check": "applicant_mobile", "login": "helper"}
            if page.path.endswith("/register") and page.method == "POST":
                data = {}
            answer = await (other.get(path) if page.method == "GET" else other.post(path, data))
            if role not in MARKET:
                assert answer.status_code == 403, (path, role)
            else:
                assert answer.status_code in (200, 303, 404), (path, role, answer.status_code)
                assert "测试有限公司" not in answer.text, path
                if "{operator}" in page.path:
                    assert answer.status_code == 404, path
    stranger = web.visitor()
    for page in routes:
        path = page.path.replace("{operator}", number)
        answer = await (stranger.get(path) if page.method == "GET" else stranger.post(path))
        assert answer.headers.get("location", "").startswith("/sign-in"), (path, answer.status_code)
    assert before == await _rows(web, "SELECT * FROM subject_operators") + await _rows(
        web, "SELECT * FROM subjects"
    )
    assert (await owner.get(f"{HERE}/operators/99999999999/paper")).status_code == 404


async def test_a_personal_profile_is_shown_grey_and_stays(web: Web) -> None:
    her = Applicant(web, await web.signed_in("her", Role.BIDDER))
    await verified(her.visitor, person())
    await her.begin(subject="natural_person")
    page = (await her.get("/request")).text
    assert re.search(r'<option value="湖南省" selected', page)
    await her.done(
        "/request", {"seal_kind": "signature", "province": "湖南省", "city": "吉首市", "address": "x"}
    )
    await her.done("/authority", {"authority": "bjca"})
    await her.agree()
    await her.done(
        "/details",
        {
            "product": "person_12",
            "check_applicant": "applicant_mobile",
            "applicant_name": "别人",
            "applicant_number": "433101199001011234",
            "applicant_email": "zs@example.cn",
            "invoice_title": "赵申请",
        },
    )
    shown = (await her.get("/confirm")).text
    assert "赵申请" in shown
    assert "别人" not in shown


async def test_the_registration_for_a_lot_proposes_the_checked_profile_of_that_name(web: Web) -> None:
    seller = await web.account("seller", Role.TRANSFEROR)
    await announce(web, "XX-SW-2026-0001", seller)
    for login, name, proposed in (("org", "测试有限公司", True), ("other", "另一家公司", False)):
        visitor = await web.signed_in(login, Role.BIDDER, name)
        changes = {} if proposed else {"credit_code": "91430100MA4L16JJ4P"}
        await verified(visitor, organization(**changes))
        begun = Registrant(web, Party(0, login, visitor, cast(Any, None)))
        await begun.begin("XX-SW-2026-0001")
        await begun.step("rules", {"read": "1"}, "joint")
        await begun.step("joint", {"joint": "alone"}, "form")
        page = (await visitor.get(f"{begun.here}/form")).text
        assert ('value="91110000600037341L"' in page) is proposed
        assert ('value="18612349043"' in page) is proposed


async def test_the_page_of_ones_certificates_is_empty_at_first_and_not_for_staff(
    web: Web, owner: Visitor
) -> None:
    page = await owner.get("/my/certificates/held")
    assert "还没有证书" in page.text
    assert "/my/certificates/held" in (await owner.get("/my")).text
    for role in Role:
        other = await web.signed_in(f"someone-{role}", role)
        assert (await other.get("/my/certificates/held")).status_code == (200 if role in MARKET else 403)
    assert (await web.visitor().get("/my/certificates/held")).status_code == 303


async def test_ones_certificates_say_what_can_be_done_and_a_task_tells_of_the_end(
    web: Web, owner: Visitor
) -> None:
    order = Applicant(web, owner)
    await order.begin()
    row, now = await order.row(), web.site.clock()
    given = {"number": order.number, "account_id": row["account_id"]}
    await put_certificate(web.site.engine, "ab01", now + timedelta(days=10), **given)
    await put_certificate(web.site.engine, "ab02", now + timedelta(days=400), **given)
    await put_certificate(
        web.site.engine, "ab03", now + timedelta(days=10), state="revoked", revoked_at=now, **given
    )
    page = (await owner.get("/my/certificates/held")).text
    cards = {
        serial: page.split(f">{serial}</dd>")[1].split("</section>")[0] for serial in ("ab01", "ab02", "ab03")
    }
    renew = "channel=hunan_shared&amp;service=renew&amp;subject=organization&amp;way=assistant"
    assert renew in cards["ab01"]
    assert renew not in cards["ab02"]
    assert f"{day_of(now) + timedelta(days=400 - 89)} 起可以续期" in cards["ab02"]
    assert "service=replace" in cards["ab02"]
    assert "要注销证书" in cards["ab01"]  # the catalogue's word where the channel does not do it
    assert "service=" not in cards["ab03"]
    assert "还有 10 天到期" in page
    assert "证书快到期，请续期（序列号末四位 AB01）" in (await owner.get("/my/tasks")).text
    stranger = await web.signed_in("stranger", Role.BIDDER)
    for path in ("/my/certificates/held", "/my/tasks"):
        shown = (await stranger.get(path)).text.lower()
        assert "ab01" not in shown, path
    assert (await owner.get("/my/certificates/held?page=9")).text.count("这一页没有证书") == 1
