"""The demonstration's certificate authority. It has no legal standing, and says so in every name."""

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import (
    AlreadyRevoked,
    Applicant,
    AuthorityError,
    CertificateAuthority,
    NotIssued,
    State,
    Status,
    SubjectKind,
    UnknownCertificate,
)
from certificates.authority.trust import NoTrust, read_trust

__all__ = [
    "AlreadyRevoked",
    "Applicant",
    "AuthorityError",
    "CertificateAuthority",
    "DemonstrationAuthority",
    "NoTrust",
    "NotIssued",
    "State",
    "Status",
    "SubjectKind",
    "UnknownCertificate",
    "read_trust",
]
