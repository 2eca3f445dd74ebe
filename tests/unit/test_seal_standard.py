"""What is said of a seal that does not follow GB/T 38540-2020: everything that is wrong, in its own word."""

import base64
import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import core

from certificates.seal_standard import Deviation as D
from certificates.seal_standard import NotASeal, belongs, is_convertible, judge, seal_in
from signing import oids
from signing import seal_structures as structures
from signing.der import part, sequence
from signing.issuing import SUBSCRIBER, Validity, Wanted, self_signed
from signing.names import Name
from signing.seal import Seal, digests_of, make_seal
from signing.sm2 import PrivateKey
from tests.assistantkit import Issuer

ISSUER = Issuer()
KEY = PrivateKey.generate()


def certificate() -> Any:
    now = datetime.now(UTC)
    validity = Validity(now - timedelta(days=30), now + timedelta(days=300))
    return ISSUER.authority.issue(Wanted(Name.of("示例单位"), KEY.public_key, SUBSCRIBER, validity))


MINE = certificate()
GOOD: Seal = ISSUER.seal("示例单位", MINE)


def again(info: bytes, *, algorithm: str = oids.SM2_WITH_SM3, maker: bytes = b"", sign: bool = True) -> bytes:
    """A seal around these bytes, signed by the maker as they stand."""
    signature = ISSUER.maker_key.sign(info) if sign else bytes(71)
    return sequence(
        info,
        core.OctetString(maker or ISSUER.maker.der).dump(),
        core.ObjectIdentifier(algorithm).dump(),
        structures.bits(signature).dump(),
    )


def changed(**parts: Any) -> bytes:
    """eSealInfo of the good seal with some of its parts made anew: DER by name."""
    names = ("header", "seal_id", "property", "picture")
    info = part(GOOD.der, 0)
    return sequence(*(parts.get(name, part(info, at)) for at, name in enumerate(names)))


def header(identity: str = "ES", version: int = 4) -> bytes:
    made: bytes = structures.Header({"id": identity, "version": version, "vendor": "LUOCHUI"}).dump()
    return made


def properties(**changes: bytes) -> bytes:
    names = ("type", "name", "list_type", "list", "created", "valid_from", "valid_until")
    old = part(GOOD.der, 0, 2)
    return sequence(*(changes.get(name, part(old, at)) for at, name in enumerate(names)))


def day(offset: int) -> bytes:
    made: bytes = core.GeneralizedTime(
        (datetime.now(UTC) + timedelta(days=offset)).replace(microsecond=0)
    ).dump()
    return made


def old_form() -> bytes:
    """GM/T 0031-2014: information, and a group of certificate, algorithm and signature beside it."""
    info = changed()
    group = sequence(
        core.OctetString(ISSUER.maker.der).dump(),
        core.ObjectIdentifier(oids.SM2_WITH_SM3).dump(),
        structures.bits(ISSUER.maker_key.sign(info)).dump(),
    )
    return sequence(info, group)


