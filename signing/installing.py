"""What is written into a UKey in one go: a certificate, the certificates above it, and its seal.

    bundle = Bundle(certificate, chain, seal)
    parse_bundle(bundle.der) == bundle

DER: SEQUENCE { certificate, SEQUENCE of the chain (the issuer first), seal }. Whom to trust is not decided
here: the platform signs the digest of it into a job, and the UKey takes only what is for its own key.
"""

from dataclasses import dataclass
from typing import Final

from signing.der import MalformedDer, check, children, reading, sequence
from signing.job_tasks import MAX_BUNDLE
from signing.seal import Seal, parse_seal
from signing.x509 import Certificate, parse_certificate

MAX_CHAIN: Final = 4
_SEQUENCE: Final = 0x30
_WHAT: Final = "a certificate to be installed"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate with all that goes with it."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    seal: Seal

    @property
    def der(self) -> bytes:
        above = sequence(*(each.der for each in self.chain))
        return sequence(self.certificate.der, above, self.seal.der)

    @property
    def size(self) -> int:
        """Bytes, near enough for bounds."""
        return len(self.certificate.der) + len(self.seal.der)


def parse_bundle(data: bytes) -> Bundle:
    """Raises MalformedDer, also when the seal is not one of the certificate."""
    check(data, _WHAT, MAX_BUNDLE)
    with reading(_WHAT):
        own, above, seal = children(data, _SEQUENCE, 3)
        chain = children(above, _SEQUENCE)
    if len(chain) > MAX_CHAIN:
        raise MalformedDer(_WHAT, f"a chain has at most {MAX_CHAIN} certificates")
    bundle = Bundle(parse_certificate(own), tuple(map(parse_certificate, chain)), parse_seal(seal))
    if not bundle.seal.info.lists(bundle.certificate):
        raise MalformedDer(_WHAT, "its seal is another certificate's")
    return bundle
