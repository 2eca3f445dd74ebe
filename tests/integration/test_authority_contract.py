"""What every certificate authority behind the port has to do, however it is reached; and what an adapter does
when the authority at its other end fails. Whoever writes an adapter adds it to tests/authoritykit.py."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from certificates.authority.port import (
    AlreadyRevoked,
    Applicant,
    AuthorityAway,
    AuthorityError,
    CertificateAuthority,
    NotIssued,
    State,
    SubjectKind,
    UnknownCertificate,
)
from certificates.authority.remote import AWAY_S, TRIES, RemoteAuthority, RemoteSettings
from certificates.authority.remote_settings import WrongSettings, read_remote
from certificates.authority.roles import Role
from office.calling import Caller
from signing.chain import Trust, check_certificate
from signing.crl import Reason, Revocation
from signing.der import part, sequence
from signing.findings import Verdict
from signing.seal import Picture, SealKind, make_seal, parse_seal
from signing.sm2 import PrivateKey
from tests.authoritykit import CALLER, WAYS, Served, demonstration, over_http, reached

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CODE = "91430000MA4L00000X"
KEY, OTHER = PrivateKey.generate().public_key, PrivateKey.generate().public_key
WHO = Applicant(SubjectKind.ORGANIZATION, "甲方示例单位", credit_code=CODE)
PERSON = Applicant(SubjectKind.NATURAL_PERSON, "测试一", person_id="430100199001010010")
LEGAL = Applicant(SubjectKind.LEGAL_REPRESENTATIVE, "测试二", "甲方示例单位", CODE)


@pytest.fixture(scope="module")
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CertificateAuthority]:
    with reached(request.param, tmp_path_factory.mktemp("contract"), lambda: NOW) as one:
        yield one


@pytest.mark.parametrize("authority", WAYS, indirect=True, scope="module")
class TestContract:
    """Each test asks under references of its own: one authority serves them all."""

    @pytest.mark.parametrize("who", [WHO, PERSON, LEGAL], ids=lambda one: one.kind)
    def test_a_certificate_names_who_was_asked_for_and_leads_to_the_chain(
        self, authority: CertificateAuthority, who: Applicant
    ) -> None:
        made = authority.issue_to(who, KEY, days=90, by="test", reference=f"name {who.kind}")
        assert made.subject.common_name == who.name
        assert made.subject.organization == (who.organization or (who.name if who is WHO else ""))
        assert (made.credit_code, made.extensions.person_id) == (who.credit_code, who.person_id)
        assert (made.key, made.valid_from, made.valid_until) == (KEY, NOW, NOW + 90 * DAY)
        *between, root = authority.chain()
        trust = Trust((root,), tuple(between), revocation_required=False)
        assert check_certificate(made, trust, at=NOW).verdict is Verdict.VALID

    def test_a_term_may_end_at_a_moment(self, authority: CertificateAuthority) -> None:
        until = datetime(2027, 3, 1, 4, 5, 6, tzinfo=UTC)
        assert authority.issue_to(WHO, KEY, until=until, reference="until").valid_until == until
        for wrong in (NOW - DAY, NOW + 4000 * DAY):
            with pytest.raises(NotIssued):
                authority.issue_to(WHO, KEY, until=wrong, reference=f"until {wrong}")
        for days in (0, 100_000):
            with pytest.raises(NotIssued):
                authority.issue_to(WHO, KEY, days=days, reference=f"days {days}")

    def test_one_reference_is_one_certificate(self, authority: CertificateAuthority) -> None:
        made = authority.issue_to(WHO, KEY, days=10, reference="once")
        assert authority.issue_to(WHO, KEY, days=10, reference="once") == made
        assert authority.issue_to(WHO, KEY, days=10, reference="twice") != made
        with pytest.raises(NotIssued):
            authority.issue_to(WHO, OTHER, days=10, reference="once")
        with pytest.raises(NotIssued):
            authority.issue_to(PERSON, KEY, days=10, reference="once")
        again = authority.renew(made.serial, OTHER, days=30, reference="renewed once")
        assert authority.renew(made.serial, OTHER, days=30, reference="renewed once") == again

    def test_a_renewal_keeps_who_it_names(self, authority: CertificateAuthority) -> None:
        old = authority.issue_to(WHO, KEY, days=10, reference="to renew")
        new = authority.renew(old.serial, OTHER, days=400, by="test", reference="renewal")
        assert (new.subject, new.credit_code, new.key) == (old.subject, CODE, OTHER)
        assert new.valid_until == NOW + 400 * DAY
        assert authority.status(old.serial).state is State.GOOD
        authority.revoke(old.serial)
        with pytest.raises(NotIssued):
            authority.renew(old.serial, OTHER, reference="too late")

    def test_a_revocation_counts_at_once_and_stays_the_first(self, authority: CertificateAuthority) -> None:
        made = authority.issue_to(WHO, KEY, days=10, reference="to revoke")
        good = authority.status(made.serial)
        assert (good.state, good.certificate, good.revocation) == (State.GOOD, made, None)
        done = authority.revoke(
            made.serial, Reason.KEY_COMPROMISE, NOW - DAY, by="test", invalid_since=NOW - 2 * DAY
        )
        assert (done.serial, done.at, done.reason) == (made.serial, NOW - DAY, Reason.KEY_COMPROMISE)
        assert done.invalid_since == NOW - 2 * DAY
        revoked = authority.status(made.serial)
        assert (revoked.state, revoked.revocation) == (State.REVOKED, done)
        with pytest.raises(AlreadyRevoked) as before:
            authority.revoke(made.serial, Reason.CESSATION)
        assert before.value.revocation == done
        with pytest.raises(AuthorityError):
            authority.revoke(authority.issue_to(WHO, KEY, reference="hold").serial, Reason.HOLD)

    def test_what_it_never_issued_it_does_not_know(self, authority: CertificateAuthority) -> None:
        for ask in (authority.status, authority.revoke, lambda serial: authority.renew(serial, KEY)):
            with pytest.raises(UnknownCertificate) as unknown:
                ask(0xABCDEF)
            assert unknown.value.serial == 0xABCDEF

    def test_one_certificate_has_one_seal_given_again_until_it_is_handed_over(
        self, authority: CertificateAuthority
    ) -> None:
        made = authority.issue_to(PERSON, KEY, days=10, reference="sealed")
        picture = Picture("png", b"a picture", 20, 10)
        seal = authority.make_seal(made, "测试一", kind=SealKind.PERSON, picture=picture, again=True)
        assert seal.info.lists(made)
        assert (seal.info.kind, seal.info.name, seal.info.picture) == (SealKind.PERSON, "测试一", picture)
        assert authority.make_seal(made, "测试一", again=True) == seal
        authority.handed_over(made.serial)
        authority.handed_over(made.serial)
        with pytest.raises(NotIssued):
            authority.make_seal(made, again=True)
        drawn = authority.make_seal(authority.issue_to(WHO, KEY, reference="drawn"))
        assert (drawn.info.kind, drawn.info.name) == (SealKind.ORGANIZATION, WHO.name)
        revoked = authority.issue_to(WHO, KEY, reference="revoked before its seal")
        authority.revoke(revoked.serial)
        with pytest.raises(NotIssued):
            authority.make_seal(revoked)


# ── an adapter, when the other end fails ──


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served") / "authority"
    return Served(demonstration(folder, lambda: NOW), clock=lambda: NOW)


@pytest.fixture
def adapter(served: Served) -> Iterator[CertificateAuthority]:
    served.asked.clear()
    served.behave, served.caller = lambda _m, _p: "", CALLER
    with over_http(served) as one:
        yield one


def test_lost_answers_are_asked_for_again_and_nothing_is_done_twice(
    adapter: CertificateAuthority, served: Served
) -> None:
    before = len(served.authority.entries())

    def lost_once(_method: str, path: str) -> str:
        return "lost" if [one for _m, one, _k in served.asked].count(path) == 1 else ""

    served.behave = lost_once
    made = adapter.issue_to(WHO, KEY, reference="lost answer")
    assert len(served.authority.entries()) == before + 1
    assert len({key for _m, _p, key in served.asked}) == 1
    seal = adapter.make_seal(made, again=True)
    assert served.authority.make_seal(made, again=True) == seal
    done = adapter.revoke(made.serial, Reason.CESSATION)
    assert served.authority.status(made.serial).revocation == done


def test_without_a_reference_nothing_is_asked_twice(adapter: CertificateAuthority, served: Served) -> None:
    served.behave = lambda _m, _p: "lost"
    with pytest.raises(AuthorityAway):
        adapter.issue_to(WHO, KEY)
    assert len(served.asked) == 1


@pytest.mark.parametrize(("how", "tries", "pause"), [("away", TRIES, AWAY_S), ("pending", 1, 600)])
def test_who_is_away_or_takes_days_is_left_alone_for_a_while(
    adapter: CertificateAuthority, served: Served, how: str, tries: int, pause: int
) -> None:
    served.behave = lambda _m, _p: how
    with pytest.raises(AuthorityAway) as away:
        adapter.issue_to(WHO, KEY, reference=how)
    assert (len(served.asked), away.value.pause_s) == (tries, pause)
    served.behave = lambda _m, _p: ""
    assert adapter.issue_to(WHO, KEY, reference=how).key == KEY


@pytest.mark.parametrize("how", ["garbage", "huge"])
def test_an_answer_that_is_none_says_nothing(adapter: CertificateAuthority, served: Served, how: str) -> None:
    served.behave = lambda _m, _p: how
    for ask in (
        lambda: adapter.issue_to(WHO, KEY, reference=how),
        lambda: adapter.status(5),
        lambda: adapter.revoke(5),
    ):
        with pytest.raises(AuthorityAway):
            ask()


def test_who_is_not_let_in_waits_until_somebody_puts_it_right(
    adapter: CertificateAuthority, served: Served
) -> None:
    served.caller = Caller("luochui", SecretStr("x" * 40))
    with pytest.raises(AuthorityAway):
        adapter.status(5)


def test_a_certificate_of_somebody_else_is_not_believed(
    adapter: CertificateAuthority, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key, another name, another authority."""
    mine = served.authority.issue_to
    stranger = demonstration(tmp_path / "stranger", lambda: NOW)
    for wrong in (
        lambda who, _key, **more: mine(who, OTHER, **more),
        lambda _who, key, **more: mine(PERSON, key, **more),
        lambda who, key, **more: stranger.issue_to(who, key, **more),
    ):
        monkeypatch.setattr(served.authority, "issue_to", wrong)
        with pytest.raises(AuthorityError) as refused:
            adapter.issue_to(WHO, KEY)
        assert not isinstance(refused.value, AuthorityAway)


