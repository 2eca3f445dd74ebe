"""One issuing CA for each authority of the catalogue, under one root: apart, and trusted together."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.offices import Offices
from certificates.authority.port import Authorities, AuthorityError, CertificateAuthority, UnknownCertificate
from certificates.authority.roles import Role
from certificates.authority.service import create_app
from certificates.authority.trust import read_trust
from luochui.operations import authority as backup
from signing.chain import check_certificate
from signing.crl import Reason, parse_crl
from signing.findings import Revoked, Verdict
from signing.ocsp import Standing, ask, parse_answer
from signing.seal_check import check_seal
from signing.sm2 import PrivateKey
from web.trust import TrustKeeper

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8090"
KEY = PrivateKey.generate()
BJCA, SZCA = ("bjca", "北京数字认证"), ("szca", "深圳CA")


def opened(folder: Path) -> DemonstrationAuthorities:
    return DemonstrationAuthorities.open(folder / "authority", addresses=BASE, clock=lambda: NOW)


@pytest.fixture
def authorities(tmp_path: Path) -> DemonstrationAuthorities:
    return opened(tmp_path)


def test_the_start_makes_the_house_alone_and_each_other_comes_with_its_first_certificate(
    authorities: DemonstrationAuthorities, tmp_path: Path
) -> None:
    port: Authorities = authorities
    assert authorities.known() == {}
    assert authorities.served("bjca") is None
    assert port.of("", "") is authorities.house
    first: CertificateAuthority = port.of(*BJCA)
    assert port.of(*BJCA) is first
    assert list(authorities.known()) == ["bjca"]
    again = opened(tmp_path)
    assert again.own(*BJCA).own(Role.ISSUING) == authorities.own(*BJCA).own(Role.ISSUING)
    for wrong in ("../house", "BJCA", "a", "", "x" * 41):
        with pytest.raises(AuthorityError):
            authorities.own(wrong, "wrong")
        assert authorities.served(wrong) is None


def test_each_says_whose_it_is_and_that_it_is_a_demonstration(authorities: DemonstrationAuthorities) -> None:
    for key, name in (BJCA, SZCA):
        one = authorities.own(key, name)
        for role in one.roles:
            face = str(one.own(role).subject)
            assert name in face
            assert "演示" in face
            assert "无法律效力" in face
        made = one.issue("甲方示例单位", KEY.public_key)
        assert made.issuer == one.own(Role.ISSUING).subject
        assert made.extensions.crl_addresses == (f"{BASE}/authorities/{key}/crl/issuing.crl",)
        assert made.extensions.ocsp_addresses == (f"{BASE}/authorities/{key}/ocsp",)
        assert made.extensions.issuer_addresses == (f"{BASE}/authorities/{key}/cert/issuing.cer",)
        assert one.own(Role.ISSUING).extensions.crl_addresses == (f"{BASE}/crl/root.crl",)
        assert one.chain() == (one.own(Role.ISSUING), authorities.house.own(Role.ROOT))
    assert authorities.own("bjca", "改了名的").own(Role.ISSUING).subject.common_name.startswith(BJCA[1])


def test_all_are_trusted_together_and_a_revocation_stands_in_the_list_of_who_issued(
    authorities: DemonstrationAuthorities, tmp_path: Path
) -> None:
    one, other = authorities.own(*BJCA), authorities.own(*SZCA)
    keeper = TrustKeeper(tmp_path / "authority")
    before = keeper.now()
    made = [issuer.issue("甲方示例单位", KEY.public_key) for issuer in (one, other, authorities.house)]
    seal = other.make_seal(made[1])
    for trust in (read_trust(tmp_path / "authority"), read_trust(tmp_path / "authority" / "public"), before):
        for certificate in made:
            assert check_certificate(certificate, trust, at=NOW).verdict is Verdict.VALID
        assert check_seal(seal, trust, at=NOW).verdict is Verdict.VALID
    assert keeper.now() is before
    one.revoke(made[0].serial, Reason.KEY_COMPROMISE)
    assert keeper.now() is not before
    for trust in (keeper.now(), one.trust()):
        (finding,) = check_certificate(made[0], trust, at=NOW).findings
        assert isinstance(finding, Revoked)
    assert [made[0].serial in each.crl().entries for each in (one, other, authorities.house)] == [
        True,
        False,
        False,
    ]
    for stranger in (other, authorities.house):
        with pytest.raises(UnknownCertificate):
            stranger.status(made[0].serial)
    assert authorities.that_issued("bjca", made[0].serial) is one
    assert authorities.that_issued("bjca", made[2].serial) is authorities.house  # from before it had a CA
    assert authorities.issuer_of(made[1].serial) is other


def test_a_kill_between_root_and_register_leaves_one_certificate(
    authorities: DemonstrationAuthorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root has certified it; the register of the new CA has not heard of it."""
    certify = Offices.certify

    def killed(self: Offices, *given: object) -> None:
        certify(self, *given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Offices, "certify", killed)
        with pytest.raises(KeyboardInterrupt):
            authorities.own(*BJCA)
    assert opened(tmp_path).known() == {}
    lines = authorities.house.register_head[0]
    made = opened(tmp_path).own(*BJCA).issue("甲方示例单位", KEY.public_key)
    assert authorities.house.register_head[0] == lines
    trust = read_trust(tmp_path / "authority")
    assert check_certificate(made, trust, at=NOW).verdict is Verdict.VALID


