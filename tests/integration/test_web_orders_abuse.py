"""Orders against those who mean them no good: strangers, guessers, old forms, hostile files."""

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from certificates.orders import identifying, materials
from office import identity_checks
from office.accounts import Role
from office.identity import Asked, Passed, ProviderAway
from tests.orderkit import (
    CREDIT_CODE,
    ID_NUMBERS,
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    last_code,
    last_letter,
    request_of_organization,
    sheet,
    solved,
)
from tests.timekit import ClockAhead
from tests.webkit import Web, web_on
from web.certificates import own, pacing
from web.certificates.order_routes import PAGES
from web.certificates.unlock_routes import PAGES as SIGNING_AND_UNLOCKING
from web.csrf import FIELD


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
    one = await applicant(web, "her")
    await one.begin()
    await one.fill(request_of_organization(), details_of_organization())
    return one


async def test_nobody_else_gets_at_an_order_on_any_route(web: Web, her: Applicant) -> None:
    await her.confirm()
    await her.identify()
    await her.upload("licence")
    async with web.site.engine.connect() as connection:
        file = str(await connection.scalar(text("SELECT id FROM order_materials")))
    before = await her.row()
    others = {role: await web.signed_in(f"other-{role}", role) for role in Role}
    for page in (*PAGES, *(one for one in SIGNING_AND_UNLOCKING if one.who is None)):
        if "{number}" not in page.path:
            continue
        path = page.path.replace("{number}", her.number).replace("{file}", file)
        path = path.replace("{form}", "sample").replace("{person}", "operator").replace("{step}", "details")
        form = {"version": str(before["version"]), "sure": "1", "kind": "licence", "payment_way": "alipay"}
        for role, other in others.items():
            answer = await (other.get(path) if page.method == "GET" else other.post(path, form))
            assert answer.status_code == 404, (page.method, path, role, answer.status_code)
        stranger = web.visitor()
        answer = await (stranger.get(path) if page.method == "GET" else stranger.post(path, form))
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/certificates/query?next="), path
    assert await her.row() == before
    missing = await others[Role.BIDDER].get("/certificates/orders/20260101AAAAAAAA")
    theirs = await others[Role.BIDDER].get(her.here)
    assert missing.status_code == theirs.status_code == 404


async def test_old_forms_and_double_clicks_do_nothing_twice(her: Applicant) -> None:
    old = str((await her.row())["version"])
    page = await her.get("/confirm")
    form = {**solved(page.text), "version": old, FIELD: her.token}
    answers = await asyncio.gather(
        *(her.visitor.client.post(f"{her.here}/confirm", data=form) for _ in range(4))
    )
    assert await her.state() == "awaiting_identity"
    async with her.web.site.engine.connect() as connection:
        found = "SELECT count(*) FROM order_events WHERE act = 'confirm'"
        assert await connection.scalar(text(found)) == 1
    assert {answer.status_code for answer in answers} <= {303, 422}
    stale = await her.post("/change", version=old)
    assert stale.status_code == 303
    assert "另一个窗口" in (await her.visitor.get(stale.headers["location"], follow_redirects=True)).text
    assert await her.state() == "awaiting_identity"
    for wrong in ("", "x", "999999", "-1", "１"):
        await her.post("/cancel", {"sure": "1"}, version=wrong)
    assert await her.state() == "awaiting_identity"


