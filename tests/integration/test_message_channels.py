"""E-mail against a real SMTP server, SMS against a gateway that checks signatures; reminders, each once."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from luochui.messaging import mailers
from luochui.settings import Settings, contradictions
from office.database import create_engine
from office.messages.channels import Letter, Outbox, SendFault, SmsAccount, SmsGateway, Smtp, SmtpServer
from office.messages.kinds import Channel
from tests.tradingkit import a_clock, make_listing
from trading.lifecycle.states import LotState
from trading.reminders import ReminderRound

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LETTER = Letter("m1-email", "zhang@example.cn", "公告已发布", "标的“公务车”的公告已发布。", NOW)
SECRET = "a secret of the gateway"


class Mailbox:
    """An SMTP server's memory; recipients at refused.cn have no mailbox."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.endswith("@refused.cn"):
            return "550 no such mailbox"
        if address.endswith("@later.cn"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope.content)
        return "250 OK"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        yield box, server.sockets[0].getsockname()[1]


def smtp(port: int) -> Smtp:
    return Smtp(SmtpServer(host="127.0.0.1", port=port, sender="auction@example.cn", tls="none"))


async def test_an_e_mail_arrives_as_it_was_written(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    await smtp(port).send(LETTER)
    message = message_from_bytes(box.received[0])
    assert str(make_header(decode_header(message["Subject"]))) == "公告已发布"
    assert (message["To"], message["Message-ID"]) == ("zhang@example.cn", "<m1-email@example.cn>")
    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "公告已发布" in body.decode()


@pytest.mark.parametrize(("address", "final"), [("a@refused.cn", True), ("a@later.cn", False)])
async def test_a_refused_e_mail_says_whether_it_may_be_tried_again(
    mailbox: tuple[Mailbox, int], address: str, final: bool
) -> None:
    with pytest.raises(SendFault) as fault:
        await smtp(mailbox[1]).send(Letter("k", address, "s", "c", NOW))
    assert fault.value.final is final
    assert address not in str(fault.value)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(SendFault) as fault:
        await smtp(1).send(LETTER)
    assert not fault.value.final


async def test_nothing_in_a_letter_becomes_a_header(mailbox: tuple[Mailbox, int]) -> None:
    with pytest.raises(SendFault):
        await smtp(mailbox[1]).send(Letter("k", "a@example.cn", "s\nBcc: x@example.cn", "c", NOW))
    assert mailbox[0].received == []


def gateway(answer: httpx.Response | Exception, seen: list[httpx.Request]) -> SmsGateway:
    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    account = SmsAccount("https://sms.example.cn/v1/messages", "auction", SecretStr(SECRET), "示例中心")
    return SmsGateway(account, httpx.AsyncClient(transport=httpx.MockTransport(handle)))


async def test_an_sms_is_signed_and_carries_its_key() -> None:
    seen: list[httpx.Request] = []
    await gateway(httpx.Response(202), seen).send(Letter("r1", "+8613800138000", "", "您有一条新消息。", NOW))
    (request,) = seen
    digest = hashlib.sha256(request.content).hexdigest()
    signed = "\n".join(("POST", "/v1/messages", str(int(NOW.timestamp())), "r1", digest))
    expected = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == expected
    assert request.headers["x-idempotency-key"] == "r1"
    body = json.loads(request.content)
    assert body == {"id": "r1", "to": "+8613800138000", "text": "【示例中心】您有一条新消息。"}


@pytest.mark.parametrize(
    ("answer", "final"),
    [
        (httpx.Response(400), True),
        (httpx.Response(429), False),
        (httpx.Response(503), False),
        (httpx.ConnectTimeout("x"), False),
    ],
)
async def test_a_refused_sms_says_whether_it_may_be_tried_again(
    answer: httpx.Response | Exception, final: bool
) -> None:
    with pytest.raises(SendFault) as fault:
        await gateway(answer, []).send(LETTER)
    assert fault.value.final is final


def test_an_installation_has_the_channels_of_its_settings(database: str) -> None:
    engine = create_engine(database)
    assert mailers(Settings(), engine) == {}
    demo = mailers(Settings(demo=True, smtp_host="smtp.example.cn"), engine)
    assert all(isinstance(mailer, Outbox) for mailer in demo.values())
    whole = Settings(
        smtp_host="smtp.example.cn",
        smtp_sender="a@example.cn",
        sms_url="https://sms.example.cn/",
        sms_secret=SecretStr("x" * 32),
    )
    assert set(mailers(whole, engine)) == set(Channel)
    assert contradictions(whole) == []
    wrong = Settings(
        smtp_host="smtp.example.cn", smtp_user="a", smtp_tls="none", sms_url="http://sms.example.cn"
    )
    names = {fault.variable for fault in contradictions(wrong)}
    assert names == {"LUOCHUI_SMTP_SENDER", "LUOCHUI_SMTP_TLS", "LUOCHUI_SMS_SECRET", "LUOCHUI_SMS_URL"}


# ── reminders ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database, pool_size=3)
    yield engine
    await engine.dispose()


async def kinds_told(engine: AsyncEngine, since: int) -> Sequence[str]:
    found = text("SELECT kind FROM messages WHERE kind LIKE 'reminder.%' AND id > :since ORDER BY id")
    async with engine.connect() as connection:
        return list((await connection.execute(found, {"since": since})).scalars())


async def test_registrants_are_reminded_once_of_the_end_of_registration(engine: AsyncEngine) -> None:
    listing = await make_listing(engine, LotState.ANNOUNCED, clock=a_clock())
    assert listing.registration_ends is not None
    reminders, ends = ReminderRound(engine), listing.registration_ends
    assert await reminders.round(ends - timedelta(hours=25)) == 0
    assert await reminders.round(ends - timedelta(hours=23)) == 1
    assert await reminders.round(ends - timedelta(hours=22)) == 0
    assert await reminders.round(ends + timedelta(hours=1)) == 0
    assert await kinds_told(engine, 0) == ["reminder.registration_ends"]
    moved = text("UPDATE listings SET registration_ends = registration_ends + interval '3 days'")
    async with engine.begin() as connection:
        await connection.execute(moved)
    assert await reminders.round(ends + timedelta(days=2, hours=1)) == 1


async def test_registrants_are_reminded_a_day_and_an_hour_before_the_opening(engine: AsyncEngine) -> None:
    listing = await make_listing(engine, LotState.IN_AUCTION, clock=a_clock())
    opens = NOW + timedelta(days=30)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE listings SET opens_at = :opens"), {"opens": opens})
    reminders = ReminderRound(engine)
    for before, count in ((25, 0), (23, 1), (2, 0), (0.9, 1), (0.5, 0), (-1, 0)):
        assert await reminders.round(opens - timedelta(hours=before)) == count, before
    async with engine.connect() as connection:
        found = text("SELECT lot, account_id, registration FROM messages WHERE kind = 'reminder.opening'")
        rows = (await connection.execute(found)).all()
    assert [tuple(row) for row in rows] == [(listing.lot, None, None)] * 2


async def test_the_transferor_is_reminded_of_a_due_date(engine: AsyncEngine) -> None:
    listing = await make_listing(engine, LotState.CONTRACT, clock=a_clock())
    due = NOW + timedelta(days=30)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE listings SET due_at = :due"), {"due": due})
    assert await ReminderRound(engine).round(due - timedelta(days=1)) == 1
    async with engine.connect() as connection:
        found = text("SELECT account_id FROM messages WHERE kind = 'reminder.due'")
        assert listing.transferor_id in set((await connection.execute(found)).scalars())
