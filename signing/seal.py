"""Electronic seals (电子印章, SESeal of GB/T 38540-2020): made, read, checked.

    seal = make_seal(SealInfo(...), maker_certificate, maker_key)
    seal = parse_seal(der)
    check_seal(seal, trust, at=moment).verdict

A seal is a picture and a list of the certificates that may use it, signed by a seal maker. It holds no key:
whoever has a copy can show the picture, only the holder of a listed certificate can seal with it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Any, Final

from asn1crypto import core

from signing import SigningError, oids
from signing import seal_structures as structures
from signing.der import (
    MalformedDer,
    check,
    element_at,
    elements,
    octets_of_bits,
    optional_part,
    part,
    reading,
    sequence,
)
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from signing.x509 import MAX_CERTIFICATE, Certificate

MAX_SEAL: Final = 2 << 20
MAX_PICTURE: Final = 1 << 20
MAX_CERTIFICATES: Final = 64
MAX_EXTENSIONS: Final = 16
MAX_SIDE_MM: Final = 200
MAX_TEXT: Final = 512

_WHAT = "a seal of GB/T 38540"
_CHINA = timezone(timedelta(hours=8))


class SealError(SigningError):
    """A seal that is not made, or not used. Says why."""


class OldSeal(MalformedDer):
    """A seal of the form before GB/T 38540-2020 (GM/T 0031-2014): it has to be exchanged, not repaired."""

    def __init__(self) -> None:
        super().__init__(_WHAT, "it has the form of GM/T 0031-2014 and is to be exchanged")


class SealKind(IntEnum):
    """Whose seal it is (type of the property). Other numbers are read and kept as they are."""

    ORGANIZATION = 1
    PERSON = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen on paper. `kind` is a file type (png, svg, ofd …), the sides are millimetres."""

    kind: str
    data: bytes = field(repr=False)
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class ExtData:
    """Additional data. Critical: who does not understand it must not accept the seal."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class CertificateDigest:
    """A certificate by a digest of its DER; `kind` names the algorithm ("SM3", or its object identifier)."""

    kind: str
    value: bytes

    @property
    def is_sm3(self) -> bool:
        """Whether it can be compared here."""
        return self.kind.upper() == "SM3" or self.kind == oids.SM3


@dataclass(frozen=True, slots=True)
class SealInfo:
    """What the maker signs. Exactly one of `certificates` (DER, kind 1) and `digests` (kind 2) is filled."""

    vendor: str
    seal_id: str
    kind: int
    name: str
    created: datetime
    valid_from: datetime
    valid_until: datetime
    picture: Picture
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    digests: tuple[CertificateDigest, ...] = ()
    extensions: tuple[ExtData, ...] = ()
    version: int = structures.WRITTEN_VERSION

    def lists(self, certificate: Certificate) -> bool:
        """Whether the seal was made for this certificate."""
        by_digest = any(each.is_sm3 and each.value == sm3(certificate.der) for each in self.digests)
        return certificate.der in self.certificates or by_digest


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal as it was read. Equal by its bytes."""

    der: bytes = field(repr=False)
    info: SealInfo = field(compare=False)
    maker: bytes = field(repr=False, compare=False)
    """The maker's certificate as it stands in the seal: not read yet, not trusted."""
    signature: bytes = field(repr=False, compare=False)

    @property
    def signed_part(self) -> bytes:
        """The DER of eSealInfo, which the maker's signature covers."""
        return part(self.der, 0)

    @property
    def digest(self) -> bytes:
        """SM3 over the whole seal."""
        return sm3(self.der)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key made the signature of the maker."""
        return key.verify(self.signed_part, self.signature)

    def __str__(self) -> str:
        return f"{self.info.name} ({self.info.seal_id})"


def make_seal(info: SealInfo, maker: Certificate, signer: Signer) -> Seal:
    """A seal of version 4. Raises SealError when the facts do not fit together."""
    _check_new(info, maker, signer)
    inner = _encode_info(info)
    return parse_seal(
        sequence(
            inner,
            core.OctetString(maker.der).dump(),
            core.ObjectIdentifier(oids.SM2_WITH_SM3).dump(),
            structures.bits(signer.sign(inner)).dump(),
        )
    )


def digests_of(certificates: Sequence[Certificate]) -> tuple[CertificateDigest, ...]:
    """For a seal that names its certificates by digests (kind 2)."""
    return tuple(CertificateDigest("SM3", sm3(certificate.der)) for certificate in certificates)


def _check_new(info: SealInfo, maker: Certificate, signer: Signer) -> None:
    if signer.public_key != maker.key:
        raise SealError("the key does not belong to the maker's certificate")
    if info.version != structures.WRITTEN_VERSION:
        raise SealError(f"only seals of version {structures.WRITTEN_VERSION} are made")
    if bool(info.certificates) == bool(info.digests):
        raise SealError("a seal lists certificates or digests of them: one of both, and not both")
    if info.valid_from > info.valid_until:
        raise SealError("the seal would end before it begins")
    if not maker.is_valid_at(info.created) or info.valid_until > maker.valid_until:
        raise SealError(f"the maker's certificate is valid from {maker.valid_from} to {maker.valid_until}")


def parse_seal(der: bytes) -> Seal:
    """A seal of version 4 or 5. Raises OldSeal for the form before, MalformedDer for everything else."""
    check(der, _WHAT, MAX_SEAL)
    with reading(_WHAT):
        outer = element_at(der, 0, len(der))
        if der[0] == 0x30 and len(list(elements(der, outer.content, outer.end))) == 2:
            raise OldSeal
        return read_seal(structures.Seal.load(der, strict=True), der)


def read_seal(value: Any, der: bytes) -> Seal:
    """From asn1crypto's value, whose bytes are `der`. Raises ValueError."""
    if value["algorithm"].dotted != oids.SM2_WITH_SM3:
        raise ValueError(f"the maker signed by {value['algorithm'].dotted}, not by SM2 with SM3")
    maker = bytes(value["certificate"].native)
    if not 0 < len(maker) <= MAX_CERTIFICATE:
        raise ValueError("a maker's certificate of an impossible size")
    return Seal(
        der=der,
        info=_read_info(value["info"], part(der, 0)),
        maker=maker,
        signature=octets_of_bits(value["signature"]),
    )


