"""Announced lots and bidders who register for them over the pages, for tests."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from PIL import Image
from sqlalchemy import text

from office.clock import utc_now
from tests import sealingkit
from tests.sealingkit import Party
from tests.webkit import Web
from trading.profiles.store import ensure_defaults
from trading.registrations.application import Step, with_form
from trading.registrations.papers import Paper
from web.csrf import FIELD
from web.registrations.own import registrations_on

ID_NUMBERS = (
    "11010519491231002X",
    "433101199001011234",
    "110101199003070003",
)
CREDIT_CODE = "91110000600037341L"
PHONE = "13800138000"
ADDRESS = "吉首市人民北路某号"
REFUND_ACCOUNT = "6222020200112233445"


async def announce(web: Web, lot: str, transferor: int, **changes: Any) -> None:
    """A lot whose registration is open, with rules of its class; past the forms of the transferor."""
    now = utc_now()
    row = {
        "lot": lot,
        "transferor_id": transferor,
        "transferor": "甲方示例单位",
        "state": "announced",
        "asset_class": "physical",
        "method": "auction",
        "title": f"测试标的 {lot}",
        "place": "吉首市",
        "starting_price": 1_000_000,
        "increment": 10_000,
        "deposit": 123_400,
        "registration_starts": now - timedelta(hours=1),
        "registration_ends": now + timedelta(days=3),
        "deposit_ends": now + timedelta(days=3),
        "opens_at": now + timedelta(days=4),
        "due_at": now + timedelta(days=3),
        "made_at": now,
        "changed_at": now,
        "announced_at": now,
        **changes,
    }
    async with web.site.engine.begin() as connection:
        await ensure_defaults(connection, now)
        found = text("SELECT id FROM rule_profiles WHERE asset_class = :asset_class AND method = :method")
        row["profile_id"] = await connection.scalar(found, row)
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        await connection.execute(text(f"INSERT INTO listings ({names}) VALUES ({values})"), row)


async def change_listing(web: Web, lot: str, **changes: Any) -> None:
    sets = ", ".join(f"{name} = :{name}" for name in changes)
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE listings SET {sets} WHERE lot = :lot"), {"lot": lot, **changes}
        )


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(made, "PNG")
    return made.getvalue()


def form(number: int = 0, **changes: str) -> dict[str, str]:
    """A sound application form of a natural person."""
    return {
        "kind": "person",
        "code": ID_NUMBERS[number],
        "contact": "张三",
        "phone": PHONE,
        "address": ADDRESS,
        "refund_bank": "示例银行吉首支行",
        "refund_account": REFUND_ACCOUNT,
        **changes,
    }


@dataclass
class Registrant:
    """Somebody on the way through the wizard."""

    web: Web
    party: Party
    registration: str = ""
    token: str = ""
    """Of the session: asked for once."""

    @property
    def here(self) -> str:
        return f"/my/registrations/{self.registration}"

    async def version(self) -> str:
        async with self.web.site.engine.connect() as connection:
            found = text("SELECT version FROM registrations WHERE registration = :r")
            return str(await connection.scalar(found, {"r": self.registration}))

    async def state(self) -> str:
        async with self.web.site.engine.connect() as connection:
            found = text("SELECT state FROM registrations WHERE registration = :r")
            return str(await connection.scalar(found, {"r": self.registration}))

    async def begin(self, lot: str) -> None:
        answer = await self.party.visitor.post(f"/announcements/{lot}/register")
        assert answer.status_code == 303, answer.text[:500]
        self.registration = answer.headers["location"].split("/")[3]
        assert self.registration.startswith("R"), answer.headers["location"]

    async def post(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        self.token = self.token or await self.party.visitor.token()
        fields = {"version": await self.version(), FIELD: self.token, **(form or {})}
        return await self.party.visitor.client.post(f"{self.here}/{path}", data=fields, **more)

    async def step(self, name: str, form: Mapping[str, str], then: str) -> None:
        answer = await self.post(name, form)
        assert answer.status_code == 303, (name, answer.text[-3000:])
        wanted = f"{self.here}/{then}" if then else self.here
        assert answer.headers["location"] == wanted, answer.headers["location"]

    async def attach(self, kind: str = "identity", name: str = "身份证.png", content: bytes = b"") -> None:
        files = {"file": (name, content or picture(), "image/png")}
        answer = await self.post("files", {"kind": kind}, files=files)
        assert answer.status_code == 303
        shown = await self.party.visitor.get(answer.headers["location"])
        assert "附件已上传" in shown.text, shown.text[1500:6000]

    async def fill(
        self, lot: str, number: int = 0, joint: Mapping[str, str] | None = None, **changes: str
    ) -> None:
        """Everything up to the page where it is submitted."""
        await self.begin(lot)
        await self.step("rules", {"read": "1"}, "joint")
        await self.step("joint", joint or {"joint": "alone"}, "form")
        await self.step("form", form(number, **changes), "pledge")
        await self.step("pledge", {"read": "1"}, "attachments")
        await self.attach()
        await self.step("attachments", {}, "bank")
        await self.step("bank", {"bank": "shifan"}, "")

    async def submit(self) -> None:
        answer = await self.post("submit")
        assert answer.status_code == 303
        assert answer.headers["location"] == self.here

    async def seal(self, paper: str) -> httpx.Response:
        """One paper, the whole way."""
        answer = await self.post("prepare", {"paper": paper})
        job = sealingkit.job_of(self.web, answer)
        sealing = await sealingkit.sealing_for(self.web, job, self.party.ukey)
        return await self.post("seal", sealingkit.fields(job.nonce, sealing.der, self.party.ukey))

    async def seal_both(self) -> httpx.Response:
        """As the page does it: one job, one PIN."""
        answer = await self.post("prepare", {"paper": "form pledge"})
        job = sealingkit.job_of(self.web, answer)
        sealings = await sealingkit.sealings_for(self.web, job, self.party.ukey)
        return await self.post("seal", sealingkit.fields(job.nonce, sealings, self.party.ukey))

    async def join(self, other: "Registrant") -> httpx.Response:
        """As a partner of the other: the consent, the whole way."""
        visitor, there = self.party.visitor, f"{other.here}/joining"
        prepared = await visitor.post(f"{there}/prepare")
        if prepared.status_code != 200:
            return prepared
        job = sealingkit.job_of(self.web, prepared)
        sealing = await sealingkit.sealing_for(self.web, job, self.party.ukey)
        return await visitor.post(f"{there}/seal", sealingkit.fields(job.nonce, sealing.der, self.party.ukey))

    async def register(self, lot: str, number: int = 0) -> None:
        """Up to the receipt, past the pages: what stands in for the sealed papers is no sealed paper."""
        registrations, now = registrations_on(self.web.site), utc_now()
        person = await self.web.site.accounts.get(self.party.account)
        assert person is not None
        self.registration = await registrations.begin(person.id, person.name, lot, now=now)
        mine = await registrations.of(self.registration, person.id)
        filled = with_form(mine.application, form(number))
        filled = replace(filled, rules_read_at=now, joint=False, pledged_at=now, attached=True, bank="shifan")
        await registrations.save(mine, filled, Step.BANK, now=now)
        await registrations.submit(await registrations.of(self.registration, person.id), now=now)
        mine = await registrations.of(self.registration, person.id)
        for paper in Paper:
            papers = f"{person.name} {ID_NUMBERS[number]} {lot}".encode()
            await registrations.keep_sealed(mine, paper, papers, now=now)
        mine = await registrations.of(self.registration, person.id)
        assert await registrations.sub_account(mine, now=now)


def in_days(days: float, now: datetime | None = None) -> datetime:
    return (now or utc_now()) + timedelta(days=days)