def test_keys_are_for_their_owner_alone_and_each_role_has_its_own(
    authorities: DemonstrationAuthorities, tmp_path: Path
) -> None:
    everyone = [authorities.house, authorities.own(*BJCA), authorities.own(*SZCA)]
    points = {one.own(role).key.point for one in everyone for role in one.roles}
    assert len(points) == len(Role) + 3 + 3
    folder = tmp_path / "authority"
    keys = list((folder / "private").rglob("*.key"))
    assert len(keys) == len(points)
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert {stat.S_IMODE(key.parent.stat().st_mode) for key in keys} == {0o700}
    public = [file for file in (folder / "public").rglob("*") if file.is_file()]
    assert not any(b"PRIVATE" in file.read_bytes() for file in public)


async def test_each_answers_at_the_addresses_in_its_certificates(
    authorities: DemonstrationAuthorities,
) -> None:
    one = authorities.own(*BJCA)
    authorities.own(*SZCA)
    made = one.issue("甲方示例单位", KEY.public_key)
    one.revoke(made.serial)
    question = ask(made, one.own(Role.ISSUING), b"n" * 16).der
    headers = {"content-type": "application/ocsp-request"}
    app = httpx.ASGITransport(create_app(authorities.house, below=authorities.served))
    async with httpx.AsyncClient(transport=app, base_url=BASE) as client:
        revoked = await client.get(made.extensions.crl_addresses[0])
        assert set(parse_crl(revoked.content).entries) == {made.serial}
        issuer = await client.get(made.extensions.issuer_addresses[0])
        assert issuer.content == one.own(Role.ISSUING).der
        answer = await client.post(made.extensions.ocsp_addresses[0], content=question, headers=headers)
        said = parse_answer(answer.content)
        assert said.standing is Standing.REVOKED
        assert said.responder_of(one.own(Role.ISSUING)) == one.own(Role.OCSP)
        for nowhere in ("nobody", "%2e%2e", "BJCA", "bjca%2f..%2fszca"):
            for path in ("crl/issuing.crl", "cert/issuing.cer"):
                assert (await client.get(f"/authorities/{nowhere}/{path}")).status_code == 404
            asked = await client.post(f"/authorities/{nowhere}/ocsp", content=question, headers=headers)
            assert asked.status_code == 404
        for not_its in ("crl/root.crl", "cert/root.cer", "cert/tsa.cer", "crl/private.crl"):
            assert (await client.get(f"/authorities/bjca/{not_its}")).status_code == 404


def test_lists_are_kept_up_by_one_round(tmp_path: Path) -> None:
    moment = [NOW]
    authorities = DemonstrationAuthorities.open(tmp_path / "authority", clock=lambda: moment[0])
    made = authorities.own(*BJCA).issue("甲方示例单位", KEY.public_key)
    moment[0] += timedelta(days=6)
    authorities.maintain()
    moment[0] += timedelta(days=6)
    fresh = DemonstrationAuthorities.open(tmp_path / "authority", clock=lambda: moment[0])
    fresh.maintain()
    trust = read_trust(tmp_path / "authority")
    assert check_certificate(made, trust, at=moment[0]).verdict is Verdict.VALID


def test_a_backup_has_all_registers_and_no_keys(
    authorities: DemonstrationAuthorities, tmp_path: Path
) -> None:
    made = authorities.own(*BJCA).issue("甲方示例单位", KEY.public_key)
    authorities.own(*BJCA).revoke(made.serial)
    backup.pack(tmp_path / "authority", tmp_path / "packed")
    target = tmp_path / "elsewhere" / "authority"
    target.parent.mkdir()
    backup.put_back(tmp_path / "packed", target)
    assert not list(target.rglob("*.key"))
    assert len(backup.hold_places(target)) == len(Role) + 3
    assert backup.chain_fault(target) == ""
    (finding,) = check_certificate(made, read_trust(target), at=NOW).findings
    assert isinstance(finding, Revoked)
    with pytest.raises(AuthorityError):
        opened(target.parent).own(*BJCA).issue("乙方示例单位", KEY.public_key)
    register = target / "authorities" / "bjca" / "register.jsonl"
    register.write_bytes(register.read_bytes().replace(b"luochui", b"luochux"))
    assert backup.chain_fault(target).startswith("bjca: ")
