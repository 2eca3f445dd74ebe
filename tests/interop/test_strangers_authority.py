"""What the demonstration's authority publishes and answers is accepted by BouncyCastle's own validators."""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import SubjectKind
from certificates.authority.roles import Role
from certificates.catalogue.reading import read_authorities
from certificates.catalogue.store import AUTHORITIES, shipped
from signing import oids
from signing.crl import parse_crl
from signing.ocsp import ask, parse_answer
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import (
    check_token,
    parse_time_stamp_request,
    parse_token,
    read_response,
    request,
)
from signing.x509 import Certificate, parse_certificate
from tests.interop.test_strangers import gmssl_verifies

KEY = PrivateKey.generate()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

Verifier = Callable[..., tuple[bool, str]]


@pytest.fixture
def stranger(java: Callable[[str], Verifier]) -> Verifier:
    return java("VerifyAuthority")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "authority"


@pytest.fixture
def authorities(folder: Path) -> DemonstrationAuthorities:
    return DemonstrationAuthorities.open(folder, addresses="http://127.0.0.1:8090", clock=lambda: NOW)


@pytest.fixture(params=["house", "bjca"])
def authority(
    request: pytest.FixtureRequest, authorities: DemonstrationAuthorities
) -> DemonstrationAuthority:
    """The house, and an issuing CA of its own below its root."""
    return authorities.house if request.param == "house" else authorities.own("bjca", "北京数字认证")


of_the_house = pytest.mark.parametrize("authority", ["house"], indirect=True)
"""Time stamps are nobody else's."""


@pytest.fixture
def certificate(authority: DemonstrationAuthority) -> Certificate:
    return authority.issue(
        "测试一",
        KEY.public_key,
        kind=SubjectKind.LEGAL_REPRESENTATIVE,
        organization="甲方示例单位",
        credit_code="91430000MA4L00000X",
        person_id="430100199001010010",
    )


def path_of(
    stranger: Verifier,
    authority: DemonstrationAuthority,
    certificate: Certificate,
    folder: Path,
    at: datetime = NOW,
) -> tuple[bool, str]:
    """With what is published: the authority's own, and the root's."""
    root, own = folder / "public", authority.published_at
    files = [own / "issuing.pem", root / "root.pem"]
    above = [parse_certificate(file.read_bytes()).der for file in files]
    lists = [(own / "issuing.crl").read_bytes(), (root / "root.crl").read_bytes()]
    return stranger("path", certificate.der, *above, *lists, str(int(at.timestamp() * 1000)))


def test_the_path_holds_with_its_lists_until_the_certificate_is_revoked(
    stranger: Verifier, authority: DemonstrationAuthority, certificate: Certificate, folder: Path
) -> None:
    holds, told = path_of(stranger, authority, certificate, folder)
    assert holds, told
    holds, told = path_of(stranger, authority, certificate, folder, at=NOW + timedelta(days=8))
    assert not holds  # the lists have ended
    authority.revoke(certificate.serial)
    holds, told = path_of(stranger, authority, certificate, folder, at=NOW + timedelta(seconds=1))
    assert not holds
    assert "revo" in told.lower()


@pytest.mark.parametrize("role", [Role.MAKER, Role.OCSP, Role.TSA])
def test_the_path_of_its_own_certificates_holds(
    stranger: Verifier, authority: DemonstrationAuthority, folder: Path, role: Role
) -> None:
    if role not in authority.roles:
        pytest.skip("the house's alone")
    holds, told = path_of(stranger, authority, authority.own(role), folder)
    assert holds, told


@pytest.mark.parametrize("revoked", [False, True])
def test_a_question_by_bouncycastle_gets_an_answer_that_it_accepts(
    stranger: Verifier,
    authority: DemonstrationAuthority,
    certificate: Certificate,
    tmp_path: Path,
    revoked: bool,
) -> None:
    issuer, asked = authority.own(Role.ISSUING), tmp_path / "question"
    assert stranger("ask", certificate.der, issuer.der, str(asked))[0]
    if revoked:
        authority.revoke(certificate.serial)
    answer = authority.answer(asked.read_bytes())
    holds, told = stranger("answer", answer, asked.read_bytes(), certificate.der, issuer.der)
    assert holds, told
    assert ("\nrevoked\n" if revoked else "\ngood\n") in told
    other = authority.issue("乙方示例单位", KEY.public_key)
    assert not stranger("answer", answer, asked.read_bytes(), other.der, issuer.der)[0]


@of_the_house
def test_a_stamp_is_accepted_for_our_request_and_for_one_of_bouncycastle(
    stranger: Verifier, authority: DemonstrationAuthority, tmp_path: Path
) -> None:
    digest, issuer, theirs = sm3(b"signature"), authority.own(Role.ISSUING), tmp_path / "request"
    assert stranger("stamp-request", digest, str(theirs))[0]
    for asked in (request(digest).der, theirs.read_bytes()):
        answer = authority.time_stamp(asked)
        holds, told = stranger("stamp", answer, asked, issuer.der)
        assert holds, told
        assert f"time {int(NOW.timestamp() * 1000)}" in told
        assert "落槌演示时间戳" in told
        token = read_response(answer, parse_time_stamp_request(asked))
        assert check_token(token, digest, authority.trust(), now=NOW).proven_time == NOW
        assert not stranger("stamp", answer, request(sm3(b"other")).der, issuer.der)[0]


