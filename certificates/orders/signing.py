"""Consent by the UKey that is held: what is shown and signed, and what is kept of it.

The text names the order, the channel and whom the certificate names; the UKey signs a statement with its SM3.
Changed details make another text: what was signed before is no consent to that.
Source: spec/certificates.md, "Channels, services, ways": additional; "The other services": modify.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.model import ChannelRules, Consent, ConsentBy, Service, SubjectKind
from certificates.catalogue.scope import Case
from certificates.issuing import issued
from certificates.issuing.issued import Issued
from certificates.orders.mine import Mine
from certificates.orders.order import Order, business, locked
from certificates.orders.performing import NotAllowed, Stale, perform
from certificates.orders.states import OrderAct, OrderActor, OrderState
from signing.statements import digest_of_text

_KEEP: Final = text(
    "INSERT INTO order_signatures (number, version, serial, digest, statement, made_at)"
    " VALUES (:number, :version, :serial, :digest, :statement, :now)"
)
_KNOWN: Final = text(
    "SELECT count(*) FROM order_signatures"
    " WHERE number = :number AND version = :version AND serial = :serial AND digest = :digest"
)
_BUSINESS: Final[Mapping[Service, str]] = {
    Service.ADDITIONAL: "增办一个同名的数字证书和电子印章",
    Service.MODIFY: "变更数字证书，原来的证书在写入新证书以后注销",
}
_WILL: Final = (
    "我同意申请电子签名认证证书，自愿遵守证书机构的《电子认证业务规则》。"
    "本人保证所提交的申请资料真实、准确、完整，愿意承担因资料虚假失实而导致的一切后果。"
)


def ways_to_consent(rules: ChannelRules, case: Case) -> tuple[ConsentBy, ...]:
    """All of these are asked for."""
    rule: Consent | None = rules.consent_of(case)
    return rule.by if rule is not None else (ConsentBy.CODE,)


def consent_text(mine: Mine) -> str:
    """What the assistant shows and the UKey signs: Chinese, as what is consented to. Numbers as on the form,
    because they say what the certificate will name; it is shown on the subscriber's own computer."""
    order, details = mine.order, mine.details
    lines = [
        f"申请：{_BUSINESS.get(Service(order.service), '办理数字证书业务')}",
        f"渠道：{mine.rules.name}",
        f"订单号：{order.number}",
    ]
    if mine.case.subject is not SubjectKind.NATURAL_PERSON:
        lines.append(f"单位名称：{details.get('organization_name', '')}")
        lines.append(f"统一社会信用代码：{details.get('credit_code', '')}")
    if mine.case.subject is not SubjectKind.ORGANIZATION:
        lines.append(f"姓名：{details.get('applicant_name', '')}")
    return "\n".join([*lines, _WILL])


def digest_of(mine: Mine) -> str:
    return digest_of_text(consent_text(mine)).hex()


async def is_signed(connection: AsyncConnection, mine: Mine) -> bool:
    """Whether the certificate of this order has signed it as it is now."""
    order = mine.order
    values = {"number": order.number, "version": order.version, "serial": order.about_certificate}
    return bool(await connection.scalar(_KNOWN, {**values, "digest": digest_of(mine)}))


class Signing:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def signer(self, mine: Mine) -> Issued | None:
        """The certificate that has to sign: the one that the order is about, of this subject."""
        async with self._engine.connect() as connection:
            return await issued.about(connection, mine.order)

    async def signed(self, mine: Mine) -> bool:
        async with self._engine.connect() as connection:
            return await is_signed(connection, mine)

    async def keep(self, mine: Mine, digest: str, statement: bytes, *, version: int, now: datetime) -> Order:
        """A signature that was checked. Where nothing else is asked for, the order is consented to.

        `version`: of the order when it was to be signed; after a change it consents to nothing.

        Raises NotAllowed, Stale, Lacks.
        """
        number = mine.order.number
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            if order.state is not OrderState.AWAITING_CONSENT:
                raise NotAllowed(order.state, OrderAct.CONSENT, OrderActor.APPLICANT)
            if order.version != version or digest != digest_of(mine):
                raise Stale(number)
            values = {"number": number, "version": version, "serial": order.about_certificate}
            await connection.execute(_KEEP, {**values, "digest": digest, "statement": statement, "now": now})
            if ways_to_consent(mine.rules, business(order)) != (ConsentBy.UKEY,):
                return order
            facts = {"signed": "valid"}
            return await perform(connection, number, OrderAct.CONSENT, mine.by, now=now, facts=facts)