@pytest.mark.parametrize("wrong", ["organization", "person", "too long", "too short", "over"])
def test_a_certificate_of_another_organization_person_or_term_is_not_believed(
    adapter: CertificateAuthority, served: Served, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    mine, until = served.authority.issue_to, NOW + 365 * DAY
    asked = LEGAL if wrong == "organization" else PERSON
    given = asked, until
    match wrong:
        case "organization":
            given = replace(LEGAL, organization="别家示例单位"), until
        case "person":
            given = replace(PERSON, person_id="430100199001010029"), until
        case "too long":
            given = asked, NOW + 1800 * DAY
        case "too short":
            given = asked, NOW + 2 * DAY
        case "over":  # made long ago: one whose term is right and begins elsewhere
            monkeypatch.setattr(served, "clock", lambda: NOW)
            monkeypatch.setattr(adapter, "_clock", lambda: NOW)
            monkeypatch.setattr(served.authority._records, "clock", lambda: NOW - 300 * DAY)
    monkeypatch.setattr(
        served.authority, "issue_to", lambda _w, key, **_m: mine(given[0], key, until=given[1])
    )
    with pytest.raises(AuthorityError) as refused:
        adapter.issue_to(asked, KEY, until=until)
    assert not isinstance(refused.value, AuthorityAway)


def test_what_was_made_days_ago_is_taken_when_it_is_asked_for_again(
    adapter: CertificateAuthority, served: Served
) -> None:
    """The platform counts a first term from the day it asks."""
    made = adapter.issue_to(WHO, KEY, until=NOW + 365 * DAY, reference="slow")
    adapter._clock = lambda: NOW + 5 * DAY  # type: ignore[attr-defined]
    served.clock = lambda: NOW + 5 * DAY
    try:
        assert adapter.issue_to(WHO, KEY, until=NOW + 370 * DAY, reference="slow") == made
    finally:
        served.clock = lambda: NOW


@pytest.mark.parametrize("wrong", ["serial", "time"])
def test_a_revocation_of_another_or_to_come_is_not_believed(
    adapter: CertificateAuthority, served: Served, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    made = adapter.issue_to(WHO, KEY, reference=f"to revoke wrongly: {wrong}")
    told = Revocation(made.serial + 1, NOW) if wrong == "serial" else Revocation(made.serial, NOW + DAY)

    def again(*_given: object, **_more: object) -> Revocation:
        raise AlreadyRevoked(told)

    for behaves in (lambda *_given, **_more: told, again):
        monkeypatch.setattr(served.authority, "revoke", behaves)
        with pytest.raises(AuthorityError) as refused:
            adapter.revoke(made.serial)
        assert not isinstance(refused.value, AlreadyRevoked | AuthorityAway)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("certificate", "another certificate"),
        ("name", "another name"),
        *((wrong, "another kind") for wrong in ("kind", "picture")),
        *((wrong, "another term") for wrong in ("longer", "over")),
        *((wrong, "does not hold") for wrong in ("maker", "signature", "subscriber")),
    ],
)
def test_a_seal_that_is_not_the_one_that_was_asked_for_is_not_believed(
    adapter: CertificateAuthority,
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    why: str,
) -> None:
    """It would be written into the UKey, in the place of the former one."""
    made = adapter.issue_to(WHO, KEY, days=300, reference=f"to seal: {wrong}")
    right, offices = served.authority.make_seal, served.authority._offices
    maker, key, key_of_own = served.authority.own(Role.MAKER), offices.key(Role.MAKER), PrivateKey.generate()
    picture = Picture("png", b"a picture", 20, 10)
    info = right(made, picture=picture).info
    match wrong:
        case "certificate":
            info = replace(info, certificates=(served.authority.issue_to(WHO, OTHER).der,))
        case "name":
            info = replace(info, name="别家示例单位")
        case "kind":
            info = replace(info, kind=SealKind.PERSON)
        case "picture":
            info = replace(info, picture=Picture("png", b"another one", 20, 10))
        case "longer":
            info = replace(info, valid_until=made.valid_until + 3 * DAY)
        case "over":
            info = replace(info, valid_until=NOW - timedelta(minutes=1), valid_from=NOW - DAY)
        case "maker":
            stranger = demonstration(tmp_path / "stranger", lambda: NOW)
            maker, key = stranger.own(Role.MAKER), stranger._offices.key(Role.MAKER)
        case "subscriber":  # the authority's own path leads to it, and it makes no seals
            maker, key = served.authority.issue_to(WHO, key_of_own.public_key, days=400), key_of_own
    seal = make_seal(info, maker, key)
    if wrong == "signature":
        other = make_seal(replace(info, seal_id="9900000000000"), maker, key)
        parts = [part(seal.der, 0), *(part(other.der, at) for at in (1, 2, 3))]
        seal = parse_seal(sequence(*parts))
    monkeypatch.setattr(served.authority, "make_seal", lambda *_given, **_more: seal)
    with pytest.raises(AuthorityError, match=why) as refused:
        adapter.make_seal(made, WHO.name, kind=SealKind.ORGANIZATION, picture=picture)
    assert not isinstance(refused.value, AuthorityAway)


