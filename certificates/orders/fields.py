"""What an applicant fills in: which fields an order has. Pure. How they are read as typed: reading.py.

That follows from its subject, the checks that were chosen and the channel's data. All is kept in one box.
Source: spec/certificates.md, "Steps"; the screens of the handbooks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from certificates.catalogue.model import (
    ChannelRules,
    DeliveryWay,
    IdentityCheck,
    InvoiceTitle,
    Service,
    Step,
    SubjectKind,
)
from certificates.catalogue.scope import Case, Circumstance

LONGEST_LINE: Final = 100
LONGEST_ADDRESS: Final = 200


class FieldKind(StrEnum):
    """How a field is read, and which keyboard a telephone shows."""

    LINE = "line"
    ADDRESS = "address"
    DOCUMENT = "document"
    """A number of the document that its neighbour `<person>_document` names."""
    CREDIT_CODE = "credit_code"
    MOBILE = "mobile"
    PHONE = "phone"
    EMAIL = "email"
    ACCOUNT = "account"
    CARD = "card"
    CHOICE = "choice"
    TITLE = "title"
    """Of an invoice, which is not 个人."""
    TAX_NUMBER = "tax_number"


class Section(StrEnum):
    """The parts of the form, in the order in which they are shown."""

    PRODUCT = "product"
    CHECKS = "checks"
    ORGANIZATION = "organization"
    REPRESENTATIVE = "representative"
    APPLICANT = "applicant"
    OPERATOR = "operator"
    ACCOUNT = "account"
    DELIVERY = "delivery"
    INVOICE = "invoice"


class SealKind(StrEnum):
    """印章类型: which seal the certificate carries, one each."""

    OFFICIAL = "official"
    """单位公章."""
    NAME_CHOP = "name_chop"
    SIGNATURE = "signature"


class OrganizationState(StrEnum):
    """Asked where a dissolved organization proves it in another way."""

    EXISTS = "exists"
    DISSOLVED = "dissolved"


STANDING: Final = "standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field; `options` of a choice. `fixed`: from the profile, shown grey, changed there alone."""

    name: str
    kind: FieldKind
    section: Section
    required: bool = True
    options: tuple[str, ...] = ()

    @property
    def longest(self) -> int:
        return LONGEST_ADDRESS if self.kind is FieldKind.ADDRESS else LONGEST_LINE


_K, _S, _C = FieldKind, Section, IdentityCheck
PROVINCES: Final = (
    *(
        "湖南省",
        "广东省",
        "北京市",
        "天津市",
        "河北省",
        "山西省",
        "内蒙古自治区",
        "辽宁省",
        "吉林省",
        "黑龙江省",
    ),
    *(
        "上海市",
        "江苏省",
        "浙江省",
        "安徽省",
        "福建省",
        "江西省",
        "山东省",
        "河南省",
        "湖北省",
        "广西壮族自治区",
    ),
    *("海南省", "重庆市", "四川省", "贵州省", "云南省", "西藏自治区", "陕西省", "甘肃省", "青海省"),
    *("宁夏回族自治区", "新疆维吾尔自治区", "香港特别行政区", "澳门特别行政区", "台湾省"),
)


def _field(name: str, kind: FieldKind, section: Section, *, required: bool = True) -> Field:
    return Field(name=name, kind=kind, section=section, required=required)


def _choice(name: str, section: Section, options: Sequence[str]) -> Field:
    return Field(name=name, kind=_K.CHOICE, section=section, options=tuple(options))


def seal_kinds(subject: SubjectKind) -> tuple[SealKind, ...]:
    """O carries the official seal, L and N a name chop or a handwritten signature."""
    if subject is SubjectKind.ORGANIZATION:
        return (SealKind.OFFICIAL,)
    return (SealKind.NAME_CHOP, SealKind.SIGNATURE)


NEW_SEAL: Final = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.MODIFY, Service.CONVERT})
"""Where a seal is made anew; otherwise the seal stays what it is."""


def request_fields(rules: ChannelRules, case: Case) -> tuple[Field, ...]:
    """What the unified registration platform asks at first; elsewhere part of the details."""
    found = []
    if case.service in NEW_SEAL:
        found.append(_choice("seal_kind", _S.PRODUCT, seal_kinds(case.subject)))
    if case.subject is not SubjectKind.NATURAL_PERSON:
        found += _person(rules, "operator", _S.OPERATOR, email=True)
    if any(one.by is DeliveryWay.COURIER for one in rules.deliveries_for(case)):
        found += [_choice("province", _S.DELIVERY, PROVINCES), _field("city", _K.LINE, _S.DELIVERY)]
        found += [_field("address", _K.ADDRESS, _S.DELIVERY)]
    return tuple(found)