def _read_info(value: Any, der: bytes) -> SealInfo:
    header, properties = value["header"], value["property"]
    if header["id"].native != "ES":
        raise ValueError("its header does not begin with ES")
    certificates, digests = _read_list(_small(properties["list_type"]), part(der, 2, 3))
    return SealInfo(
        version=read_version(header["version"]),
        vendor=_text(header["vendor"]),
        seal_id=_text(value["seal_id"]),
        kind=_small(properties["type"]),
        name=_text(properties["name"]),
        certificates=certificates,
        digests=digests,
        created=moment_of(properties["created"]),
        valid_from=moment_of(properties["valid_from"]),
        valid_until=moment_of(properties["valid_until"]),
        picture=_read_picture(value["picture"]),
        extensions=read_extensions(optional_part(der, 4)),
    )


def _read_list(kind: int, der: bytes) -> tuple[tuple[bytes, ...], tuple[CertificateDigest, ...]]:
    if kind == structures.CERTIFICATES:
        found = tuple(bytes(each.native) for each in structures.CertificateList.load(der, strict=True))
        _bound(len(found), MAX_CERTIFICATES, "certificates")
        return found, ()
    if kind == structures.DIGESTS:
        listed = structures.DigestList.load(der, strict=True)
        _bound(len(listed), MAX_CERTIFICATES, "digests of certificates")
        return (), tuple(CertificateDigest(_text(each["type"]), each["value"].native) for each in listed)
    raise ValueError(f"a list of certificates of the unknown kind {kind}")


