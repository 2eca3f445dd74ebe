"""The demonstration's authority: what it issues, revokes and says, and that nothing makes it inconsistent."""

import json
import multiprocessing
import os
import signal
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.folder import AuthorityBusy, Folder
from certificates.authority.port import (
    AlreadyRevoked,
    Applicant,
    AuthorityError,
    CertificateAuthority,
    NotIssued,
    State,
    SubjectKind,
    UnknownCertificate,
)
from certificates.authority.register import MAX_LINE, RegisterDamaged
from certificates.authority.roles import Role
from certificates.authority.trust import NoTrust, read_trust
from signing import oids
from signing.chain import check_certificate
from signing.crl import Reason, Revocation, issue_crl
from signing.findings import Revoked, Verdict
from signing.issuing import Authority, new_serial
from signing.names import Name
from signing.ocsp import CertificateId, Standing, ask, parse_answer
from signing.seal import Picture, SealKind
from signing.seal_check import check_seal, check_seal_signature
from signing.seal_signature import sign_with_seal
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import NoStamp, check_token, read_response, request
from signing.x509 import Certificate, KeyUsage

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BASE = "http://127.0.0.1:8090"
KEY = PrivateKey.generate()
NAME = "甲方示例单位"
CODE = "91430000MA4L00000X"


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authority(tmp_path: Path, clock: Clock) -> DemonstrationAuthority:
    return DemonstrationAuthority.open(tmp_path / "authority", addresses=BASE, clock=clock)


def issued(authority: DemonstrationAuthority, **more: object) -> Certificate:
    return authority.issue(NAME, KEY.public_key, credit_code=CODE, **more)  # type: ignore[arg-type]


# --- what it issues ---


def test_it_stands_behind_the_port(authority: DemonstrationAuthority) -> None:
    port: CertificateAuthority = authority  # what a real one would be reached through
    applicant = Applicant(SubjectKind.NATURAL_PERSON, "测试一", person_id="430100199001010010")
    first = port.issue_to(applicant, KEY.public_key, days=90, by="clerk")
    second = port.renew(first.serial, KEY.public_key, days=90, by="clerk")
    port.revoke(first.serial, by="clerk")
    states = [port.status(each.serial).state for each in (first, second)]
    assert states == [State.REVOKED, State.GOOD]


def test_an_organization_gets_a_certificate_that_strangers_to_the_key_can_check(
    authority: DemonstrationAuthority,
) -> None:
    certificate = issued(authority)
    report = check_certificate(certificate, authority.trust(), at=NOW, purpose=oids.CLIENT_AUTH)
    assert report.verdict is Verdict.VALID, report.findings
    assert [link.subject.common_name for link in report.path] == [
        NAME,
        "落槌演示签发 CA",
        "落槌演示根 CA",
    ]
    assert certificate.credit_code == CODE
    assert certificate.extensions.crl_addresses == (f"{BASE}/crl/issuing.crl",)
    assert certificate.extensions.ocsp_addresses == (f"{BASE}/ocsp",)
    assert certificate.extensions.issuer_addresses == (f"{BASE}/cert/issuing.cer",)
    assert certificate.serial.bit_length() >= 126


def test_every_name_says_that_it_is_a_demonstration(authority: DemonstrationAuthority) -> None:
    everyone = [authority.own(role) for role in Role] + [issued(authority)]
    assert all("演示" in str(each.subject) and "无法律效力" in str(each.subject) for each in everyone)


def test_own_certificates_may_do_what_their_role_needs_and_no_more(authority: DemonstrationAuthority) -> None:
    own = {role: authority.own(role) for role in Role}
    issuing = {role for role, each in own.items() if each.may(KeyUsage.SIGN_CERTIFICATES)}
    assert issuing == {Role.ROOT, Role.ISSUING}
    assert own[Role.TSA].extensions.purposes == frozenset({oids.TIME_STAMPING})
    assert own[Role.TSA].extensions.purposes_critical
    assert own[Role.OCSP].extensions.purposes == frozenset({oids.OCSP_SIGNING})
    assert own[Role.MAKER].extensions.purposes is None
    assert len({each.key.point for each in own.values()}) == len(Role)