def _person(rules: ChannelRules, whose: str, section: Section, *, email: bool) -> list[Field]:
    documents = [str(one) for one in rules.id_documents]
    found = [_field(f"{whose}_name", _K.LINE, section), _choice(f"{whose}_document", section, documents)]
    found += [_field(f"{whose}_number", _K.DOCUMENT, section), _field(f"{whose}_phone", _K.MOBILE, section)]
    return [*found, *([_field(f"{whose}_email", _K.EMAIL, section)] if email else [])]


_OF_ORGANIZATION: Final = frozenset({"organization_name", "credit_code"})


def detail_fields(rules: ChannelRules, case: Case, checks: frozenset[str]) -> tuple[Field, ...]:
    """The details of the certificate, its holder and the invoice. `checks`: chosen identity checks."""
    route = rules.route(case)
    found = [] if route is not None and Step.REQUEST in route.steps else list(request_fields(rules, case))
    if case.subject is SubjectKind.NATURAL_PERSON:
        found += _person(rules, "applicant", _S.APPLICANT, email=True)
        if rules.names_organization(case.subject, case.product or ""):
            found.append(_field("organization_name", _K.LINE, _S.APPLICANT))
            found.append(_field("credit_code", _K.CREDIT_CODE, _S.APPLICANT))
    else:
        found += _organization(rules, case)
    found += check_fields(checks)
    return tuple(sorted([*found, *_invoice(rules, case)], key=lambda one: list(Section).index(one.section)))


def counted(rules: ChannelRules, subject: str, product: str, details: Mapping[str, str]) -> dict[str, str]:
    """The details that count: what was typed of an organization for another product of a natural person names
    nobody, neither in the certificate nor as payer nor on the invoice."""
    if rules.names_organization(SubjectKind(subject), product):
        return dict(details)
    return {name: value for name, value in details.items() if name not in _OF_ORGANIZATION}


def _organization(rules: ChannelRules, case: Case) -> list[Field]:
    found = [
        _field("organization_name", _K.LINE, _S.ORGANIZATION),
        _field("credit_code", _K.CREDIT_CODE, _S.ORGANIZATION),
        _field("department", _K.LINE, _S.ORGANIZATION, required=False),
        _field("organization_phone", _K.PHONE, _S.ORGANIZATION, required=False),
    ]
    if rules.looks_at(replace(case, circumstances=frozenset()), Circumstance.DISSOLVED):
        found.append(_choice(STANDING, _S.ORGANIZATION, list(OrganizationState)))
    if case.subject is SubjectKind.LEGAL_REPRESENTATIVE:
        return [*found, *_person(rules, "applicant", _S.APPLICANT, email=False)]
    return [*found, *_person(rules, "representative", _S.REPRESENTATIVE, email=False)]


def check_fields(checks: frozenset[str]) -> list[Field]:
    """What the chosen identity checks need besides."""
    found = []
    for check, whose, section in (
        (_C.LEGAL_REPRESENTATIVE_CARD, "representative", _S.REPRESENTATIVE),
        (_C.APPLICANT_CARD, "applicant", _S.APPLICANT),
        (_C.OPERATOR_CARD, "operator", _S.OPERATOR),
    ):
        if check in checks:
            found.append(_field(f"{whose}_card", _K.CARD, section))
    if checks & {_C.CORPORATE_ACCOUNT, _C.APPLICANT_ACCOUNT}:
        found += [
            _field("account_bank", _K.LINE, _S.ACCOUNT),
            _field("account_number", _K.ACCOUNT, _S.ACCOUNT),
        ]
    return found


def _invoice(rules: ChannelRules, case: Case) -> list[Field]:
    invoice = rules.invoice_of(case)
    if invoice is None or not rules.may_cost(case):
        return []
    found = []
    if invoice.title is not InvoiceTitle.SUBSCRIBER:
        kind = _K.TITLE if invoice.title is InvoiceTitle.NOT_PERSONAL else _K.LINE
        found.append(_field("invoice_title", kind, _S.INVOICE))
        found.append(_field("tax_number", _K.TAX_NUMBER, _S.INVOICE, required=False))
    found.append(_field("invoice_address", _K.ADDRESS, _S.INVOICE, required=False))
    found.append(_field("invoice_bank", _K.ADDRESS, _S.INVOICE, required=False))
    return found