def _read_picture(value: Any) -> Picture:
    data = bytes(value["data"].native)
    width, height = _small(value["width"]), _small(value["height"])
    if len(data) > MAX_PICTURE or not (0 < width <= MAX_SIDE_MM and 0 < height <= MAX_SIDE_MM):
        raise ValueError(f"a picture of {len(data)} bytes, {width} by {height} mm")
    return Picture(_text(value["type"]), data, width, height)


def read_extensions(der: bytes) -> tuple[ExtData, ...]:
    """The additional data of a seal or of a signature; nothing is none. Raises ValueError."""
    if not der:
        return ()
    found = structures.ext_datas(der)
    _bound(len(found), MAX_EXTENSIONS, "extensions")
    return tuple(
        ExtData(each["oid"].dotted, bool(each["critical"].native), bytes(each["value"].native))
        for each in found
    )


def read_version(value: Any) -> int:
    """4 or 5. Raises ValueError."""
    version = _small(value)
    if version not in structures.VERSIONS:
        raise ValueError(f"version {version}; 4 and 5 are read")
    return version


def moment_of(value: Any) -> datetime:
    """A GeneralizedTime in UTC. Without a zone, which DER forbids and some makers write, it is China's."""
    moment: datetime = value.native
    return (moment if moment.tzinfo else moment.replace(tzinfo=_CHINA)).astimezone(UTC)


def _text(value: Any) -> str:
    text: str = value.native
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text of more than {MAX_TEXT} characters")
    return text


def _small(value: Any) -> int:
    number: int = value.native
    if not 0 <= number < 1 << 31:
        raise ValueError("a number out of range")
    return number


def _bound(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise ValueError(f"more than {limit} {what}")


@contextmanager
def _encoding() -> Iterator[None]:
    """A text or number that its field cannot hold is the caller's mistake, said in our own error."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise SealError(f"it cannot be written: {str(error).partition(chr(10))[0][:200]}") from error


def _encode_info(info: SealInfo) -> bytes:
    """The DER of eSealInfo, put together once: what the maker signs is what stands in the seal."""
    with _encoding():
        return _info_parts(info)


def _info_parts(info: SealInfo) -> bytes:
    picture = info.picture
    body = [
        structures.Header({"id": "ES", "version": info.version, "vendor": info.vendor}).dump(),
        core.IA5String(info.seal_id).dump(),
        _encode_property(info),
        structures.PictureInfo(
            {
                "type": picture.kind,
                "data": picture.data,
                "width": picture.width_mm,
                "height": picture.height_mm,
            }
        ).dump(),
    ]
    if info.extensions:
        body.append(encode_extensions(info.extensions))
    return sequence(*body)


def _encode_property(info: SealInfo) -> bytes:
    listed: core.Sequence
    if info.certificates:
        kind, listed = structures.CERTIFICATES, structures.CertificateList(list(info.certificates))
    else:
        digests = [{"type": each.kind, "value": each.value} for each in info.digests]
        kind, listed = structures.DIGESTS, structures.DigestList(digests)
    return sequence(
        core.Integer(int(info.kind)).dump(),
        core.UTF8String(info.name).dump(),
        core.Integer(kind).dump(),
        listed.dump(),
        *(generalized(moment).dump() for moment in (info.created, info.valid_from, info.valid_until)),
    )


def encode_extensions(extensions: Sequence[ExtData]) -> bytes:
    """SEQUENCE OF ExtData, `critical` written out even where it is FALSE. Raises SealError."""
    rows = [{"oid": each.oid, "critical": each.critical, "value": each.value} for each in extensions]
    with _encoding():
        der: bytes = structures.ExtDatas(rows).dump()
    return der


def generalized(moment: datetime) -> core.GeneralizedTime:
    """Whole seconds in UTC. Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return core.GeneralizedTime(moment.astimezone(UTC).replace(microsecond=0))


__all__ = [
    "CertificateDigest",
    "ExtData",
    "OldSeal",
    "Picture",
    "Seal",
    "SealError",
    "SealInfo",
    "SealKind",
    "digests_of",
    "make_seal",
    "parse_seal",
]
