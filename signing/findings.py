"""What a check of certificates, seals and signatures found: one typed value for each, with its facts.

`str(finding)` is one English sentence. A page says the same in its own words, by the type and the fields.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import ClassVar


class Weight(IntEnum):
    """What a finding does to the verdict. The heaviest decides."""

    NOTE = 0
    UNPROVEN = 1
    """Nothing is wrong, but something needed is not known."""
    WRONG = 2


class Verdict(IntEnum):
    """All was checked and holds; something could not be checked; something is wrong."""

    VALID = 0
    UNPROVEN = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about `subject`, the thing that was checked."""

    subject: str
    weight: ClassVar[Weight] = Weight.WRONG
    says: ClassVar[str] = "{0.subject}"

    def __str__(self) -> str:
        return self.says.format(self)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The verdict over all findings."""
    return Verdict(max((finding.weight for finding in findings), default=Weight.NOTE))


# --- certificates and chains ---


@dataclass(frozen=True, slots=True)
class NotYetValid(Finding):
    valid_from: datetime
    moment: datetime
    says = "{0.subject} is valid from {0.valid_from} on, not yet at {0.moment}"


@dataclass(frozen=True, slots=True)
class Expired(Finding):
    valid_until: datetime
    moment: datetime
    says = "{0.subject} was valid until {0.valid_until}, no longer at {0.moment}"


@dataclass(frozen=True, slots=True)
class BadSignature(Finding):
    signer: str
    says = "the signature on {0.subject} is not by {0.signer}"


@dataclass(frozen=True, slots=True)
class NoPath(Finding):
    issuer: str
    says = "no path from {0.subject} to an authority that is trusted here (issuer: {0.issuer})"


@dataclass(frozen=True, slots=True)
class NotAnAuthority(Finding):
    says = "{0.subject} issued a certificate and may not"


@dataclass(frozen=True, slots=True)
class PathTooLong(Finding):
    permitted: int
    below: int
    says = "{0.subject} permits {0.permitted} authorities below it, there are {0.below}"


@dataclass(frozen=True, slots=True)
class WrongUse(Finding):
    missing: str
    says = "{0.subject} may not be used for this: {0.missing} is missing"


@dataclass(frozen=True, slots=True)
class UnknownCritical(Finding):
    extension: str
    says = "{0.subject} has the critical extension {0.extension}, which is not understood here"


@dataclass(frozen=True, slots=True)
class Revoked(Finding):
    at: datetime
    reason: str
    says = "{0.subject} was revoked at {0.at} ({0.reason})"


@dataclass(frozen=True, slots=True)
class RevokedLater(Finding):
    """Who stole a key can claim any earlier time: only a time stamp proves that the signature was before."""

    at: datetime
    reason: str
    weight = Weight.UNPROVEN
    says = "{0.subject} was revoked later, at {0.at} ({0.reason}), and no time stamp proves when it signed"


@dataclass(frozen=True, slots=True)
class RevocationUnknown(Finding):
    why: str
    weight = Weight.UNPROVEN
    says = "whether {0.subject} was revoked is not known: {0.why}"


# --- seals and their signatures ---


@dataclass(frozen=True, slots=True)
class UntrustedMaker(Finding):
    maker: str
    says = "{0.subject} was made by {0.maker}, who is no seal maker that is trusted here"


@dataclass(frozen=True, slots=True)
class SealNotYetValid(NotYetValid):
    pass


@dataclass(frozen=True, slots=True)
class SealExpired(Expired):
    pass


@dataclass(frozen=True, slots=True)
class UnreadableCertificate(Finding):
    problem: str
    says = "the certificate of {0.subject} cannot be read: {0.problem}"


@dataclass(frozen=True, slots=True)
class SignerNotInSeal(Finding):
    signer: str
    says = "{0.signer} is none of those for whom {0.subject} was made"


@dataclass(frozen=True, slots=True)
class CannotCompare(Finding):
    """A seal of kind 2 names digests of certificates by an algorithm that is not known here."""

    algorithm: str
    says = "{0.subject} names its certificates by {0.algorithm} digests, which are not known here"


@dataclass(frozen=True, slots=True)
class ContentChanged(Finding):
    stated: str
    found: str
    says = "{0.subject} was changed after it was sealed: SM3 {0.found}, sealed was {0.stated}"


@dataclass(frozen=True, slots=True)
class ContentNotCompared(Finding):
    weight = Weight.UNPROVEN
    says = "the content that {0.subject} is about was not given"


@dataclass(frozen=True, slots=True)
class UnknownCriticalData(Finding):
    oid: str
    says = "{0.subject} has the critical data {0.oid}, which is not understood here"


@dataclass(frozen=True, slots=True)
class UnusualVersion(Finding):
    version: int
    weight = Weight.NOTE
    says = "{0.subject} has version {0.version}; GB/T 38540-2020 has 4"


@dataclass(frozen=True, slots=True)
class SignedInTheFuture(Finding):
    stated: datetime
    now: datetime
    says = "{0.subject} states {0.stated} as its time, and it is {0.now}"


# --- time stamps ---


@dataclass(frozen=True, slots=True)
class UnreadableStamp(Finding):
    problem: str
    says = "{0.subject} cannot be read: {0.problem}"


@dataclass(frozen=True, slots=True)
class StampNotUnderstood(Finding):
    """Of a kind that cannot be judged here: it proves nothing, and is no fault."""

    problem: str
    weight = Weight.UNPROVEN
    says = "{0.subject} cannot be checked here: {0.problem}"


@dataclass(frozen=True, slots=True)
class StampOfOther(Finding):
    stated: str
    found: str
    says = "{0.subject} is over something else: digest {0.stated}, here it is {0.found}"


@dataclass(frozen=True, slots=True)
class StampSignerMissing(Finding):
    weight = Weight.UNPROVEN
    says = "{0.subject} does not bring the certificate of its signer"


@dataclass(frozen=True, slots=True)
class StatedAfterStamp(Finding):
    """No harm: the stamp's time counts."""

    stated: datetime
    stamped: datetime
    weight = Weight.NOTE
    says = "{0.subject} states {0.stated} as its time and was stamped before, at {0.stamped}"
