"""What is asked of a provider of identity checks, whoever it is: for certificate orders and market subjects.

Mobile real-name and bank card checks answer at once; a transfer of 0.01 yuan is begun, and its remark is what
proves the account: only its owner reads it. A real provider is an adapter that keeps to this port. Of an
organization it compares all elements (要素核验): the name and the credit code with each other, and with the
legal representative or the account's holder. Of a person as well: the name with the number of the document,
and both with the telephone, the card or the account. Who only is a person with a telephone or an account
proves no organization, nor anybody else's number.
Source: spec/certificates.md, "Identity checks on shared".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol


class IdentityCheck(StrEnum):
    """How somebody's identity is checked from afar."""

    LEGAL_REPRESENTATIVE_MOBILE = "legal_representative_mobile"
    LEGAL_REPRESENTATIVE_CARD = "legal_representative_card"
    CORPORATE_ACCOUNT = "corporate_account"
    """0.01 yuan to the corporate account, with a remark."""
    OPERATOR_MOBILE = "operator_mobile"
    OPERATOR_CARD = "operator_card"
    OPERATOR_PHOTO = "operator_photo"
    """A code scanned with the phone, the ID photographed and read."""
    APPLICANT_MOBILE = "applicant_mobile"
    APPLICANT_CARD = "applicant_card"
    APPLICANT_ACCOUNT = "applicant_account"
    APPLICANT_PHOTO = "applicant_photo"


_C = IdentityCheck
MOBILE = frozenset({_C.LEGAL_REPRESENTATIVE_MOBILE, _C.OPERATOR_MOBILE, _C.APPLICANT_MOBILE})
CARD = frozenset({_C.LEGAL_REPRESENTATIVE_CARD, _C.OPERATOR_CARD, _C.APPLICANT_CARD})
TRANSFER = frozenset({_C.CORPORATE_ACCOUNT, _C.APPLICANT_ACCOUNT})
PHOTO = frozenset({_C.OPERATOR_PHOTO, _C.APPLICANT_PHOTO})
REPRESENTATIVE = frozenset({_C.LEGAL_REPRESENTATIVE_MOBILE, _C.LEGAL_REPRESENTATIVE_CARD})
OF_ORGANIZATION = REPRESENTATIVE | {_C.CORPORATE_ACCOUNT}
"""What stands for an organization: its name and credit code are part of the question."""
OF_PERSON = frozenset(_C) - {_C.CORPORATE_ACCOUNT}
"""What is about a natural person: name and document number are part of the question."""


class IdentityFault(StrEnum):
    """Why a check failed: what the applicant can do something about."""

    MISMATCH = "mismatch"
    """Name, document and telephone or card do not belong together, or not to this organization."""
    NOT_REGISTERED = "not_registered"
    """The operator has no real name for this number; it has to be registered there first."""
    ACCOUNT_REFUSED = "account_refused"
    """The bank did not take the transfer: holder, number or branch are wrong."""
    UNREADABLE = "unreadable"
    """The photographed document could not be read."""
    WRONG_REMARK = "wrong_remark"
    TOO_MANY = "too_many"
    """The remark was tried too often; another transfer has to be made."""


class ProviderAway(Exception):
    """It did not answer in time: nothing is known, and the check may be asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One check. Only what it needs is filled in; it can't print itself.

    `number`: of the document of whoever `name` is, of every check in OF_PERSON. An adapter has to compare it,
    for APPLICANT_ACCOUNT with the document by which the bank knows the holder. Otherwise it is MISMATCH.

    `organization`, `credit_code`: of every check in OF_ORGANIZATION. An adapter has to compare them: for
    REPRESENTATIVE that `name` with `number` is the registered legal representative of that organization, for
    CORPORATE_ACCOUNT that the account is held by the organization with that code. Otherwise it is MISMATCH.
    """

    check: IdentityCheck
    name: str = field(repr=False)
    number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    card: str = field(default="", repr=False)
    bank: str = field(default="", repr=False)
    account: str = field(default="", repr=False)
    photo: bytes = field(default=b"", repr=False)
    organization: str = field(default="", repr=False)
    credit_code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Passed:
    reference: str


@dataclass(frozen=True, slots=True)
class Failed:
    reference: str
    fault: IdentityFault


@dataclass(frozen=True, slots=True)
class Sent:
    """0.01 yuan is on its way with this remark, which is kept as a hash and shown to nobody."""

    reference: str
    remark: str = field(repr=False)


Answer = Passed | Failed | Sent


class IdentityProvider(Protocol):
    async def check(self, asked: Asked) -> Answer:
        """Raises ProviderAway."""


_WHOSE: Final[Mapping[IdentityCheck, str]] = {
    **dict.fromkeys(
        (IdentityCheck.LEGAL_REPRESENTATIVE_MOBILE, IdentityCheck.LEGAL_REPRESENTATIVE_CARD), "representative"
    ),
    **dict.fromkeys(
        (IdentityCheck.OPERATOR_MOBILE, IdentityCheck.OPERATOR_CARD, IdentityCheck.OPERATOR_PHOTO), "operator"
    ),
    **dict.fromkeys(
        (
            IdentityCheck.APPLICANT_MOBILE,
            IdentityCheck.APPLICANT_CARD,
            IdentityCheck.APPLICANT_ACCOUNT,
            IdentityCheck.APPLICANT_PHOTO,
        ),
        "applicant",
    ),
    IdentityCheck.CORPORATE_ACCOUNT: "organization",
}


def asked_of(check: IdentityCheck, details: Mapping[str, str], photo: bytes) -> Asked:
    """What the provider is told of details as forms call them: what this check needs, and nothing else."""
    whose = _WHOSE[check]
    given: dict[str, Any] = {"check": check, "name": details.get(f"{whose}_name", "")}
    if check in OF_PERSON:
        given["number"] = details.get(f"{whose}_number", "")
    if check in MOBILE | CARD:
        given["phone"] = details.get(f"{whose}_phone", "")
    if check in CARD:
        given["card"] = details.get(f"{whose}_card", "")
    if check in TRANSFER:
        given |= {"bank": details.get("account_bank", ""), "account": details.get("account_number", "")}
    if check in PHOTO:
        given["photo"] = photo
    if check in OF_ORGANIZATION:
        given["organization"] = details.get("organization_name", "")
        given["credit_code"] = details.get("credit_code", "")
    return Asked(**given)
