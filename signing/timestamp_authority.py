"""Who makes time stamps: one certificate with the purpose time stamping, its key, a policy."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from asn1crypto import core, tsp

from signing import oids
from signing.der import SET, MalformedDer, encode, sequence
from signing.issuing import IssuingError, new_serial
from signing.seal import generalized
from signing.signer import Signer
from signing.sm3 import DIGEST_SIZE, sm3
from signing.timestamp_structures import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNED_DATA_CMS,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TST_INFO,
    SignerId,
    certificate_hash,
    sm3_algorithm,
)
from signing.timestamp_token import TimeStampRequest, parse_time_stamp_request
from signing.x509 import Certificate

ACCURACY_S: Final = 1
"""Whole seconds are written, and the clock is the machine's: keeping that right is its operator's duty."""


@dataclass(frozen=True, slots=True)
class Stamper:
    """Raises IssuingError unless key and certificate fit, and the certificate is for time stamps alone."""

    certificate: Certificate
    signer: Signer
    policy: str
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    """Certificates above, which go into tokens with the stamper's own."""

    def __post_init__(self) -> None:
        extensions = self.certificate.extensions
        if extensions.purposes != frozenset({oids.TIME_STAMPING}) or not extensions.purposes_critical:
            raise IssuingError("this certificate makes no time stamps")
        if self.signer.public_key != self.certificate.key:
            raise IssuingError("the key does not belong to the certificate")

    def answer(self, request: bytes, *, now: datetime) -> bytes:
        """The response (DER) to a request (DER): a token, or a refusal with its reason."""
        try:
            asked = parse_time_stamp_request(request)
        except MalformedDer as error:
            return _refused("bad_data_format", str(error))
        if asked.algorithm != oids.SM3:
            return _refused("bad_alg", "only digests of SM3 are stamped")
        if len(asked.digest) != DIGEST_SIZE:
            return _refused("bad_data_format", "a digest of SM3 has 32 bytes")
        if asked.policy not in ("", self.policy):
            return _refused("unaccepted_policy", f"the policy here is {self.policy}")
        granted = sequence(core.Integer(0).dump())
        return sequence(granted, self.token(asked, now=now))

    def token(self, asked: TimeStampRequest, *, now: datetime) -> bytes:
        """A token (DER) over the digest, with the nonce, as of now."""
        content = self._info(asked, now)
        attributes = sorted(self._attributes(content, now))
        signer_info = sequence(
            core.Integer(1).dump(),
            SignerId.of(self.certificate).der(),
            sm3_algorithm(),
            encode(0xA0, *attributes),
            oids.sm2_with_sm3().dump(),
            core.OctetString(self.signer.sign(encode(SET, *attributes))).dump(),
        )
        certificates = [each.der for each in (self.certificate, *self.chain)]
        signed_data = sequence(
            core.Integer(3).dump(),
            encode(SET, sm3_algorithm()),
            sequence(_oid(TST_INFO), encode(0xA0, core.OctetString(content).dump())),
            *([encode(0xA0, *sorted(certificates))] if asked.wants_certificates else []),
            encode(SET, signer_info),
        )
        return sequence(_oid(SIGNED_DATA_CMS), encode(0xA0, signed_data))

    def _info(self, asked: TimeStampRequest, now: datetime) -> bytes:
        body = [
            core.Integer(1).dump(),
            _oid(self.policy),
            sequence(sm3_algorithm(), core.OctetString(asked.digest).dump()),
            core.Integer(new_serial()).dump(),
            generalized(now).dump(),
            sequence(core.Integer(ACCURACY_S).dump()),
        ]
        if asked.nonce is not None:
            body.append(core.Integer(asked.nonce).dump())
        directory_name = encode(0xA4, self.certificate.subject.der)
        return sequence(*body, encode(0xA0, directory_name))

    def _attributes(self, content: bytes, now: datetime) -> list[bytes]:
        moment = core.UTCTime(now.astimezone(UTC).replace(microsecond=0)).dump()
        signing_certificate = sequence(sequence(certificate_hash(self.certificate)))
        return [
            _attribute(CONTENT_TYPE, _oid(TST_INFO)),
            _attribute(SIGNING_TIME, moment),
            _attribute(MESSAGE_DIGEST, core.OctetString(sm3(content)).dump()),
            _attribute(SIGNING_CERTIFICATE_V2, signing_certificate),
        ]


def _attribute(kind: str, value: bytes) -> bytes:
    return sequence(_oid(kind), encode(SET, value))


def _oid(dotted: str) -> bytes:
    der: bytes = core.ObjectIdentifier(dotted).dump()
    return der


def _refused(reason: str, text: str) -> bytes:
    status = {"status": "rejection", "status_string": [text[:200]], "fail_info": {reason}}
    der: bytes = tsp.PKIStatusInfo(status).dump()
    return sequence(der)
