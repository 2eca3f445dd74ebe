"""Requests for time stamps and tokens (RFC 3161), read strictly. The way in is `timestamp`."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import core, tsp

from signing import SigningError, oids
from signing.der import (
    SEQUENCE,
    SET,
    MalformedDer,
    check,
    children,
    load,
    part,
    reading,
    sequence,
)
from signing.names import Name
from signing.sm2 import PublicKey
from signing.sm3 import DIGEST_SIZE, sm3
from signing.timestamp_structures import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    SM2_SIGNATURES,
    TST_INFO,
    CertificateHash,
    SignerId,
    read_certificate_hash,
    read_signer_id,
    sm3_algorithm,
)
from signing.x509 import Certificate, parse_certificate

MAX_TOKEN: Final = 1 << 16
MAX_MESSAGE: Final = MAX_TOKEN + 4_096
MAX_CERTIFICATES: Final = 8
NONCE_BITS: Final = 64

_TOKEN, _REQUEST, _RESPONSE = "a time stamp token", "a request for a time stamp", "a time stamp response"
_GRANTED: Final = {"granted", "granted_with_mods"}


class OtherAlgorithm(MalformedDer):
    """A token by algorithms other than SM2 and SM3: nothing is wrong with it that could be told here."""

    def __init__(self, problem: str) -> None:
        super().__init__(_TOKEN, problem)


class NoStamp(SigningError):
    """No time stamp was got, or not the one that was asked for. Says why."""


@dataclass(frozen=True, slots=True)
class TimeStampRequest:
    """A request as it was read or made."""

    der: bytes = field(repr=False)
    algorithm: str
    digest: bytes
    nonce: int | None
    policy: str
    wants_certificates: bool


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """One token as it was read. Its signature and certificate are checked by `check_token`."""

    der: bytes = field(repr=False)
    content: bytes = field(repr=False, compare=False)
    """The DER of TSTInfo, whose SM3 stands in what is signed."""
    policy: str = field(compare=False)
    algorithm: str = field(compare=False)
    digest: bytes = field(compare=False)
    """Of what was stamped."""
    serial: int = field(compare=False)
    time: datetime = field(compare=False)
    accuracy: timedelta = field(compare=False)
    nonce: int | None = field(compare=False)
    authority: Name | None = field(compare=False)
    signer: SignerId = field(compare=False)
    signer_hashes: tuple[CertificateHash, ...] = field(compare=False)
    """By these the token says which certificate signed it; the first one counts."""
    message_digest: bytes = field(repr=False, compare=False)
    signed_part: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    certificates: tuple[Certificate, ...] = field(repr=False, compare=False)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature, and it is over this content."""
        return self.message_digest == sm3(self.content) and key.verify(self.signed_part, self.signature)

    def __str__(self) -> str:
        return f"the time stamp of {self.time}"


def signature_digest(signature: bytes) -> bytes:
    """What a token over a signature covers: SM3 of the signature value's octets."""
    return sm3(signature)


def request(digest: bytes, *, policy: str = "", nonce: int | None = None) -> TimeStampRequest:
    """A request for a token over a digest of SM3, certificates included. Raises ValueError."""
    if len(digest) != DIGEST_SIZE:
        raise ValueError("the digest is not one of SM3")
    body = [
        core.Integer(1).dump(),
        sequence(sm3_algorithm(), core.OctetString(digest).dump()),
        core.Integer(secrets.randbits(NONCE_BITS) if nonce is None else nonce).dump(),
        core.Boolean(True).dump(),
    ]
    if policy:
        body.insert(2, core.ObjectIdentifier(policy).dump())
    return parse_time_stamp_request(sequence(*body))


def parse_time_stamp_request(der: bytes) -> TimeStampRequest:
    """A request from DER. Raises MalformedDer."""
    outer = load(tsp.TimeStampReq, der, _REQUEST, 4_096)
    with reading(_REQUEST):
        if outer["version"].native != "v1":
            raise ValueError("a version that is not 1")
        for extension in outer["extensions"].native or ():
            if extension["critical"]:
                raise ValueError("a critical extension, and none is understood here")
        imprint = outer["message_imprint"]
        nonce = outer["nonce"].native
        return TimeStampRequest(
            der=der,
            algorithm=imprint["hash_algorithm"]["algorithm"].dotted,
            digest=bytes(imprint["hashed_message"].native),
            nonce=nonce,
            policy=outer["req_policy"].dotted if outer["req_policy"].native else "",
            wants_certificates=bool(outer["cert_req"].native),
        )


def read_response(der: bytes, asked: TimeStampRequest) -> bytes:
    """The token out of an authority's answer, when it is the one that was asked for.

    Raises NoStamp. Who signed it is not judged here: see `check_token`.
    """
    try:
        check(der, _RESPONSE, MAX_MESSAGE)
        with reading(_RESPONSE):
            status = tsp.PKIStatusInfo.load(part(der, 0), strict=True)
            if status["status"].native not in _GRANTED:
                said = "; ".join((status["status_string"].native or [])[:3])
                reasons = ", ".join(sorted(status["fail_info"].native or ()))
                raise NoStamp(f"the authority refused: {said or reasons or status['status'].native}"[:300])
            token = part(der, 1)
        stamp = parse_token(token)
    except MalformedDer as error:
        raise NoStamp(str(error)) from error
    if (stamp.algorithm, stamp.digest) != (asked.algorithm, asked.digest):
        raise NoStamp("the authority stamped something else")
    if stamp.nonce != asked.nonce:
        raise NoStamp("the answer belongs to another request")
    if asked.policy and stamp.policy != asked.policy:
        raise NoStamp("the authority stamped under another policy")
    return token


