"""Certificates, lists, answers and requests: what they promise, and what hostile ones get."""

import random
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, x509
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import SigningError
from signing.crl import Reason, Revocation, issue_crl, parse_crl
from signing.csr import parse_request, request_certificate
from signing.der import SEQUENCE, MalformedDer, check, children
from signing.issuing import (
    ISSUING,
    SUBSCRIBER,
    Authority,
    IssuingError,
    Validity,
    Wanted,
    new_serial,
    self_signed,
)
from signing.names import Name
from signing.ocsp import CertificateId, Standing, answer, ask, parse_answer, parse_question
from signing.x509 import KeyUsage, parse_certificate
from tests.sealkit import (
    AUTHORITY,
    BEGIN,
    CA,
    CA_KEY,
    CREDIT_CODE,
    DAY,
    NOW,
    RESPONDER,
    RESPONDER_KEY,
    ROOT,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    forged,
    issued,
)

PERSON = "430000190001010000"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on PATH")


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=30, check=False)


# --- certificates ---


def test_a_certificate_says_what_was_asked_for() -> None:
    certificate = issued(
        "测试竞买人一", SUBSCRIBER_KEY, credit_code=CREDIT_CODE, person_id="430000190001010000"
    )
    assert certificate.subject.common_name == "测试竞买人一"
    assert certificate.issuer == CA.subject
    assert certificate.key == SUBSCRIBER_KEY.public_key
    assert certificate.credit_code == CREDIT_CODE
    assert certificate.extensions.person_id == "430000190001010000"
    assert certificate.extensions.crl_addresses == ("http://ca.example/ca.crl",)
    assert certificate.extensions.ocsp_addresses == ("http://ca.example/ocsp",)
    assert certificate.extensions.authority_key_id == CA.extensions.subject_key_id
    assert certificate.may(KeyUsage.SIGNATURE)
    assert not certificate.may(KeyUsage.SIGN_CERTIFICATES)
    assert not certificate.extensions.is_authority
    assert certificate.is_signed_by(CA.key)
    assert not certificate.is_signed_by(ROOT.key)


def test_a_persons_number_is_not_in_the_text_of_a_certificate() -> None:
    certificate = issued("测试竞买人一", SUBSCRIBER_KEY, person_id="430000190001010000")
    assert "430000190001010000" not in repr(certificate)


def test_pem_and_der_are_the_same_certificate() -> None:
    assert parse_certificate(SUBSCRIBER_CERTIFICATE.to_pem()) == SUBSCRIBER_CERTIFICATE
    assert parse_certificate(SUBSCRIBER_CERTIFICATE.der) == SUBSCRIBER_CERTIFICATE


def test_serial_numbers_cannot_be_guessed() -> None:
    serials = {new_serial() for _ in range(1_000)}
    assert len(serials) == 1_000
    assert {serial.bit_length() for serial in serials} == {127}


def test_a_validity_beyond_2049_is_kept() -> None:
    root = self_signed(Name.of("长期"), CA_KEY, Validity(BEGIN, BEGIN.replace(year=2060)))
    assert root.valid_until == BEGIN.replace(year=2060)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(CA.subject, SUBSCRIBER_KEY.public_key, SUBSCRIBER, Validity.of_days(BEGIN, 10)),
        Wanted(Name.of("太长"), SUBSCRIBER_KEY.public_key, SUBSCRIBER, Validity.of_days(BEGIN, 9_999)),
        Wanted(Name.of("太早"), SUBSCRIBER_KEY.public_key, SUBSCRIBER, Validity.of_days(BEGIN - DAY, 9)),
        Wanted(Name.of("下级"), SUBSCRIBER_KEY.public_key, ISSUING, Validity.of_days(BEGIN, 9)),
    ],
    ids=["own name", "outlives", "before", "authority below path length 0"],
)
def test_an_authority_refuses(wanted: Wanted) -> None:
    with pytest.raises(IssuingError):
        AUTHORITY.issue(wanted)


