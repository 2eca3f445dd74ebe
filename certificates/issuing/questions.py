"""What an authority is asked for, kept before it is asked: an answer that nobody waited for is known, too.

question = Question(applicant, key, until, "bjca", "北京数字认证", picture)
bundle = made(authority, question, request.reference)        # the same again for the same reference
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Self

from certificates.authority.port import (
    Applicant,
    AuthorityAway,
    CertificateAuthority,
    SubjectKind,
    Unusable,
)
from certificates.authority.register import RegisterDamaged
from signing import SigningError
from signing.installing import Bundle
from signing.seal import Picture, SealKind
from signing.sm2 import PublicKey

BY = "platform"


@dataclass(frozen=True, slots=True)
class Question:
    """A certificate that is asked for, decided on the locked rows."""

    applicant: Applicant
    key: PublicKey
    until: datetime
    authority: str
    """Who issues, by the catalogue's key."""
    mark: str
    picture: Picture | None = field(default=None, repr=False)
    """Of the seal; it is not kept."""

    @property
    def seal_kind(self) -> SealKind:
        """An official seal, or a person's."""
        organization = self.applicant.kind is SubjectKind.ORGANIZATION
        return SealKind.ORGANIZATION if organization else SealKind.PERSON

    def packed(self) -> bytes:
        """For a box: it names a person."""
        kept = {"applicant": asdict(self.applicant), "until": self.until.isoformat()}
        return json.dumps({**kept, "authority": self.authority, "mark": self.mark}).encode()

    @classmethod
    def unpacked(cls, data: bytes, key: PublicKey) -> Self:
        kept = json.loads(data)
        applicant = Applicant(**{**kept["applicant"], "kind": SubjectKind(kept["applicant"]["kind"])})
        until = datetime.fromisoformat(kept["until"])
        return cls(applicant, key, until, kept["authority"], kept["mark"])


def made(authority: CertificateAuthority, question: Question, reference: str) -> Bundle:
    """Certificate, chain and seal. Raises AuthorityError; Unusable once there is a certificate."""
    certificate = authority.issue_to(
        question.applicant,
        question.key,
        until=question.until,
        mark=question.mark,
        reference=reference,
        by=BY,
    )
    name, picture, kind = question.applicant.name, question.picture, question.seal_kind
    try:
        seal = authority.make_seal(certificate, name, kind=kind, picture=picture, by=BY, again=True)
    except (AuthorityAway, RegisterDamaged):
        raise
    except SigningError as error:
        raise Unusable(str(error), certificate) from error
    return Bundle(certificate, authority.chain(), seal)
