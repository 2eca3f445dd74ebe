"""The review desk over the pages, for tests: clerks, and orders that lie there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import text

from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct
from office.accounts import Role
from tests.orderkit import (
    Applicant,
    applicant,
    details_of_organization,
    details_of_person,
    request_of_organization,
    request_of_person,
)
from tests.webkit import Visitor, Web
from web.csrf import FIELD

DESK = "/certificates/desk"
PERSON = {
    "product": "natural_person",
    "seal_kind": "signature",
    "applicant_name": "赵现场",
    "applicant_document": "id_card",
    "applicant_number": "110101199003070003",
    "applicant_phone": "13912345678",
    "applicant_email": "zx@example.cn",
    "invoice_title": "赵现场",
    "province": "湖南省",
    "city": "株洲市",
    "address": "天元区 1 号",
}


async def in_review(
    web: Web, login: str, *, person: bool = False, papers: Mapping[str, bytes] | None = None
) -> Applicant:
    """An order that was applied for over the pages, paid, and waits for review."""
    one = await applicant(web, login)
    if person:
        await one.begin(subject="natural_person")
        await one.fill(request_of_person(), details_of_person())
        await one.confirm()
        await one.identify()
        await one.upload_all(papers)
        await one.consent()
    else:
        await one.begin()
        await one.to_payment(request_of_organization(), details_of_organization())
    await one.done("/payment", {"payment_way": "alipay"})
    await one.pay()
    assert await one.state() == "in_review"
    return one


@dataclass
class Clerk:
    web: Web
    visitor: Visitor
    token: str

    def order(self, number: str, path: str = "") -> str:
        return f"{DESK}/orders/{number}{path}"

    async def get(self, path: str) -> httpx.Response:
        return await self.visitor.get(path)

    async def post(self, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.visitor.client.post(path, data={**(form or {}), FIELD: self.token})

    async def said(self, path: str, form: Mapping[str, str] | None = None) -> str:
        """What the page after a command says."""
        answer = await self.post(path, form)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:1500])
        page = await self.get(answer.headers["location"])
        found = re.findall(r'class="stack flashes" role="status">(.*?)</div>\s*</div>', page.text, re.DOTALL)
        assert found, page.text[:3000]
        return " ".join(found)

    async def act(self, number: str, act: str, form: Mapping[str, str] | None = None) -> str:
        return await self.said(
            self.order(number, f"/{act}"), {**(form or {}), "version": await self.version(number)}
        )

    async def version(self, number: str) -> str:
        return str((await row(self.web, number))["version"])

    async def items(self, number: str) -> list[str]:
        page = await self.get(self.order(number))
        return sorted(set(re.findall(r'name="verdict-([^"]+)"', page.text)))

    async def decide(
        self, number: str, decision: str, refused: Mapping[str, str] | None = None, words: str = ""
    ) -> str:
        """Everything is accepted but what is named."""
        refused = refused or {}
        form = {f"verdict-{item}": "accepted" for item in await self.items(number)}
        for item, reason in refused.items():
            form |= {f"verdict-{item}": "refused", f"reason-{item}": reason}
        return await self.act(number, "decide", {**form, "decision": decision, "words": words})


async def clerk(web: Web, login: str) -> Clerk:
    visitor = await web.signed_in(login, Role.CLERK, f"办证员{login}")
    return Clerk(web, visitor, await visitor.token())


async def walked_in(web: Web, one: Clerk) -> Applicant:
    """Somebody stands there: the clerk types, to the money."""
    answer = await one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:issue:natural_person"})
    assert answer.status_code == 303, answer.text[:1000]
    there = Applicant(web, one.visitor, answer.headers["location"].split("/")[3], one.token)
    await there.agree()
    await there.done("/details", PERSON)
    await there.confirm()
    if await there.state() == "awaiting_material":
        await there.done("/material")
    assert await there.state() == "awaiting_payment"
    return there


async def issued(web: Web, number: str) -> None:
    """What the issue does, without a UKey."""
    async with web.site.engine.begin() as connection:
        now, clock = web.site.clock(), By.clock()
        await perform(connection, number, OrderAct.BEGIN_ISSUE, clock, now=now)
        changes = {"certificate": "0A1B2C", "medium": "UK-0001"}
        await perform(connection, number, OrderAct.ISSUED, clock, now=now, changes=changes)


async def row(web: Web, number: str) -> Mapping[str, Any]:
    async with web.site.engine.connect() as connection:
        found = text("SELECT * FROM orders WHERE number = :n")
        return dict((await connection.execute(found, {"n": number})).one()._mapping)


async def audited(web: Web, act: str) -> int:
    async with web.site.engine.connect() as connection:
        return int(
            await connection.scalar(text("SELECT count(*) FROM audit_entries WHERE act = :a"), {"a": act})
            or 0
        )
