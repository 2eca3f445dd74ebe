"""The review desk over the pages: the queue, the lock, verdicts item by item, return, approval, reversal."""

import base64
import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from certificates.orders.performing import By
from tests.deskkit import DESK, audited, clerk, in_review, row
from tests.orderkit import Applicant, defaults, details_of_organization, request_of_organization
from tests.unit.test_seal_image import SEAL, agreement, alpha_of, encoded, paper_with
from tests.webkit import Web, web_on
from web.certificates.own import orders_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def test_an_order_is_taken_looked_at_returned_corrected_and_approved(web: Web) -> None:
    her = await in_review(web, "her")
    one, two = await clerk(web, "one"), await clerk(web, "two")
    number = her.number
    queue = await one.get(DESK)
    assert number in queue.text
    assert "测试有限公司" in queue.text
    assert re.search(r"最迟 [0-9-]{10} 审完", (await her.get()).text)  # what the applicant may expect
    before = await one.get(one.order(number))
    assert "433101199001011234" not in before.text
    assert "已接办" in await one.act(number, "take")
    assert "另一位办证人员" in await two.act(number, "take")
    page = await one.get(one.order(number))
    assert "433101199001011234" in page.text
    assert "印章按名称制作" in page.text  # nothing but black print on the sample form
    assert await audited(web, "look.order_details") == 2  # the page after taking, and this one
    items = await one.items(number)
    papers = [item for item in items if item.startswith("file:")]
    assert papers
    assert "section:operator" in items
    address = one.order(number, f"/files/{papers[0].partition(':')[2]}")
    shown = await one.get(address)
    assert shown.headers["content-type"] == "image/jpeg"
    assert await audited(web, "look.order_file") == 1
    assert (await two.get(address)).status_code == 303
    assert (await her.visitor.get(address)).status_code == 403
    assert await audited(web, "look.order_file") == 1
    assert "每一项都要先看过" in await one.act(number, "decide", {"decision": "approve"})
    assert "至少把一项" in await one.decide(number, "return")
    said = await one.decide(number, "return", {papers[0]: "看不清"}, "请尽快改。")
    assert "已驳回" in said
    order = await row(web, number)
    assert order["state"] == "returned"
    assert order["reason"].endswith("看不清；请尽快改。")
    assert order["worked_by"] is None
    hers = await her.get()
    assert "看不清" in hers.text


async def test_the_clerk_sees_the_seal_that_was_cut_out_of_the_sample(web: Web) -> None:
    """Before the approval: afterwards it is what the authority puts into the seal (deciding.picture)."""
    sample = encoded(paper_with(size=(1600, 1800)), quality=80)
    her = await in_review(web, "her", person=True, papers={"seal_sample_form": sample})
    one = await clerk(web, "one")
    assert "data:image/png;base64" not in (await one.get(one.order(her.number))).text
    await one.act(her.number, "take")
    page = (await one.get(one.order(her.number))).text
    shown = re.search(r'data:image/png;base64,([^"]+)"', page)
    assert shown, page
    assert agreement(alpha_of(base64.b64decode(shown[1])), SEAL) > 0.8


async def test_an_approval_is_reversed_and_not_edited(web: Web) -> None:
    her = await in_review(web, "her")
    one = await clerk(web, "one")
    await one.act(her.number, "take")
    items = {f"verdict-{item}": "accepted" for item in await one.items(her.number)}
    approved = {**items, "decision": "approve", "version": await one.version(her.number)}
    answer = await one.post(one.order(her.number, "/decide"), approved)
    assert answer.headers["location"] == one.order(her.number)  # where its UKey is laid to it and written
    name = {**request_of_organization(), **details_of_organization()}["organization_name"]
    assert f"{name}：已通过" in (await one.get(one.order(her.number))).text
    assert await her.state() == "approved"
    assert "请写明原因" in await one.act(her.number, "reverse", {"reason": " "})
    assert "重新审核" in await one.act(her.number, "reverse", {"reason": "执照看错了"})
    assert await her.state() == "in_review"
    async with web.site.engine.connect() as connection:
        acts = (
            await connection.execute(
                text("SELECT act FROM order_events WHERE number = :n ORDER BY id"), {"n": her.number}
            )
        ).scalars()
        assert list(acts)[-3:] == ["take", "approve", "reverse"]


