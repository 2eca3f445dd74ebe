"""Sealing (电子签章, SES_Signature of GB/T 38540-2020): a seal, a digest of the content, a time, signed.

    signature = sign_with_seal(seal, digest, certificate, key, at=moment, covers="…")
    check_seal_signature(signature, digest, trust, now=moment).verdict

Where the bytes stand in a document, and what they cover there, is the document's business (PDF, OFD).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from asn1crypto import core

from signing import oids
from signing import seal_structures as structures
from signing.der import (
    SEQUENCE,
    MalformedDer,
    children,
    element_at,
    load,
    octets_of_bits,
    optional_part,
    part,
    reading,
    sequence,
)
from signing.seal import (
    MAX_SEAL,
    MAX_TEXT,
    ExtData,
    Seal,
    SealError,
    encode_extensions,
    generalized,
    moment_of,
    read_extensions,
    read_seal,
    read_version,
)
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.sm3 import DIGEST_SIZE
from signing.x509 import MAX_CERTIFICATE, Certificate

MAX_SIGNATURE: Final = MAX_SEAL + (1 << 18)
MAX_TIME_STAMP: Final = 1 << 16

_WHAT = "a seal's signature of GB/T 38540"


@dataclass(frozen=True, slots=True)
class SealSignature:
    """One sealing as it was read. Equal by its bytes."""

    der: bytes = field(repr=False)
    version: int = field(compare=False)
    seal: Seal = field(compare=False)
    stated_time: datetime = field(compare=False)
    """What the signer says; only a time stamp proves it."""
    digest: bytes = field(compare=False)
    """32 bytes, SM3 of the content."""
    covers: str = field(compare=False)
    """What the content is, in the terms of the document's format."""
    extensions: tuple[ExtData, ...] = field(compare=False)
    certificate: bytes = field(repr=False, compare=False)
    """The signer's certificate as it stands there: not read yet, not trusted."""
    signature: bytes = field(repr=False, compare=False)
    time_stamp: bytes = field(repr=False, compare=False)
    """An RFC 3161 token, or nothing."""

    @property
    def signed_part(self) -> bytes:
        """The DER of TBS_Sign, which the signature covers."""
        return part(self.der, 0)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature."""
        return key.verify(self.signed_part, self.signature)

    def __str__(self) -> str:
        return f"the sealing with {self.seal} at {self.stated_time}"


def to_be_signed(
    seal: Seal, digest: bytes, *, at: datetime, covers: str, extensions: Sequence[ExtData] = ()
) -> bytes:
    """The DER of TBS_Sign: what a UKey signs. Raises SealError unless `digest` has 32 bytes."""
    if len(digest) != DIGEST_SIZE:
        raise SealError("the digest is not one of SM3")
    if not covers.isascii() or len(covers) > MAX_TEXT:
        raise SealError("what is covered is named by a short ASCII text")
    body = [
        core.Integer(structures.WRITTEN_VERSION).dump(),
        seal.der,
        generalized(at).dump(),
        structures.bits(digest).dump(),
        core.IA5String(covers).dump(),
    ]
    if extensions:
        body.append(structures.explicit(encode_extensions(extensions)))
    return sequence(*body)


def assemble(
    signed_part: bytes, certificate: Certificate, signature: bytes, *, time_stamp: bytes = b""
) -> SealSignature:
    """The whole structure from what was signed and its signature. Raises SealError when they do not fit."""
    if not certificate.key.verify(signed_part, signature):
        raise SealError("this certificate's key did not sign this")
    if len(time_stamp) > MAX_TIME_STAMP:
        raise SealError(f"a time stamp of {len(time_stamp)} bytes; {MAX_TIME_STAMP} are taken")
    body = [
        signed_part,
        core.OctetString(certificate.der).dump(),
        core.ObjectIdentifier(oids.SM2_WITH_SM3).dump(),
        structures.bits(signature).dump(),
    ]
    if time_stamp:
        body.append(structures.explicit(structures.bits(time_stamp).dump()))
    try:
        return parse_seal_signature(sequence(*body))
    except MalformedDer as error:
        raise SealError(f"what was signed is no sealing: {error}") from error


def together(sealings: Sequence[SealSignature]) -> bytes:
    """The sealings of several files as an assistant answers them: a DER sequence, in the order of the job."""
    return sequence(*(each.der for each in sealings))


def apart(data: bytes, count: int) -> tuple[bytes, ...]:
    """So many sealings, as they came `together`; each is to be read by itself. Raises MalformedDer."""
    try:
        if element_at(data, 0, len(data)).end != len(data):
            raise ValueError("something stands behind them")
        return tuple(children(data, SEQUENCE, count))
    except ValueError as error:
        raise MalformedDer("sealings", str(error)) from error


def sign_with_seal(
    seal: Seal,
    digest: bytes,
    certificate: Certificate,
    signer: Signer,
    *,
    at: datetime,
    covers: str,
    extensions: Sequence[ExtData] = (),
) -> SealSignature:
    """Seal the content of this digest. Raises SealError when the seal is not for this certificate or time."""
    if signer.public_key != certificate.key:
        raise SealError("the key does not belong to the certificate")
    if not seal.info.lists(certificate):
        raise SealError(f"the seal {seal} was not made for {certificate}")
    if not seal.info.valid_from <= at <= seal.info.valid_until:
        raise SealError(f"the seal is valid from {seal.info.valid_from} to {seal.info.valid_until}")
    signed_part = to_be_signed(seal, digest, at=at, covers=covers, extensions=extensions)
    return assemble(signed_part, certificate, signer.sign(signed_part))


def parse_seal_signature(der: bytes) -> SealSignature:
    """A sealing of version 4 or 5. Raises MalformedDer; no other error on any input."""
    outer = load(structures.SealSignature, der, _WHAT, MAX_SIGNATURE)
    with reading(_WHAT):
        return _read(der, outer)


def _read(der: bytes, outer: Any) -> SealSignature:
    inner = outer["to_sign"]
    if outer["algorithm"].dotted != oids.SM2_WITH_SM3:
        raise ValueError(f"signed by {outer['algorithm'].dotted}, not by SM2 with SM3")
    digest = octets_of_bits(inner["digest"])
    if len(digest) != DIGEST_SIZE:
        raise ValueError(f"a digest of {len(digest)} bytes")
    certificate = bytes(outer["certificate"].native)
    if not 0 < len(certificate) <= MAX_CERTIFICATE:
        raise ValueError("a certificate of an impossible size")
    stamp = optional_part(der, 4)
    token = structures.time_stamp(stamp) if stamp else b""
    if len(token) > MAX_TIME_STAMP:
        raise ValueError("a time stamp of an impossible size")
    return SealSignature(
        der=der,
        version=read_version(inner["version"]),
        seal=read_seal(inner["seal"], part(der, 0, 1)),
        stated_time=moment_of(inner["time"]),
        digest=digest,
        covers=_covers(inner["property"]),
        extensions=read_extensions(optional_part(der, 0, 5)),
        certificate=certificate,
        signature=octets_of_bits(outer["signature"]),
        time_stamp=token,
    )


def _covers(value: Any) -> str:
    text: str = value.native
    if len(text) > MAX_TEXT:
        raise ValueError(f"what is covered is named by more than {MAX_TEXT} characters")
    return text
