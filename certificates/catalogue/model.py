"""A channel's rules: everything in which one channel differs from another, as typed frozen values. Pure.

The data stand in data/*.toml and, versioned, in the database; reading.py makes these values of them. Money in
fen, times of day in Beijing, days are working days where the name says so.
Source: spec/certificates.md; `ours` marks what the sources leave open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from certificates.authority.port import SubjectKind
from certificates.catalogue.bounds import MOST_PRODUCTS, MOST_ROWS, EnglishName, Key, Word
from certificates.catalogue.handling import (
    Attendance,
    Beneficiary,
    Change,
    Conversion,
    CountedFrom,
    Counter,
    Delivery,
    DeliveryWay,
    Freight,
    Hours,
    Invoice,
    InvoicedAfter,
    InvoiceTitle,
    Modification,
    Payer,
    Payment,
    Pin,
    PinLength,
    PinWay,
    Remark,
    Renewal,
    RenewedTerm,
    Replacement,
    Review,
    TermStart,
    Told,
)
from certificates.catalogue.offering import (
    Elsewhere,
    Medium,
    Offer,
    PartKind,
    PartPrice,
    Per,
    Price,
    Product,
)
from certificates.catalogue.ordering import (
    Agreement,
    AgreementKind,
    Consent,
    ConsentBy,
    Document,
    IdDocument,
    Identity,
    Mark,
    Material,
    Route,
    Stage,
    Step,
    Uploads,
)
from certificates.catalogue.scope import (
    Case,
    Circumstance,
    IdentityCheck,
    PaymentWay,
    Person,
    Scope,
    Service,
    Way,
    covering,
    first,
)

__all__ = [
    "Agreement",
    "AgreementKind",
    "Attendance",
    "Authority",
    "AuthorityList",
    "Beneficiary",
    "Case",
    "Change",
    "ChannelRules",
    "Circumstance",
    "Consent",
    "ConsentBy",
    "Conversion",
    "CountedFrom",
    "Counter",
    "Delivery",
    "DeliveryWay",
    "Document",
    "Elsewhere",
    "Freight",
    "Hours",
    "IdDocument",
    "Identity",
    "IdentityCheck",
    "Invoice",
    "InvoiceTitle",
    "InvoicedAfter",
    "Mark",
    "Material",
    "Medium",
    "Modification",
    "Offer",
    "PartKind",
    "PartPrice",
    "Payer",
    "Payment",
    "PaymentWay",
    "Per",
    "Person",
    "Pin",
    "PinLength",
    "PinWay",
    "Price",
    "Product",
    "Remark",
    "Renewal",
    "RenewedTerm",
    "Replacement",
    "Review",
    "Route",
    "Scope",
    "Service",
    "Stage",
    "Step",
    "SubjectKind",
    "TermStart",
    "Told",
    "Uploads",
    "Way",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """Everything that holds on one channel."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    name_en: EnglishName = ""
    summary: Annotated[str, Field(min_length=1, max_length=500)]
    summary_en: Annotated[str, Field(max_length=1_000)] = ""
    source: Annotated[str, Field(max_length=200)] = ""
    """Which document the facts come from."""
    position: Annotated[int, Field(ge=1, le=99)] = 99
    """Its place among the channels on the page; those with the same number by their key."""
    hotlines: tuple[Annotated[str, Field(min_length=5, max_length=60)], ...] = ()
    authorities: Annotated[tuple[Key, ...], Field(min_length=1, max_length=50)]
    """Of authorities.toml; with more than one the subscriber chooses."""
    subjects: Annotated[tuple[SubjectKind, ...], Field(min_length=1)]
    offers: Annotated[tuple[Offer, ...], Field(min_length=1, max_length=MOST_ROWS)]
    elsewhere: Annotated[tuple[Elsewhere, ...], Field(max_length=MOST_ROWS)] = ()
    products: Annotated[tuple[Product, ...], Field(max_length=MOST_PRODUCTS)] = ()
    prices: Annotated[tuple[Price, ...], Field(max_length=MOST_ROWS)]
    routes: Annotated[tuple[Route, ...], Field(max_length=MOST_ROWS)]
    agreements: Annotated[tuple[Agreement, ...], Field(max_length=MOST_ROWS)] = ()
    identities: Annotated[tuple[Identity, ...], Field(max_length=MOST_ROWS)] = ()
    consents: Annotated[tuple[Consent, ...], Field(max_length=MOST_ROWS)] = ()
    materials: Annotated[tuple[Material, ...], Field(max_length=MOST_ROWS)] = ()
    uploads: Uploads
    id_documents: tuple[IdDocument, ...] = (IdDocument.ID_CARD,)
    phone_sign_in: bool = False
    """An order can be begun without an account, by who proves a telephone with a code."""
    payments: Annotated[tuple[Payment, ...], Field(max_length=MOST_ROWS)] = ()
    beneficiary: Beneficiary | None = None
    invoices: Annotated[tuple[Invoice, ...], Field(max_length=MOST_ROWS)] = ()
    reviews: Annotated[tuple[Review, ...], Field(max_length=MOST_ROWS)]
    pins: Annotated[tuple[Pin, ...], Field(max_length=MOST_ROWS)]
    pin_length: PinLength = field(default_factory=PinLength)
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

    def looks_at(self, case: Case, which: Circumstance) -> bool:
        """Whether a circumstance makes a difference for this business: else nobody is asked about it."""
        rows: tuple[Scope, ...] = (*self.routes, *self.materials, *self.reviews)
        return any(which in (*row.when, *row.unless) and row.may_cover(case) for row in rows)

    def may_cost(self, case: Case) -> bool:
        """Whether there is a price for this business, with whichever product."""
        return any(row.may_cover(case) and any(part.fen for part in row.parts) for row in self.prices)

    def products_for(self, subject: SubjectKind, authority: str) -> tuple[Product, ...]:
        """What a subject can buy of an authority."""
        return tuple(
            one
            for one in self.products
            if one.subject is subject and (not one.authorities or authority in one.authorities)
        )

    def product(self, key: str) -> Product | None:
        return next((one for one in self.products if one.key == key), None)

    def names_organization(self, subject: SubjectKind, product: str) -> bool:
        """Whether the certificate names an organization: a person's only where its product says so."""
        known = self.product(product)
        return subject is not SubjectKind.NATURAL_PERSON or (known is not None and known.names_organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority, as subscribers see it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    name_en: EnglishName = ""
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
