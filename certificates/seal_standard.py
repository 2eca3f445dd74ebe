"""Whether a seal follows GB/T 38540-2020, and what is wrong if not: everything, not the first thing alone.

    found = judge(seal_in(uploaded), certificate)      # () : it follows the standard

`signing.seal.parse_seal` reads what follows the standard and refuses all else; here what does not follow it
is the point. Whether a certificate is revoked is another question (signing.seal_check).
Source: GB/T 38540-2020, 6.1 and 6.2; seed 004.
"""

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

from asn1crypto import core

from signing import oids
from signing import seal_structures as structures
from signing.der import MalformedDer, check, element_at, elements, octets_of_bits, part, sequence
from signing.seal import MAX_PICTURE, MAX_SEAL, OldSeal, Seal, SealError, moment_of, parse_seal
from signing.sm3 import sm3
from signing.x509 import Certificate, parse_certificate

MAX_UPLOAD: Final = 4 << 20
MOST_ENTRIES: Final = 5_000
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=\s]+")
_ARMOUR: Final = re.compile(rb"-----(BEGIN|END) [A-Z ]{1,40}-----")
_PARTS_OF_2014: Final = 2
_INSIDE: Final = (".esl", "signedvalue.dat")
"""Where an OFD keeps a seal, or a sealing with the seal in it."""


class Deviation(StrEnum):
    """In what a seal does not follow the standard."""

    OLD_FORM = "old_form"
    """The structure of GM/T 0031-2014."""
    STRUCTURE = "structure"
    HEADER = "header"
    VERSION = "version"
    NAME = "name"
    CERTIFICATES = "certificates"
    """No list of certificates, or of a kind that the standard does not know."""
    DIGEST = "digest"
    """Certificates by another digest than SM3."""
    DATES = "dates"
    PICTURE = "picture"
    ALGORITHM = "algorithm"
    MAKER = "maker"
    MAKER_TERM = "maker_term"
    SIGNATURE = "signature"
    OTHER_CERTIFICATE = "other_certificate"
    """It does not list the certificate in the UKey: nobody could seal with it."""


SIGNED: Final = frozenset(
    {
        Deviation.OLD_FORM,
        Deviation.HEADER,
        Deviation.VERSION,
        Deviation.NAME,
        Deviation.CERTIFICATES,
        Deviation.DIGEST,
        Deviation.DATES,
        Deviation.PICTURE,
    }
)
"""What the maker has signed: nobody else brings it in. The rest a holder does with any editor."""


class NotASeal(ValueError):
    """The file has no electronic seal in it, of whatever form."""


# ── finding the seal ────────────────────────────────────────────────────────────────────────────────────────


def seal_in(uploaded: bytes) -> bytes:
    """The DER of the seal in a file: the seal itself, a sealing, their base64, or an OFD. Raises NotASeal."""
    if not 0 < len(uploaded) <= MAX_UPLOAD:
        raise NotASeal("no file, or one of an impossible size")
    data = _from_archive(uploaded) if uploaded[:4] == b"PK\x03\x04" else _plain(uploaded)
    try:
        check(data, "a seal", MAX_SEAL)
        return _seal_of(data)
    except (MalformedDer, ValueError, IndexError) as error:
        raise NotASeal(str(error)) from error


def _plain(data: bytes) -> bytes:
    """DER, from base64 where it is that."""
    text = _ARMOUR.sub(b"", data)
    if data[:1] == b"\x30" or not _BASE64.fullmatch(text):
        return data
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return data