def test_a_subscriber_issues_nothing() -> None:
    subscriber = Authority(SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY)
    wanted = Wanted(Name.of("下级"), CA_KEY.public_key, SUBSCRIBER, Validity.of_days(BEGIN, 9))
    with pytest.raises(IssuingError):
        subscriber.issue(wanted)
    with pytest.raises(IssuingError):
        issue_crl(subscriber, [], number=1, this_update=NOW, next_update=NOW + DAY)


def test_a_foreign_key_does_not_sign_for_an_authority() -> None:
    with pytest.raises(IssuingError):
        Authority(CA, SUBSCRIBER_KEY)


def test_a_certificate_whose_key_is_off_the_curve_is_refused() -> None:
    der = SUBSCRIBER_CERTIFICATE.der
    point = SUBSCRIBER_KEY.public_key.point
    with pytest.raises(MalformedDer, match="SM2"):
        parse_certificate(der.replace(point, point[:-1] + bytes([point[-1] ^ 1])))


def test_what_stands_behind_the_signature_is_no_certificate() -> None:
    """It would be the same certificate under another fingerprint."""
    parts = children(SUBSCRIBER_CERTIFICATE.der, SEQUENCE, 3)
    longer = core.Sequence(contents=b"".join([*parts, b"\x05\x00"])).dump()
    with pytest.raises(MalformedDer):
        parse_certificate(longer)


def test_an_extension_that_stands_there_twice_is_refused() -> None:
    extensions = list(x509.Certificate.load(SUBSCRIBER_CERTIFICATE.der)["tbs_certificate"]["extensions"])
    with pytest.raises(MalformedDer, match="twice"):
        forged(SUBSCRIBER_CERTIFICATE, CA_KEY, extensions=[*extensions, extensions[0]])


@pytest.mark.parametrize("serial", [0, -5, 1 << 160])
def test_impossible_serial_numbers_are_refused(serial: int) -> None:
    with pytest.raises(MalformedDer, match="serial"):
        forged(SUBSCRIBER_CERTIFICATE, CA_KEY, serial_number=serial)


# --- the gate ---


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x05",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x00\x00",
        b"\x1f\x81\x01\x00",
        b"\x30\x03\x02\x01",
        b"\x30\x04\x02\x02\x00\x01",
        b"\x30\x04\x02\x02\xff\xff",
        b"\x30\x02\x02\x00",
        b"\x30\x03\x01\x01\x01",
        b"\x30\x03\x03\x01\x08",
        b"\x30\x04\x03\x02\x01\x01",
        b"\x30\x03\x0c\x01\xff",
        b"\x30\x04\x06\x02\x2a\x80",
        b"\x30\x05\x06\x03\x2a\x80\x01",
        b"\x10\x00",
        b"\x24\x02\x04\x00",
    ],
    ids=lambda der: der.hex() or "nothing",
)
def test_what_is_not_der_does_not_pass_the_gate(der: bytes) -> None:
    with pytest.raises(MalformedDer):
        check(der, "anything", 1_000)


def nested(depth: int) -> bytes:
    der = b"\x05\x00"
    for _ in range(depth):
        der = core.Sequence(contents=der).dump() if len(der) < 100_000 else der
    return der


def test_deep_and_crowded_inputs_are_refused_quickly() -> None:
    begun = time.process_time()  # what others do meanwhile does not count
    with pytest.raises(MalformedDer, match="deeper"):
        check(nested(5_000), "anything", 1 << 20)
    with pytest.raises(MalformedDer, match="elements"):
        check(core.Sequence(contents=b"\x05\x00" * 500_000).dump(), "anything", 2 << 20)
    with pytest.raises(MalformedDer, match="bytes"):
        parse_certificate(b"\x30" * 50_000_000)
    assert time.process_time() - begun < 2