def test_an_answer_that_never_ends_is_none(served: Served) -> None:
    """A byte in time is no answer: nobody waits for it longer than the settings say."""
    passed = [0.0]

    def drips() -> Iterator[bytes]:
        for _ in range(100_000):
            passed[0] += 0.4
            yield b" "

    def answers(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=drips())

    settings = RemoteSettings("http://ra.example/v1", served.authority.chain(), (), connect_s=1, answer_s=0.5)
    adapter = RemoteAuthority(
        settings, transport=httpx.MockTransport(answers), sleep=lambda _s: None, ticks=lambda: passed[0]
    )
    with pytest.raises(AuthorityAway):
        adapter.status(5)
    assert passed[0] <= TRIES * 2


# ── which authority is reached there ──


def settings_of(folder: Path, served: Served, text: str) -> Path:
    (folder / "chain.pem").write_bytes(b"".join(one.to_pem() for one in served.authority.chain()))
    (folder / "makers.pem").write_bytes(served.authority.own(Role.MAKER).to_pem())
    (folder / "secret").write_text("s" * 40 + "\n")
    file = folder / "authorities.toml"
    file.write_text(text)
    return file


GOOD = (
    'url = "https://ra.example.cn/v1"\nchain = "chain.pem"\nmakers = "makers.pem"\n'
    'key_id = "luochui"\nsecret_file = "secret"\n'
)


