"""The channels of this installation, and the rounds of messages: composition only."""

from collections.abc import Mapping

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from luochui.settings import Settings
from office.marks import Marks
from office.messages.channels import Mailer, Outbox, SmsAccount, SmsGateway, Smtp, SmtpServer
from office.messages.delivering import DeliveryRound, Platform
from office.messages.kinds import Channel
from office.sealed.port import Sealed

MOST_CONNECTIONS = 5


def marks(settings: Settings) -> Marks:
    """What the web, the steward and the authority compare and open."""
    return Marks(settings.required_data_secret())


def mailers(settings: Settings, engine: AsyncEngine) -> Mapping[Channel, Mailer]:
    """In a demonstration nothing leaves the machine. A channel without its settings is not there."""
    if settings.demo:
        return {channel: Outbox(engine, channel) for channel in Channel}
    found: dict[Channel, Mailer] = {}
    if settings.smtp_host is not None:
        found[Channel.EMAIL] = Smtp(
            SmtpServer(
                host=settings.smtp_host,
                port=settings.smtp_port,
                sender=settings.smtp_sender or "",
                user=settings.smtp_user or "",
                password=settings.smtp_password,
                tls=settings.smtp_tls,
            )
        )
    if settings.sms_url is not None and settings.sms_secret is not None:
        account = SmsAccount(
            url=settings.sms_url,
            key_id=settings.sms_key_id,
            secret=settings.sms_secret,
            signature=settings.sms_signature or settings.platform_name,
        )
        limits = httpx.Limits(max_connections=MOST_CONNECTIONS)
        found[Channel.SMS] = SmsGateway(account, httpx.AsyncClient(limits=limits, trust_env=False))
    return found


def delivery_round(settings: Settings, engine: AsyncEngine, sealed: Sealed) -> DeliveryRound:
    address = settings.origins[0] if settings.origins else settings.address()
    platform = Platform(settings.platform_name, address)
    return DeliveryRound(engine, sealed, marks(settings), mailers(settings, engine), platform)
