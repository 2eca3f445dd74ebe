"""What the rest of Luochui asks of a certificate authority, whoever runs it.

`DemonstrationAuthority` answers at once. A real authority is reached over its own interface by an adapter
that keeps to this port (`remote`; docs/authority-adapter.md): values in and out, refusals as typed errors.
What holds for all of them is in tests/authoritykit.py, a suite that every adapter has to pass.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from signing import SigningError
from signing.crl import Reason, Revocation
from signing.names import Name
from signing.seal import Picture, Seal, SealKind
from signing.sm2 import PublicKey
from signing.x509 import Certificate

MAX_NAME: Final = 64
"""Characters of a common name and of an organization (X.520, upper bounds)."""
MAX_NUMBER: Final = 32
KEY: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
"""As in the catalogue; it is a folder's name and part of addresses."""
MOST: Final = 100
"""As many as the catalogue's list may have."""


class AuthorityError(SigningError):
    """The authority does not do what it was asked. Says why."""


class NotIssued(AuthorityError):
    """The certificate or seal that was asked for is not made."""


class AuthorityAway(AuthorityError):
    """It did not answer, or not yet: nothing is known. Asked again under the same reference, nothing is done
    twice. `pause_s`: better not before so many seconds."""

    pause_s: int = 0


class Unusable(AuthorityError):
    """The authority made a certificate for the key that was asked for, and it or its seal is not what it was
    asked for, or the seal is refused. Nothing of it is used; `made` stays good there until it is revoked."""

    def __init__(self, why: str, made: Certificate) -> None:
        super().__init__(why)
        self.made = made


class UnknownCertificate(AuthorityError):
    """This authority never issued a certificate of that number."""

    def __init__(self, serial: int) -> None:
        super().__init__(f"no certificate {serial:x} was issued here")
        self.serial = serial


class AlreadyRevoked(AuthorityError):
    """It is revoked, and the first revocation stays as it is."""

    def __init__(self, revocation: Revocation) -> None:
        super().__init__(f"{revocation.serial:x} was revoked at {revocation.at} ({revocation.reason})")
        self.revocation = revocation


class SubjectKind(StrEnum):
    """Who a certificate is for."""

    ORGANIZATION = "organization"
    LEGAL_REPRESENTATIVE = "legal_representative"
    """A person who acts for an organization; the certificate names both."""
    NATURAL_PERSON = "natural_person"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Whom a certificate is to name. Raises NotIssued when the parts do not fit together."""

    kind: SubjectKind
    name: str
    organization: str = ""
    """Of a legal representative. An organization is its own."""
    credit_code: str = ""
    person_id: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for text, limit in (
            (self.name, MAX_NAME),
            (self.organization, MAX_NAME),
            (self.credit_code, MAX_NUMBER),
            (self.person_id, MAX_NUMBER),
        ):
            if len(text) > limit or not text.isprintable() or text != text.strip():
                raise NotIssued(f"a name or number has up to {limit} printable characters")
        if not self.name:
            raise NotIssued("a certificate needs a name")
        numbers = self.credit_code + self.person_id
        if numbers and not (numbers.isascii() and numbers.isalnum()):
            raise NotIssued("credit codes and numbers of persons are made of letters and digits")
        self._check_kind()

    def _check_kind(self) -> None:
        match self.kind:
            case SubjectKind.ORGANIZATION if self.person_id:
                raise NotIssued("an organization has no number of a person")
            case SubjectKind.LEGAL_REPRESENTATIVE if not self.organization:
                raise NotIssued("the certificate of a legal representative names the organization, too")
            case SubjectKind.NATURAL_PERSON if self.organization or self.credit_code:
                raise NotIssued("a natural person's certificate names no organization")
            case _:
                pass

    def subject(self, unit: str, country: str = "CN") -> Name:
        """The distinguished name; `unit` is the authority's mark in it."""
        organization = self.name if self.kind is SubjectKind.ORGANIZATION else self.organization
        return Name.of(self.name, organization=organization, unit=unit, country=country)


class State(StrEnum):
    """What the authority says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Status:
    """A certificate and how it stands at a moment."""

    certificate: Certificate
    state: State
    revocation: Revocation | None


class CertificateAuthority(Protocol):
    """The port. `by` says in the authority's register who asked. Everything raises AuthorityAway as well."""

    def issue_to(
        self,
        applicant: Applicant,
        key: PublicKey,
        *,
        days: int = 365,
        by: str = "",
        until: datetime | None = None,
        mark: str = "",
        reference: str = "",
    ) -> Certificate:
        """A certificate from now on: so many days, or `until` a moment. Raises NotIssued.

        `mark`: whose certificate it is to the subscriber, where one authority stands in for another.
        `reference`: of the caller's request. Asked again under it, the authority gives the certificate that
        it gave, and no second one; NotIssued when it was for another key or name.
        """

    def renew(
        self, serial: int, key: PublicKey, *, days: int = 365, by: str = "", reference: str = ""
    ) -> Certificate:
        """The same subject, another term, for the same or a new key. Raises UnknownCertificate, NotIssued.

        `reference`: as for `issue_to`.
        """

    def make_seal(
        self,
        certificate: Certificate,
        name: str = "",
        *,
        kind: SealKind | None = None,
        picture: Picture | None = None,
        by: str = "",
        again: bool = False,
    ) -> Seal:
        """The one seal of a certificate that it issued; without a picture it is drawn from the name.

        `again`: the same seal once more, until it was `handed_over`. Raises UnknownCertificate, NotIssued.
        """

    def handed_over(self, serial: int) -> None:
        """Who asked for the seal has it, for good. Said again: nothing happens."""

    def chain(self) -> tuple[Certificate, ...]:
        """What leads from its certificates to the root: the issuing CA first, the root last."""

    def revoke(
        self,
        serial: int,
        reason: Reason = Reason.UNSPECIFIED,
        at: datetime | None = None,
        *,
        by: str = "",
        invalid_since: datetime | None = None,
    ) -> Revocation:
        """Effective at once. Raises UnknownCertificate, AlreadyRevoked, AuthorityError."""

    def status(self, serial: int) -> Status:
        """How it stands now. Raises UnknownCertificate."""


class Authorities(Protocol):
    """All that issue here, by the keys of the catalogue. Raises AuthorityError for one that nobody runs."""

    def of(self, key: str, name: str) -> CertificateAuthority:
        """For a new certificate. `name`: how subscribers know the authority."""

    def elsewhere(self, key: str) -> bool:
        """Whether it is reached over a network: it may take long, or not answer."""

    def that_issued(self, key: str, serial: int) -> CertificateAuthority:
        """For a certificate that `key` issued: also one from before this authority had a CA of its own."""