def _from_archive(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()[:MOST_ENTRIES]
            for ending in _INSIDE:
                for entry in entries:
                    if entry.filename.lower().endswith(ending):
                        with archive.open(entry) as file:
                            return file.read(MAX_SEAL + 1)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise NotASeal(str(error)) from error
    raise NotASeal("an archive without a seal")


def _seal_of(der: bytes) -> bytes:
    """A sealing begins with TBS_Sign, which begins with a version; a seal with its header."""
    head = part(der, 0, 0)
    found = part(der, 0, 1) if head[0] == 0x02 else der
    header = part(found, 0, 0)
    if header[0] != 0x30 or part(header, 0)[0] not in (0x16, 0x13, 0x0C):
        raise ValueError("nothing that begins like a seal")
    return found


# ── judging it ──────────────────────────────────────────────────────────────────────────────────────────────


def judge(der: bytes, certificate: Certificate) -> tuple[Deviation, ...]:
    """Everything in which it does not follow the standard. `certificate`: of the UKey that it is in."""
    try:
        found = [*_of_parsed(parse_seal(der))]
        seal: Seal | None = parse_seal(der)
    except OldSeal:
        found, seal = [Deviation.OLD_FORM], None
    except (MalformedDer, SealError):
        found, seal = [*_of_parts(der)] or [Deviation.STRUCTURE], None
    listed = seal.info.lists(certificate) if seal is not None else belongs(der, certificate)
    return tuple(dict.fromkeys([*found, *([] if listed else [Deviation.OTHER_CERTIFICATE])]))


def belongs(der: bytes, certificate: Certificate) -> bool:
    """Whether the part of a seal that its maker signs names this certificate, by itself or by its digest."""
    try:
        info = part(der, 0)
    except (MalformedDer, IndexError):
        return False
    return certificate.der in info or sm3(certificate.der) in info


def is_convertible(der: bytes, found: Collection[Deviation], chain: Sequence[Certificate]) -> bool:
    """Whether its maker made it with such a difference: one in what is signed, and the signature holds, of a
    maker under the authority of the certificate (`chain`). A seal that its holder damaged, put into another
    form or made is not exchanged for nothing."""
    if SIGNED.isdisjoint(found):
        return False
    try:
        return _is_of_maker(der, chain)
    except (ValueError, TypeError, KeyError, IndexError, MalformedDer):
        return False


def _is_of_maker(der: bytes, chain: Sequence[Certificate]) -> bool:
    """In the form of 2014 certificate, algorithm and signature stand in a group, and the version that is
    signed is one from before the standard: else it is a seal of the standard, put into another form."""
    outer = element_at(der, 0, len(der))
    count = len(list(elements(der, outer.content, outer.end)))
    info, old = part(der, 0), count == _PARTS_OF_2014
    version = structures.Header.load(part(info, 0), strict=True)["version"].native
    if (old and version >= structures.WRITTEN_VERSION) or (not old and count != len(structures.Seal._fields)):
        return False
    holder, algorithm, bits = (part(der, 1, n) if old else part(der, 1 + n) for n in range(3))
    maker = parse_certificate(core.OctetString.load(holder, strict=True).native)
    signature = octets_of_bits(core.BitString.load(bits, strict=True))
    signed = (info, sequence(info, holder, algorithm)) if old else (info,)
    return any(maker.is_signed_by(one.key) for one in chain) and any(
        maker.key.verify(one, signature) for one in signed
    )


def _of_parsed(seal: Seal) -> Iterator[Deviation]:
    """What can still be wrong where the structure is right."""
    info = seal.info
    if not _has_its_parts(seal.der):
        yield Deviation.STRUCTURE
    if not info.name.strip():
        yield Deviation.NAME
    if not info.certificates and not info.digests:
        yield Deviation.CERTIFICATES
    if any(not each.is_sm3 for each in info.digests):
        yield Deviation.DIGEST
    if info.version != structures.WRITTEN_VERSION:
        yield Deviation.VERSION
    if not info.valid_from < info.valid_until:
        yield Deviation.DATES
    if not info.picture.data:
        yield Deviation.PICTURE
    yield from _of_maker(seal)


def _of_maker(seal: Seal) -> Iterator[Deviation]:
    try:
        maker = parse_certificate(seal.maker)
    except MalformedDer:
        yield Deviation.MAKER
        return
    if not maker.is_valid_at(seal.info.created):
        yield Deviation.MAKER_TERM
    if not seal.is_signed_by(maker.key):
        yield Deviation.SIGNATURE


def _of_parts(der: bytes) -> Iterator[Deviation]:
    """Of a seal that cannot be read as the standard has it: part by part, as far as each can be read."""
    if not _has_its_parts(der):
        yield Deviation.STRUCTURE
        return
    checks: tuple[tuple[Deviation, Callable[[Any], bool]], ...] = (
        (Deviation.HEADER, lambda value: value["info"]["header"]["id"].native == "ES"),
        (
            Deviation.VERSION,
            lambda value: value["info"]["header"]["version"].native == structures.WRITTEN_VERSION,
        ),
        (Deviation.NAME, lambda value: bool(value["info"]["property"]["name"].native.strip())),
        (Deviation.CERTIFICATES, lambda value: _lists_something(value["info"]["property"], der)),
        (Deviation.DATES, lambda value: _has_dates(value["info"]["property"])),
        (Deviation.PICTURE, lambda value: _has_picture(value["info"]["picture"])),
        (Deviation.MAKER, lambda value: bool(parse_certificate(bytes(value["certificate"].native)))),
        (Deviation.ALGORITHM, lambda value: value["algorithm"].dotted == oids.SM2_WITH_SM3),
        (Deviation.SIGNATURE, lambda value: _is_signed(value, der)),
    )
    for deviation, holds in checks:
        try:
            fine = holds(structures.Seal.load(der, strict=True))
        except (ValueError, TypeError, KeyError, MalformedDer):
            fine = False
        if not fine:
            yield deviation


def _has_its_parts(der: bytes) -> bool:
    outer = element_at(der, 0, len(der))
    return len(list(elements(der, outer.content, outer.end))) == len(structures.Seal._fields)


def _lists_something(properties: Any, der: bytes) -> bool:
    kinds: dict[int, Any] = {
        structures.CERTIFICATES: structures.CertificateList,
        structures.DIGESTS: structures.DigestList,
    }
    known = kinds.get(properties["list_type"].native)
    return known is not None and len(known.load(part(der, 0, 2, 3), strict=True)) > 0


def _has_dates(properties: Any) -> bool:
    return bool(moment_of(properties["valid_from"]) < moment_of(properties["valid_until"]))


def _has_picture(picture: Any) -> bool:
    data, sides = bytes(picture["data"].native), (picture["width"].native, picture["height"].native)
    return 0 < len(data) <= MAX_PICTURE and all(side > 0 for side in sides)


def _is_signed(value: Any, der: bytes) -> bool:
    maker = parse_certificate(bytes(value["certificate"].native))
    return maker.key.verify(part(der, 0), octets_of_bits(value["signature"]))
