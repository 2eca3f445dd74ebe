"""A change of a certificate that is signed with its UKey: what the signature is worth after a change."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from office.subjects import MarketSubjectKind, Subjects
from tests.issuingkit import CODE, as_form
from tests.orderkit import last_code, request_of_organization
from tests.servicekit import Holders, holders_on, seen
from tests.webkit import web_on

RENAMED = "测试新名有限公司"
TYPED = {
    **request_of_organization(),
    "product": "unit_12",
    "representative_name": "王法人",
    "representative_document": "id_card",
    "representative_number": "11010519491231002X",
    "representative_phone": "18612349043",
}


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True, trust=tmp_path / "authority") as web:
        yield await holders_on(web, tmp_path)


async def _modifies(held: Holders, mine: str) -> None:
    """Her order for the new name, which her account's profile has, filled in."""
    her, site = held.her, held.web.site
    await held.begins(her, "modify")
    await her.done("/request", request_of_organization())
    await her.done("/authority", {"authority": "bjca"})
    await held.chooses(her, mine)
    await her.agree()
    profile = {"organization_name": RENAMED, "credit_code": CODE}
    kind = MarketSubjectKind.ORGANIZATION
    await Subjects(site.engine, site.marks).register(held.ids["her"], kind, profile, now=datetime.now(UTC))
    async with site.engine.begin() as connection:
        checked = "UPDATE subjects SET verified_at = now(), verified_by = 'corporate_account'"
        await connection.execute(text(checked))
    await her.done("/details", TYPED)


async def test_a_signature_or_a_choice_outlives_no_change(held: Holders) -> None:
    """She signs; then another operator is named at her account. Chosen once more, it changes nothing."""
    her, mine = held.her, await held.holds(card=held.drawer.blank("我的"), days_left=200)
    held.today()
    await _modifies(held, mine)
    await held.chooses(her, mine)  # a step back in the form
    assert RENAMED in seen((await her.get("/confirm")).text)
    await her.confirm()
    job = await held.asked(her.visitor, f"{her.here}/consent/job")
    signed = as_form(job.nonce, await held.drawer.does(job))
    await held.does(her.visitor, f"{her.here}/consent/job", f"{her.here}/consent/signed")
    assert "UKey 已经对下面的内容签名" in (await her.get("/consent")).text
    await her.done("/change")
    await her.done("/request", request_of_organization(operator_name="钱别人", operator_phone="13700000001"))
    await her.confirm()
    assert "UKey 已经对下面的内容签名" not in (await her.get("/consent")).text
    await her.done("/consent/code")
    assert (await her.post("/consent", {"code": await last_code(held.web), "agree": "1"})).status_code == 303
    assert await her.state() == "awaiting_consent"
    late = await her.visitor.post(f"{her.here}/consent/signed", signed)  # asked for before the change
    assert late.status_code == 409
    assert "UKey 已经对下面的内容签名" not in (await her.get("/consent")).text
