"""Seals and sealings: every structure round-trips, every fault is found, hostile bytes are refused."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import SigningError, secondopinion
from signing import seal_structures as structures
from signing.crl import Reason, Revocation
from signing.der import MalformedDer, part
from signing.findings import (
    BadSignature,
    CannotCompare,
    ContentChanged,
    ContentNotCompared,
    Expired,
    Finding,
    NoPath,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    SealExpired,
    SealNotYetValid,
    SignedInTheFuture,
    SignerNotInSeal,
    UnreadableCertificate,
    UntrustedMaker,
    UnusualVersion,
    Verdict,
)
from signing.seal import (
    CertificateDigest,
    ExtData,
    OldSeal,
    Picture,
    Seal,
    SealError,
    SealInfo,
    digests_of,
    make_seal,
    parse_seal,
)
from signing.seal_check import check_seal, check_seal_signature
from signing.seal_signature import assemble, parse_seal_signature, sign_with_seal, to_be_signed
from signing.sm3 import sm3
from tests.sealkit import (
    BEGIN,
    COVERS,
    DAY,
    DIGEST,
    MAKER,
    MAKER_KEY,
    NOW,
    OTHER_CERTIFICATE,
    OTHER_KEY,
    ROOT_LIST,
    SEAL,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    revoked,
    seal_info,
    sealed,
    sealing,
    trust,
)

SEALING = sealing()

whole_seconds = st.datetimes(datetime(2026, 1, 3), datetime(2026, 12, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC, microsecond=0)
)
ascii_text = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), max_size=40)
ext_datas = st.lists(
    st.builds(
        ExtData,
        oid=st.lists(st.integers(0, 1 << 40), min_size=1, max_size=4).map(
            lambda arcs: ".".join(map(str, [1, 2, *arcs]))
        ),
        critical=st.booleans(),
        value=st.binary(max_size=40),
    ),
    max_size=4,
).map(tuple)
infos = st.builds(
    SealInfo,
    vendor=ascii_text,
    seal_id=ascii_text,
    kind=st.integers(0, 9),
    name=st.text(st.characters(codec="utf-8"), max_size=40),
    created=st.just(BEGIN + DAY),
    valid_from=st.just(BEGIN + 2 * DAY),
    valid_until=whole_seconds,
    picture=st.builds(
        Picture,
        kind=ascii_text,
        data=st.binary(max_size=200),
        width_mm=st.integers(1, 200),
        height_mm=st.integers(1, 200),
    ),
    extensions=ext_datas,
)


# --- round trips ---


@given(infos, st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_seal_gives_back_what_was_sealed(info: SealInfo, listed: list[bytes], by_digest: bool) -> None:
    if by_digest:
        info = replace(info, digests=tuple(CertificateDigest("SM3", sm3(each)) for each in listed))
    else:
        info = replace(info, certificates=tuple(listed))
    seal = make_seal(info, MAKER, MAKER_KEY)
    assert seal.info == info
    assert parse_seal(seal.der) == seal
    signed_again = make_seal(seal.info, MAKER, MAKER_KEY)
    assert signed_again.signed_part == seal.signed_part
    assert seal.is_signed_by(MAKER.key)


@given(whole_seconds, ascii_text, ext_datas, st.binary(max_size=50))
@settings(max_examples=40, deadline=None)
def test_a_sealing_gives_back_what_was_signed(
    at: datetime, covers: str, extensions: tuple[ExtData, ...], stamp: bytes
) -> None:
    signed_part = to_be_signed(SEAL, DIGEST, at=at, covers=covers, extensions=extensions)
    made = assemble(signed_part, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY.sign(signed_part), time_stamp=stamp)
    assert made.signed_part == signed_part
    assert (made.stated_time, made.covers, made.digest) == (at, covers, DIGEST)
    assert (made.extensions, made.time_stamp, made.seal) == (extensions, stamp, SEAL)
    assert parse_seal_signature(made.der) == made
    again = to_be_signed(
        made.seal, made.digest, at=made.stated_time, covers=made.covers, extensions=made.extensions
    )
    signature, stamp = made.signature, made.time_stamp
    assert assemble(again, SUBSCRIBER_CERTIFICATE, signature, time_stamp=stamp).der == made.der


def test_a_sealing_with_long_extension_data_is_what_was_signed() -> None:
    """asn1crypto, asked to encode once more what it had read, could not."""
    rows = (ExtData("1.2.128.16384.2097152.34359738368", False, bytes(3)), ExtData("1.2.16384", False, b""))
    made = sealing(extensions=rows)
    assert made.extensions == rows
    assert made.is_signed_by(SUBSCRIBER_CERTIFICATE.key)


def test_what_cannot_be_written_is_refused_in_our_own_words() -> None:
    with pytest.raises(SealError, match="cannot be written"):
        to_be_signed(SEAL, DIGEST, at=NOW, covers=COVERS, extensions=(ExtData("no oid", False, b""),))
    with pytest.raises(SealError, match="cannot be written"):
        sealed(vendor="落槌")
    with pytest.raises(SealError, match="time stamp"):
        assemble(b"", SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY.sign(b""), time_stamp=bytes(1 << 17))
    with pytest.raises(SealError, match="no sealing"):
        assemble(b"", SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY.sign(b""))


@pytest.mark.parametrize("tag", ["explicit", "implicit", "none"])
def test_a_sealing_is_read_whichever_tags_its_maker_put(tag: str) -> None:
    rows, stamp = bytes.fromhex("300c300a06022a03010100040178"), b"\x03\x04\x00abc"
    tagged = {
        "explicit": (b"\xa0\x0e" + rows, b"\xa0\x06" + stamp),
        "implicit": (b"\xa0" + rows[1:], b"\x80" + stamp[1:]),
        "none": (rows, stamp),
    }[tag]
    inside = [part(SEALING.der, 0, index) for index in range(5)]
    signed_part = core.Sequence(contents=b"".join(inside) + tagged[0]).dump()
    outside = [part(SEALING.der, index) for index in (1, 2)]
    signature = structures.bits(SUBSCRIBER_KEY.sign(signed_part)).dump()
    der = core.Sequence(contents=b"".join([signed_part, *outside, signature, tagged[1]])).dump()
    read = parse_seal_signature(der)
    assert read.extensions == (ExtData("1.2.3", False, b"x"),)
    assert read.time_stamp == b"abc"
    assert read.is_signed_by(SUBSCRIBER_CERTIFICATE.key)


def test_critical_false_is_written_out() -> None:
    seal = sealed(extensions=(ExtData("1.2.3", False, b"x"),))
    assert bytes.fromhex("06022a03010100040178") in seal.der


def test_what_leaves_critical_out_is_read_as_not_critical() -> None:
    rows = bytes.fromhex("300706022a03040178")
    listed = core.SequenceOf(spec=core.Any, contents=rows).dump()
    assert structures.ext_datas(listed)[0]["critical"].native is None


def readings(rows: bytes) -> list[bytes]:
    listed = b"\x30" + bytes([len(rows)]) + rows
    return [listed, b"\xa0" + bytes([len(rows)]) + rows, b"\xa0" + bytes([len(listed)]) + listed]


@pytest.mark.parametrize("rows", ["", "300a06022a03010100040178", "300706022a03040178300706022a04040178"])
def test_extension_data_is_read_bare_and_tagged_either_way(rows: str) -> None:
    values = [structures.ext_datas(der).native for der in readings(bytes.fromhex(rows))]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("der", [b"\xa0\x06\x03\x04\x00abc", b"\x80\x04\x00abc", b"\x03\x04\x00abc"])
def test_a_time_stamp_is_read_tagged_either_way(der: bytes) -> None:
    assert structures.time_stamp(der) == b"abc"


def with_version(seal: Seal, version: int) -> Seal:
    """The seal with another version, signed anew."""
    inner = structures.SealInfo.load(seal.signed_part)
    inner["header"]["version"] = version
    der = inner.dump(force=True)
    outer = structures.Seal.load(seal.der)
    outer["info"], outer["signature"] = structures.SealInfo.load(der), structures.bits(MAKER_KEY.sign(der))
    return parse_seal(outer.dump(force=True))


def test_version_5_is_read_and_noted_and_3_is_refused() -> None:
    report = check_seal(with_version(SEAL, 5), trust(), at=NOW)
    assert [type(finding) for finding in report.findings] == [UnusualVersion]
    assert report.verdict is Verdict.VALID
    with pytest.raises(MalformedDer, match="version 3"):
        with_version(SEAL, 3)


def test_a_seal_of_the_old_form_is_called_old() -> None:
    old = core.SequenceOf(
        [structures.SealInfo.load(SEAL.signed_part), structures.SealInfo.load(SEAL.signed_part)],
        spec=structures.SealInfo,
    ).dump()
    with pytest.raises(OldSeal, match="exchanged"):
        parse_seal(old)


# --- seals ---


def kinds(findings: tuple[Finding, ...]) -> list[type[Finding]]:
    return [type(finding) for finding in findings]


def test_a_seal_by_a_trusted_maker_is_valid() -> None:
    report = check_seal(SEAL, trust(), at=NOW)
    assert report.verdict is Verdict.VALID
    assert report.maker is not None
    assert report.maker.path[0] == MAKER


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (SEAL.info.valid_from - timedelta(seconds=1), [SealNotYetValid]),
        (SEAL.info.valid_from, []),
        (SEAL.info.valid_until, []),
        (SEAL.info.valid_until + timedelta(seconds=1), [SealExpired]),
    ],
)
def test_the_first_and_the_last_second_of_a_seal_count(at: datetime, expected: list[Any]) -> None:
    assert kinds(check_seal(SEAL, trust(revocation_required=False), at=at).findings) == expected


def test_a_subscriber_of_the_same_authority_makes_no_seals() -> None:
    fake = make_seal(seal_info(), SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY)
    report = check_seal(fake, trust(), at=NOW)
    assert kinds(report.findings) == [UntrustedMaker]
    assert report.verdict is Verdict.INVALID


def test_a_seal_whose_picture_was_changed_is_found() -> None:
    changed = parse_seal(SEAL.der.replace(b"PNG picture", b"PNG pictura"))
    assert kinds(check_seal(changed, trust(), at=NOW).findings) == [BadSignature]


def test_a_maker_who_was_revoked_before_makes_the_seal_invalid_and_later_unproven() -> None:
    before = revoked(Revocation(MAKER.serial, SEAL.info.created, Reason.SUPERSEDED))
    later = revoked(Revocation(MAKER.serial, NOW, Reason.SUPERSEDED))
    assert kinds(check_seal(SEAL, trust(lists=(ROOT_LIST, before)), at=NOW).findings) == [Revoked]
    assert kinds(check_seal(SEAL, trust(lists=(ROOT_LIST, later)), at=NOW).findings) == [RevokedLater]
    assert kinds(check_seal(SEAL, trust(lists=()), at=NOW).findings) == [RevocationUnknown]


def test_a_maker_of_another_world_has_no_path() -> None:
    assert NoPath in kinds(check_seal(SEAL, trust(anchors=()), at=NOW).findings)


def test_critical_data_that_nobody_understands_is_refused() -> None:
    harmless, critical = ExtData("1.2.3", False, b""), ExtData("1.2.4", True, b"")
    report = check_seal(sealed(extensions=(harmless, critical)), trust(), at=NOW)
    assert [str(finding) for finding in report.findings] == [
        "甲方示例单位 (43010000000001) has the critical data 1.2.4, which is not understood here"
    ]


def test_a_maker_that_is_no_certificate_is_found() -> None:
    outer = structures.Seal.load(SEAL.der)
    outer["certificate"] = b"\x30\x00"
    report = check_seal(parse_seal(outer.dump(force=True)), trust(), at=NOW)
    assert kinds(report.findings) == [UnreadableCertificate]
    assert report.maker is None


@pytest.mark.parametrize(
    "changes",
    [
        {"certificates": ()},
        {"digests": digests_of([SUBSCRIBER_CERTIFICATE])},
        {"version": 5},
        {"valid_from": NOW + 300 * DAY},
        {"created": BEGIN - DAY},
        {"valid_until": MAKER.valid_until + DAY},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_seal_is_made_of_facts_that_do_not_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(SealError):
        sealed(**changes)


def test_a_seal_is_not_made_with_a_foreign_key() -> None:
    with pytest.raises(SealError):
        make_seal(seal_info(), MAKER, SUBSCRIBER_KEY)


@pytest.mark.parametrize(
    "picture",
    [Picture("png", b"", 0, 42), Picture("png", b"", 42, 201), Picture("png", b"x" * (1 << 20 | 1), 1, 1)],
    ids=["no width", "too high", "too many bytes"],
)
def test_impossible_pictures_are_refused(picture: Picture) -> None:
    with pytest.raises(MalformedDer):
        sealed(picture=picture)


# --- sealings ---


def check(signature: Any = SEALING, digest: bytes | None = DIGEST, **more: Any) -> list[type[Finding]]:
    known = more.pop("known", trust())
    return kinds(check_seal_signature(signature, digest, known, now=NOW + DAY, **more).findings)


def test_a_sealing_is_valid_for_its_content_and_the_second_opinion_agrees() -> None:
    report = check_seal_signature(SEALING, DIGEST, trust(), now=NOW + DAY)
    assert report.verdict is Verdict.VALID
    assert report.findings == ()
    assert (report.moment, report.time_is_proven) == (NOW, False)
    assert report.signer is not None
    assert report.signer.path[0] == SUBSCRIBER_CERTIFICATE
    assert secondopinion.verify(SUBSCRIBER_KEY.public_key.point, SEALING.signed_part, SEALING.signature)
    assert secondopinion.verify(MAKER.key.point, SEAL.signed_part, SEAL.signature)


def test_a_seal_may_name_its_certificates_by_digest() -> None:
    seal = sealed(certificates=(), digests=digests_of([SUBSCRIBER_CERTIFICATE]))
    assert check(sealing(seal)) == []


def test_changed_content_is_found_with_both_digests() -> None:
    other = sm3(b"another content")
    (finding,) = check_seal_signature(SEALING, other, trust(), now=NOW).findings
    assert isinstance(finding, ContentChanged)
    assert (finding.stated, finding.found) == (DIGEST.hex(), other.hex())


def test_content_that_is_not_at_hand_is_not_called_valid() -> None:
    assert check(digest=None) == [ContentNotCompared]
    assert check_seal_signature(SEALING, None, trust(), now=NOW).verdict is Verdict.UNPROVEN


def test_a_seal_is_of_no_use_to_somebody_else() -> None:
    with pytest.raises(SealError, match="not made for"):
        sign_with_seal(SEAL, DIGEST, OTHER_CERTIFICATE, OTHER_KEY, at=NOW, covers=COVERS)
    stolen_part = to_be_signed(SEAL, DIGEST, at=NOW, covers=COVERS)
    stolen = assemble(stolen_part, OTHER_CERTIFICATE, OTHER_KEY.sign(stolen_part))
    assert check(stolen) == [SignerNotInSeal]


def test_digests_of_an_unknown_algorithm_are_not_compared() -> None:
    seal = sealed(certificates=(), digests=(CertificateDigest("SHA-0", b"x" * 20),))
    signed_part = to_be_signed(seal, DIGEST, at=NOW, covers=COVERS)
    assert check(assemble(signed_part, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY.sign(signed_part))) == [
        CannotCompare
    ]


def test_a_signature_that_was_exchanged_is_found() -> None:
    other = sealing(digest=sm3(b"another content"))
    outer = structures.SealSignature.load(SEALING.der)
    outer["signature"] = structures.bits(other.signature)
    assert check(parse_seal_signature(outer.dump(force=True))) == [BadSignature]


def test_nothing_is_assembled_that_does_not_verify() -> None:
    signed_part = to_be_signed(SEAL, DIGEST, at=NOW, covers=COVERS)
    with pytest.raises(SealError):
        assemble(signed_part, SUBSCRIBER_CERTIFICATE, OTHER_KEY.sign(signed_part))


def test_a_seal_is_not_used_outside_its_dates() -> None:
    with pytest.raises(SealError):
        sealing(at=SEAL.info.valid_until + DAY)
    late = SUBSCRIBER_CERTIFICATE.valid_until + DAY
    signed_part = to_be_signed(SEAL, DIGEST, at=late, covers=COVERS)
    made = assemble(signed_part, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY.sign(signed_part))
    found = kinds(check_seal_signature(made, DIGEST, trust(), now=late).findings)
    assert {SealExpired, Expired} <= set(found)


def test_a_signer_who_was_revoked_before_is_invalid_and_a_stamp_saves_who_was_revoked_later() -> None:
    before = trust(lists=(ROOT_LIST, revoked(Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW))))
    assert check(known=before) == [Revoked]
    later = trust(lists=(ROOT_LIST, revoked(Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW + DAY))))
    assert check(known=later) == [RevokedLater]
    assert check(known=later, proven_time=NOW) == []
    assert check(known=later, proven_time=NOW + 2 * DAY) == [Revoked]


def test_a_time_in_the_future_is_found() -> None:
    ahead = sealing(at=NOW + DAY + timedelta(minutes=6))
    assert check(ahead) == [SignedInTheFuture]
    assert check(sealing(at=NOW + DAY + timedelta(minutes=4))) == []


@pytest.mark.parametrize("digest", [b"", b"x" * 31, b"x" * 33])
def test_only_digests_of_sm3_are_sealed(digest: bytes) -> None:
    with pytest.raises(SealError):
        sealing(digest=digest)


# --- hostile bytes ---


@pytest.mark.parametrize(
    ("parse", "good"), [(parse_seal, SEAL.der), (parse_seal_signature, SEALING.der)], ids=["seal", "sealing"]
)
def test_whatever_is_changed_is_read_or_refused_and_never_valid(parse: Any, good: bytes) -> None:
    chance = random.Random(7)
    for _ in range(400):
        bad = bytearray(good)
        for _ in range(chance.choice((1, 1, 3))):
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.1:
            del bad[chance.randrange(len(bad)) :]
        if bytes(bad) == good:
            continue
        try:
            read = parse(bytes(bad))
        except SigningError:
            continue
        if isinstance(read, Seal):
            assert check_seal(read, trust(), at=NOW).verdict is not Verdict.VALID
        else:
            assert check_seal_signature(read, DIGEST, trust(), now=NOW).verdict is not Verdict.VALID


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_as_malformed(data: bytes) -> None:
    for parse in (parse_seal, parse_seal_signature):
        with pytest.raises(MalformedDer):
            parse(data)


def test_more_certificates_than_the_limit_are_refused() -> None:
    with pytest.raises(MalformedDer, match="more than 64"):
        sealed(certificates=(b"x",) * 65)
