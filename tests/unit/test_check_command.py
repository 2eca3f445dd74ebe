"""`luochui check`: its words, its statuses, its files; what it exports is accepted by the openssl program."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import signing.document_findings
import signing.findings
import signing.ofd.findings
from certificates.authority.demonstration import DemonstrationAuthority
from luochui.cli import app
from signing.chain import Trust
from signing.crl import Reason, Revocation, issue_crl
from signing.documents import Named, seal_document
from signing.findings import Finding
from signing.report import said
from signing.report_words import CHANGES, SENTENCES, sentence
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import read_response, request, signature_digest
from signing.x509 import to_pem
from tests.pdfkit import document, one, two
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
    SUBSCRIBER_CERTIFICATE,
    trust,
)


class Clock(datetime):
    """Stands a little after the documents were sealed: the lists are fresh then."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return (NOW + timedelta(hours=1)).astimezone(tz)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trust, and documents to check."""
    monkeypatch.setattr("luochui.commands.check.datetime", Clock)
    relied = tmp_path / "trust"
    relied.mkdir()
    for name, certificate in (("root", ROOT), ("issuing", CA), ("maker", MAKER)):
        (relied / f"{name}.pem").write_bytes(certificate.to_pem())
    for name, revoked in (("root", ROOT_LIST), ("issuing", CA_LIST)):
        (relied / f"{name}.crl").write_bytes(to_pem("X509 CRL", revoked.der))
    for name, data in (
        ("two", two()),
        ("none", document()),
        ("changed", one().replace(b"/Count 3", b"/Count 2")),
    ):
        (tmp_path / f"{name}.pdf").write_bytes(data)
    return tmp_path


def run(folder: Path, *words: str, trust: str = "trust") -> Result:
    return CliRunner().invoke(app, ["check", *words, "--trust", str(folder / trust)])


def test_a_valid_document_is_told_with_its_whole_path(folder: Path) -> None:
    done = run(folder, str(folder / "two.pdf"), "--lang", "zh")
    assert done.exit_code == 0, done.output
    for text in (
        "文件有效：2 枚电子印章全部真实",
        "甲方示例单位 < 示例签发 CA < 示例根 CA",
        "印章制作: 示例制章机构",
        "2026-06-01 20:00:00",
        "没有可信时间戳",
    ):
        assert text in done.output


def test_english_says_the_same(folder: Path) -> None:
    done = run(folder, str(folder / "two.pdf"), "--lang", "en")
    assert done.exit_code == 0
    assert "The document is valid: 2 seal(s)" in done.output


def test_a_changed_document_is_not_valid_and_says_why(folder: Path) -> None:
    done = run(folder, str(folder / "changed.pdf"), "--lang", "zh")
    assert done.exit_code == 1
    assert "文件在盖章之后被改动过" in done.output


def test_a_revoked_certificate_is_not_valid_and_says_when(folder: Path) -> None:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, BEGIN + 2 * DAY, Reason.KEY_COMPROMISE)
    made = issue_crl(AUTHORITY, [revocation], number=2, this_update=NOW - DAY, next_update=NOW + DAY)
    (folder / "trust" / "issuing.crl").write_bytes(to_pem("X509 CRL", made.der))
    done = run(folder, str(folder / "two.pdf"), "--lang", "zh")
    assert done.exit_code == 1
    assert "在盖章之前已被吊销" in done.output
    assert "原因：私钥泄露" in done.output


def test_a_certificate_that_was_revoked_later_is_unproven_without_a_stamp(folder: Path) -> None:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW + DAY, Reason.SUPERSEDED)
    made = issue_crl(AUTHORITY, [revocation], number=2, this_update=NOW + 2 * DAY, next_update=NOW + 9 * DAY)
    (folder / "trust" / "issuing.crl").write_bytes(to_pem("X509 CRL", made.der))
    done = run(folder, str(folder / "two.pdf"), "--lang", "zh")
    assert done.exit_code == 2
    assert "没有可信时间戳证明盖章在吊销之前" in done.output