def parse_token(der: bytes) -> TimeStamp:
    """A token by one signer over SM2 with SM3. Raises OtherAlgorithm or another MalformedDer."""
    check(der, _TOKEN, MAX_TOKEN)
    with reading(_TOKEN):
        kind, wrapped = children(der, SEQUENCE, 2)
        if _oid(kind) not in SIGNED_DATA or wrapped[0] != 0xA0:
            raise ValueError("no signed data")
        return _read_signed_data(der, part(wrapped, 0))


def _read_signed_data(der: bytes, signed_data: bytes) -> TimeStamp:
    _version, _digests, encapsulated, *optional, signers = children(signed_data, SEQUENCE)
    kind, wrapped = children(encapsulated, SEQUENCE, 2)
    if _oid(kind) != TST_INFO:
        raise ValueError("signed data that is no time")
    content = bytes(core.OctetString.load(part(wrapped, 0), strict=True).native)
    check(content, "the information of a time stamp", MAX_TOKEN)
    (signer,) = children(signers, SET)
    facts = _read_info(content) | _read_signer(signer)
    return TimeStamp(der=der, content=content, certificates=_certificates(optional), **facts)


def _read_info(content: bytes) -> dict[str, Any]:
    info = tsp.TSTInfo.load(content, strict=True)
    if info["version"].native != "v1":
        raise ValueError("a version that is not 1")
    for extension in info["extensions"].native or ():
        if extension["critical"]:
            raise ValueError("a critical extension, and none is understood here")
    moment: datetime = info["gen_time"].native
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    imprint, name = info["message_imprint"], info["tsa"]
    named = not isinstance(name, core.Void) and name.name == "directory_name"
    return {
        "policy": info["policy"].dotted,
        "algorithm": imprint["hash_algorithm"]["algorithm"].dotted,
        "digest": bytes(imprint["hashed_message"].native),
        "serial": info["serial_number"].native,
        "time": moment,
        "accuracy": _read_accuracy(info["accuracy"]),
        "nonce": info["nonce"].native,
        "authority": Name.read(name.chosen.untag()) if named else None,
    }


def _read_accuracy(value: Any) -> timedelta:
    if isinstance(value, core.Void):
        return timedelta(0)
    seconds, millis, micros = (value[each].native or 0 for each in ("seconds", "millis", "micros"))
    if not (0 <= seconds <= 86_400 and 0 <= millis < 1_000 and 0 <= micros < 1_000):
        raise ValueError("an impossible accuracy")
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _read_signer(der: bytes) -> dict[str, Any]:
    _version, who, digest_algorithm, attributes, signature_algorithm, signature, *_ = children(der, SEQUENCE)
    if _oid(part(digest_algorithm, 0)) != oids.SM3:
        raise OtherAlgorithm("it does not use SM3")
    if _oid(part(signature_algorithm, 0)) not in SM2_SIGNATURES:
        raise OtherAlgorithm("it is not signed by SM2 with SM3")
    if attributes[0] != 0xA0:
        raise ValueError("no signed attributes")
    signed_part = bytes((SET,)) + attributes[1:]
    found = _read_attributes(signed_part)
    if _oid(found.pop(CONTENT_TYPE)) != TST_INFO:
        raise ValueError("the signer signed another type of content")
    return {
        "signer": read_signer_id(who),
        "signer_hashes": _hashes(found),
        "message_digest": bytes(core.OctetString.load(found[MESSAGE_DIGEST], strict=True).native),
        "signed_part": signed_part,
        "signature": bytes(core.OctetString.load(signature, strict=True).native),
    }


def _read_attributes(der: bytes) -> dict[str, bytes]:
    """Each attribute's only value, by its type."""
    found: dict[str, bytes] = {}
    for attribute in children(der, SET):
        kind, values = children(attribute, SEQUENCE, 2)
        oid = _oid(kind)
        if oid in found:
            raise ValueError("an attribute stands there twice")
        (found[oid],) = children(values, SET)
    for needed in (CONTENT_TYPE, MESSAGE_DIGEST):
        if needed not in found:
            raise ValueError("an attribute is missing")
    return found


def _hashes(attributes: dict[str, bytes]) -> tuple[CertificateHash, ...]:
    for kind in (SIGNING_CERTIFICATE_V2, SIGNING_CERTIFICATE):
        if kind in attributes:
            listed = children(part(attributes[kind], 0), SEQUENCE)
            return tuple(read_certificate_hash(each, kind) for each in listed[:MAX_CERTIFICATES])
    raise ValueError("it does not say by which certificate it was signed")


def _certificates(optional: list[bytes]) -> tuple[Certificate, ...]:
    """Those that can be read here: others cannot have signed it."""
    found = []
    for field_ in optional:
        if field_[0] != 0xA0:
            continue
        listed = children(field_, 0xA0)
        if len(listed) > MAX_CERTIFICATES:
            raise ValueError(f"more than {MAX_CERTIFICATES} certificates")
        for der in listed:
            try:
                found.append(parse_certificate(der))
            except MalformedDer:
                continue
    return tuple(found)


def _oid(der: bytes) -> str:
    dotted: str = core.ObjectIdentifier.load(der, strict=True).dotted
    return dotted
