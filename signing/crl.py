"""Lists of revoked certificates (X.509 CRL over SM2, version 2): issue, read, look up.

A list may name very many certificates: the places of its entries are found in one pass, and an entry is read
when somebody asks for its serial number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from asn1crypto import core, crl

from signing import oids
from signing.der import (
    INTEGER,
    SEQUENCE,
    bit_string,
    check,
    element_at,
    elements,
    encode,
    octets_of_bits,
    part,
    reading,
    sequence,
)
from signing.issuing import Authority, IssuingError, key_id, time_value
from signing.names import Name
from signing.sm2 import PublicKey
from signing.x509 import KeyUsage, from_pem, to_pem

MAX_LIST: Final = 8 << 20
MAX_LIST_ELEMENTS: Final = 1_200_000

_WHAT = "a list of revoked certificates"


class Reason(StrEnum):
    """Why a certificate was revoked (RFC 5280, 5.3.1)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    CA_COMPROMISE = "ca_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION = "cessation_of_operation"
    HOLD = "certificate_hold"
    REMOVED = "remove_from_crl"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"
    AA_COMPROMISE = "aa_compromise"

    @property
    def is_compromise(self) -> bool:
        """Whether somebody else may have signed, at any time."""
        return self in (Reason.KEY_COMPROMISE, Reason.CA_COMPROMISE, Reason.AA_COMPROMISE)


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate's revocation."""

    serial: int
    at: datetime
    reason: Reason = Reason.UNSPECIFIED
    invalid_since: datetime | None = None
    """From when on the key is to be held for lost, where that is earlier than `at`."""

    @property
    def effective(self) -> datetime:
        """The moment from which signatures do not count."""
        return min(self.at, self.invalid_since or self.at)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One list as it was read. Equal by its bytes."""

    der: bytes = field(repr=False)
    signature: bytes = field(repr=False, compare=False)
    issuer: Name = field(compare=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    number: int | None = field(compare=False)
    authority_key_id: bytes = field(compare=False)
    entries: Mapping[int, bytes] = field(repr=False, compare=False)
    """DER of each entry, by serial number."""

    @property
    def signed_part(self) -> bytes:
        """What the signature covers."""
        return part(self.der, 0)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature over the list."""
        return key.verify(self.signed_part, self.signature)

    def revocation(self, serial: int) -> Revocation | None:
        """The revocation of this number, or None. Raises MalformedDer when its entry is."""
        entry = self.entries.get(serial)
        if entry is None:
            return None
        with reading("an entry of " + _WHAT):
            return _read_entry(entry)

    def to_pem(self) -> bytes:
        """`BEGIN X509 CRL`."""
        return to_pem("X509 CRL", self.der)


