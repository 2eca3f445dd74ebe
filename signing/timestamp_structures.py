"""What time stamps are made of besides RFC 3161 itself: identifiers, who signed, by which certificate."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from asn1crypto import core, x509

from signing import oids
from signing.der import SEQUENCE, children, encode, part, sequence
from signing.names import Name
from signing.sm3 import sm3
from signing.x509 import Certificate

SIGNED_DATA_CMS: Final = "1.2.840.113549.1.7.2"
SIGNED_DATA: Final = {SIGNED_DATA_CMS, "1.2.156.10197.6.1.4.2.2"}
"""RFC 5652, which we write, and GM/T 0010."""
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"

SM2_SIGNATURES: Final = {oids.SM2_WITH_SM3, "1.2.156.10197.1.301.1", "1.2.156.10197.1.301"}
"""GM/T 0010 names the signature algorithm of a signer without its digest, or by the curve."""

_SHA1, _SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
_DIGESTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    oids.SM3: sm3,
    _SHA256: lambda data: hashlib.sha256(data).digest(),
    _SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
}


def sm3_algorithm() -> bytes:
    """AlgorithmIdentifier of SM3, without parameters."""
    return sequence(core.ObjectIdentifier(oids.SM3).dump())


@dataclass(frozen=True, slots=True)
class SignerId:
    """A certificate by issuer and number, or by its key's identifier."""

    issuer: bytes = field(default=b"", repr=False)
    """The DER of the issuer's name."""
    serial: int = 0
    key_id: bytes = b""

    @classmethod
    def of(cls, certificate: Certificate) -> "SignerId":
        """By issuer and number."""
        return cls(certificate.issuer.der, certificate.serial)

    def der(self) -> bytes:
        """IssuerAndSerialNumber."""
        return sequence(self.issuer, core.Integer(self.serial).dump())

    def names(self, certificate: Certificate) -> bool:
        """Whether this is the certificate that is meant."""
        if self.key_id:
            return certificate.extensions.subject_key_id == self.key_id
        return (certificate.issuer.der, certificate.serial) == (self.issuer, self.serial)


def read_signer_id(der: bytes) -> SignerId:
    """From SignerIdentifier. Raises ValueError."""
    if der[0] == 0x80:
        return SignerId(key_id=bytes(core.OctetString.load(b"\x04" + der[1:], strict=True).native))
    issuer, serial = children(der, SEQUENCE, 2)
    name = Name.read(x509.Name.load(issuer, strict=True))
    return SignerId(name.der, core.Integer.load(serial, strict=True).native)


@dataclass(frozen=True, slots=True)
class CertificateHash:
    """ESSCertID: a certificate by a digest of its DER."""

    algorithm: str
    value: bytes

    def names(self, certificate: Certificate) -> bool:
        """Whether this is the certificate that is meant; False for a digest that is not known here."""
        digest = _DIGESTS.get(self.algorithm)
        return digest is not None and digest(certificate.der) == self.value


def read_certificate_hash(der: bytes, attribute: str) -> CertificateHash:
    """From ESSCertIDv2, or ESSCertID, which means SHA-1. Raises ValueError."""
    first = part(der, 0)
    if attribute == SIGNING_CERTIFICATE:
        return CertificateHash(_SHA1, _octets(first))
    if first[0] == SEQUENCE:
        return CertificateHash(core.ObjectIdentifier.load(part(first, 0)).dotted, _octets(part(der, 1)))
    return CertificateHash(_SHA256, _octets(first))


def certificate_hash(certificate: Certificate) -> bytes:
    """ESSCertIDv2 with SM3, issuer and number included."""
    issuer = encode(0xA4, certificate.issuer.der)
    named = sequence(sequence(issuer), core.Integer(certificate.serial).dump())
    return sequence(sm3_algorithm(), core.OctetString(sm3(certificate.der)).dump(), named)


def _octets(der: bytes) -> bytes:
    return bytes(core.OctetString.load(der, strict=True).native)
