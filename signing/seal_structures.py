# mypy: disallow-subclassing-any=False
"""The ASN.1 of GB/T 38540-2020, for asn1crypto. Values are in `seal` and `seal_signature`.

Where readers and writers differ, both forms are read here and one is written: `extDatas` untagged or [0],
`timeStamp` [0] implicit or explicit, `critical` absent or there.
"""

from typing import Any, ClassVar, Final

from asn1crypto import core

from signing.der import SEQUENCE, element_at, elements, encode, part

VERSIONS: Final = {4, 5}
"""4 is GB/T 38540-2020, which we write. GM/T 0031-2025 is 5."""
WRITTEN_VERSION: Final = 4

CERTIFICATES, DIGESTS = 1, 2
"""The two kinds of certList."""


class Header(core.Sequence):
    _fields: ClassVar[Any] = [("id", core.IA5String), ("version", core.Integer), ("vendor", core.IA5String)]


class CertificateList(core.SequenceOf):
    _child_spec = core.OctetString


class CertificateDigest(core.Sequence):
    _fields: ClassVar[Any] = [("type", core.PrintableString), ("value", core.OctetString)]


class DigestList(core.SequenceOf):
    _child_spec = CertificateDigest


class PropertyInfo(core.Sequence):
    _fields: ClassVar[Any] = [
        ("type", core.Integer),
        ("name", core.UTF8String),
        ("list_type", core.Integer),
        ("list", core.Any),
        ("created", core.GeneralizedTime),
        ("valid_from", core.GeneralizedTime),
        ("valid_until", core.GeneralizedTime),
    ]


class PictureInfo(core.Sequence):
    _fields: ClassVar[Any] = [
        ("type", core.IA5String),
        ("data", core.OctetString),
        ("width", core.Integer),
        ("height", core.Integer),
    ]


class ExtData(core.Sequence):
    _fields: ClassVar[Any] = [
        ("oid", core.ObjectIdentifier),
        ("critical", core.Boolean, {"optional": True}),  # no default: FALSE is written out
        ("value", core.OctetString),
    ]


class ExtDatas(core.SequenceOf):
    _child_spec = ExtData


class SealInfo(core.Sequence):
    _fields: ClassVar[Any] = [
        ("header", Header),
        ("seal_id", core.IA5String),
        ("property", PropertyInfo),
        ("picture", PictureInfo),
        ("extensions", core.Any, {"optional": True}),
    ]


class Seal(core.Sequence):
    _fields: ClassVar[Any] = [
        ("info", SealInfo),
        ("certificate", core.OctetString),
        ("algorithm", core.ObjectIdentifier),
        ("signature", core.BitString),
    ]


class ToSign(core.Sequence):
    _fields: ClassVar[Any] = [
        ("version", core.Integer),
        ("seal", Seal),
        ("time", core.GeneralizedTime),
        ("digest", core.BitString),
        ("property", core.IA5String),
        ("extensions", core.Any, {"optional": True}),
    ]


class SealSignature(core.Sequence):
    _fields: ClassVar[Any] = [
        ("to_sign", ToSign),
        ("certificate", core.OctetString),
        ("algorithm", core.ObjectIdentifier),
        ("signature", core.BitString),
        ("time_stamp", core.Any, {"optional": True}),
    ]


def bits(content: bytes) -> core.BitString:
    """A BIT STRING of whole bytes."""
    return core.BitString(contents=b"\0" + content)


def explicit(der: bytes) -> bytes:
    """[0] around DER, the form that we write."""
    return encode(0xA0, der)


def ext_datas(der: bytes) -> Any:
    """ExtDatas from `SEQUENCE OF`, [0] around one, or [0] in the place of its tag. Raises ValueError."""
    if der[:1] == b"\xa0":
        outer = element_at(der, 0, len(der))
        inside = list(elements(der, outer.content, outer.end))
        holds_list = len(inside) == 1 and der[inside[0].content : inside[0].content + 1] != b"\x06"
        der = part(der, 0) if holds_list else b"\x30" + der[1:]
    if der[:1] != bytes((SEQUENCE,)):
        raise ValueError("extension data that is no sequence")
    return ExtDatas.load(der, strict=True)


def time_stamp(der: bytes) -> bytes:
    """The token out of [0] BIT STRING, implicit or explicit. Raises ValueError."""
    if der[:1] == b"\xa0":
        der = part(der, 0)
    elif der[:1] == b"\x80":
        der = b"\x03" + der[1:]
    if der[:1] != b"\x03":
        raise ValueError("a time stamp that is no bit string")
    outer = element_at(der, 0, len(der))
    if der[outer.content : outer.content + 1] != b"\0":
        raise ValueError("a time stamp that does not hold whole bytes")
    return der[outer.content + 1 : outer.end]
