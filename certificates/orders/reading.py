"""The fields of an order as typed: read, tidied, and what is wrong in them. Pure: checks at each field.

Source: spec/certificates.md, "Steps"; the screens of the handbooks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from stdnum import luhn

from certificates.catalogue.model import Change, ChannelRules, IdDocument, SubjectKind
from certificates.catalogue.scope import Case
from certificates.orders.fields import Field, FieldKind
from office import identifiers
from office.contacts import email as read_email
from office.contacts import phone as read_mobile
from office.identifiers import Wrong, plain

CARD_LENGTHS: Final = range(13, 20)
ACCOUNT_LENGTHS: Final = range(8, 33)
_DOCUMENT: Final = re.compile(r"[A-Z0-9]{5,20}")
_PERSONAL: Final = frozenset({"个人", "个 人"})


class Fault(StrEnum):
    """What is wrong in a field: what a page puts into words."""

    EMPTY = "empty"
    NO_PHOTO = "no_photo"
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
