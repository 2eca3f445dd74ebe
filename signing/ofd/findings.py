"""What a check of OFD documents found beyond `signing.document_findings`."""

from dataclasses import dataclass

from signing.findings import Finding, Weight


@dataclass(frozen=True, slots=True)
class SealsTakenOut(Finding):
    """The numbers of the seals have a gap. The seals that are there hold without those that are not."""

    count: int
    weight = Weight.NOTE
    says = "{0.subject} once had more seals: {0.count} were taken out or given up"
