"""Which certificate an order is about: really issued, to this subject, by who has to be asked.

Renew, unlock, replace, modify, revoke and convert are about one certificate; an additional one is consented
to with one. It is looked at when it is chosen, and again on the locked row when the order is confirmed and
when it is approved (needs.py), and at every step of carrying it out (`still`): what was so at the beginning
need not be so any more.
Source: spec/certificates.md, "Who takes part", "The other services".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules, Service, Step, SubjectKind
from certificates.catalogue.scope import Case, first
from certificates.catalogue.store import channel_on
from certificates.catalogue.terms import Standing, window_of
from certificates.issuing import issued
from certificates.issuing.issued import Issued
from certificates.issuing.states import Holding
from certificates.orders.order import Order, business
from certificates.orders.states import OrderState
from office.subject_operators import acts_for
from office.working_days import day_of

CHOOSING: Final = frozenset({Step.HELD_UKEY, Step.CHOOSE_ORDER})
"""The steps at which the certificate is named."""
KEEPS_TERM: Final = frozenset({Service.REPLACE, Service.MODIFY, Service.CONVERT})
"""What takes a certificate's place until its end: there is none left of an expired one."""
SIGNS: Final = frozenset({Service.ADDITIONAL})
"""The certificate signs: it has to be valid now."""


class Hindrance(StrEnum):
    """Why a certificate can't be the one: what a page puts into words, with what to do instead."""

    NONE_THERE = "none_there"
    """Not issued here, or to somebody else: one answer for both."""
    OTHER_SUBJECT = "other_subject"
    OTHER_AUTHORITY = "other_authority"
    OTHER_CHANNEL = "other_channel"
    NOT_WRITTEN = "not_written"
    REVOKED = "revoked"
    FOLLOWED = "followed"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    BUSY = "busy"
    """Another order that changes it is going on."""
    AUTHORITY_ENDED = "authority_ended"
    """The account that began the order does not act for its organization any more."""