PARSERS: dict[str, tuple[Any, bytes]] = {
    "certificate": (parse_certificate, SUBSCRIBER_CERTIFICATE.der),
    "crl": (
        parse_crl,
        issue_crl(
            AUTHORITY,
            [Revocation(7, NOW, Reason.KEY_COMPROMISE, NOW - DAY)],
            number=1,
            this_update=NOW,
            next_update=NOW + DAY,
        ).der,
    ),
    "request": (parse_request, request_certificate(Name.of("乙方示例单位"), SUBSCRIBER_KEY).der),
    "question": (parse_question, ask(SUBSCRIBER_CERTIFICATE, CA, b"n" * 16).der),
    "answer": (
        parse_answer,
        answer(
            Authority(RESPONDER, RESPONDER_KEY),
            CertificateId.of(SUBSCRIBER_CERTIFICATE, CA),
            Standing.REVOKED,
            produced_at=NOW,
            revocation=Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW),
        ).der,
    ),
}


@pytest.mark.parametrize("kind", PARSERS)
def test_whatever_is_changed_is_read_or_refused_never_an_accident(kind: str) -> None:
    parse, good = PARSERS[kind]
    chance = random.Random(5)
    for _ in range(1_500):
        bad = bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 4))):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        if chance.random() < 0.2:
            del bad[chance.randrange(len(bad)) :]
        try:
            parsed = parse(bytes(bad))
        except SigningError:
            continue
        assert parsed.der == bytes(bad)
        if kind == "crl":
            for serial in parsed.entries:
                try:
                    parsed.revocation(serial)
                except SigningError:
                    continue


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_as_malformed(data: bytes) -> None:
    for parse, _ in PARSERS.values():
        with pytest.raises(MalformedDer):
            parse(data)


@pytest.mark.parametrize(
    "pem",
    [
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMAA=\n",
        b"-----BEGIN NOTHING-----\nMAA=\n-----END NOTHING-----\n",
        SUBSCRIBER_CERTIFICATE.to_pem() * 2,
    ],
)
def test_odd_pem_is_refused(pem: bytes) -> None:
    with pytest.raises(MalformedDer):
        parse_certificate(pem)


# --- lists, answers, requests ---


