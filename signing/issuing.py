"""Issue certificates: a root, issuing authorities below it, and what these issue to subscribers.

    root = self_signed(Name.of("示例根 CA"), key, validity)
    authority = Authority(root, key)
    authority.issue(Wanted(name, public_key, SUBSCRIBER, validity, credit_code="91…"))

Each certificate follows one of the profiles below; nobody asks for single extensions.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from asn1crypto import core, keys, x509

from signing import SigningError, oids
from signing.der import bit_string, sequence
from signing.names import Name
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from signing.x509 import Certificate, KeyUsage, parse_certificate

_UTC_TIME_ENDS: Final = 2050


class IssuingError(SigningError):
    """The certificate that was asked for is not issued. Says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of certificate is for."""

    key_usage: frozenset[KeyUsage]
    purposes: tuple[str, ...] = ()
    is_authority: bool = False
    path_length: int | None = None
    purposes_critical: bool = False


_ISSUE = frozenset({KeyUsage.SIGN_CERTIFICATES, KeyUsage.SIGN_LISTS})
_SIGN = frozenset({KeyUsage.SIGNATURE, KeyUsage.CONSENT})

ROOT: Final = Profile(_ISSUE, is_authority=True)
ISSUING: Final = Profile(_ISSUE, is_authority=True, path_length=0)
"""Issues to subscribers and to nobody who issues again."""
SUBSCRIBER: Final = Profile(_SIGN, (oids.CLIENT_AUTH,))
"""Sign-in, signing and sealing. Encryption needs a second key pair and is not part of it."""
SEAL_MAKER: Final = Profile(_SIGN)
TIME_STAMPER: Final = Profile(_SIGN, (oids.TIME_STAMPING,), purposes_critical=True)
OCSP_RESPONDER: Final = Profile(frozenset({KeyUsage.SIGNATURE}), (oids.OCSP_SIGNING,))


@dataclass(frozen=True, slots=True)
class Validity:
    """From the first to the last moment, both included, to the second."""

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.begin.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a validity needs times with a zone")
        if self.begin > self.end:
            raise ValueError("a validity ends after it begins")

    @classmethod
    def of_days(cls, begin: datetime, days: int) -> Self:
        """So many whole days from `begin` on."""
        return cls(begin, begin + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate is to say."""

    subject: Name
    key: PublicKey
    profile: Profile
    validity: Validity
    credit_code: str = ""
    person_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where others find an authority's list of revoked certificates, its OCSP service and its certificate."""

    crl: str = ""
    ocsp: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and what signs with its key."""

    certificate: Certificate
    signer: Signer
    addresses: Addresses = Addresses()

    def __post_init__(self) -> None:
        if self.signer.public_key != self.certificate.key:
            raise IssuingError("the key does not belong to the authority's certificate")

    def issue(self, wanted: Wanted, serial: int | None = None) -> Certificate:
        """Issue a certificate; the serial number is 127 bits that nobody can guess, unless given.

        Raises IssuingError when the authority may not, or when the certificate would outlive it.
        """
        self._check(wanted)
        body = _body(wanted, self.certificate.subject, serial)
        body["extensions"] = _extensions(wanted, key_id(self.certificate), self.addresses)
        return _signed(body, self.signer)

    def _check(self, wanted: Wanted) -> None:
        own = self.certificate
        if not (own.extensions.is_authority and own.may(KeyUsage.SIGN_CERTIFICATES)):
            raise IssuingError("this certificate does not issue others")
        if wanted.profile.is_authority and own.extensions.path_length == 0:
            raise IssuingError("this authority issues to nobody who issues again")
        if wanted.subject == own.subject:
            raise IssuingError("a subject with the authority's own name")
        if wanted.validity.begin < own.valid_from or wanted.validity.end > own.valid_until:
            raise IssuingError(f"the authority itself is valid from {own.valid_from} to {own.valid_until}")


def self_signed(subject: Name, signer: Signer, validity: Validity) -> Certificate:
    """A root: subject and issuer are one. Whoever trusts it has other reasons than its signature."""
    wanted = Wanted(subject, signer.public_key, ROOT, validity)
    body = _body(wanted, subject, serial=None)
    body["extensions"] = _extensions(wanted, _identifier(signer.public_key), Addresses())
    return _signed(body, signer)


def new_serial() -> int:
    """16 bytes, positive, 126 bits of them by chance: as rules for authorities ask, unguessable."""
    return 1 << 126 | secrets.randbits(126)


def key_id(certificate: Certificate) -> bytes:
    """The identifier by which what this certificate issues will name its key."""
    return certificate.extensions.subject_key_id or _identifier(certificate.key)


def _identifier(key: PublicKey) -> bytes:
    return sm3(key.point)[:20]  # any short digest of the key will do (RFC 5280, 4.2.1.2; RFC 7093)


def _body(wanted: Wanted, issuer: Name, serial: int | None) -> dict[str, Any]:
    return {
        "version": "v3",
        "serial_number": new_serial() if serial is None else serial,
        "signature": oids.sm2_with_sm3(),
        "issuer": issuer.value(),
        "validity": {
            "not_before": time_value(wanted.validity.begin),
            "not_after": time_value(wanted.validity.end),
        },
        "subject": wanted.subject.value(),
        "subject_public_key_info": keys.PublicKeyInfo.load(wanted.key.spki),
    }


def time_value(moment: datetime) -> x509.Time:
    """UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5), whole seconds in UTC."""
    moment = moment.astimezone(UTC).replace(microsecond=0)
    kind = "utc_time" if moment.year < _UTC_TIME_ENDS else "general_time"
    return x509.Time(name=kind, value=moment)


def _extensions(wanted: Wanted, authority_key_id: bytes, addresses: Addresses) -> list[dict[str, Any]]:
    profile = wanted.profile
    constraints: dict[str, Any] = {"ca": profile.is_authority}
    if profile.path_length is not None:
        constraints["path_len_constraint"] = profile.path_length
    made = [
        _extension("basic_constraints", constraints, critical=True),
        _extension("key_usage", {str(usage) for usage in profile.key_usage}, critical=True),
        _extension("key_identifier", _identifier(wanted.key)),
        _extension("authority_key_identifier", {"key_identifier": authority_key_id}),
    ]
    if profile.purposes:
        made.append(
            _extension("extended_key_usage", list(profile.purposes), critical=profile.purposes_critical)
        )
    made += _address_extensions(addresses)
    if wanted.credit_code:
        made.append(_extension(oids.CREDIT_CODE, core.PrintableString(wanted.credit_code).dump()))
    if wanted.person_id:
        resident = core.PrintableString(wanted.person_id, implicit=(2, 0))
        made.append(_extension(oids.PERSON_ID, resident.dump()))
    return made


def _address_extensions(addresses: Addresses) -> list[dict[str, Any]]:
    made = []
    if addresses.crl:
        point = x509.DistributionPointName(name="full_name", value=[_uri(addresses.crl)])
        made.append(_extension("crl_distribution_points", [{"distribution_point": point}]))
    access = {"ocsp": addresses.ocsp, "ca_issuers": addresses.certificate}
    described = [
        {"access_method": method, "access_location": _uri(address)}
        for method, address in access.items()
        if address
    ]
    if described:
        made.append(_extension("authority_information_access", described))
    return made


def _uri(address: str) -> x509.GeneralName:
    return x509.GeneralName(name="uniform_resource_identifier", value=address)


def _extension(kind: str, value: Any, critical: bool = False) -> dict[str, Any]:
    return {"extn_id": kind, "critical": critical, "extn_value": value}


def _signed(body: dict[str, Any], signer: Signer) -> Certificate:
    inner = x509.TbsCertificate(body).dump()
    outer = sequence(inner, oids.sm2_with_sm3().dump(), bit_string(signer.sign(inner)))
    return parse_certificate(outer)  # what we would refuse from others we do not issue