def test_a_legal_representative_is_named_with_the_organization(authority: DemonstrationAuthority) -> None:
    made = authority.issue(
        "测试一",
        KEY.public_key,
        kind=SubjectKind.LEGAL_REPRESENTATIVE,
        organization=NAME,
        credit_code=CODE,
        person_id="430100199001010010",
    )
    assert (made.subject.common_name, made.subject.organization) == ("测试一", NAME)
    assert (made.credit_code, made.extensions.person_id) == (CODE, "430100199001010010")
    person = authority.issue("测试二", KEY.public_key, kind=SubjectKind.NATURAL_PERSON)
    assert person.subject.organization == ""
    from_name = authority.issue(
        Name.of("测试三", NAME), KEY.public_key, kind=SubjectKind.LEGAL_REPRESENTATIVE
    )
    assert from_name.subject.organization == NAME


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": ""},
        {"name": "x" * 65},
        {"name": "a\nb"},
        {"name": " a"},
        {"credit_code": "９１"},
        {"credit_code": "1" * 33},
        {"credit_code": "a_b*"},
        {"person_id": "43"},
        {"kind": SubjectKind.LEGAL_REPRESENTATIVE},
        {"kind": SubjectKind.NATURAL_PERSON, "organization": "x"},
        {"kind": SubjectKind.NATURAL_PERSON, "credit_code": "x"},
        {"days": 0},
        {"days": 5 * 366 + 1},
    ],
)
def test_what_does_not_fit_is_not_issued(
    authority: DemonstrationAuthority, wanted: dict[str, object]
) -> None:
    with pytest.raises(NotIssued):
        authority.issue(**({"name": NAME, "key": KEY.public_key} | wanted))  # type: ignore[arg-type]
    assert authority.entries() == []


def test_renewing_keeps_the_subject_and_its_numbers(authority: DemonstrationAuthority, clock: Clock) -> None:
    old = issued(authority)
    clock.now += 300 * DAY
    new = authority.renew(old.serial, PrivateKey.generate().public_key, days=365)
    assert (new.subject, new.credit_code) == (old.subject, old.credit_code)
    assert new.valid_until == clock.now + 365 * DAY
    authority.revoke(old.serial)
    with pytest.raises(NotIssued, match="revoked"):
        authority.renew(old.serial, KEY.public_key)


# --- seals ---


@pytest.mark.parametrize(
    ("kind", "name", "seal_kind", "size"),
    [
        (SubjectKind.ORGANIZATION, NAME, SealKind.ORGANIZATION, (42, 42)),
        (SubjectKind.NATURAL_PERSON, "测试一", SealKind.PERSON, (20, 10)),
    ],
)
def test_a_seal_is_drawn_from_the_name_and_what_it_seals_is_valid(
    authority: DemonstrationAuthority,
    kind: SubjectKind,
    name: str,
    seal_kind: SealKind,
    size: tuple[int, int],
) -> None:
    certificate = authority.issue(name, KEY.public_key, kind=kind)
    seal = authority.make_seal(certificate)
    assert (seal.info.kind, seal.info.name) == (seal_kind, name)
    assert (seal.info.picture.width_mm, seal.info.picture.height_mm) == size
    assert check_seal(seal, authority.trust(), at=NOW).verdict is Verdict.VALID
    digest = sm3(b"content")
    sealing = sign_with_seal(seal, digest, certificate, KEY, at=NOW, covers="all")
    report = check_seal_signature(sealing, digest, authority.trust(), now=NOW)
    assert report.verdict is Verdict.VALID, report.findings


def test_one_certificate_carries_one_seal(authority: DemonstrationAuthority) -> None:
    certificate = issued(authority)
    authority.make_seal(certificate)
    with pytest.raises(NotIssued, match="one seal"):
        authority.make_seal(certificate)


def test_no_seal_for_strangers_the_revoked_and_names_that_fit_no_seal(
    authority: DemonstrationAuthority, tmp_path: Path
) -> None:
    other = DemonstrationAuthority.open(tmp_path / "other", clock=lambda: NOW)
    with pytest.raises(UnknownCertificate):
        authority.make_seal(other.issue(NAME, KEY.public_key))
    with pytest.raises(NotIssued):
        authority.make_seal(authority.own(Role.MAKER))
    with pytest.raises(NotIssued, match="give a picture"):
        authority.make_seal(authority.issue("示例", KEY.public_key))
    gone = issued(authority)
    authority.revoke(gone.serial)
    with pytest.raises(NotIssued):
        authority.make_seal(gone)


# --- revoking ---


def test_revoking_counts_at_once_everywhere(
    authority: DemonstrationAuthority, clock: Clock, tmp_path: Path
) -> None:
    certificate = issued(authority)
    number = authority.crl().number or 0
    clock.now += DAY
    authority.revoke(certificate.serial, Reason.KEY_COMPROMISE, by="clerk")
    for trust in (authority.trust(), read_trust(tmp_path / "authority")):
        (finding,) = check_certificate(certificate, trust, at=clock.now).findings
        assert isinstance(finding, Revoked)
        assert (finding.at, finding.reason) == (clock.now, "key_compromise")
    assert (authority.crl().number or 0) > number
    status = authority.status(certificate.serial)
    assert status.state is State.REVOKED
    with pytest.raises(AlreadyRevoked):
        authority.revoke(certificate.serial)


