"""A channel's rules: everything in which one channel differs from another, as typed frozen values. Pure.

The data stand in data/*.toml and, versioned, in the database; reading.py makes these values of them. Money in
fen, times of day in Beijing, days are working days where the name says so.
Source: spec/certificates.md; `ours` marks what the sources leave open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from certificates.authority.port import SubjectKind
from certificates.catalogue.scope import (
    Case,
    Circumstance,
    IdentityCheck,
    PaymentWay,
    Scope,
    Service,
    Way,
    covering,
    first,
)

__all__ = ["Case", "Circumstance", "IdentityCheck", "PaymentWay", "Scope", "Service", "SubjectKind", "Way"]

MOST_ROWS: Final = 300
MOST_YEARS: Final = 5

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=2_000)]
Fen = Annotated[int, Field(ge=0, le=100_000_000)]
Days = Annotated[int, Field(ge=0, le=1_000)]
Years = Annotated[int, Field(ge=1, le=MOST_YEARS)]


# ── what is offered ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Scope):
    """A service that exists here, for whom and how. What has no offer does not exist."""

    begins_online: bool = False
    """The form is filled in and uploaded online first, then the paper comes by the way of the case."""
    signed_with_held: bool = False
    """A valid certificate of the same name, of the same authority, signs the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere(Scope):
    """Where to go with what is not offered here; the note says it in words."""

    channel: str = ""
    """The channel that does it, "" for none."""


class Medium(StrEnum):
    UKEY = "ukey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A kind of certificate that can be bought. `months`: its term where years can't be chosen."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    subject: SubjectKind
    names_organization: bool = False
    """A person's certificate that names the organization, too (issued in the form of L)."""
    months: Annotated[int, Field(ge=1, le=60)] | None = None
    """The term of the first issue; None: years are chosen."""
    authorities: tuple[Key, ...] = ()
    """Who has it; empty: all of the channel's authorities."""
    medium: Medium = Medium.UKEY
    ours: bool = False
    note: Text = ""


class PartKind(StrEnum):
    CERTIFICATE = "certificate"
    MEDIUM = "medium"
    SEAL = "seal"
    REPLACEMENT = "replacement"


class Per(StrEnum):
    ONCE = "once"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPrice:
    """What one part costs, once or for each year."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: PartKind
    fen: Fen
    per: Per = Per.ONCE
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Scope):
    """What a case costs. No part: free of charge."""

    parts: tuple[PartPrice, ...] = ()
    most_years: Years | None = None
    """So many years can be chosen, from 1; None: nothing is chosen (a fixed term, or no new term)."""
    stated_years: Years = MOST_YEARS
    """For more years than this the sum is ours."""


# ── the way of an order ─────────────────────────────────────────────────────────────────────────────────────


class Step(StrEnum):
    """What an order can go through. Who does it: the applicant up to payment, then clerks and the system."""

    REQUEST = "request"
    """On the unified registration platform: kind, seal, region and address, operator."""
    AUTHORITY = "authority"
    AGREEMENTS = "agreements"
    HELD_UKEY = "held_ukey"
    """The UKey is plugged in, exactly one, and its certificate read."""
    CHOOSE_ORDER = "choose_order"
    """The earlier order whose certificate it is about, by a one-time code."""
    SEAL_CHECK = "seal_check"
    """The seal is held against GB/T 38540-2020."""
    DETAILS = "details"
    CONFIRM = "confirm"
    PRINT_FORM = "print_form"
    UPLOADS = "uploads"
    IDENTITY = "identity"
    CONSENT = "consent"
    DELIVERY = "delivery"
    PAYMENT = "payment"
    VOUCHER = "voucher"
    PAPER = "paper"
    """Paper (and UKey) handed in at the counter or sent by post."""
    REVIEW = "review"
    AUTHORIZATION_CODE = "authorization_code"
    """An unlock's code, with which the assistant sets a new PIN."""
    ISSUE = "issue"
    REVOKE = "revoke"
    INSTALL = "install"
    """The subscriber's assistant writes certificate and seal into the UKey."""
    PIN = "pin"
    INVOICE = "invoice"
    COURIER = "courier"
    HANDOVER = "handover"
    """Handed over at the counter, against a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One place of the progress bar, with the steps that belong to it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Word
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Scope):
    """The steps of a case, under the places of its progress bar."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=12)]

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for stage in self.stages for step in stage.steps)


