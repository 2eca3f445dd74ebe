"""Money, times, places and hand-over. Pure; part of model.py."""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from certificates.catalogue.bounds import Days, EnglishName, Key, Text, Word
from certificates.catalogue.scope import PaymentWay, Person, Scope, Way


class Payer(StrEnum):
    """Whose bank account a transfer comes from."""

    ORGANIZATION = "organization"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Scope):
    """A way to pay. `payers` is said for transfers, and for them only."""

    by: PaymentWay
    payers: tuple[Payer, ...] = ()
    days_ahead: Annotated[int, Field(ge=0, le=10)] = 0
    """Working days that a transfer has to be made before somebody comes."""
    voucher: bool = False
    """The voucher is uploaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary:
    """The account that transfers go to."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    holder: Word
    bank: Word
    number: Annotated[str, Field(pattern=r"^[0-9 ]{8,40}$")]
    remark: Annotated[str, Field(max_length=60)] = ""
    """What the transfer's remark has to be, exactly."""
    ours: bool = False


class InvoiceTitle(StrEnum):
    SUBSCRIBER = "subscriber"
    """Fixed to the subscriber's name."""
    NOT_PERSONAL = "not_personal"
    """Typed; 个人 is refused."""
    TYPED = "typed"


class Told(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    PUBLIC_ACCOUNT = "public_account"


class InvoicedAfter(StrEnum):
    PAYMENT = "payment"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(Scope):
    """An electronic invoice: its title, and how and when it comes."""

    title: InvoiceTitle = InvoiceTitle.TYPED
    by: Annotated[tuple[Told, ...], Field(min_length=1)]
    to: Person
    working_days: Days | None = None
    """At most so many after `after`; None: the source does not say."""
    after: InvoicedAfter = InvoicedAfter.COMPLETION
    tax_number_optional: bool = False


# ── times, places, hand-over ────────────────────────────────────────────────────────────────────────────────


class CountedFrom(StrEnum):
    APPLICATION = "application"
    PAYMENT = "payment"
    RECEIPT = "receipt"
    """Of the paper; the courier's time is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review(Scope):
    """How long a review takes, and who does it."""

    least_days: Days = 0
    working_days: Days
    """At most; 0: the same day."""
    counted_from: CountedFrom = CountedFrom.PAYMENT
    needs_money: bool = True
    """It begins only once the money is in (where there is a price)."""
    automatic: bool = False
    """The system decides, at once."""
    four_eyes: bool = False
    """Another clerk confirms."""


class PinWay(StrEnum):
    SMS = "sms"
    TRANSFER_REMARK = "transfer_remark"
    """In the remark of a transfer of 0.01 yuan."""
    UNCHANGED = "unchanged"
    CHOSEN = "chosen"
    """The subscriber sets a new one in the assistant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin(Scope):
    """How the PIN comes, and to whom."""

    by: PinWay
    to: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class PinLength:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    least: Annotated[int, Field(ge=4, le=16)] = 6
    most: Annotated[int, Field(ge=4, le=16)] = 16
    ours: bool = False


class TermStart(StrEnum):
    """What a renewed term is counted from after the expiry."""

    DOWNLOAD = "download"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal(Scope):
    """When a certificate can be renewed. None: no limit on that side."""

    days_before: Days | None = None
    """From so many days before the expiry."""
    day_included: bool = True
    """Whether exactly so many days left is early enough ("within"), or not ("fewer than")."""
    expired_days: Days | None = None
    """Until so many days after the expiry; 0: only while it is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewedTerm(Scope):
    """What the new term is counted from: before the expiry always from it; after it as said here."""

    expired_from: TermStart


class Change(StrEnum):
    NAME = "name"
    ADDRESS = "address"
    SEAL = "seal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification(Scope):
    """What can be changed; `needed_for`: what has to be (other changes need no new certificate)."""

    changes: Annotated[tuple[Change, ...], Field(min_length=1)]
    needed_for: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement(Scope):
    """The lost certificate's data and term; who may find the order, and whether the lost one is revoked."""

    found_by: tuple[Person, ...] = ()
    revokes_lost: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion(Scope):
    """The exchange of a seal that does not follow the standard."""

    standard: Word
    cut_off: date | None = None
    """From this day on such seals are refused; None: not yet."""
    issuer_too: bool = True
    """Besides the channel's authorities, whoever issued the certificate does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(Scope):
    """When a counter is open, on working days. Beijing time."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A place where people come, or to which they send."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    name_en: EnglishName = ""
    address: Annotated[str, Field(min_length=1, max_length=200)]
    takes: Annotated[tuple[Way, ...], Field(min_length=1)]
    """counter: people come; post: paper is sent there."""
    hours: tuple[Hours, ...] = ()
    recipient: Annotated[str, Field(max_length=100)] = ""
    """Whom a parcel is addressed to."""
    phone: Annotated[str, Field(max_length=60)] = ""
    ours: bool = False
    note: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance(Scope):
    """Who has to come in person."""

    who: Person


class DeliveryWay(StrEnum):
    COURIER = "courier"
    COLLECTION = "collection"
    ASSISTANT = "assistant"
    """Nothing is sent: the subscriber's UKey is written at home."""


class Freight(StrEnum):
    FREE = "free"
    COLLECT = "collect"
    SUBSCRIBER = "subscriber"
    """Both ways, by the subscriber."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Scope):
    """How the UKey reaches the subscriber, and who pays the courier."""

    by: DeliveryWay
    freight: Freight = Freight.NONE
    carrier: Annotated[str, Field(max_length=40)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark(Scope):
    """Something that people should know; the note says it."""
