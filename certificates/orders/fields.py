"""What an applicant fills in, and what must be right about it. Pure: checks at each field, as typed.

Which fields an order has follows from its subject, the checks that were chosen and the channel's data. All of
it is kept in one box. Source: spec/certificates.md, "Steps"; the screens of the handbooks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from stdnum import luhn

from certificates.catalogue.model import (
    Change,
    ChannelRules,
    DeliveryWay,
    IdDocument,
    IdentityCheck,
    InvoiceTitle,
    Service,
    Step,
    SubjectKind,
)
from certificates.catalogue.scope import Case, Circumstance
from office import identifiers
from office.contacts import email as read_email
from office.contacts import phone as read_mobile
from office.identifiers import Wrong, plain

LONGEST_LINE: Final = 100
LONGEST_ADDRESS: Final = 200
CARD_LENGTHS: Final = range(13, 20)
ACCOUNT_LENGTHS: Final = range(8, 33)
_DOCUMENT: Final = re.compile(r"[A-Z0-9]{5,20}")
_PERSONAL: Final = frozenset({"个人", "个 人"})


class Fault(StrEnum):
    """What is wrong in a field: what a page puts into words."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNSEEN = "unseen"
    NOT_A_CHOICE = "not_a_choice"
    ID_LENGTH = "id_length"
    ID_CHECK = "id_check"
    DOCUMENT = "document"
    CREDIT_LENGTH = "credit_length"
    CREDIT_CHECK = "credit_check"
    MOBILE = "mobile"
    PHONE = "phone"
    EMAIL = "email"
    ACCOUNT = "account"
    CARD = "card"
    PERSONAL_TITLE = "personal_title"
    TAX_NUMBER = "tax_number"
    TAX_NUMBER_NEEDED = "tax_number_needed"
    AGREE = "agree"
    NOTHING_TO_CHOOSE = "nothing_to_choose"
    NOT_CHANGED = "not_changed"
    """A change that needs no new certificate."""
    REGISTER_FIRST = "register_first"
    """A name that nobody checked: it is changed in the registered profile first."""
    ACCOUNT_FIRST = "account_first"
    """A name that no owner of the organization's bank account stood for."""
    OTHER_REPRESENTATIVE = "other_representative"
    """Not the one whom the certificate's order named: only the account proves the organization."""
    CHALLENGE = "challenge"


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


PERSONAL: Final = frozenset(
    {"representative_number", "applicant_number", "operator_number", "representative_card", "applicant_card"}
    | {"operator_card", "account_number", "representative_phone", "applicant_phone", "operator_phone"}
)
"""Shown masked wherever they are not typed."""
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


class FieldFaults(Exception):
    """{field: what is wrong}; nothing was kept."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__(f"faults in {', '.join(faults)}")
        self.faults = dict(faults)


def read(fields: Sequence[Field], typed: Mapping[str, str], fixed: Mapping[str, str]) -> dict[str, str]:
    """The fields as typed, tidied; what is `fixed` stays. Raises FieldFaults with all that is wrong."""
    values: dict[str, str] = {}
    faults: dict[str, Fault] = {}
    given = {**typed, **fixed}
    for one in fields:
        found = _read_one(one, given)
        if isinstance(found, Fault):
            faults[one.name] = found
        else:
            values[one.name] = found
    if faults:
        raise FieldFaults(faults)
    return values


def _read_one(one: Field, given: Mapping[str, str]) -> str | Fault:
    line = " ".join(given.get(one.name, "").split())
    if not line:
        return Fault.EMPTY if one.required else ""
    if len(line) > one.longest:
        return Fault.TOO_LONG
    if not line.isprintable():
        return Fault.UNSEEN
    if one.kind is FieldKind.CHOICE:
        return line if line in one.options else Fault.NOT_A_CHOICE
    if one.kind is FieldKind.DOCUMENT:
        return document_number(given.get(one.name.replace("_number", "_document"), IdDocument.ID_CARD), line)
    return _READERS[one.kind](line)


def _right(found: str | Wrong) -> str | Fault:
    return Fault(found.value) if isinstance(found, Wrong) else found


def document_number(kind: str, text: str) -> str | Fault:
    """A person's number: of 居民身份证 with place, date and check digit; of other documents by its form."""
    number = plain(text)
    if kind != IdDocument.ID_CARD:
        return number if _DOCUMENT.fullmatch(number) else Fault.DOCUMENT
    return _right(identifiers.id_number(text))