class AgreementKind(StrEnum):
    SERVICE = "service"
    PRACTICE_RULES = "practice_rules"
    """电子认证业务规则"""
    PRIVACY = "privacy"
    PERSONAL_DATA = "personal_data"
    SENSITIVE_DATA = "sensitive_data"
    RISK = "risk"
    """风险知情书"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Scope):
    """Accepted by itself; version and time are kept with the order."""

    kind: AgreementKind
    title: Word
    version: Annotated[str, Field(min_length=1, max_length=20)]
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class Person(StrEnum):
    """Who acts, receives or is checked."""

    OPERATOR = "operator"
    APPLICANT = "applicant"
    LEGAL_REPRESENTATIVE = "legal_representative"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Scope):
    """Whose identity is checked; one of the checks is chosen."""

    whose: Person
    checks: Annotated[tuple[IdentityCheck, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Scope):
    """Who consents by one-time code."""

    whose: Person


class Document(StrEnum):
    """What is handed in or uploaded."""

    CERTIFICATE_FORM = "certificate_form"
    LICENCE = "licence"
    OPERATOR_ID = "operator_id"
    APPLICANT_ID = "applicant_id"
    SEAL_SAMPLE_FORM = "seal_sample_form"
    VOUCHER = "voucher"
    CHANGE_NOTICE = "change_notice"
    HOUSEHOLD_REGISTER = "household_register"
    """The page with the former and the present name."""
    DISSOLUTION_NOTICE = "dissolution_notice"
    UKEY = "ukey"


class Mark(StrEnum):
    """What has to be on a paper by hand. An electronic seal, or a scan printed after stamping, is none."""

    STAMP = "stamp"
    """The organization's physical seal."""
    OPERATOR_SIGNATURE = "operator_signature"
    APPLICANT_SIGNATURE = "applicant_signature"
    APPLICANT_SEAL_OR_SIGNATURE = "applicant_seal_or_signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material(Scope):
    """One thing that a case needs."""

    document: Document
    copies: Annotated[int, Field(ge=1, le=5)] = 1
    both_sides: bool = False
    """Two uploads: the page with the portrait and the one with the emblem."""
    marks: tuple[Mark, ...] = ()
    original: bool = False
    """The original is brought, too, and checked there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """What a file may be."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    images: Annotated[tuple[Annotated[str, Field(pattern="^(gif|jpg|jpeg|png)$")], ...], Field(min_length=1)]
    most_bytes: Annotated[int, Field(ge=10_000, le=20_000_000)]
    form_pdf: bool = True
    """Signed forms also as PDF."""
    ours: bool = False


class IdDocument(StrEnum):
    ID_CARD = "id_card"
    PASSPORT = "passport"
    HONG_KONG_MACAO_PERMIT = "hong_kong_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    FOREIGNER_PERMIT = "foreigner_permit"


