"""What `luochui seal` says before it seals with a certificate or a seal that would not hold."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from luochui.commands.seal_check import WouldNotHold, check_before
from luochui.settings import load
from signing.crl import Reason, Revocation, issue_crl
from signing.x509 import to_pem
from tests.sealkit import (
    AUTHORITY,
    BEGIN,
    CA,
    CA_LIST,
    DAY,
    MAKER,
    NOW,
    ROOT,
    ROOT_LIST,
    SEAL,
    SUBSCRIBER_CERTIFICATE,
)


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LUOCHUI_TRUST_FOLDER", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    for name, certificate in (("root", ROOT), ("issuing", CA), ("maker", MAKER)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.to_pem())
    for name, revoked in (("root", ROOT_LIST), ("issuing", CA_LIST)):
        (tmp_path / f"{name}.crl").write_bytes(to_pem("X509 CRL", revoked.der))
    return tmp_path


def check(now: datetime = NOW, *, anyway: bool = False) -> None:
    check_before(SUBSCRIBER_CERTIFICATE, SEAL, load(), now, anyway=anyway)


def test_a_sound_one_is_not_talked_about(trust: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check()
    assert capsys.readouterr().err == ""


def test_a_revoked_one_is_refused_and_says_why(trust: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, BEGIN + 2 * DAY, Reason.KEY_COMPROMISE)
    made = issue_crl(AUTHORITY, [revocation], number=2, this_update=NOW - DAY, next_update=NOW + DAY)
    (trust / "issuing.crl").write_bytes(to_pem("X509 CRL", made.der))
    with pytest.raises(WouldNotHold, match=r"已被吊销.*私钥泄露.*--anyway"):
        check()
    check(anyway=True)
    assert "注意：证书" in capsys.readouterr().err


@pytest.mark.parametrize("with_trust", [True, False])
@pytest.mark.parametrize("away", [timedelta(days=-9_000), timedelta(days=9_000)])
def test_dates_are_refused_with_trust_and_without(trust: Path, away: timedelta, with_trust: bool) -> None:
    if not with_trust:
        (trust / "root.pem").unlink()
    with pytest.raises(WouldNotHold, match=r"尚未|过期"):
        check(NOW + away)


def test_without_trust_one_line_says_that_nothing_was_checked(
    trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trust / "root.pem").unlink()
    check()
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "没有检查证书是否被吊销" in err
