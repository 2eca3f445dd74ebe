"""OCSP over SM2 (RFC 6960): ask about a certificate, answer for an authority, read and check an answer.

The certificate is named by SM3 digests of its issuer's name and key. Nothing here opens a connection.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from asn1crypto import core, ocsp

from signing import oids
from signing.crl import Reason, Revocation
from signing.der import bit_string, check, encode, load, octets_of_bits, part, reading, sequence
from signing.issuing import Authority, IssuingError
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from signing.x509 import MAX_CERTIFICATE, Certificate, parse_certificate, read_serial

MAX_QUESTION: Final = 4_096
MAX_ANSWER: Final = 131_072
MAX_CERTIFICATES: Final = 8
NONCE_SIZES: Final = range(1, 33)

_QUESTION, _ANSWER = "an OCSP question", "an OCSP answer"
_OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
_SUCCESSFUL: Final = b"\x0a\x01\x00"
_DIGESTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    oids.SM3: sm3,
    "1.3.14.3.2.26": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "2.16.840.1.101.3.4.2.1": lambda data: hashlib.sha256(data).digest(),
}


class Refusal(StrEnum):
    """Why a responder does not answer (RFC 6960, 4.2.1)."""

    MALFORMED = "malformed_request"
    INTERNAL = "internal_error"
    TRY_LATER = "try_later"
    UNAUTHORIZED = "unauthorized"


class Standing(StrEnum):
    """What the responder says of one certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertificateId:
    """One certificate by its issuer and number."""

    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    algorithm: str = oids.SM3
    """Of the digests. Others ask with SHA-1 or SHA-256: these name the issuer, they prove nothing."""

    @classmethod
    def of(cls, certificate: Certificate, issuer: Certificate) -> "CertificateId":
        """By SM3 digests."""
        return cls(sm3(issuer.subject.der), sm3(issuer.key.point), certificate.serial)

    def is_below(self, issuer: Certificate) -> bool:
        """Whether this is the issuer that is named."""
        digest = _DIGESTS[self.algorithm]
        named = (self.issuer_name_hash, self.issuer_key_hash)
        return named == (digest(issuer.subject.der), digest(issuer.key.point))


