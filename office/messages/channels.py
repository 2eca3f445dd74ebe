"""The ways out of the site: e-mail through SMTP, SMS through an HTTP gateway, and a demonstration's outbox.

Every letter has a key of its own that stays the same when it is tried again: the Message-ID of an e-mail, and
what an SMS gateway tells repetitions by.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final, Protocol

import aiosmtplib
import httpx
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.calling import Caller
from office.messages.kinds import Channel

WITHIN_S: Final = 20.0
LONGEST_SMS: Final = 500
TOO_MANY: Final = 429
SERVER_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to send. `address` and what it says stay out of logs."""

    key: str
    address: str = field(repr=False)
    subject: str = field(repr=False)
    content: str = field(repr=False)
    at: datetime


class SendFault(Exception):
    """It was not sent. `final`: trying again would not help. The text says why, without the address."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Mailer(Protocol):
    """One way out."""

    async def send(self, letter: Letter) -> None:
        """Raises SendFault."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    sender: str
    user: str = ""
    password: SecretStr | None = None
    tls: str = "starttls"
    """"starttls", "tls" from the first byte, or "none" (a server on this machine)."""


class Smtp:
    """E-mail."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def send(self, letter: Letter) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                self._written(letter),
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password.get_secret_value() if server.password else None,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                timeout=WITHIN_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            codes = [one.code for one in refused.recipients]
            raise SendFault(f"refused: {codes}", final=all(code >= 500 for code in codes)) from None
        except aiosmtplib.SMTPResponseException as answer:
            # 5xx is for good, except what is about us and not about the letter (no such user or password).
            raise SendFault(f"answered {answer.code}", final=answer.code in (550, 551, 553, 554)) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            raise SendFault(type(fault).__name__) from None

    def _written(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = letter.address
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{letter.key}@{self._server.sender.rpartition('@')[2].strip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.content)
        return message


@dataclass(frozen=True, slots=True)
class SmsAccount:
    """`signature`: the sender's name that Chinese SMS carry in 【】."""

    url: str
    key_id: str
    secret: SecretStr
    signature: str


class SmsGateway:
    """SMS through an HTTP gateway: a JSON body, signed with HMAC-SHA256 (docs/messages.md).

    X-Signature: the hex HMAC of method, path, moment, key of the letter and SHA-256 of the body, a line each.
    """

    def __init__(self, account: SmsAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    async def send(self, letter: Letter) -> None:
        body = json.dumps(
            {
                "id": letter.key,
                "to": letter.address,
                "text": f"【{self._account.signature}】{letter.content}"[:LONGEST_SMS],
            },
            ensure_ascii=False,
        ).encode()
        try:
            answer = await self._client.post(
                self._account.url, content=body, headers=self.headers(letter, body), timeout=WITHIN_S
            )
        except httpx.HTTPError as fault:
            raise SendFault(type(fault).__name__) from None
        if answer.is_success:
            return
        again = answer.status_code == TOO_MANY or answer.status_code >= SERVER_FAULT
        raise SendFault(f"answered {answer.status_code}", final=not again)

    def headers(self, letter: Letter, body: bytes) -> dict[str, str]:
        caller = Caller(self._account.key_id, self._account.secret)
        path = httpx.URL(self._account.url).path
        signed = caller.headers("POST", path, body, key=letter.key, at=letter.at)
        return {"Content-Type": "application/json", **signed}


class Outbox:
    """In a demonstration nothing leaves the machine: a page shows what would have been sent."""

    def __init__(self, engine: AsyncEngine, channel: Channel) -> None:
        self._engine = engine
        self._channel = channel

    async def send(self, letter: Letter) -> None:
        added = text(
            "INSERT INTO outbox (key, channel, address, subject, content, at)"
            " VALUES (:key, :channel, :address, :subject, :content, :at) ON CONFLICT (key) DO NOTHING"
        )
        row = {name: getattr(letter, name) for name in ("key", "address", "subject", "content", "at")}
        async with self._engine.begin() as connection:
            await connection.execute(added, {**row, "channel": str(self._channel)})


async def outbox_page(engine: AsyncEngine, number: int, size: int) -> tuple[list[Any], int]:
    """What would have been sent, the newest first, and how much in all."""
    found = text("SELECT * FROM outbox ORDER BY id DESC OFFSET :offset LIMIT :size")
    async with engine.connect() as connection:
        rows = (await connection.execute(found, {"offset": (number - 1) * size, "size": size})).all()
        total = (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one()
    return list(rows), int(total)
