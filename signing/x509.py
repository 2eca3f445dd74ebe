"""X.509 certificates over SM2 (GM/T 0015): read into one frozen value, refused when anything is odd.

    certificate = parse_certificate(der_or_pem)
    certificate.subject.common_name, certificate.credit_code, certificate.key
    certificate.is_signed_by(issuer.key)

Whether a certificate may be trusted is decided by `chain`; new ones are made by `issuing`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from asn1crypto import core, x509

from signing import oids
from signing.der import SEQUENCE, MalformedDer, check, children, load, octets_of_bits, part, reading
from signing.names import Name
from signing.sm2 import POINT_SIZE, KeyFormatError, PublicKey
from signing.sm3 import sm3

MAX_CERTIFICATE: Final = 32_768
MAX_ADDRESSES: Final = 16
MAX_SERIAL_BITS: Final = 159
"""20 bytes, positive (RFC 5280, 4.1.2.2)."""

_WHAT = "a certificate"


class KeyUsage(StrEnum):
    """What the key may do (RFC 5280, 4.2.1.3)."""

    SIGNATURE = "digital_signature"
    CONSENT = "non_repudiation"
    WRAP_KEYS = "key_encipherment"
    ENCRYPT = "data_encipherment"
    AGREE_KEYS = "key_agreement"
    SIGN_CERTIFICATES = "key_cert_sign"
    SIGN_LISTS = "crl_sign"
    ENCIPHER_ONLY = "encipher_only"
    DECIPHER_ONLY = "decipher_only"


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the extensions say. Everything absent is empty, None or False."""

    is_authority: bool = False
    path_length: int | None = None
    key_usage: frozenset[KeyUsage] | None = None
    """None: the certificate does not restrict it."""
    purposes: frozenset[str] | None = None
    """Object identifiers of the extended key usage; None: not restricted."""
    purposes_critical: bool = False
    subject_key_id: bytes = b""
    authority_key_id: bytes = b""
    crl_addresses: tuple[str, ...] = ()
    ocsp_addresses: tuple[str, ...] = ()
    issuer_addresses: tuple[str, ...] = ()
    credit_code: str = ""
    person_id: str = field(default="", repr=False)
    unknown_critical: tuple[str, ...] = ()
    """Extensions that must be understood and are not: such a certificate is not to be used."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as it was read. Equal by its bytes."""

    der: bytes = field(repr=False)
    signed_part: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    serial: int = field(compare=False)
    subject: Name = field(compare=False)
    issuer: Name = field(compare=False)
    valid_from: datetime = field(compare=False)
    valid_until: datetime = field(compare=False)
    """The last moment of validity, itself included. Both in UTC."""
    key: PublicKey = field(compare=False)
    extensions: Extensions = field(compare=False)

    @property
    def fingerprint(self) -> bytes:
        """SM3 over the whole certificate, 32 bytes."""
        return sm3(self.der)

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same name."""
        return self.subject == self.issuer

    @property
    def credit_code(self) -> str:
        """The unified social credit code of the organization, or an empty text."""
        return self.extensions.credit_code

    def may(self, usage: KeyUsage) -> bool:
        """Whether the key usage permits it (a certificate without that extension permits everything)."""
        return self.extensions.key_usage is None or usage in self.extensions.key_usage

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies in the validity."""
        return self.valid_from <= moment <= self.valid_until

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature over the certificate."""
        return key.verify(self.signed_part, self.signature)

    def to_pem(self) -> bytes:
        """`BEGIN CERTIFICATE`."""
        return to_pem("CERTIFICATE", self.der)

    def __str__(self) -> str:
        return f"{self.subject.common_name or self.subject} ({self.serial:x})"


def parse_certificate(data: bytes) -> Certificate:
    """A certificate from DER or PEM. Raises MalformedDer; no other error on any input."""
    der = from_pem("CERTIFICATE", data, _WHAT, MAX_CERTIFICATE)
    outer = load(x509.Certificate, der, _WHAT, MAX_CERTIFICATE)
    with reading(_WHAT):
        return _read(der, outer)


def _read(der: bytes, outer: Any) -> Certificate:
    children(der, SEQUENCE, 3)  # a fourth one would make another fingerprint of the same certificate
    inner = outer["tbs_certificate"]
    oids.require_sm2_with_sm3(outer["signature_algorithm"])
    if inner["signature"].dump() != outer["signature_algorithm"].dump():
        raise ValueError("it names two different signature algorithms")
    validity = inner["validity"]
    return Certificate(
        der=der,
        signed_part=part(der, 0),
        signature=octets_of_bits(outer["signature_value"]),
        serial=read_serial(inner["serial_number"]),
        subject=Name.read(inner["subject"]),
        issuer=Name.read(inner["issuer"]),
        valid_from=validity["not_before"].native,
        valid_until=validity["not_after"].native,
        key=read_key(inner["subject_public_key_info"].dump()),
        extensions=read_extensions(inner["extensions"]),
    )


def read_serial(value: Any) -> int:
    """A serial number. Raises ValueError unless it is positive and at most 20 bytes."""
    serial = int(value.native)
    if serial <= 0 or serial.bit_length() > MAX_SERIAL_BITS:
        raise ValueError("a serial number is positive and has at most 20 bytes")
    return serial


def read_key(spki: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo: named curve, uncompressed point. Raises ValueError."""
    try:
        key = PublicKey(spki[-POINT_SIZE:])
    except KeyFormatError as error:
        raise ValueError(f"no SM2 key ({error})") from error
    if key.spki != spki:
        raise ValueError("a public key that is not an uncompressed point on the SM2 curve")
    return key