@given(
    st.dictionaries(
        st.integers(1, (1 << 159) - 1),
        st.tuples(
            st.datetimes(NOW.replace(tzinfo=None, year=2000), NOW.replace(tzinfo=None, year=2060)),
            st.sampled_from(Reason),
            st.none() | st.just(NOW),
        ),
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_a_list_gives_back_every_revocation(rows: dict[int, tuple[Any, Reason, Any]]) -> None:
    wanted = [
        Revocation(serial, at.replace(tzinfo=NOW.tzinfo, microsecond=0), reason, since)
        for serial, (at, reason, since) in rows.items()
    ]
    made = issue_crl(AUTHORITY, wanted, number=9, this_update=NOW, next_update=NOW + DAY)
    read = parse_crl(made.der)
    assert [read.revocation(revocation.serial) for revocation in wanted] == wanted
    assert read.revocation(1 << 159) is None
    assert (read.number, read.issuer, read.this_update) == (9, CA.subject, NOW)
    assert read.is_signed_by(CA.key)
    assert not read.is_signed_by(ROOT.key)


def test_an_answer_says_what_the_responder_said() -> None:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW - DAY, Reason.SUPERSEDED)
    about = CertificateId.of(SUBSCRIBER_CERTIFICATE, CA)
    responder = Authority(RESPONDER, RESPONDER_KEY)
    made = answer(responder, about, Standing.REVOKED, produced_at=NOW, revocation=revocation, nonce=b"n" * 16)
    assert (made.about, made.standing, made.revocation, made.nonce) == (
        about,
        Standing.REVOKED,
        revocation,
        b"n" * 16,
    )
    assert made.responder_of(CA) == RESPONDER
    assert made.responder_of(ROOT) is None


def test_the_authority_may_answer_itself_and_a_subscriber_may_not() -> None:
    about = CertificateId.of(SUBSCRIBER_CERTIFICATE, CA)
    assert answer(AUTHORITY, about, Standing.GOOD, produced_at=NOW).responder_of(CA) == CA
    with pytest.raises(IssuingError):
        answer(Authority(SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY), about, Standing.GOOD, produced_at=NOW)


def test_a_responder_whose_certificate_had_ended_answers_for_nobody() -> None:
    about = CertificateId.of(SUBSCRIBER_CERTIFICATE, CA)
    late = RESPONDER.valid_until + timedelta(seconds=1)
    made = answer(Authority(RESPONDER, RESPONDER_KEY), about, Standing.GOOD, produced_at=late)
    assert made.responder_of(CA) is None


def test_a_question_names_the_certificate() -> None:
    question = ask(SUBSCRIBER_CERTIFICATE, CA, b"n" * 16)
    assert question.about == CertificateId.of(SUBSCRIBER_CERTIFICATE, CA)
    assert question.nonce == b"n" * 16


def test_a_request_proves_that_the_key_is_held() -> None:
    request = request_certificate(Name.of("乙方示例单位"), SUBSCRIBER_KEY)
    assert parse_request(request.to_pem()).proves_possession
    stolen = request.der.replace(SUBSCRIBER_KEY.public_key.point, CA_KEY.public_key.point)
    assert not parse_request(stolen).proves_possession


# --- strangers ---


@needs_openssl
@pytest.mark.parametrize(
    ("below", "above"), [(ROOT, ROOT), (CA, ROOT), (SUBSCRIBER_CERTIFICATE, CA), (RESPONDER, CA)]
)
def test_openssl_accepts_each_link(tmp_path: Path, below: Any, above: Any) -> None:
    (tmp_path / "below").write_bytes(below.to_pem())
    (tmp_path / "above").write_bytes(above.to_pem())
    moment = str(int(NOW.timestamp()))
    distid = ["-vfyopt", "distid:1234567812345678", "-attime", moment]
    command = ["verify", "-partial_chain", "-x509_strict", "-CAfile", tmp_path / "above", *distid]
    done = openssl(*command, tmp_path / "below")
    assert done.returncode == 0, done.stderr
    refused = openssl(*command[:4], tmp_path / "below", *distid, tmp_path / "above")
    assert below == above or refused.returncode != 0


@needs_openssl
def test_openssl_reads_certificate_list_request_and_answer(tmp_path: Path) -> None:
    (tmp_path / "certificate").write_bytes(SUBSCRIBER_CERTIFICATE.to_pem())
    text = openssl("x509", "-in", tmp_path / "certificate", "-noout", "-text").stdout.decode()
    assert "Signature Algorithm: SM2-with-SM3" in text
    assert CREDIT_CODE in text
    for kind, inform in [("crl", "crl"), ("request", "req")]:
        (tmp_path / kind).write_bytes(PARSERS[kind][1])
        done = openssl(inform, "-inform", "DER", "-in", tmp_path / kind, "-noout", "-text")
        assert b"SM2-with-SM3" in done.stdout
    (tmp_path / "answer").write_bytes(PARSERS["answer"][1])
    done = openssl("ocsp", "-respin", tmp_path / "answer", "-noverify", "-text")
    assert b"Cert Status: revoked" in done.stdout


@needs_openssl
def test_openssl_checks_the_signature_of_a_request_and_ours_checks_openssls(tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(request_certificate(Name.of("example"), SUBSCRIBER_KEY).to_pem())
    distid = ["-vfyopt", "distid:1234567812345678"]
    assert openssl("req", "-in", tmp_path / "request", "-noout", "-verify", *distid).returncode == 0
    (tmp_path / "key").write_bytes(SUBSCRIBER_KEY.to_pem())
    made = openssl(
        "req", "-new", "-key", tmp_path / "key", "-subj", "/CN=example", "-sm3",
        "-sigopt", "distid:1234567812345678",
    )  # fmt: skip
    assert parse_request(made.stdout).proves_possession