def test_a_key_may_have_been_lost_before(authority: DemonstrationAuthority, clock: Clock) -> None:
    certificate = issued(authority)
    clock.now += 10 * DAY
    authority.revoke(certificate.serial, Reason.KEY_COMPROMISE, invalid_since=NOW + DAY)
    trust = authority.trust()
    assert check_certificate(certificate, trust, at=NOW + DAY).verdict is Verdict.INVALID
    assert check_certificate(certificate, trust, at=NOW, time_is_proven=True).verdict is Verdict.VALID


def test_what_is_not_revoked(authority: DemonstrationAuthority) -> None:
    certificate = issued(authority)
    with pytest.raises(UnknownCertificate):
        authority.revoke(5)
    with pytest.raises(AuthorityError, match="own certificates"):
        authority.revoke(authority.own(Role.ISSUING).serial)
    with pytest.raises(AuthorityError, match="future"):
        authority.revoke(certificate.serial, at=NOW + DAY)
    with pytest.raises(AuthorityError, match="for good"):
        authority.revoke(certificate.serial, Reason.HOLD)
    assert authority.status(certificate.serial).state is State.GOOD


@pytest.mark.parametrize("state", Standing)
def test_answers_say_how_a_certificate_stands(authority: DemonstrationAuthority, state: Standing) -> None:
    certificate = issued(authority)
    issuer = authority.own(Role.ISSUING)
    about = certificate
    if state is Standing.REVOKED:
        authority.revoke(certificate.serial)
    elif state is Standing.UNKNOWN:
        about = DemonstrationAuthority.issue(authority, NAME, KEY.public_key)
        object.__setattr__(about, "serial", 7)
    answer = parse_answer(authority.answer(ask(about, issuer, b"n" * 16).der))
    assert answer.standing is state
    assert answer.nonce == b"n" * 16
    assert answer.about == CertificateId.of(about, issuer)
    assert answer.responder_of(issuer) == authority.own(Role.OCSP)


def test_questions_that_cannot_be_answered_are_told_so(authority: DemonstrationAuthority) -> None:
    from asn1crypto import ocsp

    other = ask(authority.own(Role.ISSUING), authority.own(Role.ROOT), b"n").der
    said = [
        ocsp.OCSPResponse.load(authority.answer(asked))["response_status"].native for asked in (b"", other)
    ]
    assert said == ["malformed_request", "unauthorized"]


# --- what keeps it going ---


def test_lists_are_made_anew_before_they_end_and_never_end_in_between(
    authority: DemonstrationAuthority, clock: Clock, tmp_path: Path
) -> None:
    certificate = issued(authority)
    for _ in range(40):
        clock.now += timedelta(hours=12)
        authority.maintain()
        trust = read_trust(tmp_path / "authority")
        assert check_certificate(certificate, trust, at=clock.now).verdict is Verdict.VALID


def test_after_years_new_certificates_of_its_own_take_over_and_old_seals_stay_valid(
    authority: DemonstrationAuthority, clock: Clock
) -> None:
    certificate = authority.issue(NAME, KEY.public_key, days=1800)
    seal = authority.make_seal(certificate)
    first = authority.own(Role.MAKER)
    clock.now += 1500 * DAY
    authority.maintain()
    assert authority.own(Role.MAKER) != first
    assert authority.own(Role.MAKER).key == first.key
    assert check_seal(seal, authority.trust(), at=clock.now).verdict is Verdict.VALID
    young = authority.make_seal(authority.issue("乙方示例单位", KEY.public_key, days=1800))
    assert check_seal(young, authority.trust(), at=clock.now).verdict is Verdict.VALID


def test_keys_are_for_their_owner_alone(authority: DemonstrationAuthority, tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    issued(authority)
    assert stat.S_IMODE((folder / "private").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "register.jsonl").stat().st_mode) == 0o600
    keys = list((folder / "private").iterdir())
    assert sorted(key.name for key in keys) == [f"{role}.key" for role in sorted(Role)]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert not any(b"PRIVATE" in file.read_bytes() for file in (folder / "public").iterdir())
    (folder / "private").chmod(0o755)
    with pytest.raises(AuthorityError, match="700"):
        DemonstrationAuthority.open(folder)


