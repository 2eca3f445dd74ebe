"""Every paper of a sale as PDF and as OFD: the same words, the same places for seals.

Read with what others wrote: PDFium for the PDF, the standard library's zip and XML for the OFD.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree import ElementTree

import pypdfium2
import pytest

from signing.documents import DocumentKind
from signing.layout import layout_of
from tests.unit.test_documents_rendering import confirmation, contract
from trading.documents.formats import in_both_formats
from trading.documents.forms import AwardStatement, Certificate, Contract, SaleConfirmation
from trading.documents.rendering import render

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
OFD = "{http://www.ofdspec.org/2016}"
Paper = SaleConfirmation | Contract | AwardStatement | Certificate


def award() -> AwardStatement:
    return AwardStatement(
        number="JD2026-XX-SW",
        lot="XX-SW",
        title="州直单位公务用车一批（越野车三辆、商务车两辆）",
        asset_class="实物资产",
        transferor="甲方示例单位",
        transferee="乙方示例贸易有限公司、丙方示例贸易有限公司",
        paddle="A3F7",
        price=1_000_005_030,
        why="竞价结束时的最高报价人，资格审查通过。",
        decided_at=NOW,
        entries=57,
        ledger_root="0123456789abcdef" * 4,
        platform="测试平台",
    )


def certificate() -> Certificate:
    return Certificate(
        number="PZ2026-XX-SW",
        lot="XX-SW",
        title="州直单位公务用车一批",
        asset_class="实物资产",
        sale_method="网络竞价",
        transferor="甲方示例单位",
        transferee="乙方示例贸易有限公司",
        price=1_000_005_030,
        confirmation="CJ2026-XX-SW",
        contract="HT2026-XX-SW",
        sold_at=NOW,
        paid_at=NOW,
        announced_at=NOW,
        platform="测试平台",
    )


def characters_of_pdf(pdf: bytes) -> Counter[str]:
    document = pypdfium2.PdfDocument(pdf)
    text = "".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return Counter("".join(text.split()))


def characters_of_ofd(ofd: bytes) -> Counter[str]:
    found: Counter[str] = Counter()
    with zipfile.ZipFile(io.BytesIO(ofd)) as package:
        for name in package.namelist():
            if name.endswith("Content.xml"):
                page = ElementTree.fromstring(package.read(name))
                words = "".join(each.text or "" for each in page.iter(f"{OFD}TextCode"))
                found += Counter("".join(words.split()))
    return found


@pytest.mark.parametrize("make", [confirmation, contract, award, certificate])
def test_both_formats_say_the_same_and_have_the_same_places(make: Callable[[], Paper]) -> None:
    form = make()
    files = in_both_formats(render(form, as_of=NOW), "示例", form.number, as_of=NOW)
    assert set(files) == {DocumentKind.PDF, DocumentKind.OFD}
    pdf, ofd = files[DocumentKind.PDF], files[DocumentKind.OFD]
    assert len(characters_of_pdf(pdf)) > 50
    assert characters_of_ofd(ofd) == characters_of_pdf(pdf)
    assert set(layout_of(ofd).free) == set(layout_of(pdf).free) != set()
    assert in_both_formats(pdf, "示例", form.number, as_of=NOW) == files, "equal input gives equal bytes"


def test_what_cannot_be_converted_is_a_pdf_alone() -> None:
    pdf = b"%PDF-1.7 nothing that is understood"
    assert in_both_formats(pdf, "示例", "1", as_of=NOW) == {DocumentKind.PDF: pdf}