def test_the_settings_name_each_authority_and_print_no_secret(tmp_path: Path, served: Served) -> None:
    found = read_remote(settings_of(tmp_path, served, f"[bjca]\n{GOOD}answer_s = 7\n[szca]\n{GOOD}"))
    assert set(found) == {"bjca", "szca"}
    assert (found["bjca"].answer_s, found["bjca"].chain) == (7.0, served.authority.chain())
    assert found["bjca"].makers == (served.authority.own(Role.MAKER),)
    assert "ssss" not in repr(found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[bjca", "Expected"),
        ("[BJCA]\n" + GOOD, "no key"),
        ("[bjca]\n" + GOOD.replace("https", "http"), "url"),
        ("[bjca]\n" + GOOD.replace("chain.pem", "nothing.pem"), "chain"),
        ("[bjca]\n" + GOOD.replace('"chain.pem"', '"secret"'), "root last"),
        ("[bjca]\n" + GOOD.replace('"makers.pem"', '"secret"'), "makers"),
        ("[bjca]\n" + GOOD.replace('secret_file = "secret"', ""), "who asks"),
        ("[bjca]\n" + GOOD + 'client_key = "secret"\n', "belong together"),
        ("[bjca]\n" + GOOD + "answer_s = 6000\n", "seconds"),
        ("[bjca]\n" + GOOD + "answer = 1\n", "unknown"),
    ],
)
def test_wrong_settings_are_told_by_table_and_field(
    tmp_path: Path, served: Served, text: str, why: str
) -> None:
    with pytest.raises(WrongSettings, match=why):
        read_remote(settings_of(tmp_path, served, text))