class AboutRefused(Exception):
    """This certificate can't be chosen, or not any more."""

    def __init__(self, hindrance: Hindrance, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(str(hindrance))
        self.hindrance, self.facts = hindrance, dict(facts or {})


@dataclass(frozen=True, slots=True)
class Standings:
    """How a certificate stands to a service. `day`: on which it opens, or the last one on which it was."""

    hindrance: Hindrance | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


FINE: Final = Standings()


def needs_certificate(order: Order) -> bool:
    """Whether this order names a certificate; the channel's steps say so."""
    return not CHOOSING.isdisjoint(order.steps)


def may_issue(rules: ChannelRules, case: Case, about_authority: str) -> Collection[str]:
    """Who may carry it out: the channel's authorities, and where they convert, the issuer besides."""
    conversion = first(rules.conversions, case) if case.service is Service.CONVERT else None
    issuer = (about_authority,) if about_authority and conversion and conversion.issuer_too else ()
    return tuple(dict.fromkeys((*rules.authorities, *issuer)))


_GONE: Final[Mapping[Holding, Hindrance]] = {
    Holding.REVOKED: Hindrance.REVOKED,
    Holding.FOLLOWED: Hindrance.FOLLOWED,
    Holding.MADE: Hindrance.NOT_WRITTEN,
}


def standing_of(
    rules: ChannelRules, case: Case, row: Issued, now: datetime, *, lost: bool = False
) -> Standings:
    """Whether a certificate can be the one of this business now. Pure; whose it is, the caller knows, and
    whether it is revoked because it was `lost`."""
    if row.subject != case.subject:
        return Standings(Hindrance.OTHER_SUBJECT)
    if row.state in _GONE and not (lost and row.state is Holding.REVOKED):
        return Standings(_GONE[row.state])
    elsewhere = _elsewhere(rules, case, row)
    if elsewhere is not None:
        return elsewhere
    if now > row.valid_until and case.service in KEEPS_TERM | SIGNS:
        return Standings(Hindrance.EXPIRED, {"day": day_of(row.valid_until)})
    return _window(rules, case, row, now)


def _elsewhere(rules: ChannelRules, case: Case, row: Issued) -> Standings | None:
    """Go to the authority that issued; only converting may be done by others."""
    if case.service is Service.CONVERT:
        return None
    asked = case.authority or None
    wrong = row.authority != asked if asked is not None else row.authority not in rules.authorities
    return Standings(Hindrance.OTHER_AUTHORITY, {"authority": row.authority}) if wrong else None


def _window(rules: ChannelRules, case: Case, row: Issued, now: datetime) -> Standings:
    if case.service is not Service.RENEW:
        return FINE
    window = window_of(rules, case, row.valid_until)
    if window is None:
        return Standings(Hindrance.TOO_LATE, {"day": day_of(row.valid_until)})
    standing = window.standing(now)
    if standing is Standing.TOO_EARLY:
        return Standings(Hindrance.TOO_EARLY, {"day": window.opens})
    if standing is Standing.TOO_LATE:
        ended = day_of(row.valid_until) if window.only_valid else window.last_day
        return Standings(Hindrance.TOO_LATE, {"day": ended})
    return FINE


# ── on the rows ─────────────────────────────────────────────────────────────────────────────────────────────

_OTHERS: Final = text(
    "SELECT number FROM orders WHERE about_certificate = :serial AND number <> :number"
    " AND service = ANY(:services) AND NOT (state = ANY(:over)) LIMIT 1"
)
_CHANGES: Final = frozenset({Service.RENEW, Service.MODIFY, Service.CONVERT})
"""One of these at a time. A forgotten PIN, a lost UKey and a revocation don't wait for it."""
_IN_THE_UKEY: Final = _CHANGES | {Service.UNLOCK}
"""Done with the UKey that is held: not while it is known as lost, or its certificate is being revoked."""
_SENT_OFF: Final = (OrderState.FILLING, OrderState.RETURNED, OrderState.REJECTED)
"""Where an order comes from that is to go on from now; a rejection may be taken back."""
_ENDS: Final = (Service.REPLACE, Service.REVOKE)
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:serial, 1330660683))")
_ENDING: Final = text(
    "SELECT number FROM orders WHERE about_certificate = :serial AND number <> :number"
    " AND service = ANY(:services) AND state IN ('approved', 'issuing') LIMIT 1"
)
_OVER: Final = ("filling", "done", "cancelled", "rejected", "expired")
_LOST: Final = text(
    "SELECT EXISTS (SELECT FROM authority_requests r JOIN orders o ON o.number = r.number"
    " WHERE r.kind = 'revocation' AND r.serial = :serial AND o.service = 'replace')"
    " AND NOT EXISTS (SELECT FROM issued_certificates c JOIN orders o ON o.number = c.number"
    " WHERE c.follows = :serial AND c.number <> :number AND (c.state <> 'revoked' OR o.state = 'done'))"
)


async def look_again(connection: AsyncConnection, order: Order, now: datetime) -> Standings:
    """Who began an order and its certificate, as they are now: for whom, whose, not revoked, in its window;
    not another order's, when the order is sent off."""
    if not await authorized(connection, order, now):
        return Standings(Hindrance.AUTHORITY_ENDED)
    if not needs_certificate(order):
        return FINE
    row = await issued.about(connection, order) if order.about_certificate else None
    if row is None:
        return Standings(Hindrance.NONE_THERE)
    stored = await channel_on(connection, order.catalogue_id)
    if stored is None:
        return Standings(Hindrance.NONE_THERE)
    lost = await is_lost(connection, order, row.serial)
    found = standing_of(stored.rules, business(order), row, now, lost=lost)
    if found.hindrance is None and order.state in _SENT_OFF:
        return await alone(connection, order, row.serial)
    return found