# ── money ───────────────────────────────────────────────────────────────────────────────────────────────────


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """Everything that holds on one channel."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    summary: Annotated[str, Field(min_length=1, max_length=500)]
    source: Annotated[str, Field(max_length=200)] = ""
    """Which document the facts come from."""
    hotlines: tuple[Annotated[str, Field(min_length=5, max_length=60)], ...] = ()
    authorities: Annotated[tuple[Key, ...], Field(min_length=1, max_length=50)]
    """Of authorities.toml; with more than one the subscriber chooses."""
    subjects: Annotated[tuple[SubjectKind, ...], Field(min_length=1)]
    offers: Annotated[tuple[Offer, ...], Field(min_length=1, max_length=MOST_ROWS)]
    elsewhere: Annotated[tuple[Elsewhere, ...], Field(max_length=MOST_ROWS)] = ()
    products: Annotated[tuple[Product, ...], Field(max_length=MOST_ROWS)] = ()
    prices: Annotated[tuple[Price, ...], Field(max_length=MOST_ROWS)]
    routes: Annotated[tuple[Route, ...], Field(max_length=MOST_ROWS)]
    agreements: Annotated[tuple[Agreement, ...], Field(max_length=MOST_ROWS)] = ()
    identities: Annotated[tuple[Identity, ...], Field(max_length=MOST_ROWS)] = ()
    consents: Annotated[tuple[Consent, ...], Field(max_length=MOST_ROWS)] = ()
    materials: Annotated[tuple[Material, ...], Field(max_length=MOST_ROWS)] = ()
    uploads: Uploads
    id_documents: tuple[IdDocument, ...] = (IdDocument.ID_CARD,)
    payments: Annotated[tuple[Payment, ...], Field(max_length=MOST_ROWS)] = ()
    beneficiary: Beneficiary | None = None
    invoices: Annotated[tuple[Invoice, ...], Field(max_length=MOST_ROWS)] = ()
    reviews: Annotated[tuple[Review, ...], Field(max_length=MOST_ROWS)]
    pins: Annotated[tuple[Pin, ...], Field(max_length=MOST_ROWS)]
    pin_length: PinLength = PinLength()
    renewals: Annotated[tuple[Renewal, ...], Field(max_length=MOST_ROWS)] = ()
    renewed_terms: Annotated[tuple[RenewedTerm, ...], Field(max_length=MOST_ROWS)] = ()
    modifications: Annotated[tuple[Modification, ...], Field(max_length=MOST_ROWS)] = ()
    replacements: Annotated[tuple[Replacement, ...], Field(max_length=MOST_ROWS)] = ()
    conversions: Annotated[tuple[Conversion, ...], Field(max_length=MOST_ROWS)] = ()
    counters: Annotated[tuple[Counter, ...], Field(max_length=50)] = ()
    attendances: Annotated[tuple[Attendance, ...], Field(max_length=MOST_ROWS)] = ()
    deliveries: Annotated[tuple[Delivery, ...], Field(max_length=MOST_ROWS)] = ()
    remarks: Annotated[tuple[Remark, ...], Field(max_length=MOST_ROWS)] = ()

    def offer(self, case: Case) -> Offer | None:
        """The offer of a case, or None: it does not exist here."""
        return first(self.offers, case) if case.subject in self.subjects else None

    def ways(self, service: Service, subject: SubjectKind) -> tuple[Way, ...]:
        """How a service can be had by a subject; empty: not at all."""
        asked = (Case(service=service, subject=subject, way=way) for way in Way)
        return tuple(case.way for case in asked if self.offer(case) is not None)

    def instead(self, case: Case) -> Elsewhere | None:
        """Where to go with what is not offered here, or not for that authority."""
        return first(self.elsewhere, case)

    def route(self, case: Case) -> Route | None:
        return first(self.routes, case)

    def materials_for(self, case: Case) -> tuple[Material, ...]:
        return covering(self.materials, case)

    def agreements_for(self, case: Case) -> tuple[Agreement, ...]:
        return covering(self.agreements, case)

    def identities_for(self, case: Case) -> tuple[Identity, ...]:
        """Each has to be passed by one of its checks."""
        return covering(self.identities, case)

    def consent_of(self, case: Case) -> Consent | None:
        return first(self.consents, case)

    def review_of(self, case: Case) -> Review | None:
        return first(self.reviews, case)

    def pin_of(self, case: Case) -> Pin | None:
        return first(self.pins, case)

    def invoice_of(self, case: Case) -> Invoice | None:
        return first(self.invoices, case)

    def deliveries_for(self, case: Case) -> tuple[Delivery, ...]:
        """One is chosen where there are several."""
        return covering(self.deliveries, case)

    def attendance_of(self, case: Case) -> Attendance | None:
        return first(self.attendances, case)

    def modification_of(self, case: Case) -> Modification | None:
        return first(self.modifications, case)

    def replacement_of(self, case: Case) -> Replacement | None:
        return first(self.replacements, case)

    def products_for(self, subject: SubjectKind, authority: str) -> tuple[Product, ...]:
        """What a subject can buy of an authority."""
        return tuple(
            one
            for one in self.products
            if one.subject is subject and (not one.authorities or authority in one.authorities)
        )

    def product(self, key: str) -> Product | None:
        return next((one for one in self.products if one.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority, as subscribers see it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    short: Word
    former: Annotated[str, Field(max_length=100)] = ""
    """Another name under which the documents have it."""
    hotlines: tuple[Annotated[str, Field(min_length=5, max_length=60)], ...] = ()
    website: Annotated[str, Field(max_length=200, pattern=r"^(https?://\S+)?$")] = ""
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityList:
    """All authorities that channels can name."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    authorities: Annotated[tuple[Authority, ...], Field(min_length=1, max_length=100)]

    @property
    def by_key(self) -> Mapping[str, Authority]:
        return {one.key: one for one in self.authorities}
