"""Where a row of a channel's rules applies: one mechanism behind prices, materials, payment and the rest.

A row names the services, subjects, ways and so on that it is for; what it does not name, it does not ask for.
A `Case` is one business of one subscriber; a row covers it or not. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import ConfigDict, Field

from certificates.authority.port import SubjectKind
from office.identity import IdentityCheck

__all__ = [
    "QR",
    "Case",
    "Circumstance",
    "IdentityCheck",
    "PaymentWay",
    "Person",
    "Row",
    "Scope",
    "Service",
    "SubjectKind",
    "Way",
    "covering",
    "first",
]


class Service(StrEnum):
    """What a subscriber can ask for."""

    ISSUE = "issue"
    ADDITIONAL = "additional"
    RENEW = "renew"
    UNLOCK = "unlock"
    REPLACE = "replace"
    MODIFY = "modify"
    REVOKE = "revoke"
    CONVERT = "convert"


class Way(StrEnum):
    """How it is asked for."""

    ONLINE = "online"
    COUNTER = "counter"
    POST = "post"
    ASSISTANT = "assistant"
    """In the program on the subscriber's own computer."""


class PaymentWay(StrEnum):
    ALIPAY = "alipay"
    WECHAT = "wechat"
    TRANSFER = "transfer"
    """From a bank account; the payer rule binds this one only."""
    ON_THE_SPOT = "on_the_spot"


QR: Final = frozenset({PaymentWay.ALIPAY, PaymentWay.WECHAT})


class Person(StrEnum):
    """Who acts, receives or is checked."""

    OPERATOR = "operator"
    APPLICANT = "applicant"
    LEGAL_REPRESENTATIVE = "legal_representative"
    ORGANIZATION = "organization"


class Circumstance(StrEnum):
    """What can be so in one case and not in another."""

    PREPAID = "prepaid"
    """The money came beforehand: O and L from the corporate account, N from their own."""
    PAID_THERE = "paid_there"
    DISSOLVED = "dissolved"
    SAME_OPERATOR = "same_operator"
    """The operator is the one of the subscriber's last order."""
    NAME_CHANGED = "name_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One business. None: not known, or not chosen yet; no row that asks for it covers the case then."""

    service: Service
    subject: SubjectKind
    way: Way
    product: str | None = None
    authority: str | None = None
    paid_by: PaymentWay | None = None
    identified_by: frozenset[IdentityCheck] = frozenset()
    circumstances: frozenset[Circumstance] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The cases of a row; an empty field asks for nothing."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    services: tuple[Service, ...] = ()
    subjects: tuple[SubjectKind, ...] = ()
    ways: tuple[Way, ...] = ()
    products: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    paid_by: tuple[PaymentWay, ...] = ()
    identified_by: tuple[IdentityCheck, ...] = ()
    when: tuple[Circumstance, ...] = ()
    """All of these are so."""
    unless: tuple[Circumstance, ...] = ()
    """None of these is so."""
    ours: bool = False
    """Our setting: the channel's source leaves it open."""
    note: Annotated[str, Field(max_length=2_000)] = ""
    """What the page says about it, in the channel's words."""

    def covers(self, case: Case) -> bool:
        """Whether the row is for that case."""
        named = (
            (self.services, case.service),
            (self.subjects, case.subject),
            (self.ways, case.way),
            (self.products, case.product),
            (self.authorities, case.authority),
            (self.paid_by, case.paid_by),
        )
        return (
            all(not asked or one in asked for asked, one in named)
            and (not self.identified_by or not case.identified_by.isdisjoint(self.identified_by))
            and case.circumstances.issuperset(self.when)
            and case.circumstances.isdisjoint(self.unless)
        )

    def may_cover(self, case: Case) -> bool:
        """Whether the row can come to be for that case, once all that is open now is known."""
        named = ((self.services, case.service), (self.subjects, case.subject), (self.ways, case.way))
        open_still = ((self.products, case.product), (self.authorities, case.authority))
        return all(not asked or one in asked for asked, one in named) and all(
            not asked or one is None or one in asked for asked, one in open_still
        )


Row = TypeVar("Row", bound=Scope)


def covering(rows: Iterable[Row], case: Case) -> tuple[Row, ...]:
    """All rows for a case, in their order."""
    return tuple(row for row in rows if row.covers(case))


def first(rows: Iterable[Row], case: Case) -> Row | None:
    """The first row for a case: earlier rows win, so the special stands before the general."""
    return next((row for row in rows if row.covers(case)), None)