@dataclass(frozen=True, slots=True)
class OcspQuestion:
    """A question about one certificate."""

    der: bytes = field(repr=False)
    about: CertificateId
    nonce: bytes


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """An answer about one certificate, as it was read. Its signature is checked by `responder_of`."""

    der: bytes = field(repr=False)
    signed_part: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    about: CertificateId
    standing: Standing
    revocation: Revocation | None
    produced_at: datetime
    this_update: datetime
    next_update: datetime | None
    nonce: bytes
    certificates: tuple[Certificate, ...] = field(repr=False)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature over the answer."""
        return key.verify(self.signed_part, self.signature)

    def responder_of(self, issuer: Certificate) -> Certificate | None:
        """Who signed: the issuer, or one whom it appointed to answer (RFC 6960, 4.2.2.2). None: nobody."""
        if self.is_signed_by(issuer.key):
            return issuer
        for candidate in self.certificates:
            appointed = oids.OCSP_SIGNING in (candidate.extensions.purposes or ())
            if not appointed or candidate.extensions.unknown_critical:
                continue
            own = candidate.issuer == issuer.subject and candidate.is_signed_by(issuer.key)
            if own and candidate.is_valid_at(self.produced_at) and self.is_signed_by(candidate.key):
                return candidate
        return None


def ask(certificate: Certificate, issuer: Certificate, nonce: bytes) -> OcspQuestion:
    """A question about `certificate`. The nonce, 1 to 32 bytes by chance, binds the answer to it."""
    request: dict[str, Any] = {"req_cert": _certificate_id(CertificateId.of(certificate, issuer))}
    question = ocsp.OCSPRequest(
        {"tbs_request": {"request_list": [request], "request_extensions": [_nonce(nonce)]}}
    )
    return parse_question(question.dump())


def parse_question(der: bytes) -> OcspQuestion:
    """A question about exactly one certificate, named by SM3, SHA-1 or SHA-256. Raises MalformedDer."""
    outer = load(ocsp.OCSPRequest, der, _QUESTION, MAX_QUESTION)
    with reading(_QUESTION):
        inner = outer["tbs_request"]
        (request,) = inner["request_list"]
        nonce = _read_nonce(inner["request_extensions"])
        return OcspQuestion(der=der, about=_read_id(request["req_cert"]), nonce=nonce)


def answer(
    responder: Authority,
    about: CertificateId,
    standing: Standing,
    *,
    produced_at: datetime,
    next_update: datetime | None = None,
    revocation: Revocation | None = None,
    nonce: bytes = b"",
) -> OcspAnswer:
    """An answer signed by the issuer itself or by a certificate of the profile OCSP_RESPONDER.

    Raises IssuingError for another certificate, ValueError when `revocation` does not fit `standing`.
    """
    own = responder.certificate
    if not own.extensions.is_authority and oids.OCSP_SIGNING not in (own.extensions.purposes or ()):
        raise IssuingError("this certificate answers no OCSP questions")
    if (standing is Standing.REVOKED) != (revocation is not None):
        raise ValueError("a revocation belongs to the standing `revoked`, and to no other")
    single: dict[str, Any] = {
        "cert_id": _certificate_id(about),
        "cert_status": _status(standing, revocation),
        "this_update": core.GeneralizedTime(produced_at.replace(microsecond=0)),
    }
    if next_update is not None:
        single["next_update"] = core.GeneralizedTime(next_update.replace(microsecond=0))
    body: dict[str, Any] = {
        "responder_id": ocsp.ResponderId(name="by_name", value=own.subject.value()),
        "produced_at": core.GeneralizedTime(produced_at.replace(microsecond=0)),
        "responses": [single],
    }
    if nonce:
        body["response_extensions"] = [_nonce(nonce)]
    return parse_answer(_signed(ocsp.ResponseData(body), responder))


def _signed(body: Any, responder: Authority) -> bytes:
    inner = body.dump()
    basic = sequence(
        inner,
        oids.sm2_with_sm3().dump(),
        bit_string(responder.signer.sign(inner)),
        encode(0xA0, sequence(responder.certificate.der)),
    )
    wrapped = sequence(core.ObjectIdentifier(_OCSP_BASIC).dump(), core.OctetString(basic).dump())
    return sequence(_SUCCESSFUL, encode(0xA0, wrapped))


def refusal(why: Refusal) -> bytes:
    """The answer, unsigned as it has to be, that there is none."""
    der: bytes = ocsp.OCSPResponse({"response_status": str(why)}).dump()
    return der


def parse_answer(der: bytes) -> OcspAnswer:
    """An answer about exactly one certificate. Raises MalformedDer, also for a refusal (`try_later` …)."""
    outer = load(ocsp.OCSPResponse, der, _ANSWER, MAX_ANSWER)
    with reading(_ANSWER):
        if outer["response_status"].native != "successful":
            raise ValueError(f"the responder says {outer['response_status'].native}")
        wrapped = outer["response_bytes"]
        if wrapped["response_type"].dotted != _OCSP_BASIC:
            raise ValueError("an answer of an unknown type")
        return _read_basic(der, bytes(wrapped["response"].contents))


def _read_basic(der: bytes, inside: bytes) -> OcspAnswer:
    check(inside, _ANSWER, MAX_ANSWER)
    basic = ocsp.BasicOCSPResponse.load(inside, strict=True)
    oids.require_sm2_with_sm3(basic["signature_algorithm"])
    body = basic["tbs_response_data"]
    (single,) = body["responses"]
    _refuse_critical(single["single_extensions"])
    about = _read_id(single["cert_id"])
    standing, revocation = _read_status(single["cert_status"], about.serial)
    return OcspAnswer(
        der=der,
        signed_part=part(inside, 0),
        signature=octets_of_bits(basic["signature"]),
        about=about,
        standing=standing,
        revocation=revocation,
        produced_at=body["produced_at"].native,
        this_update=single["this_update"].native,
        next_update=single["next_update"].native,
        nonce=_read_nonce(body["response_extensions"]),
        certificates=_read_certificates(basic["certs"]),
    )


def _certificate_id(about: CertificateId) -> dict[str, Any]:
    return {
        "hash_algorithm": {"algorithm": about.algorithm},
        "issuer_name_hash": about.issuer_name_hash,
        "issuer_key_hash": about.issuer_key_hash,
        "serial_number": about.serial,
    }


def _read_id(value: Any) -> CertificateId:
    algorithm = value["hash_algorithm"]["algorithm"].dotted
    if algorithm not in _DIGESTS:
        raise ValueError("a certificate that is named neither by SM3 nor by SHA-1 or SHA-256")
    return CertificateId(
        value["issuer_name_hash"].native,
        value["issuer_key_hash"].native,
        read_serial(value["serial_number"]),
        algorithm,
    )


def _status(standing: Standing, revocation: Revocation | None) -> Any:
    if revocation is None:
        status = {Standing.GOOD: ocsp.StatusGood, Standing.UNKNOWN: ocsp.StatusUnknown}[standing]
        return ocsp.CertStatus(name=str(standing), value=status())
    info = {
        "revocation_time": core.GeneralizedTime(revocation.at.replace(microsecond=0)),
        "revocation_reason": str(revocation.reason),
    }
    return ocsp.CertStatus(name="revoked", value=info)


def _read_status(value: Any, serial: int) -> tuple[Standing, Revocation | None]:
    standing = Standing(value.name)
    if standing is not Standing.REVOKED:
        return standing, None
    reason = value.chosen["revocation_reason"].native
    at = value.chosen["revocation_time"].native
    return standing, Revocation(serial, at, Reason(reason) if reason else Reason.UNSPECIFIED)


def _nonce(nonce: bytes) -> dict[str, Any]:
    if len(nonce) not in NONCE_SIZES:
        raise ValueError("a nonce has 1 to 32 bytes")
    return {"extn_id": "nonce", "critical": False, "extn_value": core.OctetString(nonce)}


def _read_nonce(extensions: Any) -> bytes:
    _refuse_critical(extensions)
    for extension in extensions if not isinstance(extensions, core.Void) else ():
        if extension["extn_id"].native == "nonce":
            return bytes(core.OctetString.load(extension["extn_value"].contents, strict=True).native)
    return b""


def _refuse_critical(extensions: Any) -> None:
    for extension in extensions if not isinstance(extensions, core.Void) else ():
        if extension["critical"].native:
            raise ValueError(f"the critical extension {extension['extn_id'].dotted} is not understood here")


def _read_certificates(value: Any) -> tuple[Certificate, ...]:
    if isinstance(value, core.Void):
        return ()
    if len(value) > MAX_CERTIFICATES:
        raise ValueError(f"more than {MAX_CERTIFICATES} certificates")
    found = [certificate.dump() for certificate in value]
    return tuple(parse_certificate(der) for der in found if len(der) <= MAX_CERTIFICATE)
