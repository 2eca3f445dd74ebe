"""Requests for certificates (PKCS#10 over SM2): made next to the key, checked by the authority."""

from dataclasses import dataclass, field
from typing import Final

from asn1crypto import csr, keys

from signing import oids
from signing.der import bit_string, load, octets_of_bits, part, reading, sequence
from signing.names import Name
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.x509 import from_pem, read_key, to_pem

MAX_REQUEST: Final = 16_384

_WHAT = "a request for a certificate"


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A name and a key, and that whoever asks holds the key.

    Extensions that a request asks for are not read: the authority's profile decides, not the applicant.
    """

    der: bytes = field(repr=False)
    subject: Name = field(compare=False)
    key: PublicKey = field(compare=False)
    signature: bytes = field(repr=False, compare=False)

    @property
    def proves_possession(self) -> bool:
        """Whether the key in the request signed it."""
        return self.key.verify(part(self.der, 0), self.signature)

    def to_pem(self) -> bytes:
        """`BEGIN CERTIFICATE REQUEST`."""
        return to_pem("CERTIFICATE REQUEST", self.der)


def request_certificate(subject: Name, signer: Signer) -> CertificateRequest:
    """A request for `subject` by the holder of the key."""
    inner = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": subject.value(),
            "subject_pk_info": keys.PublicKeyInfo.load(signer.public_key.spki),
            "attributes": [],
        }
    ).dump()
    return parse_request(sequence(inner, oids.sm2_with_sm3().dump(), bit_string(signer.sign(inner))))


def parse_request(data: bytes) -> CertificateRequest:
    """A request from DER or PEM. Raises MalformedDer. Its signature is yet to be checked."""
    der = from_pem("CERTIFICATE REQUEST", data, _WHAT, MAX_REQUEST)
    outer = load(csr.CertificationRequest, der, _WHAT, MAX_REQUEST)
    with reading(_WHAT):
        oids.require_sm2_with_sm3(outer["signature_algorithm"])
        inner = outer["certification_request_info"]
        return CertificateRequest(
            der=der,
            subject=Name.read(inner["subject"]),
            key=read_key(inner["subject_pk_info"].dump()),
            signature=octets_of_bits(outer["signature"]),
        )