def test_no_trust_without_a_root(tmp_path: Path) -> None:
    with pytest.raises(NoTrust):
        read_trust(tmp_path)


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "register.jsonl").read_bytes().splitlines(keepends=True)


def test_the_register_says_who_did_what_and_when(authority: DemonstrationAuthority, tmp_path: Path) -> None:
    certificate = issued(authority, by="clerk 7")
    authority.make_seal(certificate, by="clerk 7")
    authority.revoke(certificate.serial, by="clerk 8")
    told = [json.loads(line) for line in lines_of(tmp_path / "authority")[-3:]]
    assert [(line["what"], line["by"]) for line in told] == [
        ("issued", "clerk 7"),
        ("sealed", "clerk 7"),
        ("revoked", "clerk 8"),
    ]
    assert {line["serial"] for line in told} == {f"{certificate.serial:x}"}


@pytest.mark.parametrize("harm", ["take out", "swap", "change", "cut the last"])
def test_a_register_that_was_changed_is_noticed(
    authority: DemonstrationAuthority, tmp_path: Path, harm: str
) -> None:
    issued(authority)
    issued(authority)
    path = tmp_path / "authority" / "register.jsonl"
    lines = lines_of(tmp_path / "authority")
    changed = {
        "take out": lines[:5] + lines[6:],
        "swap": [lines[1], lines[0], *lines[2:]],
        "change": [lines[0].replace(b"luochui", b"luochux"), *lines[1:]],
        "cut the last": lines[:-1],
    }[harm]
    path.write_bytes(b"".join(changed))
    if harm == "cut the last":  # only who knew the head can tell
        with pytest.raises(RegisterDamaged):
            authority.entries()
    else:
        with pytest.raises(RegisterDamaged):
            DemonstrationAuthority.open(tmp_path / "authority")


# --- several processes, and the end of one at any moment ---


def _open_and_issue(folder: Path, count: int) -> None:
    authority = DemonstrationAuthority.open(folder)
    for _ in range(count):
        authority.issue(NAME, KEY.public_key, by=str(os.getpid()))


def _started(target: Callable[..., None], *arguments: object) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    return process


