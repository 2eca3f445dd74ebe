"""What a check of sealed documents found, beyond certificates and seals (`findings`): typed, with facts."""

from dataclasses import dataclass
from datetime import datetime

from signing.findings import Finding, Weight
from signing.found import ChangeKind

# --- the file ---


@dataclass(frozen=True, slots=True)
class Unreadable(Finding):
    """`problem` is a short technical sentence."""

    problem: str
    says = "{0.subject} cannot be read: {0.problem}"


@dataclass(frozen=True, slots=True)
class TooLarge(Finding):
    size: int
    limit: int
    says = "{0.subject} has {0.size} bytes; up to {0.limit} are checked"


@dataclass(frozen=True, slots=True)
class TooCostly(Finding):
    """The check was stopped: the file asks for more time or memory than a document needs."""

    limit: str
    says = "{0.subject} needs more than a check is given ({0.limit})"


@dataclass(frozen=True, slots=True)
class UnknownFormat(Finding):
    says = "{0.subject} is neither a PDF nor an OFD"


@dataclass(frozen=True, slots=True)
class Encrypted(Finding):
    says = "{0.subject} is encrypted; what it shows cannot be checked"


@dataclass(frozen=True, slots=True)
class NoSeals(Finding):
    """Nothing is wrong and nothing is proven."""

    weight = Weight.UNPROVEN
    says = "{0.subject} has no seal: nothing about it is proven"


@dataclass(frozen=True, slots=True)
class ActiveContent(Finding):
    """Something that runs, opens or fetches by itself: what is seen may be another thing."""

    kind: str
    says = "{0.subject} has active content ({0.kind}): what it shows can differ from what was sealed"


@dataclass(frozen=True, slots=True)
class StrangeFile(Finding):
    """Built in a way that readers understand differently."""

    problem: str
    says = "{0.subject} is built in a way that programs read differently: {0.problem}"


@dataclass(frozen=True, slots=True)
class CutOff(Finding):
    """Its end is missing: a transfer that broke off, for example."""

    says = "{0.subject} is not complete: its end is missing"


@dataclass(frozen=True, slots=True)
class Appended(Finding):
    """Something stands behind its end that belongs to nothing in it."""

    size: int
    says = "{0.subject} has {0.size} bytes behind its end"


# --- how a seal stands in it ---


@dataclass(frozen=True, slots=True)
class ForgedRange(Finding):
    """The range that the seal says it covers is not what an honest one is."""

    problem: str
    says = "{0.subject} does not cover what it should: {0.problem}"


@dataclass(frozen=True, slots=True)
class SharedRange(Finding):
    other: str
    says = "{0.subject} and {0.other} claim overlapping places for their signatures"


@dataclass(frozen=True, slots=True)
class UnreadableSeal(Finding):
    problem: str
    says = "{0.subject} holds no seal that can be read: {0.problem}"


@dataclass(frozen=True, slots=True)
class OutdatedSeal(Finding):
    """The form before GB/T 38540-2020."""

    says = "{0.subject} has the form of GM/T 0031-2014, which is no longer accepted"


@dataclass(frozen=True, slots=True)
class NotASeal(Finding):
    """A signature of another kind; it is not checked here."""

    kind: str
    weight = Weight.UNPROVEN
    says = "{0.subject} is a signature of another kind ({0.kind}), which is not checked here"


@dataclass(frozen=True, slots=True)
class ChangedAfter(Finding):
    """Something was added after the seal that is not another seal."""

    kind: ChangeKind
    where: str
    says = "the document was changed after {0.subject}: {0.kind} ({0.where})"


@dataclass(frozen=True, slots=True)
class SwappedAppearance(Finding):
    """What is seen at the seal's place is not the picture in the seal."""

    where: str
    says = "{0.subject} shows another picture than the one in the seal ({0.where})"


@dataclass(frozen=True, slots=True)
class AppearanceNotCompared(Finding):
    """The seal's picture is of a kind that is not drawn here."""

    why: str
    weight = Weight.UNPROVEN
    says = "whether {0.subject} shows the picture in the seal is not known: {0.why}"


@dataclass(frozen=True, slots=True)
class InvisibleSeal(Finding):
    """A seal is seen by those who read the document; one that hides is there to deceive."""

    says = "{0.subject} is not shown on any page"


@dataclass(frozen=True, slots=True)
class OtherCoverage(Finding):
    """The signature says that it is about another part of the document than the one it stands for."""

    stated: str
    found: str
    says = "{0.subject} says that it covers {0.stated}; it stands for {0.found}"


# --- its time ---


@dataclass(frozen=True, slots=True)
class TimeNotProven(Finding):
    """There is no time stamp: the time is what the signer says."""

    weight = Weight.NOTE
    says = "no time stamp proves when {0.subject} was made"


@dataclass(frozen=True, slots=True)
class TimesDiffer(Finding):
    """No harm: the proven time counts."""

    stated: datetime
    proven: datetime
    weight = Weight.NOTE
    says = "{0.subject} states {0.stated}, and its time stamp says {0.proven}"


# --- and its signatures ---


@dataclass(frozen=True, slots=True)
class OpinionsDiffer(Finding):
    """Two independent implementations of SM2 disagree: neither is believed."""

    what: str
    says = "two implementations of SM2 disagree about {0.what} of {0.subject}"