def test_the_numbers_of_gm_t_0015_are_read(stranger: Verifier, certificate: Certificate) -> None:
    holds, told = stranger("extension", certificate.der, oids.CREDIT_CODE)
    assert holds, told
    assert "value 91430000MA4L00000X" in told
    holds, told = stranger("extension", certificate.der, oids.PERSON_ID)
    assert holds, told
    assert "tag 0" in told
    assert "value 430100199001010010" in told


def test_the_published_list_is_what_the_authority_says(
    authority: DemonstrationAuthority, certificate: Certificate, folder: Path
) -> None:
    authority.revoke(certificate.serial)
    published = parse_crl((authority.published_at / "issuing.crl").read_bytes())
    assert set(published.entries) == {certificate.serial}
    assert published.is_signed_by(authority.own(Role.ISSUING).key)


# --- the openssl program: it reads them, and asks; over SM2 it cannot judge lists, answers and stamps ---


def openssl(*words: str | Path) -> str:
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


@of_the_house
def test_openssl_asks_for_a_stamp_and_reads_it(authority: DemonstrationAuthority, tmp_path: Path) -> None:
    data, query, reply = tmp_path / "data", tmp_path / "query", tmp_path / "reply"
    data.write_bytes(b"signature")
    openssl("ts", "-query", "-data", data, "-sm3", "-cert", "-out", query)
    reply.write_bytes(authority.time_stamp(query.read_bytes()))
    told = openssl("ts", "-reply", "-in", reply, "-text")
    assert "Status: Granted." in told
    assert "Hash Algorithm: sm3" in told
    assert "Time stamp: Jun  1 12:00:00 2026 GMT" in told
    token = read_response(reply.read_bytes(), parse_time_stamp_request(query.read_bytes()))
    assert check_token(token, sm3(b"signature"), authority.trust(), now=NOW).proven_time == NOW


def test_openssl_asks_how_a_certificate_stands(
    authority: DemonstrationAuthority, certificate: Certificate, folder: Path, tmp_path: Path
) -> None:
    below, asked, answered = tmp_path / "below.pem", tmp_path / "question", tmp_path / "answer"
    below.write_bytes(certificate.to_pem())
    issuer = authority.published_at / "issuing.pem"
    openssl("ocsp", "-issuer", issuer, "-cert", below, "-reqout", asked)
    authority.revoke(certificate.serial)
    answered.write_bytes(authority.answer(asked.read_bytes()))
    told = openssl("ocsp", "-respin", answered, "-resp_text", "-noverify")
    assert "Cert Status: revoked" in told
    assert "Signature Algorithm: SM2-with-SM3" in told


@pytest.mark.long
def test_everybody_of_the_catalogue_is_accepted(
    stranger: Verifier, authorities: DemonstrationAuthorities, folder: Path, tmp_path: Path
) -> None:
    """Certificate, list and answer of each: good, and revoked."""
    for key, name in everybody():
        one, asked = authorities.own(key, name), tmp_path / "question"
        made, issuer = one.issue("甲方示例单位", KEY.public_key), one.own(Role.ISSUING)
        assert path_of(stranger, one, made, folder)[0], key
        one.revoke(made.serial)
        assert not path_of(stranger, one, made, folder, at=NOW + timedelta(seconds=1))[0], key
        assert stranger("ask", made.der, issuer.der, str(asked))[0]
        answer = one.answer(asked.read_bytes())
        holds, told = stranger("answer", answer, asked.read_bytes(), made.der, issuer.der)
        assert holds, told
        assert "\nrevoked\n" in told


def everybody() -> list[tuple[str, str]]:
    known = read_authorities(shipped()[AUTHORITIES]).authorities
    return [(one.key, one.short) for one in known]


@pytest.mark.skipif(not importlib.util.find_spec("gmssl_fast"), reason="gmssl_fast is not installed")
def test_gmssl_accepts_what_everybody_of_the_catalogue_signs(authorities: DemonstrationAuthorities) -> None:
    assert len(everybody()) > 10
    root = authorities.house.own(Role.ROOT).key.point
    for key, name in everybody():
        one = authorities.own(key, name)
        issuer, made = one.own(Role.ISSUING), one.issue("甲方示例单位", KEY.public_key)
        one.revoke(made.serial)
        answer = parse_answer(one.answer(ask(made, issuer, b"n").der))
        signed = [(root, issuer), (issuer.key.point, made), (issuer.key.point, one.crl())]
        signed += [(issuer.key.point, one.own(role)) for role in (Role.MAKER, Role.OCSP)]
        signed += [(one.own(Role.OCSP).key.point, answer)]
        for point, each in signed:
            assert gmssl_verifies(point, each.signed_part, each.signature), (key, each)


@of_the_house
@pytest.mark.skipif(not importlib.util.find_spec("gmssl_fast"), reason="gmssl_fast is not installed")
def test_gmssl_accepts_the_signatures_of_answers_and_stamps(
    authority: DemonstrationAuthority, certificate: Certificate
) -> None:
    answer = parse_answer(authority.answer(ask(certificate, authority.own(Role.ISSUING), b"n").der))
    asked = request(sm3(b"signature"))
    stamp = parse_token(read_response(authority.time_stamp(asked.der), asked))
    for role, signed in ((Role.OCSP, answer), (Role.TSA, stamp)):
        point = authority.own(role).key.point
        assert gmssl_verifies(point, signed.signed_part, signed.signature)
        assert not gmssl_verifies(point, signed.signed_part + b" ", signed.signature)
