"""What is kept of a UKey that is bound to an account: read from its certificate and seal."""

from office.ukeys import Presented
from signing.seal import Seal
from signing.sm3 import sm3
from signing.x509 import Certificate


def presented(certificate: Certificate, seal: Seal, fingerprint: str = "") -> Presented:
    """`fingerprint`: where the caller has computed it."""
    return Presented(
        fingerprint=fingerprint or sm3(certificate.der).hex(),
        certificate=certificate.der,
        seal=seal.der,
        subject=certificate.subject.common_name or str(certificate.subject),
        seal_name=seal.info.name,
        serial=f"{certificate.serial:x}",
        valid_until=min(certificate.valid_until, seal.info.valid_until),
    )
