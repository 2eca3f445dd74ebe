"""What is asked of a provider of identity checks, whoever it is.

Mobile real-name and bank card checks answer at once; a transfer of 0.01 yuan is begun, and its remark is what
proves the account: only its owner reads it. A real provider is an adapter that keeps to this port.
Source: spec/certificates.md, "Identity checks on shared".
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from certificates.catalogue.scope import IdentityCheck

_C = IdentityCheck
MOBILE = frozenset({_C.LEGAL_REPRESENTATIVE_MOBILE, _C.OPERATOR_MOBILE, _C.APPLICANT_MOBILE})
CARD = frozenset({_C.LEGAL_REPRESENTATIVE_CARD, _C.OPERATOR_CARD, _C.APPLICANT_CARD})
TRANSFER = frozenset({_C.CORPORATE_ACCOUNT, _C.APPLICANT_ACCOUNT})
PHOTO = frozenset({_C.OPERATOR_PHOTO, _C.APPLICANT_PHOTO})


class IdentityFault(StrEnum):
    """Why a check failed: what the applicant can do something about."""

    MISMATCH = "mismatch"
    """Name, document and telephone or card do not belong together."""
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
    """One check. Only what it needs is filled in; it can't print itself."""

    check: IdentityCheck
    name: str = field(repr=False)
    number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    card: str = field(default="", repr=False)
    bank: str = field(default="", repr=False)
    account: str = field(default="", repr=False)
    photo: bytes = field(default=b"", repr=False)


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