def read_extensions(value: Any) -> Extensions:
    """The extensions of a certificate or of a request for one. Raises ValueError, for doubles, too."""
    found: dict[str, Any] = {}
    critical: list[str] = []
    for extension in value if not isinstance(value, core.Void) else ():
        oid = extension["extn_id"].dotted
        if oid in found:
            raise ValueError(f"the extension {oid} stands there twice")
        found[oid] = extension
        if extension["critical"].native:
            critical.append(oid)
    facts: dict[str, Any] = {}
    for oid, extension in found.items():
        if reader := _READERS.get(oid):
            check(extension["extn_value"].contents, f"the extension {oid}", MAX_CERTIFICATE)
            facts |= reader(extension["extn_value"])
    return Extensions(
        **facts,
        purposes_critical="2.5.29.37" in critical,
        unknown_critical=tuple(oid for oid in critical if oid not in _READERS),
    )


def _basic_constraints(value: Any) -> Mapping[str, Any]:
    length = value.parsed["path_len_constraint"].native
    if length is not None and length < 0:
        raise ValueError("a negative path length")
    return {"is_authority": bool(value.parsed["ca"].native), "path_length": length}


def _key_usage(value: Any) -> Mapping[str, Any]:
    return {"key_usage": frozenset(map(KeyUsage, value.parsed.native))}


def _purposes(value: Any) -> Mapping[str, Any]:
    return {"purposes": frozenset(purpose.dotted for purpose in value.parsed)}


def _subject_key(value: Any) -> Mapping[str, Any]:
    return {"subject_key_id": bytes(value.parsed.native)}


def _authority_key(value: Any) -> Mapping[str, Any]:
    return {"authority_key_id": value.parsed["key_identifier"].native or b""}


def _crl_addresses(value: Any) -> Mapping[str, Any]:
    names = [name for point in value.parsed for name in _full_names(point["distribution_point"])]
    return {"crl_addresses": _uris(names)}


def _full_names(point: Any) -> list[Any]:
    return list(point.chosen) if not isinstance(point, core.Void) and point.name == "full_name" else []


def _information(value: Any) -> Mapping[str, Any]:
    by_method: dict[str, list[Any]] = {"ocsp": [], "ca_issuers": []}
    for description in value.parsed:
        by_method.setdefault(description["access_method"].native, []).append(description["access_location"])
    return {
        "ocsp_addresses": _uris(by_method["ocsp"]),
        "issuer_addresses": _uris(by_method["ca_issuers"]),
    }


def _uris(names: list[Any]) -> tuple[str, ...]:
    """Addresses as they stand there. Nothing here fetches them."""
    uris = [name.native for name in names if name.name == "uniform_resource_identifier"]
    if len(uris) > MAX_ADDRESSES:
        raise ValueError(f"more than {MAX_ADDRESSES} addresses")
    return tuple(uris)


def _credit_code(value: Any) -> Mapping[str, Any]:
    return {"credit_code": _short_text(value.contents)}


def _person_id(value: Any) -> Mapping[str, Any]:
    return {"person_id": _short_text(value.contents)}


def _short_text(der: bytes) -> str:
    """A short text that issuers wrap differently: bare, or tagged [0] to [2], implicitly or explicitly."""
    while der and der[0] in _TAGGED:
        if len(der) != 2 + der[1]:
            raise ValueError("a tagged text of another length")
        der = der[2:] if der[0] & 0x20 else b"\x0c" + der[1:]
    text = core.load(der, strict=True).native if der[:1] in _TEXTS else ""
    if not 0 < len(text) <= 64:
        raise ValueError("a number of a person or organization that is no short text")
    return text


_TEXTS = {b"\x0c", b"\x13", b"\x16"}
_TAGGED = {0x80, 0x81, 0x82, 0xA0, 0xA1, 0xA2}

_READERS: Final[Mapping[str, Any]] = {
    "2.5.29.19": _basic_constraints,
    "2.5.29.15": _key_usage,
    "2.5.29.37": _purposes,
    "2.5.29.14": _subject_key,
    "2.5.29.35": _authority_key,
    "2.5.29.31": _crl_addresses,
    "1.3.6.1.5.5.7.1.1": _information,
    oids.CREDIT_CODE: _credit_code,
    oids.PERSON_ID: _person_id,
}


def to_pem(label: str, der: bytes) -> bytes:
    """DER between `BEGIN label` and `END label`."""
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def from_pem(label: str, data: bytes, what: str, limit: int) -> bytes:
    """The DER of the only PEM block of that label; what does not begin like PEM is DER already."""
    if not data[:64].lstrip().startswith(b"-----BEGIN"):
        return data
    if len(data) > 2 * limit:
        raise MalformedDer(what, f"PEM of more than {2 * limit} bytes")
    begin, end = f"-----BEGIN {label}-----".encode(), f"-----END {label}-----".encode()
    blocks = data.split(begin)
    if len(blocks) != 2 or blocks[1].count(end) != 1:
        raise MalformedDer(what, f"PEM that does not hold exactly one {label}")
    try:
        return base64.b64decode(re.sub(rb"\s", b"", blocks[1].partition(end)[0]), validate=True)
    except binascii.Error as error:
        raise MalformedDer(what, "PEM that is not base64") from error