async def test_orders_begun_anew_bring_no_new_identity_checks(
    her: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await her.confirm()
    monkeypatch.setattr(identifying, "MOST_IN_A_DAY", 2)
    await her.identify()
    await her.done("/cancel", {"sure": "1"})
    await her.begin()
    await her.fill(request_of_organization(), details_of_organization())
    await her.confirm()
    answer = await her.post("/identity/organization")
    assert "核验的次数太多了" in (await her.visitor.get(answer.headers["location"])).text
    monkeypatch.setattr(identifying, "MOST_IN_A_DAY", 30)
    monkeypatch.setattr(pacing, "CHECKS_PER_ADDRESS", 2)
    await her.post("/identity/organization")
    async with her.web.site.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM identity_checks")) == 2
    monkeypatch.setattr(pacing, "CHECKS_PER_ADDRESS", 100)
    monkeypatch.setattr(identifying, "MOST_ABOUT", 2)
    him = await applicant(her.web, "him")
    await him.begin()
    await him.fill(request_of_organization(), details_of_organization())
    await him.confirm()
    await him.post("/identity/organization")
    monkeypatch.setattr(identifying, "MOST_ABOUT", 90)
    await him.done("/identity/organization")
    async with her.web.site.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM identity_checks")) == 3


async def test_an_answer_about_details_that_were_changed_meanwhile_counts_for_nothing(
    her: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She changes the name and confirms again while the provider still looks at the former one."""
    await her.confirm()

    class Slow:
        async def check(self, asked: Asked) -> Passed:
            await her.done("/change")
            await her.done("/details", details_of_organization(organization_name="改名有限公司"))
            await her.confirm()
            return Passed("R1")

    monkeypatch.setattr(own, "provider_of", lambda _site: Slow())
    answer = await her.post("/identity/organization")
    assert "另一个窗口" in (await her.visitor.get(answer.headers["location"], follow_redirects=True)).text
    assert await her.state() == "awaiting_identity"
    assert "改名有限公司" in (await her.get()).text
    async with her.web.site.engine.connect() as connection:
        found = "SELECT reference, state FROM identity_checks"
        assert [tuple(row) for row in await connection.execute(text(found))] == [("R1", "stale")]


async def test_a_check_counts_when_it_is_asked_whatever_comes_of_it(
    her: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that comes too late, or never, was paid for: nobody asks without end like that."""
    await her.confirm()
    asked = 0

    class Away:
        async def check(self, question: Asked) -> Passed:
            nonlocal asked
            asked += 1
            if asked % 2:
                raise ProviderAway("R")
            await her.done("/change")
            await her.confirm()
            return Passed(f"R{asked}")

    monkeypatch.setattr(own, "provider_of", lambda _site: Away())
    for _ in range(10):
        last = await her.post("/identity/organization")
    assert asked == identity_checks.MOST_IN_A_DAY
    assert "核验的次数太多了" in (await her.visitor.get(last.headers["location"])).text


async def test_an_order_is_saved_continued_changed_and_cancelled(her: Applicant) -> None:
    again = await her.visitor.get("/my/certificates")
    assert her.number in again.text
    assert "继续填写" in again.text
    on = await her.visitor.get(f"{her.here}/go-on")
    assert on.headers["location"] == f"{her.here}/confirm"
    assert "李经办" in (await her.get("/request")).text
    await her.confirm()
    await her.identify()
    await her.done("/change")
    assert await her.state() == "filling"
    await her.done("/details", details_of_organization(organization_name="改名有限公司"))
    await her.confirm()
    await her.done("/identity")
    assert await her.state() == "awaiting_identity"  # another name: what was checked counts no more
    await her.identify()
    await her.done("/change")
    changed = {"organization_name": "改名有限公司", "credit_code": "91430100MA4L16JJ4P"}
    await her.done("/details", details_of_organization(**changed))
    await her.confirm()
    await her.post("/identity")
    assert await her.state() == "awaiting_identity"  # nor for another code
    await her.identify()
    assert await her.state() == "awaiting_material"
    refused = await her.post("/cancel")
    assert await her.state() == "awaiting_material"
    assert refused.status_code == 303
    await her.done("/cancel", {"sure": "1"})
    assert await her.state() == "cancelled"
    await her.post("/request", request_of_organization())
    assert await her.state() == "cancelled"


async def test_fields_are_checked_and_a_robot_does_not_get_on(her: Applicant) -> None:
    wrong = {
        "representative_number": ("110105194912310021", "身份证号码不对"),
        "credit_code": ("91110000600037341A", "统一社会信用代码不对"),
        "representative_phone": ("010-1234", "能收短信的手机号"),
        "organization_name": ("", "请填写"),
        "product": ("person_12", "请选择一项"),
    }
    for name, (value, said) in wrong.items():
        answer = await her.post("/details", details_of_organization(**{name: value}))
        assert answer.status_code == 422, name
        assert said in answer.text, name
    card = details_of_organization(check_organization="legal_representative_card")
    asked = await her.post("/details", card)
    assert asked.status_code == 422
    assert 'name="representative_card"' in asked.text
    luhn = await her.post("/details", card | {"representative_card": "6222020200112233441"})
    assert luhn.status_code == 422
    assert "银行卡号不对" in luhn.text
    page = await her.get("/confirm")
    right = solved(page.text)
    for form in (
        {},
        right | {"challenge": "99"},
        right | {"website": "http://x"},
        right | {"challenge_ticket": right["challenge_ticket"][:-1] + "0"},
    ):
        assert (await her.post("/confirm", form)).status_code == 422
        assert await her.state() == "filling"
    used = solved((await her.get("/confirm")).text)
    await her.done("/confirm", used)
    await her.done("/change")
    assert (await her.post("/confirm", used)).status_code == 422


async def test_codes_are_not_guessed_and_not_sent_at_will(
    web: Web, her: Applicant, clock: ClockAhead
) -> None:
    await her.confirm()
    await her.identify()
    await her.upload_all()
    await her.done("/consent/code")
    soon = await her.post("/consent/code", headers={"accept": "application/json"})
    assert soon.status_code == 429
    right = await last_code(web)
    letter = await last_letter(web)
    assert letter["address"] == "+8615112340305"
    wrong = "000000" if right != "000000" else "111111"
    for guess in ("", "12", "abcdef", right + "0"):
        assert (await her.post("/consent", {"code": guess, "agree": "1"})).status_code == 422
    for _ in range(5):
        assert (await her.post("/consent", {"code": wrong, "agree": "1"})).status_code == 422
    assert (await her.post("/consent", {"code": right, "agree": "1"})).status_code == 422
    assert await her.state() == "awaiting_consent"
    clock.ahead += timedelta(seconds=61)
    await her.done("/consent/code")
    late = await last_code(web)
    clock.ahead += timedelta(minutes=11)
    assert (await her.post("/consent", {"code": late, "agree": "1"})).status_code == 422
    for _ in range(3):
        await her.done("/consent/code")
        clock.ahead += timedelta(seconds=61)
    many = await her.post("/consent/code", headers={"accept": "application/json"})
    assert many.status_code == 429
    assert (await her.post("/consent", {"code": await last_code(web)})).status_code == 422  # not agreed
    await her.done("/consent", {"code": await last_code(web), "agree": "1"})
    assert await her.state() == "awaiting_payment"


async def test_a_code_consents_to_nothing_that_was_changed_since_it_was_asked_for(
    web: Web, her: Applicant, clock: ClockAhead
) -> None:
    await her.confirm()
    await her.identify()
    await her.upload_all()
    await her.done("/consent/code")
    former = await last_code(web)
    await her.done("/change")
    await her.done("/details", details_of_organization(department="别的部门"))
    await her.confirm()
    await her.done("/identity")
    await her.done("/material")
    assert await her.state() == "awaiting_consent"
    assert (await her.post("/consent", {"code": former, "agree": "1"})).status_code == 422
    assert await her.state() == "awaiting_consent"
    soon = await her.post("/consent/code", headers={"accept": "application/json"})
    assert soon.status_code == 429  # however often it is changed
    clock.ahead += timedelta(seconds=61)
    await her.consent()
    assert await her.state() == "awaiting_payment"


def _png(width: int, height: int) -> bytes:
    """A PNG that says how large it is, with very little in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(width * 3 + 1) * min(height, 2_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    return made.getvalue()


async def test_hostile_files_are_refused_or_lose_what_was_in_them(
    web: Web, her: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await her.confirm()
    await her.identify()
    before = await her.row()
    whole = sheet()
    hostile = {
        "empty": b"",
        "text": b"hello",
        "html": b"<html><script>alert(1)</script>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "exe": b"MZ" + bytes(2_000),
        "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(100),
        "pdf where none is taken": b"%PDF-1.4\n%%EOF",
        "cut": whole[: len(whole) // 2][:200],
        "bomb": _png(10_000, 10_000),
        "wide": _png(60_000, 300),
        "gif that lies": b"GIF89a\xff\xff\xff\xff\x00\x00\x00;",
        "small": sheet(60, 60),
        "blank": _png(400, 400),
        "large": whole + bytes(1_600_000),
    }
    for name, content in hostile.items():
        answer = await her.post(
            "/files",
            {"kind": "licence"},
            files={"file": ("a.jpg", content, "image/jpeg")},
            headers={"accept": "application/json"},
        )
        assert answer.status_code == 422, (name, answer.status_code, answer.text[:300])
        assert answer.json()["message"], name
    assert await her.row() == before
    for kind in ("nothing", "certificate_form", "voucher", "../licence"):
        answer = await her.post(
            "/files",
            {"kind": kind},
            files={"file": ("a.jpg", whole, "image/jpeg")},
            headers={"accept": "application/json"},
        )
        assert answer.status_code in (409, 422), kind
    monkeypatch.setattr(materials, "MOST_BYTES", 1_000)
    much = await her.upload("licence", whole)
    assert "已满 300 MB" in (await her.visitor.get(much.headers["location"], follow_redirects=True)).text
    monkeypatch.undo()
    polyglot = whole + _zip()
    assert (await her.upload("licence", polyglot)).status_code == 303
    async with web.site.engine.connect() as connection:
        file = str(await connection.scalar(text("SELECT id FROM order_materials WHERE replaced_at IS NULL")))
    kept = (await her.get(f"/files/{file}")).content
    assert kept[:3] == b"\xff\xd8\xff"
    assert b"evil" not in kept
    assert b"PK\x03\x04" not in kept
    assert (await her.get(f"/files/{'0' * 16}")).status_code == 404
    png = await her.upload("operator_id.front", sheet(form="PNG", turn=4))
    assert png.status_code == 303
    assert "自动扶正" in (await her.get("/material")).text


async def test_what_an_applicant_typed_lies_nowhere_in_the_clear(web: Web, her: Applicant) -> None:
    await her.confirm()
    await her.identify()
    await her.upload_all()
    await her.consent()
    secret = [*ID_NUMBERS[:2], "15112340305", "18612349043", CREDIT_CODE, "李经办", "王法人", "人民北路"]
    async with web.site.engine.connect() as connection:
        tables = await connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'outbox'")
        )
        for table in tables.all():
            rows = await connection.scalars(text(f"SELECT t::text FROM {table} t"))
            dumped = "\n".join(str(row) for row in rows)
            as_hex = dumped.lower()
            for one in secret:
                assert one not in dumped, (table, one)
                assert one.encode().hex() not in as_hex, (table, one)