def credit_code(text: str) -> str | Fault:
    """统一社会信用代码, with its check digit."""
    return _right(identifiers.credit_code(text))


def card_number(text: str) -> str | Fault:
    """A bank card: 13 to 19 digits with Luhn's check digit."""
    number = plain(text)
    right = number.isascii() and number.isdigit() and len(number) in CARD_LENGTHS and luhn.is_valid(number)
    return number if right else Fault.CARD


def _account(text: str) -> str | Fault:
    number = plain(text)
    right = number.isascii() and number.isdigit() and len(number) in ACCOUNT_LENGTHS
    return number if right else Fault.ACCOUNT


def _phone(text: str) -> str | Fault:
    """As it was typed: an office's line may have an extension."""
    return text if not isinstance(identifiers.phone_number(text), Wrong) else Fault.PHONE


def _title(text: str) -> str | Fault:
    return Fault.PERSONAL_TITLE if text in _PERSONAL else text


def _tax_number(text: str) -> str | Fault:
    """An organization's is its credit code; a person may give the number of the ID card."""
    number = credit_code(text)
    if isinstance(number, Fault):
        id_number = identifiers.id_number(text)
        number = Fault.TAX_NUMBER if isinstance(id_number, Wrong) else id_number
    return number


_READERS: Final[Mapping[FieldKind, Callable[[str], str | Fault]]] = {
    FieldKind.LINE: str,
    FieldKind.ADDRESS: str,
    FieldKind.CREDIT_CODE: credit_code,
    FieldKind.MOBILE: lambda text: read_mobile(text) or Fault.MOBILE,
    FieldKind.PHONE: _phone,
    FieldKind.EMAIL: lambda text: read_email(text) or Fault.EMAIL,
    FieldKind.ACCOUNT: _account,
    FieldKind.CARD: card_number,
    FieldKind.TITLE: _title,
    FieldKind.TAX_NUMBER: _tax_number,
}


def masked(name: str, value: str) -> str:
    """Enough of a number to know one's own; other fields as they are."""
    return masked_number(value) if name in PERSONAL else value


def masked_number(value: str) -> str:
    """430105********1234; +86138****5678; short ones keep two at the end."""
    if value.startswith("+86") and len(value) == 14:
        return f"{value[3:6]}****{value[-4:]}"
    if len(value) >= 15:
        return f"{value[:6]}{'*' * (len(value) - 10)}{value[-4:]}"
    return f"{'*' * max(0, len(value) - 2)}{value[-2:]}"


def masked_name(name: str) -> str:
    """测*: the first character and a star."""
    return f"{name[:1]}*" if name else ""


def modified(
    rules: ChannelRules,
    case: Case,
    values: Mapping[str, str],
    before: Mapping[str, str],
    checked: Mapping[str, str],
    *,
    automatic: bool,
    by_account: bool,
) -> dict[str, Fault]:
    """What is wrong in a change of the certificate's data: {field: fault}.

    `before`: as the certificate has it; `checked`: names that were checked elsewhere (registered profiles).
    Where only a new name needs a new certificate, the name has to be another one; where the system reviews by
    itself, somebody has to have checked that name, an organization's by its account (`by_account`).
    """
    rule = rules.modification_of(case)
    name = "organization_name" if case.subject is SubjectKind.ORGANIZATION else "applicant_name"
    new = values.get(name, "")
    if rule is None or not new:
        return {}
    if new == before.get(name, ""):
        names_alone = set(rule.needed_for or rule.changes) == {Change.NAME}
        return {name: Fault.NOT_CHANGED} if names_alone else {}
    if not automatic:
        return {}
    if checked.get(name, "") != new:
        return {name: Fault.REGISTER_FIRST}
    return {} if by_account or case.subject is not SubjectKind.ORGANIZATION else {name: Fault.ACCOUNT_FIRST}