WRONG: Mapping[str, tuple[bytes, set[D]]] = {
    "the form of 2014": (old_form(), {D.OLD_FORM}),
    "version 3": (again(changed(header=header(version=3))), {D.VERSION}),
    "another header": (again(changed(header=header("EX"))), {D.HEADER}),
    "no name": (again(changed(property=properties(name=core.UTF8String(" ").dump()))), {D.NAME}),
    "ends before it begins": (again(changed(property=properties(valid_until=day(-400)))), {D.DATES}),
    "a list of kind 7": (
        again(changed(property=properties(list_type=core.Integer(7).dump()))),
        {D.CERTIFICATES},
    ),
    "RSA signed it": (again(changed(), algorithm="1.2.840.113549.1.1.11"), {D.ALGORITHM}),
    "the maker's certificate is none": (again(changed(), maker=b"\x30\x03\x02\x01\x01"), {D.MAKER}),
    "not the maker's signature": (again(changed(), sign=False), {D.SIGNATURE}),
    "five parts": (sequence(*(part(GOOD.der, at) for at in range(4)), core.Null().dump()), {D.STRUCTURE}),
    "several at once": (
        again(changed(header=header("EX", 3), property=properties(valid_until=day(-400))), sign=False),
        {D.HEADER, D.VERSION, D.DATES, D.SIGNATURE},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_everything_that_is_wrong_is_named(what: str) -> None:
    der, expected = WRONG[what]
    assert set(judge(der, MINE)) == expected


def test_a_seal_of_the_standard_is_fine() -> None:
    assert judge(GOOD.der, MINE) == ()
    info = GOOD.info
    by_digest = make_seal(
        replace(info, certificates=(), digests=digests_of([MINE])), ISSUER.maker, ISSUER.maker_key
    )
    assert judge(by_digest.der, MINE) == ()


def test_a_seal_for_another_certificate_says_so() -> None:
    assert judge(GOOD.der, certificate()) == (D.OTHER_CERTIFICATE,)


def test_it_is_found_in_base64_and_in_an_archive() -> None:
    assert seal_in(GOOD.der) == GOOD.der
    text = b"-----BEGIN SEAL-----\n" + base64.encodebytes(GOOD.der) + b"-----END SEAL-----\n"
    assert seal_in(text) == GOOD.der
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Doc_0/Signs/Sign_0/Seal.esl", GOOD.der)
    assert seal_in(packed.getvalue()) == GOOD.der


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7",
        bytes(5_000_000),
        b"\x30\x03\x02\x01\x01",
        b"PK\x03\x04nothing",
        b"MAMCAQE=",
        b"\x30\x80",
    ],
)
def test_other_files_are_no_seals(data: bytes) -> None:
    with pytest.raises(NotASeal):
        seal_in(data)


def test_a_bomb_in_an_archive_is_not_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Seal.esl", bytes(60_000_000))
    with pytest.raises(NotASeal):
        seal_in(packed.getvalue())


CHAIN = (ISSUER.certificate,)
OLD_INFO = changed(header=header(version=3))
STRANGER = PrivateKey.generate()


def grouped(info: bytes, *signed: bytes, maker: bytes = b"", key: PrivateKey | None = None) -> bytes:
    """The form of 2014, its signature over `signed`, or over the information alone."""
    maker = core.OctetString(maker or ISSUER.maker.der).dump()
    algorithm = core.ObjectIdentifier(oids.SM2_WITH_SM3).dump()
    over = sequence(info, maker, algorithm) if signed == (b"all",) else info
    signature = structures.bits((key or ISSUER.maker_key).sign(over)).dump()
    return sequence(info, sequence(maker, algorithm, signature))


def self_made() -> bytes:
    """Of a maker whose certificate nobody issued but the holder."""
    now = datetime.now(UTC)
    validity = Validity(now - timedelta(days=30), now + timedelta(days=300))
    own = self_signed(Name.of("自制"), STRANGER, validity)
    return grouped(OLD_INFO, maker=own.der, key=STRANGER)


CONVERTED = {
    "the form of 2014": (grouped(OLD_INFO), True),
    "the form of 2014, all of it signed": (grouped(OLD_INFO, b"all"), True),
    "made without a name": (WRONG["no name"][0], True),
    "made of version 3": (WRONG["version 3"][0], True),
    "one of the standard, put into the old form": (old_form(), False),
    "a bit changed": (GOOD.der[:-3] + bytes([GOOD.der[-3] ^ 1]) + GOOD.der[-2:], False),
    "something hung on": (WRONG["five parts"][0], False),
    "another algorithm named beside it": (WRONG["RSA signed it"][0], False),
    "the maker taken out": (WRONG["the maker's certificate is none"][0], False),
    "several, and no signature": (WRONG["several at once"][0], False),
    "made by the holder": (self_made(), False),
    "of the standard": (GOOD.der, False),
    "garbage": (b"\x30\x03\x02\x01\x01", False),
}


@pytest.mark.parametrize("what", CONVERTED)
def test_only_what_a_maker_signed_is_converted(what: str) -> None:
    der, converted = CONVERTED[what]
    assert is_convertible(der, judge(der, MINE), CHAIN) is converted


def test_what_only_hangs_beside_the_signed_part_names_no_certificate() -> None:
    other = certificate()
    assert belongs(GOOD.der, MINE)
    assert not belongs(sequence(part(GOOD.der, 0), core.OctetString(other.der).dump()), other)
