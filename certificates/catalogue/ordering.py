"""The way of an order: its steps, agreements, checks and material. Pure; part of model.py."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from certificates.catalogue.bounds import EnglishName, Word
from certificates.catalogue.scope import IdentityCheck, Person, Scope


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
    name_en: EnglishName = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Scope):
    """Whose identity is checked; one of the checks is chosen."""

    whose: Person
    checks: Annotated[tuple[IdentityCheck, ...], Field(min_length=1)]

    @property
    def key(self) -> str:
        """What an order keeps of it, person:check,check : a person may have to pass several rows."""
        return f"{self.whose}:{','.join(self.checks)}"


def passes(key: str, person: str, way: str) -> bool:
    """Whether this person's check, passed, is one of those of an Identity with this key. Orders begun before
    the keys had checks name the person alone."""
    whose, _, checks = key.partition(":")
    return person == whose and (not checks or way in checks.split(","))


class ConsentBy(StrEnum):
    CODE = "code"
    """A one-time code to the telephone."""
    UKEY = "ukey"
    """A signature with the UKey that is held, by the certificate that the order is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Scope):
    """Who consents, and how; all of `by` is asked for. Where an order has no step for a consent, `whose`
    telephone its codes and messages go to."""

    whose: Person
    by: Annotated[tuple[ConsentBy, ...], Field(min_length=1)] = (ConsentBy.CODE,)


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
