"""Registering over the pages: the whole way, each step's refusals, partners, corrections, priorities."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import text

from certificates.authority.demonstration import DemonstrationAuthority
from office.accounts import Role
from office.clock import utc_now
from office.sealed.client import SealedClient
from signing.findings import Verdict
from signing.verification import verify
from tests import registrationkit, sealingkit
from tests.pagekit import text_of
from tests.pdfkit import plain
from tests.registrationkit import CREDIT_CODE, ID_NUMBERS, Registrant, change_listing, form, in_days
from tests.webkit import Visitor, Web, web_on
from trading.deposits.deposits import Deposits, bank_called
from trading.registrations.deciding import Deciding

LOT = "XX-SW-2026-0001"


@dataclass
class Scene:
    web: Web
    authority: DemonstrationAuthority
    transferor: Visitor
    transferor_id: int
    one: Registrant

    @property
    def deciding(self) -> Deciding:
        site = self.web.site
        return Deciding(site.engine, site.sealed, Deposits(site.engine, site.sealed))

    async def another(self, login: str, name: str) -> Registrant:
        return Registrant(
            self.web, await sealingkit.party(self.web, self.authority, login, Role.BIDDER, name)
        )

    async def pay(self, who: Registrant, enough: bool = True) -> None:
        await self.deciding.on_deposit_changed(who.registration, enough, now=utc_now())


@pytest.fixture
async def scene(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Scene]:
    authority = sealingkit.authority(tmp_path / "authority")
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        transferor = await web.signed_in("seller", Role.TRANSFEROR, "甲方示例单位")
        seller = await web.site.accounts.by_login("seller")
        assert seller is not None
        await registrationkit.announce(web, LOT, seller.id)
        one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")
        yield Scene(web, authority, transferor, seller.id, Registrant(web, one))


async def test_from_the_announcement_to_the_receipt_and_the_paddle(scene: Scene) -> None:
    one, visitor = scene.one, scene.one.party.visitor
    entry = await visitor.get(f"/announcements/{LOT}/register")
    assert "开始报名" in entry.text
    await one.fill(LOT)
    assert "都填好了" in (await visitor.get(one.here)).text
    await one.submit()
    page = (await visitor.get(one.here)).text
    assert "请您盖章" in page
    assert "data-ukey-flow" in page
    assert (await one.seal("form")).json() == {"ok": True, "to": one.here}
    assert await one.state() == "awaiting_seal"
    assert (await one.seal("pledge")).json()["ok"]
    assert await one.state() == "awaiting_deposit"
    receipt = (await visitor.get(one.here)).text
    assert "申购回执单" in receipt
    number = re.search(r'receipt__number">([0-9 ]+)<', receipt)
    assert number
    assert await scene.web.site.sealed.sub_account_of(one.registration) == number[1].replace(" ", "")
    assert number[1] in (await visitor.get(one.here)).text
    trust = await scene.web.site.trust.current()
    for paper in ("form", "pledge"):
        file = await visitor.get(f"{one.here}/papers/{paper}.pdf")
        report = verify(file.content, trust, now=utc_now())
        assert (report.verdict, len(report.seals)) == (Verdict.VALID, 1)
        assert (await visitor.get(f"{one.here}/papers/{paper}/1.png")).headers["content-type"] == "image/png"
    assert await scene.deciding.qualified(LOT) == {}
    await scene.pay(one)
    assert await one.state() == "qualified"
    ranks = await scene.deciding.qualified(LOT)
    assert list(ranks.values()) == [0]
    trades = (await visitor.get("/my/trades")).text
    assert "报名成功" in trades
    assert next(iter(ranks)) in trades


async def test_both_papers_are_sealed_with_one_job(scene: Scene) -> None:
    one, trust = scene.one, await scene.web.site.trust.current()
    await one.fill(LOT)
    await one.submit()
    assert "form pledge" in (await one.party.visitor.get(one.here)).text
    for wrong in ("", "form form", "form x", "x"):
        assert (await one.post("prepare", {"paper": wrong})).status_code == 400, wrong
    assert (await one.seal_both()).json() == {"ok": True, "to": one.here}
    assert await one.state() == "awaiting_deposit"
    for paper, title in (("form", "竞买申请书"), ("pledge", "竞买人资格承诺书")):
        file = (await one.party.visitor.get(f"{one.here}/papers/{paper}.pdf")).content
        report = verify(file, trust, now=utc_now())
        assert (report.verdict, len(report.seals)) == (Verdict.VALID, 1)
        assert title in _words(file)
    assert (await one.post("prepare", {"paper": "form"})).status_code == 409


async def test_a_registration_that_was_killed_before_it_had_a_row_goes_on(scene: Scene) -> None:
    one = scene.one
    linked = await scene.web.site.sealed.register(one.party.account, LOT)
    await one.begin(LOT)
    assert one.registration == linked
    await one.step("rules", {"read": "1"}, "joint")


async def test_a_sub_account_that_was_killed_before_it_had_a_row_gets_one(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    deposits = Deposits(scene.web.site.engine, scene.web.site.sealed)
    number = await deposits._bind(bank_called("shifan"), one.registration)
    await one.fill(LOT)
    await one.submit()
    for paper in ("form", "pledge"):
        assert (await one.seal(paper)).json()["ok"]
    assert "申购回执单" in (await one.party.visitor.get(one.here)).text
    async with scene.web.site.engine.connect() as connection:
        rows = await connection.execute(text("SELECT sub_account FROM sub_accounts"))
        assert list(rows.scalars()) == [number]


async def test_what_was_filled_in_is_there_after_days(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    await one.step("joint", {"joint": "alone"}, "form")
    await one.step("form", form(), "pledge")
    again = await one.party.visitor.get(f"/announcements/{LOT}/register")
    assert f"/my/registrations/{one.registration}" in again.text
    goes_on = await one.party.visitor.get(one.here)
    assert goes_on.headers["location"] == f"{one.here}/pledge"
    page = (await one.party.visitor.get(f"{one.here}/form")).text
    assert ID_NUMBERS[0] in page
    assert "138 0013 8000" in page
    too_early = await one.party.visitor.get(f"{one.here}/bank")
    assert too_early.headers["location"] == f"{one.here}/pledge"


FAULTS = (
    ("code", "", "请填写"),
    ("code", "1101051949123100", "身份证号码是 18 位"),
    ("code", "110105194912310021", "身份证号码不对"),
    ("phone", "1380013", "电话号码不对"),
    ("phone", "", "请填写"),
    ("refund_account", "1234x", "银行账号只有数字"),
    ("address", "x" * 300, "太长了"),
    ("kind", "ghost", "请选择一项"),
)


async def test_each_field_says_what_is_wrong_with_it(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    await one.step("joint", {"joint": "alone"}, "form")
    for field, value, said in FAULTS:
        answer = await one.post("form", {**form(), field: value})
        assert answer.status_code == 422, field
        assert said in answer.text, field
        assert f'id="field-{field}"' in answer.text, field
        assert "吉首支行" in answer.text, field


async def test_an_organization_is_known_by_its_credit_code(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    await one.step("joint", {"joint": "alone"}, "form")
    wrong = await one.post(
        "form", form(kind="organization", code=CREDIT_CODE[:-1] + "X", representative="李四")
    )
    assert "统一社会信用代码不对" in wrong.text
    lacking = await one.post("form", form(kind="organization", code=CREDIT_CODE))
    assert lacking.status_code == 422
    await one.step("form", form(kind="organization", code=CREDIT_CODE, representative="李四"), "pledge")


async def test_steps_want_their_ticks_and_files(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    assert "请先阅读" in (await one.post("rules", {})).text
    await one.step("rules", {"read": "1"}, "joint")
    assert "请选择一项" in (await one.post("joint", {})).text
    await one.step("joint", {"joint": "alone"}, "form")
    await one.step("form", form(), "pledge")
    assert "请先阅读" in (await one.post("pledge", {})).text
    await one.step("pledge", {"read": "1"}, "attachments")
    assert "请上传身份证明" in (await one.post("attachments", {})).text
    for name, content in (("恶意.exe", b"MZ" + b"\0" * 200), ("空.png", b""), ("假.png", b"%PDF-1.7 no")):
        files = {"file": (name, content, "image/png")}
        refused = await one.post("files", {"kind": "identity"}, files=files)
        assert "附件已上传" not in (await one.party.visitor.get(refused.headers["location"])).text
    await one.attach()
    page = await one.party.visitor.get(f"{one.here}/attachments")
    [file] = re.findall(rf'href="({one.here}/files/[0-9a-f]+)"', page.text)
    given = await one.party.visitor.get(file)
    assert given.headers["content-disposition"].startswith("attachment")
    assert (await one.post(file.removeprefix(one.here + "/") + "/remove")).status_code == 303
    assert (await one.party.visitor.get(file)).status_code == 404
    await one.attach()
    await one.step("attachments", {}, "bank")
    assert "请选择一家银行" in (await one.post("bank", {"bank": "nowhere"})).text


async def test_another_bidder_reaches_nothing_of_it(scene: Scene) -> None:
    one, other = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.fill(LOT)
    await one.submit()
    other.registration = one.registration
    page = await one.party.visitor.get(one.here)
    [file, *_] = re.findall(rf'href="({one.here}/files/[0-9a-f]+)"', page.text)
    for path in ("", "/rules", "/form", "/joining", "/papers/form.pdf", "/papers/form/1.png"):
        assert (await other.party.visitor.get(one.here + path)).status_code == 404, path
    assert (await other.party.visitor.get(file)).status_code == 404
    for path in ("form", "submit", "change", "withdraw", "confirm", "prepare", "seal", "joining", "files"):
        assert (await other.post(path, {"paper": "form", "sure": "1"})).status_code == 404, path
    assert (await other.party.visitor.get("/my/registrations/R0000000000000000")).status_code == 404
    assert (await other.party.visitor.get("/my/registrations/x")).status_code == 404
    assert one.registration not in (await other.party.visitor.get("/my/trades")).text
    assert await one.state() == "awaiting_seal"


async def test_a_stale_form_changes_nothing(scene: Scene) -> None:
    one = scene.one
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    stale = await one.party.visitor.post(f"{one.here}/joint", {"joint": "alone", "version": "1"})
    said = await one.party.visitor.get(stale.headers["location"], follow_redirects=True)
    assert "已在另一个窗口改过" in said.text
    assert (await one.party.visitor.get(one.here)).headers["location"] == f"{one.here}/joint"


async def test_a_double_click_submits_once(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    version = await one.version()
    token = await one.party.visitor.token()
    sent = {"version": version, "csrf_token": token}
    answers = await asyncio.gather(
        *(one.party.visitor.client.post(f"{one.here}/submit", data=sent) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert await one.state() == "awaiting_seal"
    async with scene.web.site.engine.connect() as connection:
        found = text("SELECT count(*) FROM registration_events WHERE act = 'finish'")
        assert await connection.scalar(found) == 1


async def test_what_the_state_does_not_allow_is_refused_in_words(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    for path, sent in (("change", {}), ("confirm", {"read": "1"})):
        answer = await one.post(path, sent)
        assert answer.status_code == 303
        assert "现在不能这样做" in (await one.party.visitor.get(one.here)).text, path
    assert (await one.post("prepare", {"paper": "form"})).status_code == 409
    await one.submit()
    assert (await one.post("form", form())).status_code == 303
    assert await one.state() == "awaiting_seal"
    await one.post("change")
    assert await one.state() == "filling"


async def test_after_the_end_nothing_is_taken(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    await one.submit()
    await change_listing(scene.web, LOT, registration_ends=in_days(-0.01))
    assert (await one.post("prepare", {"paper": "form"})).status_code == 409
    await one.post("withdraw", {"sure": "1"})
    assert await one.state() == "awaiting_seal"
    late = await scene.another("bidder2", "测试竞买人二")
    answer = await late.party.visitor.post_and_follow(f"/announcements/{LOT}/register")
    assert "现在不在报名时间内" in answer.text
    assert "开始报名" not in answer.text


async def test_after_the_deadline_of_the_deposit_nobody_is_told_to_pay(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    await one.submit()
    await change_listing(scene.web, LOT, deposit_ends=in_days(-0.01))
    for paper in ("form", "pledge"):
        assert (await one.seal(paper)).json()["ok"]
    page = (await one.party.visitor.get(one.here)).text
    assert "请不要转账" in page
    assert "receipt__number" not in page
    entry = await scene.web.signed_in("late", Role.BIDDER)
    assert "保证金已不能按时到账" in (await entry.get(f"/announcements/{LOT}/register")).text
    await change_listing(scene.web, LOT, deposit_ends=in_days(2))
    assert "receipt__number" in (await one.party.visitor.get(one.here)).text


async def test_partners_join_on_their_own_page_and_their_shares_are_a_whole(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.begin(LOT)
    await one.step("rules", {"read": "1"}, "joint")
    for sent, said in (
        ({"own_share": "50", "partner_1": "bidder2", "share_1": "40"}, "正好是 100%"),
        ({"own_share": "50", "partner_1": "ghost", "share_1": "50"}, "没有这个账号"),
        ({"own_share": "50", "partner_1": "bidder1", "share_1": "50"}, "就是您自己"),
        ({"own_share": "50", "partner_1": "seller", "share_1": "50"}, "不是竞买人账号"),
        ({"own_share": "100", "partner_1": "bidder2", "share_1": "0"}, "份额是大于 0"),
        ({"own_share": "100"}, "份额是大于 0"),
    ):
        answer = await one.post("joint", {"joint": "joint", **sent})
        assert answer.status_code == 422, sent
        assert said in answer.text, sent
    shares = {"joint": "joint", "own_share": "66.67", "partner_1": " Bidder2 ", "share_1": "33.33%"}
    await one.fill(LOT, joint=shares)
    await one.submit()
    assert await one.state() == "awaiting_partners"
    there = f"{one.here}/joining"
    assert there in (await two.party.visitor.get("/my/trades")).text
    page = (await two.party.visitor.get(there)).text
    assert "33.33 %" in page
    assert ID_NUMBERS[0] not in page
    assert (await two.party.visitor.get(f"{one.here}/papers/form.pdf")).status_code == 404
    assert "data-ukey-flow" in page
    clicked = await two.party.visitor.post_and_follow(there, {"answer": "accept"})
    assert "同意要用 UKey 给同意书盖章" in clicked.text
    assert await one.state() == "awaiting_partners"
    [paper] = set(re.findall(rf"{one.here}/consents/[0-9a-f]{{16}}\.pdf", page))
    draft = _words((await two.party.visitor.get(paper)).content)
    assert "连带责任" in draft
    assert (await one.party.visitor.get(paper)).status_code == 404  # nothing is sealed yet
    assert (await two.join(one)).json() == {"ok": True, "to": there}
    assert "您已同意" in (await two.party.visitor.get(there)).text
    assert await one.state() == "awaiting_seal"
    await _check_consent(scene, one, two, paper)
    own = await two.party.visitor.post_and_follow(f"/announcements/{LOT}/register")
    assert "不能再自己报名" in own.text


def _words(pdf: bytes) -> str:
    pages = range(len(pypdfium2.PdfDocument(pdf)))
    return "".join("".join(text_of(pdf, page) for page in pages).split())


async def _check_consent(scene: Scene, one: Registrant, two: Registrant, paper: str) -> None:
    """Both find the sealed consent, others do not; it says who joins whom, with which share."""
    trust = await scene.web.site.trust.current()
    assert paper in (await one.party.visitor.get(one.here)).text
    for reader in (one, two):
        file = await reader.party.visitor.get(paper)
        report = verify(file.content, trust, now=utc_now())
        assert (report.verdict, len(report.seals)) == (Verdict.VALID, 1)
        said = _words(file.content)
        for part in ("测试竞买人一", "测试竞买人二", "33.33%", LOT, "连带责任"):
            assert part in said, part
    stranger = await scene.web.signed_in("stranger", Role.BIDDER)
    for path in (paper, f"{one.here}/joining"):
        assert (await stranger.get(path)).status_code == 404
    for path in ("prepare", "seal"):
        assert (await stranger.post(f"{one.here}/joining/{path}")).status_code == 404
        assert (await one.party.visitor.post(f"{one.here}/joining/{path}")).status_code == 404


async def test_a_consent_is_for_one_share(scene: Scene) -> None:
    """Another share is asked for anew, and what was sealed for the earlier one is thrown away."""
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    shares = {"joint": "joint", "own_share": "50", "partner_1": "bidder2", "share_1": "50"}
    await one.fill(LOT, joint=shares)
    await one.submit()
    there = f"{one.here}/joining"
    prepared = await two.party.visitor.post(f"{there}/prepare")
    job = sealingkit.job_of(scene.web, prepared)
    sealing = await sealingkit.sealing_for(scene.web, job, two.party.ukey)
    for own in ("50", "60"):
        if own == "50":
            assert (await two.join(one)).json()["ok"]
        await one.post("change")
        await one.step("joint", {**shares, "own_share": own, "share_1": str(100 - int(own))}, "form")
        await one.submit()
        assert await one.state() == ("awaiting_seal" if own == "50" else "awaiting_partners")
    late = await two.party.visitor.post(
        f"{there}/seal", sealingkit.fields(job.nonce, sealing.der, two.party.ukey)
    )
    assert late.status_code == 409
    async with scene.web.site.engine.connect() as connection:
        found = text("SELECT count(*) FROM registration_boxes WHERE name LIKE 'consent/%'")
        assert await connection.scalar(found) == 0
    assert (await two.join(one)).json()["ok"]
    assert await one.state() == "awaiting_seal"
    async with scene.web.site.engine.begin() as connection:  # accepted before partners sealed
        await connection.execute(text("DELETE FROM registration_boxes WHERE name LIKE 'consent/%'"))
    refused = await one.post("prepare", {"paper": "form pledge"})
    assert refused.status_code == 409
    assert "没有给同意书盖章" in refused.text


async def test_a_partner_who_declines_holds_it_up(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    shares = {"joint": "joint", "own_share": "50", "partner_1": "bidder2", "share_1": "50"}
    await one.fill(LOT, joint=shares)
    await one.submit()
    await two.party.visitor.post(f"{one.here}/joining", {"answer": "decline"})
    assert await one.state() == "awaiting_partners"
    assert "没有同意" in (await one.party.visitor.get(one.here)).text
    await one.post("change")
    await one.step("joint", {"joint": "alone"}, "form")
    await one.submit()
    assert await one.state() == "awaiting_seal"


async def test_withdrawn_and_registered_again_is_another_registration(scene: Scene) -> None:
    one = scene.one
    await one.register(LOT)
    await scene.pay(one)
    [paddle] = await scene.deciding.qualified(LOT)
    first = one.registration
    assert "请先勾选" in (await one.party.visitor.get((await one.post("withdraw")).headers["location"])).text
    assert (await one.post("withdraw", {"sure": "1"})).headers["location"] == "/my/trades"
    assert await one.state() == "withdrawn"
    assert await scene.deciding.qualified(LOT) == {}
    await one.register(LOT)
    assert one.registration != first
    await scene.pay(one)
    assert list(await scene.deciding.qualified(LOT)) == [paddle]


async def test_after_a_correction_it_counts_only_when_confirmed_again(scene: Scene) -> None:
    one = scene.one
    await one.register(LOT)
    await scene.pay(one)
    await change_listing(scene.web, LOT, corrections=1)
    assert await scene.deciding.qualified(LOT) == {}
    for _ in range(2):
        await scene.deciding.invalidate_for_correction(LOT, 1, now=utc_now())
    assert await one.state() == "invalidated"
    assert "重新确认" in (await one.party.visitor.get("/my/trades")).text
    await one.post("confirm", {"read": "1"})
    assert await one.state() == "qualified"
    assert await scene.deciding.invalidate_for_correction(LOT, 1, now=utc_now()) == 0
    assert len(await scene.deciding.qualified(LOT)) == 1


async def test_what_is_not_complete_lapses_with_the_decision(scene: Scene) -> None:
    one, two = scene.one, await scene.another("bidder2", "测试竞买人二")
    await one.register(LOT)
    await scene.pay(one)
    await two.register(LOT, 1)
    assert await scene.deciding.lapse(LOT, now=utc_now()) == 1
    assert await scene.deciding.lapse(LOT, now=utc_now()) == 0
    assert (await one.state(), await two.state()) == ("qualified", "not_concluded")
    assert "截止前没有完成" in (await two.party.visitor.get(two.here)).text


async def test_a_deposit_that_goes_away_takes_the_bidder_off_the_list(scene: Scene) -> None:
    one = scene.one
    await one.register(LOT)
    await scene.pay(one)
    await scene.pay(one, enough=False)
    assert await one.state() == "awaiting_deposit"
    assert await scene.deciding.qualified(LOT) == {}


async def test_money_that_goes_back_after_the_decision_takes_nobody_off_the_list(scene: Scene) -> None:
    one = scene.one
    await one.register(LOT)
    await scene.pay(one)
    listed = await scene.deciding.qualified(LOT)
    await change_listing(scene.web, LOT, state="in_auction")
    await scene.pay(one, enough=False)
    assert await one.state() == "qualified"
    assert await scene.web.site.sealed.qualified(LOT) == listed
    assert await scene.web.site.sealed.paddle_of(LOT, one.party.account) == (next(iter(listed)), 0)


async def test_a_confirmed_priority_reaches_the_list_with_its_rank(scene: Scene) -> None:
    one = scene.one
    there = f"/my/assets/{LOT}/priority"
    sent = {"name": " 测试 竞买人一", "code": ID_NUMBERS[0], "rank": "2", "ground": "承租人"}
    proof = {"file": ("合同.pdf", _pdf(), "application/pdf")}
    wrong = await scene.transferor.post(there, {**sent, "code": "1"}, files=proof)
    assert "不对，请检查" in wrong.text
    assert (await scene.transferor.post(there, sent, files=proof)).status_code == 303
    assert "已经标记过" in (await scene.transferor.post(there, sent, files=proof)).text
    stranger = await scene.web.signed_in("seller2", Role.TRANSFEROR, "乙方示例单位")
    assert (await stranger.get(there)).status_code == 404
    await one.register(LOT)
    await scene.pay(one)
    assert list((await scene.deciding.qualified(LOT)).values()) == [0]
    administrator = await scene.web.signed_in("administrator", Role.ADMINISTRATOR)
    page = (await administrator.get("/administration/priority")).text
    [number] = re.findall(r'action="/administration/priority/(\d+)"', page)
    assert (await administrator.get(f"/priority-proofs/{number}")).content == _pdf()
    assert (await stranger.get(f"/priority-proofs/{number}")).status_code == 404
    for _ in range(2):
        await administrator.post(f"/administration/priority/{number}", {"answer": "confirm"})
    assert list((await scene.deciding.qualified(LOT)).values()) == [2]


def _pdf() -> bytes:
    return plain(1)


async def test_the_sealed_process_away_is_said_plainly(scene: Scene) -> None:
    one = scene.one
    await one.fill(LOT)
    site = scene.web.site
    object.__setattr__(site, "sealed", SealedClient(Path("/nowhere/sealed.sock")))
    for path in ("/my/trades", one.here, f"/announcements/{LOT}/register"):
        answer = await one.party.visitor.get(path)
        assert answer.status_code == 503, path
        assert "报名和竞买号暂时查不到" in answer.text
    assert (await one.party.visitor.get("/")).status_code == 200