def test_processes_that_start_at_once_found_one_authority(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    processes = [_started(_open_and_issue, folder, 5) for _ in range(4)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    authority = DemonstrationAuthority.open(folder)
    assert len(authority.entries()) == 20
    founded = [json.loads(line)["what"] for line in lines_of(folder)].count("founded")
    assert founded == len(Role)


def _work_until_killed(folder: Path) -> None:
    while True:
        authority = DemonstrationAuthority.open(folder)
        certificate = authority.issue(NAME, PrivateKey.generate().public_key)
        authority.make_seal(certificate)
        authority.revoke(certificate.serial)


def test_killed_at_any_moment_it_goes_on_with_all_that_was_given_out(tmp_path: Path) -> None:
    folder, seen = tmp_path / "authority", 0
    for attempt in range(200):
        process = _started(_work_until_killed, folder)
        time.sleep(0.004 + 0.006 * attempt)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        authority = DemonstrationAuthority.open(folder)
        entries = authority.entries()
        assert len(entries) >= seen
        seen = len(entries)
        revoked = {entry.serial for entry in entries if authority.status(entry.serial).state is State.REVOKED}
        assert set(authority.crl().entries) == revoked
        if attempt >= 12 and seen > 5:
            break
    assert seen > 5
    mine = authority.issue(NAME, KEY.public_key)
    assert check_certificate(mine, authority.trust(), at=mine.valid_from).verdict is Verdict.VALID


def test_half_a_line_is_cut_off(authority: DemonstrationAuthority, tmp_path: Path) -> None:
    path = tmp_path / "authority" / "register.jsonl"
    with path.open("ab") as file:
        file.write(b'{"half": ')
    certificate = issued(authority)
    assert [entry.serial for entry in authority.entries()] == [certificate.serial]
    again = DemonstrationAuthority.open(tmp_path / "authority", clock=lambda: NOW)
    assert again.status(certificate.serial).state is State.GOOD


def test_who_waits_too_long_is_told_so(tmp_path: Path) -> None:
    DemonstrationAuthority.open(tmp_path)
    folder = Folder(tmp_path)
    with folder.locked(), pytest.raises(AuthorityBusy), folder.locked(within_s=0.05):
        pass


def test_a_register_that_is_gone_or_endless_is_noticed(
    authority: DemonstrationAuthority, tmp_path: Path
) -> None:
    path = tmp_path / "authority" / "register.jsonl"
    with path.open("ab") as file:
        file.write(b"x" * (MAX_LINE + 10))
    with pytest.raises(RegisterDamaged, match="too long"):
        authority.entries()
    path.unlink()
    with pytest.raises(RegisterDamaged, match="gone"):
        authority.entries()


def test_a_picture_that_fits_no_seal_makes_none(authority: DemonstrationAuthority) -> None:
    certificate = issued(authority)
    with pytest.raises(NotIssued, match="picture"):
        authority.make_seal(certificate, picture=Picture("png", bytes(3 << 19), 42, 42))
    assert authority.make_seal(certificate, picture=Picture("png", b"x", 42, 42)).info.picture.data == b"x"


# --- time ---


def test_its_time_stamps_prove_a_time_to_who_trusts_it(
    authority: DemonstrationAuthority, clock: Clock, tmp_path: Path
) -> None:
    asked = request(sm3(b"signature"))
    token = read_response(authority.time_stamp(asked.der), asked)
    trust = read_trust(tmp_path / "authority")
    assert check_token(token, sm3(b"signature"), trust, now=clock.now).proven_time == NOW
    with pytest.raises(NoStamp, match="refused"):
        read_response(authority.time_stamp(b""), asked)


# ── requests that are answered once ──


def test_a_request_is_answered_with_one_certificate_however_often_it_is_asked(
    authority: DemonstrationAuthority, tmp_path: Path, clock: Clock
) -> None:
    who = Applicant(SubjectKind.ORGANIZATION, NAME, credit_code=CODE)
    asked = {"by": "test", "reference": "request 7", "mark": "北京数字认证", "until": NOW + 800 * DAY}
    first = authority.issue_to(who, KEY.public_key, **asked)
    clock.now += DAY
    later = DemonstrationAuthority.open(tmp_path / "authority", addresses=BASE, clock=clock)
    assert later.issue_to(who, KEY.public_key, **asked) == first
    assert first.valid_until == NOW + 800 * DAY
    assert "北京数字认证" in str(first.subject)
    assert "演示" in str(first.subject)
    assert len(later.entries()) == 1
    with pytest.raises(NotIssued, match="another key"):
        later.issue_to(who, PrivateKey.generate().public_key, **asked)


def test_a_seal_is_given_again_until_it_is_handed_over(
    authority: DemonstrationAuthority, tmp_path: Path, clock: Clock
) -> None:
    certificate = authority.issue(NAME, KEY.public_key)
    seal = authority.make_seal(certificate, again=True)
    other = DemonstrationAuthority.open(tmp_path / "authority", addresses=BASE, clock=clock)
    assert other.make_seal(certificate, again=True) == seal
    with pytest.raises(NotIssued, match="one seal"):
        other.make_seal(certificate)
    other.handed_over(certificate.serial)
    with pytest.raises(NotIssued, match="one seal"):
        other.make_seal(certificate, again=True)


def test_a_seal_whose_line_never_came_is_made_again(
    authority: DemonstrationAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = authority.issue(NAME, KEY.public_key)
    with monkeypatch.context() as patch:
        patch.setattr(authority._register, "append", lambda *_a, **_k: (_ for _ in ()).throw(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            authority.make_seal(certificate, again=True)
    made = authority.make_seal(certificate, again=True)
    assert check_seal(made, authority.trust(), at=NOW).verdict is Verdict.VALID


@pytest.mark.parametrize("until", [NOW, NOW - DAY, NOW + 2000 * DAY])
def test_a_term_that_is_no_term_is_refused(authority: DemonstrationAuthority, until: datetime) -> None:
    with pytest.raises(NotIssued, match="within"):
        authority.issue_to(Applicant(SubjectKind.ORGANIZATION, NAME), KEY.public_key, until=until, by="test")


@pytest.mark.long
def test_a_list_of_a_hundred_thousand_is_made_and_read(authority: DemonstrationAuthority) -> None:
    signer = Authority(authority.own(Role.ISSUING), authority._offices.key(Role.ISSUING))
    reasons = (Reason.UNSPECIFIED, Reason.KEY_COMPROMISE, Reason.CESSATION)
    entries = [
        Revocation(new_serial(), NOW, reasons[n % 3], NOW - DAY if n % 2 else None) for n in range(100_000)
    ]
    made = issue_crl(signer, entries, number=1, this_update=NOW, next_update=NOW + DAY)
    assert made.is_signed_by(signer.certificate.key)
    assert all(made.revocation(one.serial) == one for one in entries[::997])
    assert len(made.entries) == 100_000
