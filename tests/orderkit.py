"""Orders for certificate services over the pages, for tests: an applicant on the way through the wizard."""

import io
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from PIL import Image, ImageDraw
from sqlalchemy import text

from certificates.catalogue.store import ensure_defaults
from office.accounts import Role
from office.messages.delivering import BOX
from tests.webkit import Visitor, Web
from web.csrf import FIELD

ID_NUMBERS = ("11010519491231002X", "433101199001011234", "110101199003070003")
CREDIT_CODE = "91110000600037341L"
CARD = "6222020200112233440"
NUMBERS = dict(zip("零一二三四五六七八九十", range(11), strict=True))


def sheet(width: int = 900, height: int = 640, form: str = "JPEG", seed: int = 1, turn: float = 0) -> bytes:
    """A photographed paper: dark lines of writing on a light ground."""
    picture = Image.new("RGB", (width, height), (236, 234, 228))
    draw, chance = ImageDraw.Draw(picture), random.Random(seed)
    for y in range(height // 8, height - height // 8, 24):
        x = width // 8
        while x < width - width // 8:
            end = x + chance.randrange(8, 40)
            draw.rectangle((x, y, end, y + 9), fill=(30, 30, 36))
            x = end + chance.randrange(4, 10)
    if turn:
        picture = picture.rotate(turn, Image.Resampling.BICUBIC, fillcolor=(236, 234, 228))
    made = io.BytesIO()
    picture.save(made, form)
    return made.getvalue()


@cache
def large_photograph() -> bytes:
    """A paper as a telephone makes it: sharp, grainy and larger than any channel takes."""
    paper = Image.open(io.BytesIO(sheet(3000, 2200))).convert("L")
    made = io.BytesIO()
    Image.blend(paper, Image.effect_noise(paper.size, 80), 0.2).save(made, "JPEG", quality=97)
    assert made.tell() > 1_572_864, made.tell()
    return made.getvalue()


def request_of_organization(**changes: str) -> dict[str, str]:
    return {
        "seal_kind": "official",
        "operator_name": "李经办",
        "operator_document": "id_card",
        "operator_number": ID_NUMBERS[1],
        "operator_phone": "15112340305",
        "operator_email": "jb@example.cn",
        "province": "湖南省",
        "city": "吉首市",
        "address": "人民北路 1 号",
        **changes,
    }


def details_of_organization(**changes: str) -> dict[str, str]:
    return {
        "product": "unit_12",
        "check_organization": "legal_representative_mobile",
        "check_operator": "operator_mobile",
        "organization_name": "测试有限公司",
        "credit_code": CREDIT_CODE,
        "representative_name": "王法人",
        "representative_document": "id_card",
        "representative_number": ID_NUMBERS[0],
        "representative_phone": "18612349043",
        **changes,
    }


def request_of_person(**changes: str) -> dict[str, str]:
    return {
        "seal_kind": "signature",
        "province": "湖南省",
        "city": "吉首市",
        "address": "团结路 2 号",
        **changes,
    }


def details_of_person(**changes: str) -> dict[str, str]:
    return {
        "product": "person_12",
        "check_applicant": "applicant_mobile",
        "applicant_name": "赵申请",
        "applicant_document": "id_card",
        "applicant_number": ID_NUMBERS[2],
        "applicant_phone": "13912345678",
        "applicant_email": "zs@example.cn",
        "invoice_title": "赵申请",
        **changes,
    }


def solved(page: str) -> dict[str, str]:
    """The challenge of a page, answered."""
    asked = re.search(r"([一二三四五六七八九十])(加|减)([一二三四五六七八九十])等于几", page)
    ticket = re.search(r'name="challenge_ticket" value="([^"]+)"', page)
    assert asked, page[:3000]
    assert ticket, page[:3000]
    first, second = NUMBERS[asked[1]], NUMBERS[asked[3]]
    answer = first + second if asked[2] == "加" else first - second
    return {"challenge": str(answer), "challenge_ticket": ticket[1], "website": ""}


@dataclass
class Applicant:
    """Somebody on the way through the wizard."""

    web: Web
    visitor: Visitor
    number: str = ""
    token: str = field(default="", repr=False)

    @property
    def here(self) -> str:
        return f"/certificates/orders/{self.number}"

    async def row(self) -> Mapping[str, Any]:
        async with self.web.site.engine.connect() as connection:
            found = text("SELECT * FROM orders WHERE number = :n")
            return dict((await connection.execute(found, {"n": self.number})).one()._mapping)

    async def state(self) -> str:
        return str((await self.row())["state"])

    async def get(self, path: str = "") -> httpx.Response:
        return await self.visitor.get(f"{self.here}{path}")

    async def post(
        self, path: str, form: Mapping[str, str] | None = None, *, version: str | None = None, **more: Any
    ) -> httpx.Response:
        """With the form's token and the order's version as it is now."""
        if not self.token:
            self.token = await self.visitor.token()
        now = version if version is not None else str((await self.row())["version"])
        data = {**(form or {}), "version": now, FIELD: self.token}
        return await self.visitor.client.post(f"{self.here}{path}", data=data, **more)

    async def done(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        answer = await self.post(path, form, **more)
        assert answer.status_code == 303, (path, answer.status_code, _faults(answer.text))
        return answer

    async def begin(self, **business: str) -> None:
        form = {"channel": "hunan_shared", "service": "issue", "subject": "organization", "way": "online"}
        if not self.token:
            self.token = await self.visitor.token()
        answer = await self.visitor.client.post(
            "/certificates/apply", data={**form, **business, FIELD: self.token}
        )
        assert answer.status_code == 303, answer.text[:2000]
        self.number = answer.headers["location"].split("/")[3]

    async def agree(self) -> None:
        page = await self.get("/agreements")
        names = re.findall(r'name="(agree_\w+)"', page.text)
        await self.done("/agreements", dict.fromkeys(names, "1"))

    async def fill(
        self, request: Mapping[str, str], details: Mapping[str, str], authority: str = "bjca"
    ) -> None:
        await self.done("/request", request)
        await self.done("/authority", {"authority": authority})
        await self.agree()
        await self.done("/details", details)

    async def confirm(self) -> None:
        page = await self.get("/confirm")
        asked = "challenge_ticket" in page.text  # but of a clerk
        await self.done("/confirm", solved(page.text) if asked else {})

    async def upload(self, kind: str, content: bytes | None = None) -> httpx.Response:
        content = sheet() if content is None else content
        return await self.post("/files", {"kind": kind}, files={"file": ("photo.jpg", content, "image/jpeg")})

    async def upload_all(self, papers: Mapping[str, bytes] | None = None) -> None:
        """`papers`: what is sent, by the kind of paper, where it matters."""
        for kind in (await self.row())["materials"]:
            answer = await self.upload(kind, (papers or {}).get(kind))
            assert answer.status_code == 303, answer.text[:1000]
        await self.done("/material")

    async def consent(self) -> None:
        await self.done("/consent/code")
        await self.done("/consent", {"code": await last_code(self.web), "agree": "1"})

    async def identify(self) -> None:
        for key in (await self.row())["checks"]:
            await self.done(f"/identity/{key.partition(':')[0]}")
        await self.done("/identity")

    async def pay(self) -> None:
        """By the code of the demonstration, from a telephone."""
        await self.done("/payment/code")
        page = await self.get("/payment/code")
        found = re.search(r'href="(/demo/pay/ZF\d+)"', page.text)
        assert found, page.text[:3000]
        fen = (await self.row())["price_fen"]
        told = {"amount": f"{fen // 100}.{fen % 100:02d}", "telling": "once"}
        answer = await self.web.visitor().post(found[1], told)
        assert answer.status_code == 303, answer.text[:1000]

    async def to_payment(self, request: Mapping[str, str], details: Mapping[str, str]) -> None:
        await self.fill(request, details)
        await self.confirm()
        await self.identify()
        await self.upload_all()
        await self.consent()


async def applicant(web: Web, login: str, role: Role = Role.BIDDER) -> Applicant:
    return Applicant(web, await web.signed_in(login, role))


async def defaults(web: Web) -> None:
    async with web.site.engine.begin() as connection:
        await ensure_defaults(connection, web.site.clock())


async def last_letter(web: Web, kind: str = "certificate.one_time") -> Mapping[str, str]:
    """The last letter of this kind that waits to be sent, opened."""
    async with web.site.engine.connect() as connection:
        found = text("SELECT box FROM deliveries WHERE kind = :kind ORDER BY id DESC LIMIT 1")
        box = await connection.scalar(found, {"kind": kind})
    letter: Mapping[str, str] = json.loads(web.site.marks.unbox(BOX, bytes(box)))
    return letter


async def last_code(web: Web) -> str:
    code = re.search(r"\d{6}", (await last_letter(web))["content"])
    assert code is not None
    return code[0]


def _faults(page: str) -> str:
    """What the page says is wrong, for a failing test."""
    found = re.findall(r'<a href="#field-(\w+)">([^<]+)', page)
    return str(found) if found else page[:1500]
