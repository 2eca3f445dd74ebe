"""Assets in the forms of the pages, and small files for them."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pypdfium2
from PIL import Image

from tests.tradingkit import MutableClock, a_clock
from tests.webkit import Visitor, Web
from trading.profiles.store import ensure_defaults
from web.csrf import FIELD

BASICS = {
    "asset_class": "physical",
    "method": "competitive_bidding",
    "title": "吉首市人民路 12 号一楼门面",
    "place": "湘西州吉首市",
    "starting_price": "120万",
}
DESCRIPTION = {
    "overview": "临街门面一间，现空置。",
    "disclosures": "无",
    "conditions": "",
    "d_kind": "real_estate",
    "d_location": "吉首市人民路 12 号",
    "d_area": "86.5",
    "d_condition": "空置",
    "d_encumbrances": "无",
    "d_payment": "once",
    "d_delivery": "付清价款后十日内交付",
    "d_taxes": "各自承担",
    "d_contact": "龙先生",
    "d_telephone": "0743-8523032",
}
PRICES = {
    "valuation": "125万",
    "starting_price": "1,200,000.00",
    "increment": "1万",
    "max_steps": "50",
    "deposit": "12万",
    "reserve": "",
}


def a_picture(width: int = 64, height: int = 48, form: str = "JPEG", **more: Any) -> bytes:
    to = io.BytesIO()
    Image.new("RGB", (width, height), (120, 30, 30)).save(to, form, **more)
    return to.getvalue()


def a_pdf(pages: int = 1) -> bytes:
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(200, 200)
    to = io.BytesIO()
    document.save(to)
    document.close()
    return to.getvalue()


def a_package(**parts: bytes | str) -> bytes:
    """A ZIP; `__` in a name stands for a slash, `_dot_` for a dot."""
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            part = zipfile.ZipInfo(name.replace("__", "/").replace("_dot_", "."))
            package.writestr(part, content, zipfile.ZIP_DEFLATED)
    return to.getvalue()


async def travelling(web: Web, clock: MutableClock | None = None) -> MutableClock:
    """The site on a clock that stands, with the rule profiles that the program ships."""
    clock = clock or a_clock()
    web.site = replace(web.site, clock=clock)
    web.app.state.site = web.site
    async with web.site.engine.begin() as connection:
        await ensure_defaults(connection, clock())
    return clock


async def a_draft(owner: Visitor, **basics: str) -> str:
    """The lot of a new draft, by the form."""
    answer = await post(owner, "/my/assets/new", {**BASICS, **basics})
    assert answer.status_code == 303, answer.text[:3000]
    return answer.headers["location"].split("/")[3]


async def post(visitor: Visitor, path: str, form: Mapping[str, str], **more: Any) -> httpx.Response:
    """A form with the token of the visit, which is fetched once: these tests send many."""
    if visitor not in _TOKENS:
        _TOKENS[visitor] = await visitor.token()
    return await visitor.client.post(path, data={**form, FIELD: _TOKENS[visitor]}, **more)


_TOKENS: WeakKeyDictionary[Visitor, str] = WeakKeyDictionary()


async def version_of(owner: Visitor, lot: str, step: str = "details") -> str:
    page = await owner.get(f"/my/assets/{lot}/steps/{step}")
    return page.text.split('name="version" value="')[1].split('"')[0]


async def save(owner: Visitor, lot: str, step: str, form: dict[str, str]) -> Any:
    return await post(
        owner, f"/my/assets/{lot}/steps/{step}", {**form, "version": await version_of(owner, lot, step)}
    )


async def upload(owner: Visitor, lot: str, kind: str, name: str, content: bytes) -> Any:
    return await post(
        owner, f"/my/assets/{lot}/files", {"kind": kind}, files={"file": (name, content, "application/x")}
    )


async def a_full_draft(owner: Visitor, **basics: str) -> str:
    """A draft of a physical asset from which nothing is missing."""
    lot = await a_draft(owner, **basics)
    for step, form in (("details", DESCRIPTION), ("prices", PRICES)):
        answer = await save(owner, lot, step, form)
        assert answer.status_code == 303, answer.text[:4000]
    for kind, name, content in (
        ("picture", "门面.jpg", a_picture()),
        ("decision", "会议纪要.pdf", a_pdf()),
        ("valuation", "评估报告.pdf", a_pdf(2)),
        ("attachment", "平面图.pdf", a_pdf(3)),
    ):
        answer = await upload(owner, lot, kind, name, content)
        assert answer.status_code == 303, answer.text[:4000]
    answer = await save(owner, lot, "files", {"then": "next"})
    assert answer.status_code == 303
    return lot


async def announced(owner: Visitor, administrator: Visitor, **basics: str) -> str:
    """A lot that went all the way through the pages: entered, submitted, published."""
    lot = await a_full_draft(owner, **basics)
    assert (await post(owner, f"/my/assets/{lot}/submit", {})).status_code == 303
    answer = await post(administrator, f"/administration/listings/{lot}/publish", {})
    assert answer.status_code == 303, answer.text[:3000]
    return lot
