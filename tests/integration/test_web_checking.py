"""The public page where a sealed document is checked: as a stranger, with sealed files, without scripts."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pypdfium2
import pytest

from signing.documents import MAX_DOCUMENT
from signing.x509 import to_pem
from tests.pdfkit import document, one, two
from tests.sealkit import CA, CA_LIST, MAKER, NOW, ROOT, ROOT_LIST
from tests.webkit import Visitor, Web, web_on
from web import checking


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """The public folder of the authority that the tests' seals come from."""
    for name, certificate in (("root", ROOT), ("issuing", CA), ("maker", MAKER)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.to_pem())
    for name, revoked in (("root", ROOT_LIST), ("issuing", CA_LIST)):
        (tmp_path / f"{name}.crl").write_bytes(to_pem("X509 CRL", revoked.der))
    return tmp_path


class Clock(datetime):
    """Stands a little after the documents were sealed: the lists are fresh then."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return (NOW + timedelta(hours=1)).astimezone(tz)


@pytest.fixture
async def web(
    database: str, valkey: str, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Web]:
    monkeypatch.setattr(checking, "datetime", Clock)
    async with web_on(database, valkey, trust=trusted) as web:
        yield web


async def sent(visitor: Visitor, data: bytes, name: str = "contract.pdf") -> tuple[int, str]:
    files = {"document": (name, data, "application/pdf")}
    answer = await visitor.client.post(
        "/check", data={"csrf_token": await visitor.token()}, files=files, timeout=60
    )
    return answer.status_code, answer.text


async def test_a_stranger_checks_a_valid_document(web: Web) -> None:
    visitor = web.visitor()
    form = await visitor.get("/check")
    assert form.status_code == 200
    assert 'type="file"' in form.text
    status, text = await sent(visitor, two())
    assert status == 200
    assert 'data-verdict="success"' in text
    assert "文件有效：2 枚电子印章全部真实" in text
    assert text.count("data:image/png;base64,") == 2
    assert "甲方示例单位" in text
    assert "2026-06-01 20:00:00" in text
    assert "覆盖盖章时的整份文件；之后只加盖了 1 枚印章" in text


async def test_a_changed_document_is_not_valid_and_says_why(web: Web) -> None:
    changed = one().replace(b"/Count 3", b"/Count 2", 1)
    assert changed != one()
    status, text = await sent(web.visitor(), changed)
    assert status == 200
    assert 'data-verdict="danger"' in text
    assert "为什么无效" in text
    assert "文件在盖章之后被改动过" in text


async def test_a_document_without_a_seal_proves_nothing(web: Web) -> None:
    status, text = await sent(web.visitor(), document())
    assert status == 200
    assert 'data-verdict="warning"' in text
    assert "没有电子印章" in text


async def test_any_other_file_is_told_apart(web: Web) -> None:
    status, text = await sent(web.visitor(), b"a letter", "letter.pdf")
    assert status == 200
    assert "这不是 PDF，也不是 OFD 文件" in text


async def test_the_english_page_says_the_same(web: Web) -> None:
    status, text = await sent(web.visitor(**{"accept-language": "en"}), two())
    assert status == 200
    assert "The document is valid: 2 seal(s)" in text
    assert "Covers the whole document" in text


async def test_no_file_is_a_mistake_that_is_explained(web: Web) -> None:
    status, text = await sent(web.visitor(), b"")
    assert status == 422
    assert "请先选择要核验的文件" in text


async def test_what_is_too_large_is_refused_while_it_is_read(web: Web) -> None:
    status, _ = await sent(web.visitor(), b"%PDF-1.7\n" + b"0" * MAX_DOCUMENT)
    assert status in (200, 413)
    status, _ = await sent(web.visitor(), b"0" * (MAX_DOCUMENT + (128 << 10)))
    assert status == 413


async def test_what_the_file_says_is_shown_and_never_run(web: Web) -> None:
    """Names come from certificates of strangers: they are text."""
    status, text = await sent(web.visitor(), two(), '"><script>alert(1)</script>.pdf')
    assert status == 200
    assert "<script>alert" not in text


async def test_the_files_name_is_shown_and_stands_in_the_report(web: Web) -> None:
    visitor = web.visitor()
    _, text = await sent(visitor, two(), "C:\\文件夹\\成交确认书<b>.pdf")
    assert "成交确认书&lt;b&gt;.pdf" in text
    assert "文件夹" not in text
    found = re.search(r'name="report" value="([^"]+)"', text)
    assert found
    name, summary = checking._brought_back(found.group(1).rpartition(".")[0])
    assert name == "成交确认书<b>.pdf"
    assert len(summary.seals) == 2
    made = await visitor.post("/check/report.pdf", {"report": found.group(1)})
    shown = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(made.content))
    assert "成交确认书<b>.pdf" in shown


async def test_a_long_name_is_cut_and_keeps_its_end(web: Web) -> None:
    _, text = await sent(web.visitor(), two(), "长" * 500 + ".pdf")
    assert "…" in text
    assert "长" * checking.MAX_NAME not in text
    assert "长.pdf" in text


async def test_details_are_folded_and_what_is_not_valid_is_marked(web: Web) -> None:
    status, text = await sent(web.visitor(), one() + b"more")
    assert "文件末尾被附加了内容" in text
    assert "技术细节" in text
    _, text = await sent(web.visitor(), one().replace(b"/Count 3", b"/Count 2", 1))
    assert status == 200
    assert "check-badge--bad" in text
    assert "startxref" not in text


async def test_the_report_comes_back_as_pdf_and_only_ours(web: Web) -> None:
    visitor = web.visitor()
    _, text = await sent(visitor, two())
    found = re.search(r'name="report" value="([^"]+)"', text)
    assert found
    made = await visitor.post("/check/report.pdf", {"report": found.group(1)})
    assert made.status_code == 200
    assert made.headers["content-type"] == "application/pdf"
    assert made.content.startswith(b"%PDF-")
    kept = found.group(1)
    for forged in ("", "x.y", kept[:-1] + ("1" if kept[-1] == "0" else "0"), "A" + kept):
        answer = await visitor.post("/check/report.pdf", {"report": forged})
        assert answer.status_code == 400, forged[:20]


async def test_without_trust_nothing_is_said_about_the_file(
    database: str, valkey: str, tmp_path: Path
) -> None:
    async with web_on(database, valkey, trust=tmp_path / "nothing") as web:
        status, text = await sent(web.visitor(), two())
    assert status == 503
    assert "信任列表" in text


async def test_an_address_may_ask_only_so_often(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PER_ADDRESS", 2)
    visitor = web.visitor()
    answers = [(await sent(visitor, b"junk"))[0] for _ in range(3)]
    assert answers == [200, 200, 429]


async def test_places_are_given_back(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(checking.UPLOADS_AT_ONCE + 2):
        assert (await sent(web.visitor(), b"x"))[0] == 200


def test_turns_forget_what_is_long_ago_and_who_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_ADDRESSES", 3)
    turns = checking.Turns()
    for now in range(checking.PER_ADDRESS):
        assert turns.take("a", float(now)) == 0
    assert turns.take("a", 100.0) == checking.PERIOD_S - 100 + 1
    assert turns.take("a", checking.PERIOD_S + 0.5) == 0
    for other in "bcd":
        turns.take(other, 700.0)
    assert turns.take("a", 700.0) == 0