def test_lists_that_ended_leave_it_unproven_without_a_stamp(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luochui.commands.check.datetime", datetime)
    done = run(folder, str(folder / "two.pdf"), "--lang", "en")
    assert done.exit_code == 2, done.output


def test_a_document_without_a_seal_has_a_status_of_its_own(folder: Path) -> None:
    done = run(folder, str(folder / "none.pdf"), "--lang", "zh")
    assert done.exit_code == 2
    assert "没有电子印章：这份文件什么也证明不了" in done.output


def test_a_stranger_is_not_trusted(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "root.pem").write_bytes(SUBSCRIBER_CERTIFICATE.to_pem())
    done = run(folder, str(folder / "two.pdf"), "--lang", "en", trust="other")
    assert done.exit_code == 1
    assert "none that is trusted here" in done.output


@pytest.mark.parametrize("words", [["/nonexistent.pdf"], []])
def test_what_cannot_be_read_is_no_verdict(folder: Path, words: list[str]) -> None:
    done = run(folder, *words)
    assert done.exit_code == (66 if words else 64)


def test_without_anybody_to_trust_nothing_is_said(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = run(folder, str(folder / "two.pdf"), "--lang", "zh", trust="empty")
    assert done.exit_code == 66
    assert "--trust" in done.output
    assert "maker*.pem" in done.output


def test_programs_get_json(folder: Path) -> None:
    done = run(folder, str(folder / "two.pdf"), "--json")
    told = json.loads(done.stdout)
    assert told["verdict"] == 0
    assert [seal["signer"] for seal in told["seals"]] == ["甲方示例单位"] * 2
    assert told["seals"][0]["changes"] == [{"kind": "seal", "where": "platform", "allowed": True}]


def test_the_report_is_a_pdf_that_names_everything(folder: Path) -> None:
    import pypdfium2

    target = folder / "report.pdf"
    done = run(folder, str(folder / "two.pdf"), "--report", str(target))
    assert done.exit_code == 0, done.output
    text = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(target))
    for expected in ("文件有效", "甲方示例单位", "two.pdf", "示例根 CA"):
        assert expected in text


def test_the_export_is_what_openssl_verifies(folder: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl program")
    target = folder / "parts"
    assert run(folder, str(folder / "two.pdf"), "--export", str(target)).exit_code == 0
    for number in ("1", "2"):
        here = target / number
        verify = "openssl pkeyutl -verify -rawin -digest sm3 -pkeyopt distid:1234567812345678 -certin"
        command = [*verify.split(), "-inkey", "signer.pem", "-in", "tbs.der", "-sigfile", "signature.der"]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=False)
        assert "Signature Verified Successfully" in done.stdout, done.stderr
        chain = "openssl verify -partial_chain -vfyopt distid:1234567812345678 -CAfile chain.pem signer.pem"
        linked = subprocess.run(
            chain.split(), cwd=here, capture_output=True, text=True, timeout=60, check=False
        )
        assert "signer.pem: OK" in linked.stdout, linked.stderr
        digest = subprocess.run(
            ["openssl", "dgst", "-sm3", "data.bin"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert sm3((here / "data.bin").read_bytes()).hex() in digest.stdout
        assert sm3((here / "data.bin").read_bytes()) in (here / "tbs.der").read_bytes()


def test_an_export_replaces_no_file(folder: Path) -> None:
    target = folder / "parts"
    assert run(folder, str(folder / "two.pdf"), "--export", str(target)).exit_code == 0
    again = run(folder, str(folder / "two.pdf"), "--export", str(target))
    assert again.exit_code == 73


# --- the words ---


def findings() -> list[type[Finding]]:
    modules = (signing.findings, signing.document_findings, signing.ofd.findings)
    return [
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Finding) and each is not Finding
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("kind", findings(), ids=lambda kind: kind.__name__)
def test_every_finding_has_words_that_take_its_facts(kind: type[Finding], lang: str) -> None:
    from dataclasses import fields

    assert kind.__name__ in SENTENCES[lang]
    made = kind(**{each.name: "x" for each in fields(kind)})
    text = sentence(said(made), lang)
    assert text
    assert "{" not in text


def test_no_words_are_left_over() -> None:
    names = {kind.__name__ for kind in findings()}
    assert set(SENTENCES["zh"]) == set(SENTENCES["en"]) == names
    assert set(CHANGES["zh"]) == set(CHANGES["en"])


def test_what_a_file_says_does_not_steer_the_terminal() -> None:
    hostile = signing.document_findings.Unreadable("the file", "\x1b[2J{0.__class__}{subject}")
    text = sentence(said(hostile), "en")
    assert "\x1b" not in text
    assert "{0.__class__}" in text


def test_the_kits_trust_is_the_folders(folder: Path) -> None:
    from luochui.commands.check import trusted

    relied: Trust = trusted(folder / "trust")
    assert (relied.anchors, relied.intermediates) == (trust().anchors, trust().intermediates)


# --- as it is on a machine with an authority ---


def test_what_was_sealed_here_is_valid_without_naming_whom_to_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three things that issue 3 has to show: valid, a changed byte, a revoked certificate."""
    authority = DemonstrationAuthority.open(tmp_path / "authority", addresses="http://127.0.0.1:8090")
    key = PrivateKey.generate()
    certificate = authority.issue("示例置业有限公司", key.public_key, credit_code="91430000MA4L00000X")
    own = authority.make_seal(certificate)
    now = datetime.now(UTC)

    def stamp(signature: bytes) -> bytes:
        asked = request(signature_digest(signature))
        return read_response(authority.time_stamp(asked.der), asked)

    sealed = seal_document(document(), own, certificate, key, [Named("transferor")], at=now, stamp=stamp)
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed)
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path))

    def told() -> tuple[int, str]:
        done = CliRunner().invoke(app, ["check", str(file), "--lang", "zh"])
        return done.exit_code, done.output

    status, text = told()
    assert status == 0, text
    assert "盖章时间（时间戳证明）" in text
    assert "示例置业有限公司 < 落槌演示签发 CA < 落槌演示根 CA" in text
    file.write_bytes(sealed.replace(b"/Count 3", b"/Count 2"))
    assert told()[0] == 1
    file.write_bytes(sealed)
    authority.revoke(certificate.serial, Reason.KEY_COMPROMISE, now - DAY)
    status, text = told()
    assert status == 1, text
    assert "已被吊销" in text