def issue_crl(
    authority: Authority,
    revocations: Sequence[Revocation],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> RevocationList:
    """A complete list. `number` grows with every list. Raises IssuingError, ValueError."""
    if not authority.certificate.may(KeyUsage.SIGN_LISTS):
        raise IssuingError("this certificate signs no lists")
    if number < 0 or next_update <= this_update:
        raise ValueError("a list has a number of 0 or more, and an end after its beginning")
    if len({revocation.serial for revocation in revocations}) != len(revocations):
        raise ValueError("a serial number stands there twice")
    body: dict[str, Any] = {
        "version": "v2",
        "signature": oids.sm2_with_sm3(),
        "issuer": authority.certificate.subject.value(),
        "this_update": time_value(this_update),
        "next_update": time_value(next_update),
        "crl_extensions": [
            {
                "extn_id": "authority_key_identifier",
                "critical": False,
                "extn_value": {"key_identifier": key_id(authority.certificate)},
            },
            {"extn_id": "crl_number", "critical": False, "extn_value": number},
        ],
    }
    if revocations:  # absent, never empty (RFC 5280, 5.1.2.6)
        entries = sequence(*map(_entry, revocations))
        body["revoked_certificates"] = crl.RevokedCertificates.load(entries)
    inner = crl.TbsCertList(body).dump()
    signature = bit_string(authority.signer.sign(inner))
    return parse_crl(sequence(inner, oids.sm2_with_sm3().dump(), signature))


def _entry(revocation: Revocation) -> bytes:
    """One entry, put together from parts that many share: a list may have a hundred thousand."""
    serial = revocation.serial
    number = encode(INTEGER, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    extensions = _entry_extensions(revocation.reason, revocation.invalid_since)
    return sequence(number, _moment(revocation.at), extensions)


@lru_cache(maxsize=4_096)
def _moment(at: datetime) -> bytes:
    der: bytes = time_value(at).dump()
    return der


@lru_cache(maxsize=4_096)
def _entry_extensions(reason: Reason, invalid_since: datetime | None) -> bytes:
    """Nothing where there are none."""
    extensions: list[dict[str, Any]] = []
    if reason is not Reason.UNSPECIFIED:
        extensions.append({"extn_id": "crl_reason", "critical": False, "extn_value": str(reason)})
    if invalid_since is not None:
        since = core.GeneralizedTime(invalid_since.replace(microsecond=0))
        extensions.append({"extn_id": "invalidity_date", "critical": False, "extn_value": since})
    der: bytes = crl.CRLEntryExtensions(extensions).dump() if extensions else b""
    return der


def parse_crl(data: bytes) -> RevocationList:
    """A list from DER or PEM. Raises MalformedDer, also for partial, indirect and delta lists."""
    der = from_pem("X509 CRL", data, _WHAT, MAX_LIST)
    check(der, _WHAT, MAX_LIST, MAX_LIST_ELEMENTS)
    with reading(_WHAT):
        return _read(der)


def _read(der: bytes) -> RevocationList:
    outer = crl.CertificateList.load(der, strict=True)
    inner = outer["tbs_cert_list"]
    oids.require_sm2_with_sm3(outer["signature_algorithm"])
    if inner["signature"].dump() != outer["signature_algorithm"].dump():
        raise ValueError("it names two different signature algorithms")
    facts = _read_extensions(inner["crl_extensions"])
    next_update = inner["next_update"]
    return RevocationList(
        der=der,
        signature=octets_of_bits(outer["signature"]),
        issuer=Name.read(inner["issuer"]),
        this_update=inner["this_update"].native,
        next_update=None if isinstance(next_update, core.Void) else next_update.native,
        number=facts.get("number"),
        authority_key_id=facts.get("key", b""),
        entries=_entries(inner["revoked_certificates"]),
    )


def _entries(revoked: Any) -> Mapping[int, bytes]:
    found: dict[int, bytes] = {}
    content = b"" if isinstance(revoked, core.Void) else bytes(revoked.contents)
    for entry in elements(content):
        serial = element_at(content, entry.content, entry.end)
        if entry.tag != SEQUENCE or serial.tag != INTEGER:
            raise ValueError("an entry without a serial number")
        number = int.from_bytes(content[serial.content : serial.end], "big", signed=True)
        if number in found:
            raise ValueError("a serial number stands there twice")
        found[number] = content[entry.start : entry.end]
    return found


def _read_entry(der: bytes) -> Revocation:
    entry = crl.RevokedCertificate.load(der, strict=True)
    reason, since = Reason.UNSPECIFIED, None
    for extension in _extensions_of(entry["crl_entry_extensions"], "an entry"):
        if extension["extn_id"].native == "crl_reason":
            reason = Reason(extension["extn_value"].parsed.native)
        elif extension["extn_id"].native == "invalidity_date":
            since = extension["extn_value"].parsed.native
        elif extension["critical"].native:
            raise ValueError("an entry has a critical extension that is not understood here")
    return Revocation(
        serial=entry["user_certificate"].native,
        at=entry["revocation_date"].native,
        reason=reason,
        invalid_since=since,
    )


def _read_extensions(value: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for extension in _extensions_of(value, _WHAT):
        kind = extension["extn_id"].native
        if kind == "crl_number":
            facts["number"] = extension["extn_value"].parsed.native
        elif kind == "authority_key_identifier":
            facts["key"] = extension["extn_value"].parsed["key_identifier"].native or b""
        elif extension["critical"].native:
            raise ValueError(f"the critical extension {extension['extn_id'].dotted} is not understood here")
    return facts


def _extensions_of(value: Any, what: str) -> list[Any]:
    if isinstance(value, core.Void):
        return []
    seen = set()
    for extension in value:
        if extension["extn_id"].dotted in seen:
            raise ValueError(f"{what} has an extension twice")
        seen.add(extension["extn_id"].dotted)
        check(extension["extn_value"].contents, "an extension", MAX_LIST)
    return list(value)
