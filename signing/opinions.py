"""Two implementations of SM2 asked about the same signature. Where they disagree, neither is believed.

libcrypto decides; gmssl, which shares no line with it, is asked if it sees the same. Its answers are kept
for the signatures that come again and again, those of the certificates.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from signing import secondopinion
from signing.chain import CertificateReport
from signing.document_findings import OpinionsDiffer
from signing.findings import Finding
from signing.seal_check import SealSignatureReport
from signing.sm2 import PublicKey
from signing.timestamp import TimeStampReport

SHORT = 1_024
"""Bytes of a message that gmssl hashes by itself."""


def differing(name: str, report: SealSignatureReport, stamp: TimeStampReport | None) -> Iterator[Finding]:
    """A finding for each signature about which they disagree."""
    sealing, seal = report.signature, report.seal
    if report.signer is not None:
        key = report.signer.path[0].key
        yield from _ask(name, "the signature", key, sealing.signed_part, sealing.signature)
    if seal.maker is not None:
        key = seal.maker.path[0].key
        yield from _ask(name, "the seal maker's signature", key, seal.seal.signed_part, seal.seal.signature)
    if stamp is not None and stamp.stamp is not None and stamp.signer is not None:
        key, made = stamp.signer.path[0].key, stamp.stamp
        yield from _ask(name, "the time stamp", key, made.signed_part, made.signature)
    for path in (report.signer, seal.maker, stamp.signer if stamp else None):
        yield from _ask_path(name, path)


def _ask_path(name: str, path: CertificateReport | None) -> Iterator[Finding]:
    for below, above in pairwise(path.path if path else ()):
        yield from _ask(name, f"the certificate {below}", above.key, below.signed_part, below.signature)


def _ask(name: str, what: str, key: PublicKey, message: bytes, signature: bytes) -> Iterator[Finding]:
    if key.verify(message, signature) != _second(key.point, message, signature):
        yield OpinionsDiffer(name, what)


@lru_cache(maxsize=256)
def _second(point: bytes, message: bytes, signature: bytes) -> bool:
    ask = secondopinion.verify if len(message) <= SHORT else secondopinion.verify_long
    return ask(point, message, signature)