async def test_another_clerk_confirms_where_four_eyes_are_asked_for(web: Web) -> None:
    her = await in_review(web, "her")
    one, two, typist = [await clerk(web, login) for login in ("one", "two", "typist")]
    typed = (
        "INSERT INTO walk_ins (number, clerk_id, at, taken_at)"
        " SELECT :number, id, now(), now() FROM accounts WHERE login = 'typist'"
    )
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE orders SET four_eyes = true"))
        await connection.execute(text(typed), {"number": her.number})
    await one.act(her.number, "take")
    assert "等另一位" in await one.decide(her.number, "approve")
    assert await her.state() == "second_review"
    await one.act(her.number, "take")
    assert "另一位办证人员复核" in await one.decide(her.number, "approve")
    assert await her.state() == "second_review"
    await one.act(her.number, "put-back")
    await typist.act(her.number, "take")
    assert "另一位办证人员复核" in await typist.decide(her.number, "approve")
    await typist.act(her.number, "put-back")
    async with web.site.engine.begin() as connection:  # two took over what typist had typed
        await connection.execute(
            text(
                "UPDATE order_events SET actor_id = (SELECT clerk_id FROM walk_ins WHERE number = :n)"
                " WHERE number = :n AND actor = 'applicant'"
            ),
            {"n": her.number},
        )
        await connection.execute(text("DELETE FROM walk_ins"))
    await typist.act(her.number, "take")
    assert "另一位办证人员复核" in await typist.decide(her.number, "approve")
    await typist.act(her.number, "put-back")
    await two.act(her.number, "take")
    assert "checked" not in (await two.get(two.order(her.number))).text  # what others said is not filled in
    assert "每一项都要先看过" in await two.act(her.number, "decide", {"decision": "approve"})
    assert await her.state() == "second_review"
    assert "已通过" in await two.decide(her.number, "approve")
    assert await her.state() == "approved"


async def test_a_returned_order_corrects_exactly_what_was_refused(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    files = [item for item in await one.items(her.number) if item.startswith("file:")]
    refused = {files[0]: "看不清", "section:operator": "手机号不对"}
    await one.decide(her.number, "return", refused)
    async with web.site.engine.connect() as connection:
        kinds = dict(
            (await connection.execute(text("SELECT 'file:' || id, kind FROM order_materials"))).all()
        )
    good = kinds[files[1]]
    assert (await her.upload(good)).status_code == 303
    assert "订单的状态已经变了" in (await her.get()).text
    request = request_of_organization(operator_phone="15112340399", address="改了的地址 9 号")
    assert "还没有换" in await _resubmitted(her)
    await her.upload(kinds[files[0]])
    assert "还没有换" in await _resubmitted(her)
    await her.done("/request", request)
    details = await orders_on(web.site).of(her.number, By.clock())
    assert details.details["operator_phone"].endswith("15112340399")
    assert details.details["address"] == "人民北路 1 号"
    await her.post("/resubmit")
    assert await her.state() != "returned"


async def test_a_section_in_which_nothing_can_be_changed_is_sent_again_once_it_was_saved(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    await one.decide(her.number, "return", {"section:product": "印章种类不对"})  # an organization has one
    assert "还没有重新保存" in await _resubmitted(her)
    await her.done("/request", request_of_organization())
    await her.post("/resubmit")
    assert await her.state() != "returned"


async def _resubmitted(her: Applicant) -> str:
    await her.post("/resubmit")
    assert await her.state() == "returned"
    return (await her.get()).text


async def test_a_stale_form_decides_nothing_and_a_hold_runs_out(web: Web) -> None:
    her = await in_review(web, "her")
    one, two = await clerk(web, "one"), await clerk(web, "two")
    await one.act(her.number, "take")
    items = {f"verdict-{item}": "accepted" for item in await one.items(her.number)}
    for version in ("0", "1", "x", "-1", str(int(await one.version(her.number)) - 1)):
        form = items | {"decision": "approve", "version": version}
        assert "已有变化" in await one.said(one.order(her.number, "/decide"), form)
    assert await her.state() == "in_review"
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE orders SET worked_until = now() - interval '1 minute'"))
    assert "已接办" in await two.act(her.number, "take")
    assert "请先接办" in await one.act(her.number, "decide", items | {"decision": "approve"})
    assert await her.state() == "in_review"
    assert "已记为不予办理" in await two.decide(her.number, "reject", words="资料是伪造的")
    assert (await row(web, her.number))["refund_due"]


async def test_a_paid_order_with_which_nobody_goes_on_is_ended_at_the_desk(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE orders SET state = 'awaiting_identity', done = '{}'"))
    assert her.number in (await one.get(f"{DESK}?shelf=returned")).text
    page = (await one.get(one.order(her.number))).text
    assert "结束，不予办理" in page
    assert "433101199001011234" not in page
    assert (await her.visitor.post(one.order(her.number, "/reject"))).status_code == 403
    assert "请写明原因" in await one.act(her.number, "reject", {"reason": " "})
    assert "已记为不予办理" in await one.act(her.number, "reject", {"reason": "对公账户核验不了"})
    ended = await row(web, her.number)
    assert (ended["state"], ended["refund_due"]) == ("rejected", True)
    async with web.site.engine.begin() as connection:
        hidden = "UPDATE orders SET state = 'awaiting_identity', paid_fen = 0"
        await connection.execute(text(hidden))
    assert her.number not in (await one.get(f"{DESK}?shelf=returned")).text
    assert (await one.get(one.order(her.number))).status_code == 404