async def still(connection: AsyncConnection, order: Order, now: datetime) -> Standings:
    """Whether an order that was approved may still be carried out on its certificate, whose row is held from
    here on. Windows and terms were judged when it was approved.

    A revocation is always carried out. An additional one is in nobody's place: a renewed one may have signed.
    """
    service = Service(order.service)
    if service is Service.REVOKE:
        return FINE
    if not await authorized(connection, order, now):
        return Standings(Hindrance.AUTHORITY_ENDED)
    if not order.about_certificate:
        return FINE
    row = await issued.about(connection, order, lock=True)
    if row is None:
        return Standings(Hindrance.NONE_THERE)
    if row.state is Holding.REVOKED:
        return FINE if await is_lost(connection, order, row.serial) else Standings(Hindrance.REVOKED)
    if row.state is Holding.FOLLOWED and service is not Service.ADDITIONAL:
        return Standings(Hindrance.FOLLOWED)
    if row.state is Holding.MADE:
        return Standings(Hindrance.NOT_WRITTEN)
    values: dict[str, Any] = {"serial": row.serial, "number": order.number, "services": list(_ENDS)}
    ending = await connection.scalar(_ENDING, values) if service in _IN_THE_UKEY else None
    return FINE if ending is None else Standings(Hindrance.BUSY, {"number": str(ending)})


async def authorized(connection: AsyncConnection, order: Order, now: datetime) -> bool:
    """Whether who began the order still acts for whom it is."""
    if order.market_subject is None or order.account_id is None:
        return True
    return await acts_for(connection, order.account_id, order.market_subject, now)


async def is_lost(connection: AsyncConnection, order: Order, serial: str) -> bool:
    """A lost certificate is revoked as soon as its replacement is approved, and stays so whatever becomes of
    that order: it may be replaced as long as none is in its place."""
    values = {"number": order.number, "serial": serial}
    return order.service == Service.REPLACE and bool(await connection.scalar(_LOST, values))


async def alone(connection: AsyncConnection, order: Order, serial: str) -> Standings:
    """Two orders that change one certificate are in each other's way: the one sent first goes on. Two at once
    wait for each other."""
    if Service(order.service) not in _CHANGES:
        return FINE
    await connection.execute(_ONE_AT_A_TIME, {"serial": serial})
    values = {"serial": serial, "number": order.number, "services": sorted(_CHANGES), "over": list(_OVER)}
    other = await connection.scalar(_OTHERS, values)
    return FINE if other is None else Standings(Hindrance.BUSY, {"number": str(other)})


def fixed_by_certificate(order: Order) -> frozenset[str]:
    """The fields that the certificate decides. The subject stays; where a name may change, it is typed."""
    service, subject = Service(order.service), SubjectKind(order.subject)
    found = set[str]()
    if subject is not SubjectKind.NATURAL_PERSON:
        found |= {"credit_code", *([] if service is Service.MODIFY else ["organization_name"])}
    if subject is not SubjectKind.ORGANIZATION:
        found |= {"applicant_number", "applicant_document"}
        found |= set() if service is Service.MODIFY else {"applicant_name"}
    return frozenset(found)


REASONS: Final[Mapping[Hindrance, str]] = {
    Hindrance.NONE_THERE: "没有找到这个订单所说的证书。",
    Hindrance.OTHER_SUBJECT: "这张证书不是这一类主体的证书。",
    Hindrance.OTHER_AUTHORITY: "这张证书是另一家证书机构发的，请到发证机构办理。",
    Hindrance.OTHER_CHANNEL: "这张证书是在另一个渠道办的，请到原来的渠道办理。",
    Hindrance.NOT_WRITTEN: "这张证书还没有写入 UKey。",
    Hindrance.REVOKED: "这张证书已注销，不能再办理。需要证书的，请重新申请。",
    Hindrance.FOLLOWED: "这张证书已经更新过。",
    Hindrance.EXPIRED: "这张证书已在 {day} 过期。",
    Hindrance.TOO_EARLY: "还不能更新：{day} 起可以办理。",
    Hindrance.TOO_LATE: "已经过了可以在线更新的时间（到 {day} 为止）。请到窗口、邮寄办理，或者重新申请。",
    Hindrance.BUSY: "这张证书已有另一个订单正在办理。",
    Hindrance.AUTHORITY_ENDED: "办理这个订单的经办人，授权已经结束。请由现在的经办人重新办理。",
}
"""Why the system refuses, in the history and in the SMS: Chinese, like every reason that a clerk writes."""


def reason(found: Standings) -> str:
    """Raises KeyError for what is no hindrance."""
    assert found.hindrance is not None
    day = found.facts.get("day")
    return REASONS[found.hindrance].format(day=day.isoformat() if day is not None else "")
